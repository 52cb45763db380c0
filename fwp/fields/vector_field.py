"""The field of a net along a path, curried as time → slow weights → fast weights → their rate.

Positions are on the knot index: 2.5 is half way between the third and the fourth knot of every sample, whatever their times.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import floor

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.func import functional_call

import fwp.fields.net
from fwp.controls import Path
from fwp.controls.knots import at_knots
from fwp.data.copies import Copied
from fwp.data.precision import working
from fwp.fields.cde import CDE, IndexedControl, LinearField

__all__ = ["Instant", "VectorField"]

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class VectorField:
    """`field(position)` fills the slots there, `field(position)(states)` is the rate of every state, per time.

    A solver multiplies by `path.steps`, the length of the interval, to get the rate per knot.
    """

    net: "fwp.fields.net.Net"
    path: Path
    answers: torch.dtype | None = None
    """The type of what is read, where it is not the one that is computed in."""

    def __repr__(self) -> str:
        return f"VectorField({self.net.model!r}, {self.path!r})"

    def in_full(self) -> "VectorField":
        """The field with its parameters in the type that is computed in; solvers take it so, once for all instants."""
        return self if self.answers is None else replace(self, net=self.net.in_full())

    def rounded_by_the_caller(self) -> "VectorField":
        """The field in full, whose read-outs too are in the type that is computed in."""
        return replace(self.in_full(), answers=None)

    def __call__(self, position: float) -> "Instant":
        """The field at a position on the knot index, from the right at a knot and from the left at the last."""
        interval = min(max(floor(position), 0), self.path.intervals - 1)
        return self.at(interval, position - interval)

    def at(self, interval: int, fraction: float) -> "Instant":
        """The field inside one interval, at a fraction of its length; 0 and 1 are its own ends."""
        return Instant(self.in_full().net, self.signals(*self.path.at(interval, fraction)), self.answers)

    def at_knots(self, knots: Int64[Tensor, "batch request"]) -> "Instant":
        """The field at knots of each sample's own, as seen from the interval that led there; `(batch request …)`."""
        return Instant(self.in_full().net, self.signals(*at_knots(self.path, knots)), self.answers)

    def signals(
        self, x: Float[Tensor, "batch *place channel"], dx: Float[Tensor, "batch *place channel"]
    ) -> dict[str, Tensor]:
        """What the slow net sees at one place of each sample or at many: beside x and dx the same static features."""
        static = self.path.static
        if static is None:
            return {"x": x, "dx": dx}
        return {"x": x, "dx": dx, "static": static[:, *[None] * (x.ndim - 2)].expand(*x.shape[:-1], -1)}

    def initial(self) -> dict[str, Tensor]:
        """The states at the first knot."""
        return self.in_full().net.initial({**self.at(0, 0.0).inputs, "first": self.path.start})

    def pure(self) -> Callable[[Tensors, Tensors, Tensors], dict[str, Tensor]]:
        """The field as a function of plain dictionaries: (parameters, states, signals) → rates.

        Parameters are named as in `net.named_parameters()`, signals are `field(position).inputs`. It passes torch.func.
        """
        rates = _Rates(self.net)

        def pure(parameters: Tensors, states: Tensors, inputs: Tensors) -> dict[str, Tensor]:
            named = {f"net.{name}": value.to(working(value.dtype)) for name, value in parameters.items()}
            found: dict[str, Tensor] = functional_call(rates, named, (states, inputs))
            return found

        return pure

    def as_cde(self) -> CDE:
        """The field for an NCDE script: `cde = field.as_cde(); torchcde.cdeint(cde.X, cde.func, cde.z0, cde.X.interval)`.

        Raises:
            CompositionError: the model is not linear in dx.
        """
        self.net.model.require_cde()
        control = IndexedControl(self.path)
        func = LinearField(self.in_full(), control)
        return CDE(control, func, func.pack(self.initial()))


@dataclass(frozen=True, eq=False)
class Instant(Copied):
    """The field at one instant: the signals there, and the slots that they fill."""

    net: "fwp.fields.net.Net"
    inputs: dict[str, Float[Tensor, "*batch channel"]]
    answers: torch.dtype | None = None
    """The type of what is read, as of the field."""

    @cached_property
    def slots(self) -> Tensors:
        """The slots of the first layer's rule, `(*batch, head, *axes)`."""
        return self.net.slots(self.inputs)

    def __call__(self, states: Tensors) -> dict[str, Tensor]:
        """d(state)/dt for every state."""
        return self.net.rates(_in_full(states), self.inputs, self.slots)

    def read(self, states: Tensors) -> Tensor:
        """The read-out, `(*batch, head, *axes)`."""
        return self.net.read(_in_full(states), self.inputs).to(self.answers)


def _in_full(states: Tensors) -> Tensors:
    """The states in the type that is computed in, where they are given in half precision."""
    return {name: state.to(working(state.dtype)) for name, state in states.items()}


class _Rates(nn.Module):
    """The rates as a module's forward, which is what `functional_call` can call with other parameters."""

    def __init__(self, net: "fwp.fields.net.Net") -> None:
        super().__init__()
        self.net = net

    def forward(self, states: Tensors, inputs: Tensors) -> dict[str, Tensor]:
        return self.net.rates(states, inputs)
