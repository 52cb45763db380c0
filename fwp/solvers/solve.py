"""Solving a field: from the initial states to the states where they are asked for, and how to read them.

Every solver runs on the knot index, where the knots of all samples coincide; requested times become knots.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from fwp.controls import Path
from fwp.data.numbers import numbers_of
from fwp.data.precision import undisturbed, working
from fwp.data.transforms import first_true, mapped
from fwp.errors import DataError, FwpError, SolveError
from fwp.fields import VectorField
from fwp.kinds import explained
from fwp.solvers.adjoint import warn_of_adjoint
from fwp.solvers.budget import MAX_STEPS, Budget, States
from fwp.solvers.choices import Choices, check_choices
from fwp.solvers.decide import decide
from fwp.solvers.diagnosis import refuse_unfinished, refuse_unread, stopped
from fwp.solvers.finite import all_finite
from fwp.solvers.fixed_step import followed
from fwp.solvers.fixed_step import integrate as integrate_plainly
from fwp.solvers.plan import Plan, Scan
from fwp.solvers.solution import Solution, Statistics
from fwp.solvers.torchcde import integrate as integrate_cde
from fwp.solvers.torchdiffeq import ATOL, METHODS, RTOL, Counts, Family
from fwp.solvers.torchdiffeq import integrate as integrate_ode
from fwp.solvers.walk import follow as follow_structured
from fwp.solvers.walk import integrate as integrate_structured

__all__ = ["Beginning", "begin_with", "follow", "read_along", "requests_of", "solve"]

Beginning = Mapping[str, Tensor] | Tensor | None
"""States by name; a tensor stands for the only one."""


@undisturbed
@explained
def solve(
    field: VectorField,
    times: Float64[Tensor, "request"] | Float64[Tensor, "batch request"] | Literal["knots"] | None = None,
    *,
    method: str = "auto",
    steps: int = 1,
    scan: Literal["auto", "sequential", "chunked", "associative", "fused"] = "auto",
    chunk: int | None = None,
    gradient: Literal["exact", "adjoint"] = "exact",
    backend: Literal["auto", "structured", "torchdiffeq", "torchcde"] = "auto",
    initial: Beginning = None,
    rtol: float = RTOL,
    atol: float = ATOL,
    max_steps: int = MAX_STEPS,
) -> Solution:
    """Solve the field along its path, as its rule's structure allows: `explain(field)` says how, and why.

    Args:
        field: `net(series)` or `net @ path`.
        times: real times at which the states are wanted, for all samples alike or for each its own, in ascending order;
            `"knots"` for every knot of the path, None for each sample's own end.
        method: `exact`, `exponential_midpoint`, `magnus4`, `commutator_free4`, or any of torchdiffeq's; "auto" takes the
            plan's choice. `euler` is the rule's discrete-time meaning: on Delta it is DeltaNet's recurrence.
        steps: steps between two knots; adaptive methods choose their own.
        scan: how structured steps become states; "auto" takes the plan's choice.
        chunk: steps in a chunk of the chunked scan, which it asks for.
        gradient: `exact` is that of the steps taken; `adjoint` solves a second equation backwards (Chen et al., 2018), by
            torchdiffeq, and is wrong where the rule contracts.
        backend: `structured` evaluates the slow net for many instants at once and takes the rule's own steps; `torchdiffeq`
            evaluates it at every stage; `torchcde` solves a field that is linear in dx by torchcde.cdeint.
        initial: states to begin with in place of those of the projection, by name, `(batch head *axes)`, or `(head *axes)`
            for all samples alike; a tensor alone where the rule has one state: `solve(field, initial=W0)`. Those that are
            not given begin as the projection has it. `solution.final` of one path begins the next where it ended.
        rtol, atol: tolerances of torchdiffeq's adaptive and multi-step methods and of scipy's; others have none.
        max_steps: the most that an adaptive method or scipy's may take between two knots, rejected ones included. Unless it is
            given, 4,096, and along the whole path as many and 32 for each knot.

    Raises:
        SolveError: a choice does not fit the rule, the solver stopped, or the states are not finite: it says where, for
            which sample, and what to try.
        DataError: a requested time lies outside the path.
        CompositionError: `torchcde` for a field that is not linear in dx, or no field at all.
    """
    asked = check_choices(field, method, steps, scan, chunk, gradient, backend, rtol, atol, max_steps)
    path, knots, at_end = requests_of(field.path, times)
    field = replace(field.in_full(), path=path)
    chosen = decide(field, **asked.of_plan)
    if asked.gradient == "adjoint" and torch.is_grad_enabled() and not followed():
        warn_of_adjoint(field, chosen)
    states = begin_with(field.initial(), initial)
    counts = _counts(field, states, asked, chosen)
    wanted = torch.unique(knots).tolist() if not at_end else [path.intervals]

    def integrate(knots: Sequence[int], counts: Counts) -> dict[str, Tensor]:
        if chosen.backend == "structured":
            return integrate_structured(field, states, knots, chosen, counts)
        if followed():
            plainly = {"method": chosen.method, "steps": asked.steps, "adjoint": asked.gradient == "adjoint"}
            return integrate_plainly(field, states, knots, counts=counts, **plainly)
        adaptor = integrate_cde if chosen.backend == "torchcde" else integrate_ode
        if not path.batch:  # whose rates have no largest one to hold to a tolerance
            return {name: state.expand(len(knots), *state.shape) for name, state in states.items()}
        own, steps, adjoint = chosen.method, asked.steps, asked.gradient == "adjoint"
        tolerances = {"rtol": asked.rtol, "atol": asked.atol}
        return adaptor(field, states, knots, method=own, steps=steps, adjoint=adjoint, counts=counts, **tolerances)

    try:
        found = integrate(wanted, counts)
    except FwpError:
        raise
    except (AssertionError, ValueError) as error:  # torchdiffeq's way to give up, and scipy's
        raise stopped(field, states, chosen.method, counts, str(error)) from error
    if (steady := _one_by_one(chosen, found)) is not None:
        chosen, counts = steady, _counts(field, states, asked, steady)  # work that is thrown away is not counted
        found = integrate(wanted, counts)
    refuse_unfinished(
        field,
        states,
        found,
        chosen.method,
        counts,
        lambda knots: integrate(knots, _counts(field, states, asked, chosen)),
    )
    place = torch.searchsorted(torch.tensor(wanted, device=knots.device), knots.contiguous())
    sample = torch.arange(path.batch, device=knots.device)[:, None]
    at_requests = {name: state[place, sample] for name, state in found.items()}
    stats = Statistics(chosen.method, asked.gradient, counts.evaluations, counts.steps, counts.rejected)
    return Solution(field, at_requests, path.times.gather(1, knots), knots, stats, at_end, chosen)


@explained
def read_along(
    field: VectorField,
    *,
    method: str = "auto",
    steps: int = 1,
    scan: Literal["auto", "sequential", "chunked", "associative", "fused"] = "auto",
    chunk: int | None = None,
    gradient: Literal["exact", "adjoint"] = "exact",
    backend: Literal["auto", "structured", "torchdiffeq", "torchcde"] = "auto",
    initial: Beginning = None,
    rtol: float = RTOL,
    atol: float = ATOL,
    max_steps: int = MAX_STEPS,
) -> Float[Tensor, "batch knot *rest"]:
    """The read-out at every knot, each with its own query: `(batch knot head *axes)`, causal where the control is.

    What `solve(field, "knots").read()` gives, without ever holding the states of more than a segment. Arguments are those
    of `solve`; a rule of several states or layers is solved by torchdiffeq, and its states are held.

    Raises:
        SolveError: a choice does not fit the rule, or what is found is not finite: as of `solve`.
    """
    return follow(
        field,
        method=method,
        steps=steps,
        scan=scan,
        chunk=chunk,
        gradient=gradient,
        backend=backend,
        initial=initial,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
    )[0]


@undisturbed
def follow(
    field: VectorField,
    *,
    method: str = "auto",
    steps: int = 1,
    scan: Literal["auto", "sequential", "chunked", "associative", "fused"] = "auto",
    chunk: int | None = None,
    gradient: Literal["exact", "adjoint"] = "exact",
    backend: Literal["auto", "structured", "torchdiffeq", "torchcde"] = "auto",
    initial: Beginning = None,
    rtol: float = RTOL,
    atol: float = ATOL,
    max_steps: int = MAX_STEPS,
) -> tuple[Float[Tensor, "batch knot *rest"], dict[str, Tensor]]:
    """What `read_along` gives, and the states at the last knot, `(batch head *axes)`, from which another path may go on.

    Raises:
        SolveError: a choice does not fit the rule, or what is found is not finite: as of `solve`. In a graph that torch.compile
            makes no numbers are looked at.
    """
    asked = check_choices(field, method, steps, scan, chunk, gradient, backend, rtol, atol, max_steps)
    field = field.in_full()
    chosen = decide(field, **asked.of_plan)
    if chosen.backend != "structured":
        solution = solve(
            field,
            "knots",
            method=method,
            steps=steps,
            gradient=gradient,
            backend=backend,
            initial=initial,
            rtol=rtol,
            atol=atol,
            max_steps=max_steps,
        )
        return solution.read(), solution.final
    states = begin_with(field.initial(), initial)
    counts = Counts()
    read, final = follow_structured(field, states, chosen, counts)
    if (steady := _one_by_one(chosen, final)) is not None:
        chosen, counts = steady, Counts()
        read, final = follow_structured(field, states, chosen, counts)
    if not all_finite(read, *final.values()):

        def again(knots: Sequence[int]) -> dict[str, Tensor]:
            return integrate_structured(field, states, knots, chosen, Counts())

        refuse_unfinished(field, states, {n: s[None] for n, s in final.items()}, chosen.method, counts, again)
        refuse_unread(field, read, requests_of(field.path, "knots")[1])
    return read, final


def _one_by_one(chosen: Plan, found: Mapping[str, Tensor]) -> Plan | None:
    """What to do instead where states are not finite: take the steps one after the other, as all scans mean it.

    Products of many steps may overflow where no state does, and spoil those of a whole chunk where one does: so all scans refuse
    at the same knot. None where states are finite, or that is what was done.
    """
    if chosen.backend != "structured" or chosen.scan is Scan.SEQUENTIAL or all_finite(*found.values()):
        return None
    return replace(chosen, scan=Scan.SEQUENTIAL)


def _counts(field: VectorField, states: dict[str, Tensor], asked: Choices, chosen: Plan) -> Counts:
    """Counts at 0, with what may be spent where a method chooses its steps itself."""
    counts = Counts()

    def complaint(place: float, here: States, because: str) -> SolveError:
        counts.last = place, here
        return stopped(field, states, chosen.method, counts, because)

    if METHODS.get(chosen.method) in (Family.ADAPTIVE, Family.SCIPY):
        counts.budget = Budget(
            chosen.method, asked.max_steps, field.path.intervals, asked.gradient == "adjoint", complaint
        )
    return counts


def requests_of(path: Path, times: Tensor | str | None) -> tuple[Path, Int64[Tensor, "batch request"], bool]:
    """The path with a knot at each requested time, the place of each request, and whether the ends were meant."""
    device = path.steps.device
    if times is None:
        return path, torch.full((path.batch, 1), path.intervals, dtype=torch.int64, device=device), True
    if isinstance(times, str) and times == "knots":
        return path, torch.arange(path.intervals + 1, device=device).expand(path.batch, -1), False
    try:
        wanted = numbers_of("times", times).tensor.to(device, torch.float64)
    except DataError as error:
        raise SolveError(
            "these are no times",
            ("times", repr(times)[:80]),
            ("because", ", ".join((error.what, *(fact if isinstance(fact, str) else fact[1] for fact in error.facts)))),
            help='give numbers in ascending order, "knots" for every knot, or None for each sample\'s own end',
        ) from error
    wanted = wanted.expand(path.batch, -1) if wanted.ndim == 1 else wanted
    if wanted.shape[:-1] != (path.batch,):
        raise SolveError(
            "requested times are one row for all samples, or one row for each",
            ("times", f"shape {tuple(wanted.shape)}"),
            ("path", f"{path.batch} samples"),
            help="give (request) or (batch request)",
        )
    if wanted.shape[1] == 0 or first_true(wanted.diff(dim=1) < 0) is not None:
        raise SolveError(
            "requested times must be given, and in ascending order",
            ("times", f"shape {tuple(wanted.shape)}"),
            help="sort them; pass None for each sample's own end",
        )
    refined, knots = path.with_knots(wanted)
    if mapped(knots):
        raise SolveError(
            "states at times that differ between what torch.vmap maps over have no common knots",
            ("times", f"shape {tuple(wanted.shape)}"),
            help='give all the same times, ask for "knots" or for the end, or solve them as one batch, without torch.vmap',
        )
    return refined, knots, False


def begin_with(own: dict[str, Tensor], given: Beginning) -> dict[str, Tensor]:
    """The field's own first states, those that were given in their place."""
    if isinstance(given, Tensor):
        if len(own) > 1:
            raise SolveError(
                "a tensor alone cannot stand for several states",
                ("initial", str(tuple(given.shape))),
                ("the field's", ", ".join(f"{n} {tuple(s.shape)}" for n, s in own.items())),
                help="give states by name, all or some: initial={…: …}",
            )
        given = dict.fromkeys(own, given)
    if not (given is None or isinstance(given, Mapping)) or any(
        not isinstance(state, Tensor) for state in (given or {}).values()
    ):
        raise SolveError(
            "the states to begin with are neither a tensor nor tensors by name",
            ("initial", f"a {type(given).__name__}"),
            ("the field's", ", ".join(f"{n} {tuple(s.shape)}" for n, s in own.items())),
            help="give a tensor, or states by name, such as solution.final",
        )
    states = dict(own)
    for name, state in (given or {}).items():
        if name not in own or state.shape not in (own[name].shape, own[name].shape[1:]):
            raise SolveError(
                "the states to begin with are not those of the field",
                (name, str(tuple(state.shape))),
                ("the field's", ", ".join(f"{n} {tuple(s.shape)}" for n, s in own.items())),
                help="give states (batch head *axes) by name; field.initial() shows them",
            )
        state = state.to(working(state.dtype))
        if (state.dtype, state.device) != (own[name].dtype, own[name].device):
            raise SolveError(
                "the states to begin with are of another kind of number, or on another device, than the field",
                (name, f"{state.dtype} on {state.device}"),
                ("the field's", f"{own[name].dtype} on {own[name].device}"),
                help=f"give {name}.to(series.values)",
            )
        states[name] = state.expand(own[name].shape)
    return states
