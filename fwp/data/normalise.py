"""What the training series say about scale: applied to all series, learnt from the training ones alone."""

from dataclasses import dataclass
from math import inf, isfinite
from sys import float_info
from typing import Any

import torch
from torch import Tensor

from fwp.data.resolution import CONSTANT, are_far
from fwp.data.series import Series
from fwp.errors import DataError, FormatError
from fwp.kinds import explained

__all__ = ["Normaliser"]


@dataclass(frozen=True)
class Normaliser:
    """Values become (value − mean)/std, channel by channel, static features likewise, and times (time − origin)/span.

    All is computed in float64. With `own`, times count from each series' own beginning before.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: float
    span: float
    static_mean: tuple[float, ...] = ()
    static_std: tuple[float, ...] = ()
    own: bool = False

    @staticmethod
    @explained
    def fit(series: Series) -> "Normaliser":
        """Mean and deviation of what was observed, the earliest time, and how long the longest sample lasts.

        A channel that never changes keeps its scale (std 1), one never observed also its place (mean 0). Where the series
        begin so far from each other, for how long they last, that float32 could not tell the time points of one apart
        (stays of hours, years apart), each counts from its own beginning.
        """
        moments = [_moments(series.values[..., c][series.mask[..., c]].double()) for c in range(series.channels)]
        first, last = series.times[:, 0], series.times[:, -1]
        mean, std = (tuple(column) for column in zip(*moments, strict=True))
        features = () if series.static is None else series.static.double().unbind(1)
        static_mean, static_std = tuple(zip(*map(_moments, features), strict=True)) or ((), ())
        origin, span = float(first.min()), float((last - first).max()) or 1.0
        own = bool(are_far((series.times - origin) / span).any())
        return Normaliser(mean, std, 0.0 if own else origin, span, static_mean, static_std, own)

    @explained
    def apply(self, series: Series) -> Series:
        """The series in the scale of the training ones; what is missing stays 0, which now is the mean.

        Raises:
            DataError: another number of channels or static features than the training series had.
        """
        features = 0 if series.static is None else series.static.shape[1]
        for what, found, known in (
            ("channels", series.channels, len(self.mean)),
            ("static features", features, len(self.static_mean)),
        ):
            if found != known:
                raise DataError(
                    f"the series has other {what} than those that the scale was learnt from",
                    ("series", f"{found} {what}"),
                    ("normaliser", f"{known} {what}"),
                    help="fit a normaliser on training series of the same kind",
                )
        mean, std = series.times.new_tensor(self.mean), series.times.new_tensor(self.std)
        scaled = ((series.values - mean) / std).to(series.values.dtype)
        values = torch.where(series.mask, scaled, 0)
        static = series.static
        if static is not None:
            mean, std = series.times.new_tensor(self.static_mean), series.times.new_tensor(self.static_std)
            static = ((static - mean) / std).to(static.dtype)
        times = series.times - series.times[:, :1] if self.own else series.times
        return Series(values, (times - self.origin) / self.span, series.mask, series.lengths, static)

    def to_json(self) -> dict[str, object]:
        """The normaliser as plain json."""
        found: dict[str, object] = {n: list(v) if isinstance(v, tuple) else v for n, v in vars(self).items()}
        absent = ("" if self.static_mean else "static", "" if self.own else "own")
        return {n: v for n, v in found.items() if n.partition("_")[0] not in absent}

    @staticmethod
    def from_json(data: Any) -> "Normaliser":
        """The normaliser that `to_json` wrote. Raises: FormatError."""
        given = {"static_mean": [], "static_std": [], "own": False, **data} if isinstance(data, dict) else data
        match given:
            case {
                "mean": list(mean),
                "std": list(std),
                "origin": origin,
                "span": span,
                "static_mean": list(static_mean),
                "static_std": list(static_std),
                "own": bool(own),
            } if (
                len(given) == 7
                and len(mean) == len(std) > 0
                and len(static_mean) == len(static_std)
                and all(_number(entry) for entry in (*mean, *std, *static_mean, *static_std, origin, span))
                and min(*std, *static_std, span) > 0
            ):
                columns = (tuple(map(float, column)) for column in (mean, std, static_mean, static_std))
                mean, std, static_mean, static_std = columns
                return Normaliser(mean, std, float(origin), float(span), static_mean, static_std, own)
        raise FormatError(
            "this is no normaliser",
            ("read", repr(data)[:200]),
            (
                "expected",
                "mean and std, one finite number a channel (and feature), origin and span; std and span positive",
            ),
            help="write it with `normaliser.to_json()`",
        )


def _moments(observed: Tensor) -> tuple[float, float]:
    if not len(observed):
        return 0.0, 1.0
    mean, std = float(observed.mean()), float(observed.std(correction=0))
    size = float(observed.abs().max())
    if size and not (isfinite(mean) and 0 < std < inf):  # squares of very large and of very small numbers
        share = observed / size
        mean, std = size * float(share.mean()), size * float(share.std(correction=0))
    return mean, std if std > CONSTANT * abs(mean) else 1.0  # what is less is round-off of a constant


def _number(entry: Any) -> bool:
    return isinstance(entry, int | float) and not isinstance(entry, bool) and abs(entry) <= float_info.max
