"""A control: the kind of path that is laid through a series, as a value.

It decides nothing about the data: it fills, fits and hands on, sample by sample the same whatever else is in the batch.
"""

import re
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, assert_never

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from fwp.controls.fill import carried
from fwp.controls.hermite import hermite as fit_hermite
from fwp.controls.kind import Kind, LogSignature
from fwp.controls.linear import linear as fit_linear
from fwp.controls.linear import rectilinear as fit_rectilinear
from fwp.controls.natural_cubic import natural_cubic as fit_natural_cubic
from fwp.controls.path import Causality, Path
from fwp.controls.signature import log_signatures, lyndon_words, window_ends
from fwp.data import Series
from fwp.errors import CompositionError, DataError, FormatError, did_you_mean

__all__ = ["Control", "by_name", "hermite", "linear", "log_signature", "natural_cubic", "rectilinear", "wrong_order"]

NUMBERS_AT_ONCE = 2**18
"""Observations fitted at once, so that memory is bounded and float64 temporaries stay near the cache."""


@dataclass(frozen=True)
class Control:
    """The kind of path, whether the time is its channel 0, and its pace: `control(series)` is a `Path`.

    `pace` is how many units of the clock one unit of the series' time lasts; a window of a log-signature, whatever its
    duration, lasts as long as one unit of time. Rates and x' are per unit of the clock, so that at a pace of 10 a rule that
    reads x alone does ten times as much; the time channel stays the series' own time.

    Raises:
        DataError: a pace that is not positive and finite.
    """

    kind: Kind | LogSignature
    time: bool = True
    pace: int | float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.pace < inf:
            raise DataError(
                "a pace is a positive, finite number",
                ("pace", repr(self.pace)),
                help="give the units of the clock that one unit of the series' time is to last",
            )

    @property
    def name(self) -> str:
        """As `by_name` reads it: "natural-cubic", "log-signature-2-4"."""
        if isinstance(self.kind, LogSignature):
            return f"log-signature-{self.kind.depth}-{self.kind.step}"
        return self.kind.value

    @property
    def causality(self) -> Causality:
        """Which data x(t) may depend on."""
        match self.kind:
            case Kind.RECTILINEAR:
                return Causality.INSTANT
            case Kind.LINEAR | Kind.HERMITE | LogSignature():
                return Causality.OBSERVATION
            case Kind.NATURAL_CUBIC:
                return Causality.NONE
            case _:
                assert_never(self.kind)

    @property
    def degree(self) -> int:
        """The highest power of the time inside an interval."""
        match self.kind:
            case LogSignature():
                return 0
            case Kind.LINEAR | Kind.RECTILINEAR:
                return 1
            case Kind.NATURAL_CUBIC | Kind.HERMITE:
                return 3
            case _:
                assert_never(self.kind)

    def channels(self, channels: int) -> int:
        """The channels of the path for those of the series."""
        points = self.points(channels)
        return lyndon_words(points, self.kind.depth) if isinstance(self.kind, LogSignature) else points

    def points(self, channels: int) -> int:
        """The size of a path's `start` for the channels of the series: theirs, and the time where it is added."""
        return channels + self.time

    def __call__(self, series: Series, fill: Float[Tensor, "channel"] | None = None) -> Path:
        """The path through a series, differentiable in its values, without ever waiting for the device.

        Missing values are carried forward, or interpolated by the natural cubic spline, which sees the future anyhow.
        `fill` is the value of each channel before its first observation; default 0, the mean of normalised data.
        A sample of length 1 does not move: all its intervals have length 0.

        Raises:
            CompositionError: no series.
            DataError: `fill` has not one number a channel; nothing installed computes a log-signature that deep.
        """
        if not isinstance(series, Series):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
            raise CompositionError(
                f"a control is laid through series, and this is a {type(series).__name__}",
                ("given", f"a {type(series).__name__}"),
                help="make one of them: control(fwp.series(values))",
            )
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
        knots, own = self._knots(series.times), (self.causality, self.degree, series.static)
        return Path(coefficients, self._steps(series.times), knots, *own, self._first(series, fill))

    def _knots(self, times: Tensor) -> Tensor:
        """The real time at each knot: at the ends of windows; before an observation and once more after it where values jump."""
        match self.kind:
            case LogSignature(_, step, _):
                return window_ends(times, step)
            case Kind.RECTILINEAR:
                return times.repeat_interleave(2, 1)[:, 1:]
            case _:
                return times

    def _steps(self, times: Tensor) -> Tensor:
        """How long each interval lasts on the clock."""
        match self.kind:
            case LogSignature():
                return self.pace * (self._knots(times).diff(dim=1) > 0).double()
            case Kind.RECTILINEAR:  # first the time moves, then, for as long on the clock, the values
                return (self.pace * times.diff(dim=1)).repeat_interleave(2, 1)
            case _:
                return self.pace * times.diff(dim=1)

    def _first(self, series: Series, fill: Tensor) -> Tensor | None:
        """The first point, where it is not what the path begins with."""
        if not isinstance(self.kind, LogSignature):
            return None
        values = torch.where(series.mask[:, 0], series.values[:, 0], fill.to(series.values.dtype))
        return torch.cat([series.times[:, :1].to(values.dtype), values], -1) if self.time else values

    def _fit(self, series: Series, fill: Tensor) -> Tensor:
        """The coefficients of some samples: computed in float64, given in the type of the values."""
        values, fill, times = series.values.double(), fill.double(), series.times
        steps = self.pace * times.diff(dim=1)
        match self.kind:
            case LogSignature(depth, step, scale):
                lines = carried(values, series.mask, fill)
                lines = torch.cat([times[..., None], lines], -1) if self.time else lines
                found = _divided(log_signatures(lines, depth, step), scale)
                return torch.cat([found, found / self.pace], -1).to(series.values.dtype)
            case Kind.LINEAR:
                pieces = fit_linear(carried(values, series.mask, fill), steps)
            case Kind.RECTILINEAR:
                pieces = fit_rectilinear(carried(values, series.mask, fill), steps)
            case Kind.NATURAL_CUBIC:
                pieces = fit_natural_cubic(values, series.mask, self.pace * times, fill)
            case Kind.HERMITE:
                pieces = fit_hermite(carried(values, series.mask, fill), steps)
            case _:
                assert_never(self.kind)
        if self.time:
            knots = self._knots(times)
            line = [knots[:, :-1], (knots.diff(dim=1) > 0).double() / self.pace]
            line += [torch.zeros_like(line[0])] * (len(pieces) - 2)
            pieces = [torch.cat([own[..., None], piece], -1) for own, piece in zip(line, pieces, strict=True)]
        return torch.cat(list(pieces), -1).to(series.values.dtype)

    if not TYPE_CHECKING:  # a type checker knows of no such product, and so complains at the operator

        def __matmul__(self, right: object) -> None:
            """A control stands last: nothing may follow it."""
            raise wrong_order(self, right)

        def __rmatmul__(self, left: object) -> None:
            """What may stand left of a control, a projection or a whole `rule @ projection`, has a product of its own."""
            raise wrong_order(left, self)

    def __repr__(self) -> str:
        own = [*([] if self.time else ["time=False"]), *([] if self.pace == 1 else [f"pace={self.pace}"])]
        if isinstance(self.kind, LogSignature):
            own += [f"scale={self.kind.scale}"] if self.kind.scale else []
            return f"log_signature({', '.join([f'depth={self.kind.depth}', f'step={self.kind.step}', *own])})"
        return f"Control({', '.join([str(self.kind), *own])})" if own else self.kind.value.replace("-", "_")

    def to_json(self) -> dict[str, object]:
        """The control as plain json."""
        if isinstance(self.kind, LogSignature):
            kind = {"kind": "log-signature", "depth": self.kind.depth, "step": self.kind.step}
            kind |= {"scale": list(self.kind.scale)} if self.kind.scale else {}
        else:
            kind = {"kind": self.name}
        return {**kind, "time": self.time, "pace": self.pace}

    @staticmethod
    def from_json(data: Any) -> "Control":
        """The control that `to_json` wrote; without a pace, as older files are, at pace 1. Raises: FormatError."""
        match {"pace": 1.0, **data} if isinstance(data, dict) else data:
            case {"kind": str(kind), "time": bool(time), "pace": int() | float() as pace, **more} if (
                not isinstance(pace, bool) and 0 < pace < inf and (found := _kind(kind, more)) is not None
            ):
                return Control(found, time, pace)
        kinds = ", ".join(kind.value for kind in Kind)
        raise FormatError(
            "this is no control",
            ("read", repr(data)[:200]),
            ("expected", f'{{"kind": one of {kinds}, "time": true or false, "pace": a positive number}}'),
            ("or", '{"kind": "log-signature", "depth": 1 or more, "step": 1 or more, "time": …, "pace": …}'),
            help="write it with `control.to_json()`",
        )


