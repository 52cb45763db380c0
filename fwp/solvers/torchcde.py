"""The adaptor to torchcde: a field that is linear in dx, solved as a controlled equation by `torchcde.cdeint`."""

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

import torch
import torchcde
from jaxtyping import Float
from torch import Tensor, nn

from fwp.fields import VectorField
from fwp.fields.cde import LinearField
from fwp.solvers.budget import Budget
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
        cde.func if counts.budget is None else _Spending(cde.func, counts.budget),
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


class _Spending(nn.Module):
    """A linear field whose evaluations are paid for."""

    def __init__(self, func: LinearField, budget: Budget) -> None:
        super().__init__()
        self.func, self.budget = func, budget

    def forward(self, t: Tensor | float, z: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden channel"]:
        return self.func(t, z)

    def prod(
        self, t: Tensor | float, z: Float[Tensor, "batch hidden"], dXdt: Float[Tensor, "batch channel"]
    ) -> Float[Tensor, "batch hidden"]:
        """F(t, z) dX/dt."""
        place = float(t.detach() if isinstance(t, Tensor) else t)
        interval = min(max(floor(place), 0), self.func.field.path.intervals - 1)
        self.budget.spend(interval, place - interval, tuple(self.func.unpack(z).values()))
        return self.func.prod(t, z, dXdt)
