"""The adaptor to torchcde: a field that is linear in dx, solved as a controlled equation by `torchcde.cdeint`."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torchcde
from torch import Tensor

from fwp.fields import VectorField
from fwp.solvers.torchdiffeq import Counts, leaves, solver_options

__all__ = ["integrate"]


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
    """The states at the given knots, ascending, from those at knot 0: `(knot batch head *axes)`. Counts evaluations only.

    Raises:
        CompositionError: the field is not linear in dx.
        AssertionError: torchdiffeq, below torchcde, gave up.
    """
    cde = field.as_cde()
    places = sorted({0, *knots})
    times = torch.tensor(places, dtype=torch.float64, device=field.path.steps.device)
    if len(places) == 1:  # cdeint needs an interval
        return {name: state[None] for name, state in initial.items()}
    learned: dict[str, Any] = {"adjoint_params": leaves(field)} if adjoint else {}
    found: Tensor = torchcde.cdeint(  # pyright: ignore[reportAssignmentType]  # a tensor, as z0 is
        cde.X,
        cde.func,
        cde.pack(initial),
        times,
        adjoint=adjoint,
        method=method,
        options=solver_options(method, steps, places[-1], True),
        rtol=rtol,
        atol=atol,
        **learned,
    )
    counts.evaluations += cde.func.evaluations
    chosen = [places.index(k) for k in knots]
    return {name: state.movedim(1, 0)[chosen] for name, state in cde.unpack(found).items()}
