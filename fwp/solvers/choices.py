"""What may be asked of a solver, before anything is known of the rule: names that there are, numbers that are used.

What comes out is what plans are kept by: plain strings and numbers, whatever they came in as.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import torch

from fwp.errors import CompositionError, SolveError, did_you_mean
from fwp.fields import VectorField
from fwp.solvers.budget import MAX_STEPS
from fwp.solvers.options import ORDER, Scan
from fwp.solvers.torchdiffeq import ATOL, METHODS, RTOL, Family, takes
from fwp.terms.whole import real_number, whole

__all__ = ["Choices", "check_choices", "check_steps", "choices_of"]

_MOST = 10**6
"""Steps between two knots that may be asked for: beyond, a typing error is likelier than a wish."""


class OfPlan(TypedDict, total=False):
    """What `plan` takes besides a situation."""

    method: str
    scan: str
    chunk: int | None
    steps: int
    gradient: Literal["exact", "adjoint"]
    backend: str


@dataclass(frozen=True)
class Choices:
    """The options of `fwp.solve`, each of the kind that it has."""

    method: str
    steps: int
    scan: str
    chunk: int | None
    gradient: Literal["exact", "adjoint"]
    backend: Literal["auto", "structured", "torchdiffeq", "torchcde"]
    rtol: float
    atol: float
    max_steps: int

    @property
    def of_plan(self) -> OfPlan:
        """Those that a plan is made from, by name."""
        own: OfPlan = {"method": self.method, "scan": self.scan, "chunk": self.chunk, "steps": self.steps}
        return own | {"gradient": self.gradient, "backend": self.backend}


def choices_of(
    method: str = "auto",
    steps: int = 1,
    scan: str = "auto",
    chunk: int | None = None,
    gradient: str = "exact",
    backend: str = "auto",
    rtol: float = RTOL,
    atol: float = ATOL,
    max_steps: int = MAX_STEPS,
) -> Choices:
    """The options as plain names and numbers, of which each is used.

    Raises:
        SolveError: an unknown name, what is no number or none that could be meant, or one of which the method makes no use.
    """
    known = ("auto", *dict.fromkeys((*ORDER, *METHODS)))
    method = _name("method", method, known)
    scan = _name("scan", scan.value if isinstance(scan, Scan) else scan, ("auto", *(s.value for s in Scan)))
    gradient = _name("gradient", gradient, ("exact", "adjoint"))
    backend = _name("backend", backend, ("auto", "structured", "torchdiffeq", "torchcde"))
    steps = check_steps(steps)
    chunk = None if chunk is None else _count("chunk", chunk, "a chunk has at least one step")
    max_steps = _count("max_steps", max_steps, "a method may take at least one step")
    rtol, atol = _tolerance("rtol", rtol), _tolerance("atol", atol)
    _check_use(method, steps, rtol, atol, max_steps)
    return Choices(method, steps, scan, chunk, gradient, backend, rtol, atol, max_steps)  # pyright: ignore[reportArgumentType]


def check_choices(field: VectorField, *choices: Any, **more: Any) -> Choices:
    """`choices_of` for a field: what nobody could mean, whatever the rule.

    Raises:
        CompositionError: no field.
        SolveError: as of `choices_of`; a method that leaves nothing to differentiate, where parameters learn.
    """
    if not isinstance(field, VectorField):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
        raise CompositionError(
            f"only a field is solved, and this is a {type(field).__name__}",
            ("given", f"a {type(field).__name__}"),
            help="bind a net to a series: net = model.build(…); solve(net(series))",
        )
    chosen = choices_of(*choices, **more)
    learns = torch.is_grad_enabled() and any(p.requires_grad for p in field.net.parameters())
    if chosen.method == "scipy_solver" and chosen.gradient == "exact" and learns:
        raise SolveError(
            "scipy's solvers leave no trace to differentiate",
            ("method", chosen.method),
            ("gradient", chosen.gradient),
            help="take gradient='adjoint', solve under torch.no_grad(), or choose another method",
        )
    return chosen


def check_steps(steps: int) -> int:
    """A number of steps between two knots, as Python's own. Raises: SolveError, where it is none."""
    return _count("steps", steps, "a method takes at least one step between knots")


def _name(what: str, given: object, known: tuple[str, ...]) -> str:
    if isinstance(given, str) and given in known:
        return str(given)
    every = f"use one of {', '.join(known)}"
    if not isinstance(given, str):
        raise SolveError(f"a {what} is chosen by its name", (what, f"{given!r}"[:80]), help=every)
    raise SolveError(
        f"no {what} has this name",
        (what, repr(given)),
        ("known", ", ".join(known)),
        help=did_you_mean(given, known, every),
    )


def _count(name: str, given: object, least: str) -> int:
    found = whole(given)
    if found is None:
        number = real_number(given)
        like = int(number) if number is not None and number >= 1 else 1
        raise SolveError(
            f"`{name}` is no whole number",
            (name, f"{given!r}, a {type(given).__name__}"),
            help=f"give a whole number: {name}={like}",
        )
    if found < 1:
        raise SolveError(least, (name, str(found)), help=f"give {name}=1 or more")
    if name == "steps" and found > _MOST:
        raise SolveError(
            "these are more steps between two knots than anyone could wait for",
            (name, f"{found:,}"),
            help=f"give at most {_MOST:,}; a method of higher order, such as rk4, needs fewer",
        )
    return found


def _tolerance(name: str, given: object) -> float:
    found = real_number(given)
    if found is None or found < 0:
        raise SolveError(
            f"`{name}` is no number that an error could be held to",
            (name, f"{given!r}, a {type(given).__name__}"),
            help=f"give a finite number above 0, such as {name}={RTOL if name == 'rtol' else ATOL:g}",
        )
    return found


def _check_use(method: str, steps: int, rtol: float, atol: float, max_steps: int) -> None:
    """Refuse numbers of which the method makes no use."""
    counts, tolerates = takes(method)
    if steps != 1 and not counts:
        raise SolveError(
            f"the method `{method}` chooses its steps itself",
            ("steps", str(steps)),
            help="leave steps at 1; rtol and atol decide how many it takes",
        )
    if (rtol, atol) != (RTOL, ATOL) and not tolerates:
        raise SolveError(
            "a method of fixed steps has no tolerances",
            ("method", f"{method!r}, which takes {steps} step{'s' * (steps > 1)} between knots"),
            ("rtol, atol", f"{rtol:g}, {atol:g}"),
            help="leave them out, take more steps=…, or an adaptive method, such as dopri5",
        )
    if rtol == atol == 0:
        raise SolveError(
            "an error of exactly 0 cannot be reached",
            ("rtol, atol", "0, 0"),
            help=f"give one of them: rtol={RTOL:g}, atol={ATOL:g}",
        )
    if max_steps != MAX_STEPS and METHODS.get(method) not in (Family.ADAPTIVE, Family.SCIPY):
        raise SolveError(
            "a method of fixed steps takes as many as it is told to",
            ("method", f"{method!r}, which takes {steps} step{'s' * (steps > 1)} between knots"),
            ("max_steps", str(max_steps)),
            help="leave max_steps out, or take an adaptive method, such as dopri5",
        )
