"""torchdiffeq's fixed-step methods in plain operations of torch, for where its own cannot go: forward mode and `torch.func`.

torchdiffeq moves its time by an operation of its own that `torch.func` refuses, writes into buffers that `torch.vmap` cannot
write into, and its adaptive methods drop tangents or refuse them.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fwp.data.transforms import forward_mode, transformed
from fwp.errors import SolveError
from fwp.fields import VectorField
from fwp.solvers.torchdiffeq import METHODS, Counts, Family

__all__ = ["followed", "integrate"]

_STAGES: Mapping[str, tuple[tuple[float, tuple[float, ...]], ...]] = {
    "euler": ((0.0, ()), (1.0, (1.0,))),
    "midpoint": ((0.0, ()), (1 / 2, (1 / 2,)), (1.0, (0.0, 1.0))),
    "heun2": ((0.0, ()), (1.0, (1.0,)), (1.0, (1 / 2, 1 / 2))),
    "heun3": ((0.0, ()), (1 / 3, (1 / 3,)), (2 / 3, (0.0, 2 / 3)), (1.0, (1 / 4, 0.0, 3 / 4))),
    "rk4": (
        (0.0, ()),
        (1 / 3, (1 / 3,)),
        (2 / 3, (-1 / 3, 1.0)),
        (1.0, (1.0, -1.0, 1.0)),
        (1.0, (1 / 8, 3 / 8, 3 / 8, 1 / 8)),
    ),
}
"""Of every stage its place inside the step and its row of the tableau; the last is the end of the step."""


def followed() -> bool:
    """Whether something follows the computation that torchdiffeq cannot take along."""
    return transformed() or forward_mode()


def integrate(
    field: VectorField,
    initial: Mapping[str, Tensor],
    knots: Sequence[int],
    *,
    method: str,
    steps: int,
    adjoint: bool,
    counts: Counts,
) -> dict[str, Tensor]:
    """The states at the given knots, ascending, from those at knot 0: `(knot batch head *axes)`.

    Raises:
        SolveError: the adjoint, or a method that chooses its own steps.
    """
    if adjoint or METHODS[method] is not Family.FIXED:
        own = ("gradient", "adjoint") if adjoint else ("method", method)
        raise SolveError(
            "torch.func, torch.vmap and forward mode follow fixed-step methods with exact gradients alone",
            own,
            help="take one of " + ", ".join(_STAGES) + " and gradient='exact', or loss.backward() and no torch.vmap",
        )
    *stages, (_, last) = _STAGES[method]
    lengths = (field.path.steps / steps).to(field.path.coefficients.dtype)
    states, wanted = dict(initial), set(knots)
    kept = [states] if 0 in wanted else []
    for interval in range(knots[-1]):
        for step in range(steps):
            rates: list[Mapping[str, Tensor]] = []
            for place, row in stages:
                moved = _moved(states, rates, row, lengths[:, interval])
                rates.append(field.at(interval, (step + place) / steps)(moved))
            states = _moved(states, rates, last, lengths[:, interval])
        counts.evaluations += steps * len(stages)
        counts.steps += steps
        kept += [states] if interval + 1 in wanted else []
    return {name: torch.stack([own[name] for own in kept]) for name in states}


def _moved(
    states: Mapping[str, Tensor], rates: Sequence[Mapping[str, Tensor]], row: Sequence[float], length: Tensor
) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, state in states.items():
        h = length.view(-1, *[1] * (state.ndim - 1))
        found[name] = state + sum((h * (a * rate[name]) for a, rate in zip(row, rates, strict=True) if a), 0.0)
    return found
