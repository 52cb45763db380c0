"""What to say when a solver could not reach the end: where, which sample, the norms there, and what to try."""

from collections.abc import Callable, Mapping, Sequence
from math import inf, isqrt

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from fwp.data.transforms import mapped
from fwp.errors import SolveError
from fwp.fields import VectorField
from fwp.solvers.finite import all_finite
from fwp.solvers.torchdiffeq import METHODS, Counts, Family
from fwp.terms.decay import decay_help
from fwp.terms.degree import degree
from fwp.terms.syntax import Role, variables

__all__ = ["refuse_unfinished", "refuse_unread", "stopped"]

Tensors = Mapping[str, Tensor]

BEGINNING = "to begin with are not finite"


def stopped(field: VectorField, initial: Tensors, method: str, counts: Counts, because: str) -> SolveError:
    """The complaint for a solver that gave up at its last step."""
    if counts.last is None:
        return _complaint(field, initial, initial, 0.0, method, counts, because)
    place, states = counts.last
    own = [state.detach() for state in (states if isinstance(states, tuple) else (states,))]
    return _complaint(field, initial, dict(zip(initial, own, strict=True)), place, method, counts, because)


def refuse_unfinished(
    field: VectorField,
    initial: Tensors,
    found: Tensors,
    method: str,
    counts: Counts,
    again: Callable[[Sequence[int]], Tensors],
) -> None:
    """Raise where the states found are not finite; `again` solves once more for given knots, to say where that began.

    First for a few knots of the whole path, then for all between two of them: the states at all knots might not fit in memory.
    """
    if all_finite(*found.values()):
        return
    _refuse_mapped(f"`{method}` could not solve the field: the states are not finite", *found.values())
    end = field.path.intervals
    stride = isqrt(end) + 1
    marks = [*range(0, end, stride), end]
    try:
        with torch.no_grad():
            late = next((m for m, own in zip(marks, _finite(again(marks)).all(1), strict=True) if not own), end)
            knots = range(max(late - stride, 0), max(late, 1) + 1)
            states = again(knots)
    except AssertionError as error:  # this time the solver noticed by itself
        raise stopped(field, initial, method, counts, str(error)) from None
    finite = _finite(states)
    first = int(finite.all(1).long().cumprod(0).sum())
    last = max(first - 1, 0)
    sample = int(finite[min(first, len(finite) - 1)].long().argmin())
    because = f"the states {f'are not finite at knot {knots[0] + first}' if knots[0] + first else BEGINNING}"
    before = {n: s[last] for n, s in states.items()}
    raise _complaint(field, initial, before, float(knots[0] + last), method, counts, because, sample)


def _finite(states: Tensors) -> Bool[Tensor, "knot batch"]:
    return torch.stack([torch.isfinite(state).flatten(2).all(2) for state in states.values()]).all(0)


def _refuse_mapped(what: str, *found: Tensor) -> None:
    """Raise where what is not finite stands for many, of which none has a name."""
    if mapped(*found):
        raise SolveError(
            what,
            ("where", "somewhere in what torch.vmap maps over"),
            help="solve them as one batch, or one by one, without torch.vmap: the error then says which, and where",
        )


def refuse_unread(
    field: VectorField, read: Float[Tensor, "batch request *rest"], knots: Int64[Tensor, "batch request"]
) -> None:
    """Raise where what was read at these knots is not finite, though the states are."""
    if all_finite(read):
        return
    _refuse_mapped("the states are finite, but what is read of them is not", read)
    sample, request = (int(place) for place in (~torch.isfinite(read).flatten(2).all(2)).nonzero()[0])
    knot = int(knots[sample, request])
    reading = field.net.model.spec.layers[-1].rule.read
    raise SolveError(
        "the states are finite, but what is read of them is not",
        ("read-out", repr(reading)),
        ("where", _where(field, sample, knot)),
        help=f"look at what feeds {', '.join(x.name for x in variables(reading) if x.role is not Role.STATE) or 'it'}"
        " there, or take states of smaller norm",
    )


def _where(field: VectorField, sample: int, knot: int) -> str:
    return f"sample {sample} of {field.path.batch}, knot {knot}, t = {float(field.path.times[sample, knot]):.6g}"


def _complaint(
    field: VectorField,
    initial: Tensors,
    states: Tensors,
    place: float,
    method: str,
    counts: Counts,
    because: str,
    sample: int | None = None,
) -> SolveError:
    with torch.no_grad():
        rates = field(place)(states)
        norms = {name: state.double().flatten(1).norm(dim=1) for name, state in states.items()}
        moves = [rate.double().flatten(1).norm(dim=1) for rate in rates.values()]
        worst = torch.stack([n.nan_to_num(nan=inf, posinf=inf) for n in (*norms.values(), *moves)]).sum(0)
        sample = int(worst.argmax()) if sample is None else sample
    facts = [("because", because), ("where", _where(field, sample, min(int(place), field.path.intervals)))]
    for name, norm in norms.items():
        start = float(initial[name][sample].detach().double().norm())
        facts.append((f"|{name}|", f"{float(norm[sample]):.3g} ({start:.3g} at the start)"))
        facts.append((f"|d{name}/dt|", f"{float(rates[name][sample].double().norm()):.3g}"))
    facts.append(("work", f"{counts.steps} steps, {counts.rejected} rejected, {counts.evaluations} evaluations"))
    for layer in field.net.model.spec.layers:
        for rule in layer.rule.rules:
            facts.append((f"degree of d{rule.of.name}/dt in the states", f"{degree(rule.rate, Role.STATE):g}"))
    uncertain = [found for layer in field.net.model.spec.layers for found in layer.uncertain_decays]
    facts += [(f"slot {slot.name}", f"a decay of {state.name} that may be negative") for slot, state in uncertain]
    if because.endswith(BEGINNING):
        advice = "begin with finite states: look at `initial`, at what a call before has left, or at the parameters"
    elif uncertain:
        advice = decay_help(uncertain[0][0], "or end its map with sigmoid: where it is negative the state grows")
    elif METHODS.get(method) in (Family.ADAPTIVE, Family.SCIPY):
        advice = "try method='rk4', looser tolerances, or keys of smaller norm (softmax, normalize)"
    else:
        advice = "try more steps=…, keys of smaller norm (softmax, normalize), or a smaller rate"
    return SolveError(f"`{method}` could not solve the field", *facts, help=advice)
