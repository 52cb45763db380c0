"""A control: the kind of path that is laid through a series, as a value.

It decides nothing about the data: it fills, fits and hands on, sample by sample the same whatever else is in the batch.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, assert_never

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from fwp.controls.fill import carried
from fwp.controls.hermite import hermite as fit_hermite
from fwp.controls.linear import linear as fit_linear
from fwp.controls.linear import rectilinear as fit_rectilinear
from fwp.controls.natural_cubic import natural_cubic as fit_natural_cubic
from fwp.controls.path import Causality, Path
from fwp.data import Series
from fwp.errors import CompositionError, DataError, FormatError

__all__ = ["Control", "Kind", "by_name", "hermite", "linear", "natural_cubic", "rectilinear"]

NUMBERS_AT_ONCE = 2**18
"""Observations fitted at once, so that memory is bounded and float64 temporaries stay near the cache."""


class Kind(Enum):
    """How a path runs from one observation to the next."""

    LINEAR = "linear"
    RECTILINEAR = "rectilinear"
    NATURAL_CUBIC = "natural-cubic"
    HERMITE = "hermite"


@dataclass(frozen=True)
class Control:
    """The kind of path, and whether the time is its channel 0: `control(series)` is a `Path`."""

    kind: Kind
    time: bool = True

    @property
    def name(self) -> str:
        """As `by_name` reads it: "natural-cubic"."""
        return self.kind.value

    @property
    def causality(self) -> Causality:
        """Which data x(t) may depend on."""
        match self.kind:
            case Kind.RECTILINEAR:
                return Causality.INSTANT
            case Kind.LINEAR | Kind.HERMITE:
                return Causality.OBSERVATION
            case Kind.NATURAL_CUBIC:
                return Causality.NONE
            case _:
                assert_never(self.kind)

    @property
    def degree(self) -> int:
        """The highest power of the time inside an interval."""
        match self.kind:
            case Kind.LINEAR | Kind.RECTILINEAR:
                return 1
            case Kind.NATURAL_CUBIC | Kind.HERMITE:
                return 3
            case _:
                assert_never(self.kind)

    def channels(self, channels: int) -> int:
        """The channels of the path for those of the series."""
        return channels + self.time

    def __call__(self, series: Series, fill: Float[Tensor, "channel"] | None = None) -> Path:
        """The path through a series, differentiable in its values, without ever waiting for the device.

        Missing values are carried forward, or interpolated by the natural cubic spline, which sees the future anyhow.
        `fill` is the value of each channel before its first observation; default 0, the mean of normalised data.
        A sample of length 1 does not move: all its intervals have length 0.

        Raises:
            DataError: `fill` has not one number a channel.
        """
        if fill is None:
            fill = series.values.new_zeros(series.channels)
        elif fill.shape != (series.channels,):
            raise DataError(
                "`fill` needs one number a channel",
                ("fill", f"shape {tuple(fill.shape)}"),
                ("series", f"{series.channels} channels"),
                help="use the channels' means over the training data",
            )
        series = _at_least_two(series)
        rows = max(1, NUMBERS_AT_ONCE // (series.times.shape[1] * series.channels))
        chunks = [series[start : start + rows] for start in range(0, len(series), rows)] or [series]
        coefficients = torch.cat([self._fit(chunk, fill) for chunk in chunks])
        steps = series.times.diff(dim=1)
        if self.kind is Kind.RECTILINEAR:  # first the time moves, then, for as long on the clock, the values
            steps = steps.repeat_interleave(2, 1)
        return Path(coefficients, steps, self._knots(series.times), self.causality, self.degree, series.static)

    def _knots(self, times: Tensor) -> Tensor:
        """The real time at each knot: once before an observation and once after it where values jump."""
        return times.repeat_interleave(2, 1)[:, 1:] if self.kind is Kind.RECTILINEAR else times

    def _fit(self, series: Series, fill: Tensor) -> Tensor:
        """The coefficients of some samples: computed in float64, given in the type of the values."""
        values, fill, times, steps = series.values.double(), fill.double(), series.times, series.times.diff(dim=1)
        match self.kind:
            case Kind.LINEAR:
                pieces = fit_linear(carried(values, series.mask, fill), steps)
            case Kind.RECTILINEAR:
                pieces = fit_rectilinear(carried(values, series.mask, fill), steps)
            case Kind.NATURAL_CUBIC:
                pieces = fit_natural_cubic(values, series.mask, times, fill)
            case Kind.HERMITE:
                pieces = fit_hermite(carried(values, series.mask, fill), steps)
            case _:
                assert_never(self.kind)
        if self.time:
            knots = self._knots(times)
            zero = torch.zeros_like(knots[:, :-1])
            clock = (knots[:, :-1], (knots.diff(dim=1) > 0).double(), zero, zero)
            pieces = [torch.cat([own[..., None], piece], -1) for own, piece in zip(clock, pieces, strict=True)]
        return torch.cat(list(pieces), -1).to(series.values.dtype)

    if not TYPE_CHECKING:  # a type checker knows of no such product, and so complains at the operator

        def __matmul__(self, right: object) -> None:
            """A control stands last: nothing may follow it."""
            raise _wrong_order(self, right)

        def __rmatmul__(self, left: object) -> None:
            """What may stand left of a control, a projection or a whole `rule @ projection`, has a product of its own."""
            raise _wrong_order(left, self)

    def __repr__(self) -> str:
        own = self.kind.value.replace("-", "_")
        return own if self.time else f"Control({self.kind}, time=False)"

    def to_json(self) -> dict[str, object]:
        """The control as plain json."""
        return {"kind": self.kind.value, "time": self.time}

    @staticmethod
    def from_json(data: Any) -> "Control":
        """The control that `to_json` wrote. Raises: FormatError."""
        kinds = {kind.value: kind for kind in Kind}
        match data:
            case {"kind": str(kind), "time": bool(time)} if len(data) == 2 and kind in kinds:
                return Control(kinds[kind], time)
        raise FormatError(
            "this is no control",
            ("read", repr(data)[:200]),
            ("expected", f'{{"kind": one of {", ".join(kinds)}, "time": true or false}}'),
            help="write it with `control.to_json()`",
        )


linear = Control(Kind.LINEAR)
rectilinear = Control(Kind.RECTILINEAR)
natural_cubic = Control(Kind.NATURAL_CUBIC)
hermite = Control(Kind.HERMITE)


def by_name(name: str) -> Control:
    """The control of that name, with the time as channel 0. Raises: DataError."""
    controls = {control.name: control for control in (linear, rectilinear, natural_cubic, hermite)}
    if name not in controls:
        raise DataError("no control has this name", ("name", repr(name)), help=f"use one of {', '.join(controls)}")
    return controls[name]


def _wrong_order(left: object, right: object) -> CompositionError:
    return CompositionError(
        f"a {type(left).__name__} cannot stand left of a {type(right).__name__}",
        ("left", repr(left)),
        ("right", repr(right)),
        help="compose from the rule: rule @ projection @ control",
    )


def _at_least_two(series: Series) -> Series:
    """A path has at least one interval: series of one time point repeat it, as padding does."""
    if series.times.shape[1] > 1:
        return series
    more = (0, 0, 0, 1)
    times = series.times.repeat(1, 2)
    return Series(pad(series.values, more), times, pad(series.mask, more), series.lengths, series.static)
