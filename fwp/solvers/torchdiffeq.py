"""The adaptor to torchdiffeq: every method it has, on the knot index, with a path's jumps where they are.

A solver's time is the position on the knot index. A fixed-step method takes `steps` equal steps in each interval; all others
begin anew at every knot, an adaptive one with the step it had; so no method ever reads the next interval at a knot. Exact
gradients are those of the steps taken. The adjoint's are those of a second solve, backwards, over the whole path at once
where a method can be kept from looking across knots there, else interval by interval.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from math import floor
from typing import Any

import torch
import torchdiffeq
from torch import Tensor, nn

from fwp.fields import VectorField
from fwp.solvers.budget import Budget, States

__all__ = ["ATOL", "METHODS", "RTOL", "Counts", "Family", "integrate", "leaves", "solver_options", "takes"]


class Family(Enum):
    """How a method walks, which decides how it is kept from looking across a knot."""

    FIXED = "fixed step"
    ADAPTIVE = "adaptive"
    MULTISTEP = "multi-step"
    SCIPY = "scipy"


METHODS: Mapping[str, Family] = {
    "euler": Family.FIXED,
    "midpoint": Family.FIXED,
    "heun2": Family.FIXED,
    "heun3": Family.FIXED,
    "rk4": Family.FIXED,
    "dopri5": Family.ADAPTIVE,
    "dopri8": Family.ADAPTIVE,
    "bosh3": Family.ADAPTIVE,
    "fehlberg2": Family.ADAPTIVE,
    "adaptive_heun": Family.ADAPTIVE,
    "explicit_adams": Family.MULTISTEP,
    "implicit_adams": Family.MULTISTEP,
    "fixed_adams": Family.MULTISTEP,
    "scipy_solver": Family.SCIPY,
}

RTOL, ATOL = 1e-4, 1e-6
"""Tolerances unless others are given."""

_SEGMENT = 64
"""Knots for each call of torchdiffeq. It casts its time to the state's dtype: counted from 0 in each segment, a float32 time
keeps 6 of its 7 digits for the place inside an interval."""

_FIRST_STEP = 0.01
"""Of an adaptive method, in intervals; a tenfold longer one may follow. torchdiffeq's own choice carries a gradient, as if a
step's length were learned: with it gradients are wrong by about one step's length. It also looks beyond the interval."""

_SHORTER = (1.0, 1e-3, 1e-6)
"""How much shorter a step is tried next where one as long as before a knot overflows: torchdiffeq learns nothing from NaN."""


def takes(method: str) -> tuple[bool, bool]:
    """Whether a method takes a number of steps, and whether it takes tolerances; those of our own take steps alone."""
    match METHODS.get(method):
        case Family.ADAPTIVE | Family.SCIPY:
            return False, True
        case Family.MULTISTEP:
            return True, method != "explicit_adams"  # a corrector alone iterates to a tolerance
        case Family.FIXED | None:
            return True, False


class Counts:
    """Evaluations and steps so far, and the last step begun: for statistics, and to say where a solve failed.

    `budget` is there for methods that choose their steps themselves.
    """

    def __init__(self) -> None:
        self.evaluations = self.steps = self.rejected = 0
        self.last: tuple[float, States] | None = None
        self.length: float | None = None
        self.budget: Budget | None = None


class _Rate(nn.Module):
    """d(states)/d(position) from one knot on, as torchdiffeq wants it: a module, so that the adjoint finds the parameters."""

    def __init__(self, field: VectorField, names: Sequence[str], first: int, last: int, counts: Counts) -> None:
        super().__init__()
        self.field, self.names, self.first, self.last, self.counts = field, names, first, last, counts
        self.slopes = field.path.steps[:, first:last].to(field.path.coefficients.dtype)
        # Where all are 1, as without observed times, a product with them would be one more pass over all states.
        self.even: list[bool] = (self.slopes == 1).all(0).tolist()

    def forward(self, position: Tensor, states: States) -> States:
        self.counts.evaluations += 1
        # Counted from `first`, because a place just before a knot, added to it, would be the knot.
        place = float(position.detach())
        inside = min(max(floor(place), 0), self.last - self.first - 1)
        if self.counts.budget is not None:
            self.counts.budget.spend(self.first + inside, place - inside, states)
        own = states if isinstance(states, tuple) else (states,)
        rates = self.field.at(self.first + inside, place - inside)(dict(zip(self.names, own, strict=True)))
        slope = None if self.even[inside] else self.slopes[:, inside]
        scaled = [_scaled(rates[name], slope, s) for name, s in zip(self.names, own, strict=True)]
        return tuple(scaled) if isinstance(states, tuple) else scaled[0]


def _scaled(rate: Tensor, slope: Tensor | None, state: Tensor) -> Tensor:
    """A rate per knot, in the shape of its state."""
    scaled = rate if slope is None else rate * slope.view(-1, *[1] * (state.ndim - 1))
    return scaled if scaled.shape == state.shape else scaled.expand_as(state)


class _Watched(_Rate):
    """For scipy, which would go on for ever where a solution escapes."""

    def forward(self, position: Tensor, states: States) -> States:
        rates = super().forward(position, states)
        own = rates if isinstance(rates, tuple) else (rates,)
        if not all(bool(torch.isfinite(rate).all()) for rate in own):
            self.counts.last = (float(position.detach()) + self.first, states)
            raise AssertionError("the rate is not finite")
        return rates


class _Counted(_Rate):
    def callback_step(self, position: Tensor, states: States, step: Tensor) -> None:
        self.counts.steps += 1
        self.counts.last, self.counts.length = (float(position.detach()) + self.first, states), float(step.detach())


class _CountedAdaptive(_Counted):
    def callback_reject_step(self, position: Tensor, states: States, step: Tensor) -> None:
        self.counts.rejected += 1


def integrate(
    field: VectorField,
    initial: Mapping[str, Tensor],
    knots: Sequence[int],
    *,
    method: str,
    steps: int,
    adjoint: bool,
    rtol: float,
    atol: float,
    counts: Counts,
) -> dict[str, Tensor]:
    """The states at the given knots, ascending, from those at knot 0: `(knot batch head *axes)`.

    Raises:
        AssertionError: torchdiffeq gave up; `counts` knows where.
    """
    names, family = tuple(initial), METHODS[method]
    kind = {Family.SCIPY: _Watched, Family.ADAPTIVE: _CountedAdaptive}.get(family, _Counted)
    whole = adjoint and family in (Family.FIXED, Family.ADAPTIVE)  # the others would remember rates from before a knot
    length = max(knots[-1], 1) if whole else _SEGMENT if family is Family.FIXED else 1
    odeint = torchdiffeq.odeint_adjoint if adjoint else torchdiffeq.odeint
    learned: dict[str, Any] = {"adjoint_params": leaves(field)} if adjoint else {}
    first_state, *others = initial.values()
    states: States = (first_state, *others) if others else first_state
    kept: list[States] = [states] if knots[0] == 0 else []
    wanted = set(knots)
    for first in range(0, knots[-1], length):
        last = min(first + length, knots[-1])
        places = [first, *(k for k in range(first + 1, last) if k in wanted), last]
        times = torch.tensor([p - first for p in places], dtype=torch.float64, device=field.path.steps.device)
        rate = kind(field, names, first, last, counts)
        options = [solver_options(method, steps, last - first, whole)]
        if family is Family.ADAPTIVE and not whole:
            length_before = counts.length or _FIRST_STEP
            options = [options[0] | {"first_step": length_before * shorter} for shorter in _SHORTER]
        for i, own in enumerate(options):
            try:
                found = odeint(rate, states, times, method=method, options=own, rtol=rtol, atol=atol, **learned)
                break
            except AssertionError:
                if i + 1 == len(options):
                    raise
        if len(found[0] if isinstance(found, tuple) else found) < len(places):
            raise AssertionError("scipy stopped before the next knot")
        at = [tuple(s[i] for s in found) if isinstance(found, tuple) else found[i] for i in range(len(places))]
        kept += [state for place, state in zip(places, at, strict=True) if place in wanted and place > first]
        states = at[-1]
    as_tuples = [state if isinstance(state, tuple) else (state,) for state in kept]
    return {name: torch.stack([own[i] for own in as_tuples]) for i, name in enumerate(names)}


def leaves(field: VectorField) -> tuple[Tensor, ...]:
    """All that a rate depends on besides the states and may be differentiated in: parameters, series, static features."""
    path = field.path
    found = [*field.net.parameters(), path.coefficients, *(() if path.static is None else (path.static,))]
    return tuple(t for t in found if t.requires_grad)


def solver_options(method: str, steps: int, length: int, whole: bool) -> dict[str, object]:
    """torchdiffeq's options for a walk over `length` knots; `whole` if the path's jumps lie inside the walk."""
    match METHODS[method]:
        case Family.FIXED | Family.MULTISTEP:
            return {"grid_constructor": _grid(steps), "perturb": True}
        case Family.ADAPTIVE if whole:
            # A step that ends on a jump by itself makes torchdiffeq 0.2.5 miss all later ones; a step that is repeated
            # after one whole interval would, and `max_step` forbids it.
            jumps = torch.arange(1, length + 1, dtype=torch.float64)
            return {"jump_t": jumps, "max_step": 2 / 3, "first_step": _FIRST_STEP}
        case Family.ADAPTIVE:
            return {"step_t": torch.tensor([float(length)], dtype=torch.float64), "first_step": _FIRST_STEP}
        case Family.SCIPY:
            return {}


def _grid(steps: int) -> Callable[[object, object, Tensor], Tensor]:
    """Equal steps in every interval, exact at knots, in either direction of time."""

    def grid(_: object, __: object, times: Tensor) -> Tensor:
        count = round(abs(float(times[-1] - times[0])) * steps)
        sign = -1.0 if times[-1] < times[0] else 1.0
        return times[0] + sign * torch.arange(count + 1, dtype=times.dtype, device=times.device) / steps

    return grid
