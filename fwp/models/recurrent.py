"""Recurrent baselines as values: no equation of a term, but what its solution is compared with.

`Recurrent("gru-d").build(channels, width)` is a module from a normalised `Series` to the state at each sample's own end. What
is missing is carried forward, or decays to the mean where the kind says so; that of normalised series is 0.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, assert_never, cast, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear
from torchdiffeq import odeint

from fwp.controls.fill import carried, preceding
from fwp.data import Series
from fwp.data.copies import Copied
from fwp.errors import FormatError, FwpError, SizeError, did_you_mean
from fwp.kinds import explained

__all__ = ["HIDDEN", "Recurrence", "Recurrent"]

Kind = Literal["gru", "gru-dt", "gru-d", "ode-rnn"]
HIDDEN = 256
"""Hidden units between static features and the first state unless sizes say otherwise, as in the published code."""


@explained
@dataclass(frozen=True)
class Recurrent:
    """A recurrent baseline, complete but for sizes.

    "gru" reads the values (Cho et al., 2014), "gru-dt" also the time since the time point before. "gru-d" reads values and
    masks; its state, and values since they were last observed, decay with time (Che et al., 2018). In "ode-rnn" the state
    follows an equation of its own from one time point to the next (Rubanova, Chen, Duvenaud, 2019).

    Raises:
        FwpError: there is no such kind.
    """

    kind: Kind

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise FwpError(
                "no recurrent baseline has this name",
                ("name", repr(self.kind)),
                help=did_you_mean(self.kind, get_args(Kind), f"use one of {', '.join(get_args(Kind))}"),
            )

    @property
    def name(self) -> str:
        """As it is chosen, and as results call it."""
        return self.kind

    @explained
    def build(self, channels: int, width: int, static: int = 0) -> "Recurrence":
        """The module, with parameters drawn from torch's current random state.

        Args:
            channels: of the series.
            width: numbers in the state.
            static: features that do not change with time, from which the state then begins.

        Raises:
            SizeError: a size that cannot be.
        """
        if channels < 1 or width < 1 or static < 0:
            raise SizeError(
                "a recurrence cannot have these sizes",
                ("channels", str(channels)),
                ("width", str(width)),
                ("static", str(static)),
                help="at least 1 channel, a width of at least 1, no negative number of static features",
            )
        match self.kind:
            case "gru":
                return Gated(self, channels, width, static)
            case "gru-dt":
                return Gated(self, channels, width, static, timed=True)
            case "gru-d":
                return Decaying(self, channels, width, static)
            case "ode-rnn":
                return Flowing(self, channels, width, static)
            case _:
                assert_never(self.kind)

    def to_json(self) -> dict[str, str]:
        """As plain json."""
        return {"recurrent": self.kind}

    @staticmethod
    def from_json(data: Any) -> "Recurrent":
        """What `to_json` wrote. Raises: FormatError."""
        match data:
            case {"recurrent": kind, **more} if kind in get_args(Kind) and not more:
                return Recurrent(kind)
        raise FormatError(
            "this is no recurrent baseline",
            ("read", repr(data)[:200]),
            ("expected", f'{{"recurrent": one of {", ".join(get_args(Kind))}}}'),
            help="write it with `recurrent.to_json()`",
        )


class Recurrence(Copied, nn.Module, ABC):
    """A recurrence with parameters: series to the state at each sample's own end."""

    def __init__(self, model: Recurrent, channels: int, width: int, static: int) -> None:
        super().__init__()
        self.model = model
        self.sizes = {"channel": channels, "width": width} | ({"feature": static} if static else {})
        layers = (nn.Linear(static, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, width)) if static else ()
        self.begin = nn.Sequential(*layers)

    @property
    def outputs(self) -> int:
        """How many numbers the state has."""
        return self.sizes["width"]

    def forward(self, series: Series, every: bool = False) -> Float[Tensor, "batch *time width"]:
        """The state after each sample's last time point, or after every one.

        Raises:
            SizeError: the series has other channels or static features than those that the module was built for.
        """
        states = self._states(series)
        return states if every else states.take_along_dim(series.lengths[:, None, None] - 1, 1)[:, 0]

    def states(self, series: Series) -> Float[Tensor, "batch time width"]:
        """The state after every time point, each from those up to it; after a sample's end it means nothing."""
        return self(series, every=True)

    def _states(self, series: Series) -> Float[Tensor, "batch time width"]:
        found = {"channel": series.channels, "feature": 0 if series.static is None else series.static.shape[1]}
        for axis, what in (("channel", "channels"), ("feature", "static features")):
            if found[axis] != self.sizes.get(axis, found[axis]):
                raise SizeError(
                    f"the series does not have the {what} that the recurrence was built for",
                    ("recurrence", str(self.sizes[axis])),
                    ("series", str(found[axis])),
                    help="build another, or pass other data",
                )
        if "feature" in self.sizes:
            return self.follow(series, self.begin(series.static))
        return self.follow(series, series.values.new_zeros(len(series), self.outputs))

    @abstractmethod
    def follow(self, series: Series, state: Float[Tensor, "batch width"]) -> Float[Tensor, "batch time width"]:
        """The state after every time point, from the one before the first."""