linear = Control(Kind.LINEAR)
rectilinear = Control(Kind.RECTILINEAR)
natural_cubic = Control(Kind.NATURAL_CUBIC)
hermite = Control(Kind.HERMITE)


def log_signature(
    depth: int = 1, step: int = 4, time: bool = True, pace: int | float = 1.0, scale: tuple[float, ...] = ()
) -> Control:
    """Windows of `step` intervals: on each, x is the log-signature of the path up to `depth`, and x' is x / pace.

    The path is that of straight lines through what was observed, carried forward. Every window lasts `pace` units of the
    clock; the last one may have fewer intervals. `scale` is what each word of the log-signature is divided by: those of depth
    2 are products of increments, and may be hundreds of times smaller than those of depth 1.

    Reference: Irie, Faccio, Schmidhuber, Neural Differential Equations for Learning to Program Neural Nets Through
    Continuous Learning Rules, 2022, footnote 6.

    Raises:
        DataError: a depth or a step below 1, a pace or a scale that is not positive and finite.
    """
    return Control(LogSignature(depth, step, scale), time, pace)


def by_name(name: str) -> Control:
    """The control of that name, with the time as channel 0 and at pace 1. Raises: DataError."""
    controls = {control.name: control for control in (linear, rectilinear, natural_cubic, hermite)}
    if name in controls:
        return controls[name]
    if found := re.fullmatch(r"log-signature-([1-9]\d*)-([1-9]\d*)", name, re.ASCII):
        depth, step = map(int, found.groups())
        return log_signature(depth, step)
    raise DataError(
        "no control has this name",
        ("name", repr(name)),
        ("controls", f"{', '.join(controls)}, log-signature-DEPTH-STEP"),
        help=did_you_mean(name, controls, "log-signature-2-16 has depth 2, and windows of 16 steps"),
    )


