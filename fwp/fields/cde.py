"""A field that is linear in dx as torchcde sees one: a control X with a derivative, and a function with a product.

On the knot index, where all samples share one grid: a linear field does not depend on the speed of its control, so the
lengths of the steps are absorbed in the derivative of X.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from typing import Any

import torch
from einops import pack, unpack
from jaxtyping import Float
from torch import Tensor, nn

import fwp.fields.vector_field
from fwp.controls import Path
from fwp.data.copies import Copied

__all__ = ["CDE", "IndexedControl", "LinearField"]


class IndexedControl(nn.Module):
    """A path over the knot index, with the interface of torchcde's interpolations."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def grid_points(self) -> Float[Tensor, "knot"]:
        """The knots: 0, 1, 2, …"""
        return torch.arange(self.path.intervals + 1, dtype=torch.float64, device=self.path.steps.device)

    @property
    def interval(self) -> Float[Tensor, "2"]:
        """The first and the last knot."""
        return self.grid_points[[0, -1]]

    def evaluate(self, t: Tensor | float) -> Float[Tensor, "batch channel"]:
        """x at a position."""
        return self.path.at(*self._place(t))[0]

    def derivative(self, t: Tensor | float) -> Float[Tensor, "batch channel"]:
        """dx per knot at a position."""
        interval, fraction = self._place(t)
        dx = self.path.at(interval, fraction)[1]
        return dx * self.path.steps[:, interval, None].to(dx.dtype)

    def _place(self, t: Tensor | float) -> tuple[int, float]:
        place = float(t.detach() if isinstance(t, Tensor) else t)
        interval = min(max(floor(place), 0), self.path.intervals - 1)
        return interval, place - interval


class LinearField(nn.Module):
    """z ↦ F(t, z), `(batch hidden channel)`, and its product with dX/dt, for states packed into one vector a sample."""

    def __init__(self, field: "fwp.fields.vector_field.VectorField", control: IndexedControl) -> None:
        super().__init__()
        self.net = field.net
        self.field, self.control = field, control
        states = field.initial()
        self.names = tuple(states)
        self.shapes: list[Any] = [state.shape[1:] for state in states.values()]
        self.evaluations = 0

    def forward(self, t: Tensor | float, z: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden channel"]:
        """The matrix of the field, one product with each unit vector."""
        basis = torch.eye(self.field.path.channels, dtype=z.dtype, device=z.device)
        return torch.stack([self.prod(t, z, e.expand(len(z), -1)) for e in basis], -1)

    def prod(
        self, t: Tensor | float, z: Float[Tensor, "batch hidden"], dXdt: Float[Tensor, "batch channel"]
    ) -> Float[Tensor, "batch hidden"]:
        """F(t, z) dX/dt, without ever making F."""
        self.evaluations += 1
        rates = self.net.rates(self.unpack(z), self.field.signals(self.control.evaluate(t), dXdt))
        return self.pack(rates)

    def pack(self, states: Mapping[str, Tensor]) -> Float[Tensor, "*batch hidden"]:
        """States side by side."""
        return pack([states[name] for name in self.names], "batch *")[0]

    def unpack(self, z: Float[Tensor, "*batch hidden"]) -> dict[str, Tensor]:
        """States as they were, `(*batch head *axes)`."""
        pattern = "batch *" if z.ndim == 2 else "batch time *"
        return dict(zip(self.names, unpack(z, self.shapes, pattern), strict=True))


@dataclass(frozen=True, eq=False)
class CDE(Copied):
    """What `torchcde.cdeint(X, func, z0, t)` takes; `unpack` gives the states back from its result."""

    X: IndexedControl
    func: LinearField
    z0: Float[Tensor, "batch hidden"]

    def pack(self, states: Mapping[str, Tensor]) -> Float[Tensor, "batch hidden"]:
        """States side by side, as `z0` is made."""
        return self.func.pack(states)

    def unpack(self, z: Float[Tensor, "*batch hidden"]) -> dict[str, Tensor]:
        """The states `(*batch head *axes)` of one vector a sample, or a sample and a time."""
        return self.func.unpack(z)