class Gated(Recurrence):
    """A gated recurrent unit that reads values and, if it is `timed`, how long ago the time point before was."""

    def __init__(self, model: Recurrent, channels: int, width: int, static: int, timed: bool = False) -> None:
        super().__init__(model, channels, width, static)
        self.timed = timed
        self.unit = nn.GRU(channels + timed, width, batch_first=True)

    def follow(self, series: Series, state: Float[Tensor, "batch width"]) -> Float[Tensor, "batch time width"]:
        """By torch's own loop."""
        inputs = known(series)
        if self.timed:
            inputs = torch.cat([inputs, elapsed(series)[..., None]], -1)
        return self.unit(inputs, state[None])[0]


class Decaying(Recurrence):
    """GRU-D: before each time point h decays by exp(−max(0, W δ + b)), an unobserved value by exp(−max(0, w δ + b)) to 0.

    δ is the time since each channel was last observed. The reset gate multiplies U h and not h, as torch's units have it.
    """

    def __init__(self, model: Recurrent, channels: int, width: int, static: int) -> None:
        super().__init__(model, channels, width, static)
        bound = channels**-0.5
        self.weight = nn.Parameter(torch.empty(channels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(channels).uniform_(-bound, bound))
        self.decay = nn.Linear(channels, width)
        self.unit = Unit(2 * channels, width)

    def follow(self, series: Series, state: Float[Tensor, "batch width"]) -> Float[Tensor, "batch time width"]:
        """Decays and inputs of all time points first, then one after the other."""
        since = unobserved(series)
        values = torch.where(series.mask, series.values, known(series) * fading(self.weight * since + self.bias))
        decays = fading(self.decay(since)).unbind(1)
        inputs = torch.cat([values, series.mask.to(values.dtype)], -1)
        return self.unit(inputs, state, lambda point, h: decays[point] * h)


class Flowing(Recurrence):
    """ODE-RNN: dh/dt = B tanh(A h + a) + b between time points, one step of rk4 for each, and a gated unit at each."""

    def __init__(self, model: Recurrent, channels: int, width: int, static: int) -> None:
        super().__init__(model, channels, width, static)
        self.field = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width))
        self.unit = Unit(channels, width)

    def follow(self, series: Series, state: Float[Tensor, "batch width"]) -> Float[Tensor, "batch time width"]:
        """Inputs of all time points first, then one after the other; every interval is mapped to that from 0 to 1."""
        spans, ends = elapsed(series).split(1, 1), state.new_tensor([0.0, 1.0])

        def flow(point: int, begin: Tensor) -> Tensor:
            if point == 0:
                return begin
            return cast(Tensor, odeint(lambda _, h: spans[point] * self.field(h), begin, ends, method="rk4"))[1]

        return self.unit(known(series), state, flow)


class Unit(nn.GRUCell):
    """A gated unit along a whole series, whose state changes by itself from one time point to the next."""

    def forward(
        self,
        inputs: Float[Tensor, "batch time input"],
        state: Float[Tensor, "batch width"],
        between: Callable[[int, Tensor], Tensor],
    ) -> Float[Tensor, "batch time width"]:
        """The state after every time point; `between(i, state)` is what it has become when time point i arrives."""
        gates = linear(inputs, self.weight_ih, self.bias_ih)  # of all time points at once
        found: list[Tensor] = []
        for point, own in enumerate(gates.unbind(1)):
            state = self._step(own, between(point, state))
            found.append(state)
        return torch.stack(found, 1)

    def _step(self, gates: Float[Tensor, "batch gates"], state: Float[Tensor, "batch width"]) -> Tensor:
        own = linear(state, self.weight_hh, self.bias_hh)
        width = state.shape[1]
        reset, update = (gates[:, : 2 * width] + own[:, : 2 * width]).sigmoid().chunk(2, 1)
        new = (gates[:, 2 * width :] + reset * own[:, 2 * width :]).tanh()
        return new + update * (state - new)


def known(series: Series) -> Float[Tensor, "batch time channel"]:
    """The values as last observed, and 0 before."""
    return carried(series.values, series.mask, series.values.new_zeros(series.channels))


def elapsed(series: Series) -> Float[Tensor, "batch time"]:
    """The time since the time point before; 0 at the first and after a sample's end."""
    times = series.times
    return times.diff(dim=1, prepend=times[:, :1]).to(series.values.dtype)


def unobserved(series: Series) -> Float[Tensor, "batch time channel"]:
    """The time since each channel was last observed before each time point; since the first time point if it never was."""
    times = series.times[..., None].expand(series.mask.shape)
    before = preceding(series.mask).clamp(min=0).roll(1, 1)
    before[:, 0] = 0
    return (times - times.gather(1, before)).to(series.values.dtype)


def fading(exponent: Tensor) -> Tensor:
    """exp(−max(0, exponent)): from 1 down to 0."""
    return (-exponent.relu()).exp()