def _kind(name: str, more: dict[str, Any]) -> Kind | LogSignature | None:
    """The kind that json names, with its own numbers; None if there is none such."""
    if name == "log-signature":
        match {"scale": [], **more}:
            case {"depth": int() as depth, "step": int() as step, "scale": list() as scale, **others} if not others:
                numbers = all(type(number) is int and number > 0 for number in (depth, step))
                numbers = numbers and all(type(number) is float and 0 < number < inf for number in scale)
                return LogSignature(depth, step, tuple(scale)) if numbers else None
            case _:
                return None
    return next((kind for kind in Kind if kind.value == name and not more), None)


def _divided(words: Tensor, scale: tuple[float, ...]) -> Tensor:
    if scale and len(scale) != words.shape[-1]:
        raise DataError(
            "the scale of a log-signature has not one number for each of its words",
            ("scale", f"{len(scale)} numbers"),
            ("log-signature", f"{words.shape[-1]} words"),
            help="measure it on series of the same channels",
        )
    return words / words.new_tensor(scale) if scale else words


def wrong_order(left: object, right: object) -> CompositionError:
    """What to raise where `@` joins two values that do not follow each other."""
    named = isinstance(left, str) or isinstance(right, str)
    return CompositionError(
        f"a {type(left).__name__} cannot stand left of a {type(right).__name__}",
        ("left", repr(left)),
        ("right", repr(right)),
        help="names are looked up by functions: by_name of fwp.rules and of fwp.controls, and fwp.fields.wiring"
        if named
        else "compose from the rule: rule @ projection @ control",
    )


def _at_least_two(series: Series) -> Series:
    """A path has at least one interval: series of one time point repeat it, as padding does."""
    if series.times.shape[1] > 1:
        return series
    more = (0, 0, 0, 1)
    times = series.times.repeat(1, 2)
    return Series(pad(series.values, more), times, pad(series.mask, more), series.lengths, series.static)
