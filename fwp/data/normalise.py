"""What the training series say about scale: applied to all series, learnt from the training ones alone."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from fwp.data.series import Series
from fwp.errors import DataError, FormatError

__all__ = ["Normaliser"]


@dataclass(frozen=True)
class Normaliser:
    """Values become (value − mean)/std, channel by channel, and times (time − origin)/span."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: float
    span: float

    @staticmethod
    def fit(series: Series) -> "Normaliser":
        """Mean and deviation of what was observed, the earliest time, and how long the longest sample lasts.

        A channel that never changes keeps its scale (std 1), one never observed also its place (mean 0).
        """
        moments = [_moments(series.values[..., c][series.mask[..., c]].double()) for c in range(series.channels)]
        first, last = series.times[:, 0], series.times[:, -1]
        mean, std = (tuple(column) for column in zip(*moments, strict=True))
        return Normaliser(mean, std, float(first.min()), float((last - first).max()) or 1.0)

    def apply(self, series: Series) -> Series:
        """The series in the scale of the training ones; what is missing stays 0, which now is the mean.

        Raises:
            DataError: another number of channels than the training series had.
        """
        if series.channels != len(self.mean):
            raise DataError(
                "the series has other channels than those that the scale was learnt from",
                ("series", f"{series.channels} channels"),
                ("normaliser", f"{len(self.mean)} channels"),
                help="fit a normaliser on training series of the same kind",
            )
        mean, std = series.times.new_tensor(self.mean), series.times.new_tensor(self.std)
        scaled = ((series.values - mean) / std).to(series.values.dtype)
        values = torch.where(series.mask, scaled, 0)
        return Series(values, (series.times - self.origin) / self.span, series.mask, series.lengths, series.static)

    def to_json(self) -> dict[str, object]:
        """The normaliser as plain json."""
        return {"mean": list(self.mean), "std": list(self.std), "origin": self.origin, "span": self.span}

    @staticmethod
    def from_json(data: Any) -> "Normaliser":
        """The normaliser that `to_json` wrote. Raises: FormatError."""
        match data:
            case {"mean": list(mean), "std": list(std), "origin": origin, "span": span} if (
                len(data) == 4
                and len(mean) == len(std) > 0
                and all(_number(entry) for entry in (*mean, *std, origin, span))
                and min(*std, span) > 0
            ):
                return Normaliser(tuple(map(float, mean)), tuple(map(float, std)), float(origin), float(span))
        raise FormatError(
            "this is no normaliser",
            ("read", repr(data)[:200]),
            ("expected", "mean and std, one finite number a channel, origin and span; std and span positive"),
            help="write it with `normaliser.to_json()`",
        )


def _moments(observed: Tensor) -> tuple[float, float]:
    if not len(observed):
        return 0.0, 1.0
    mean, std = float(observed.mean()), float(observed.std(correction=0))
    return mean, std if std > 1e-12 * abs(mean) else 1.0  # what is less is round-off of a constant


def _number(entry: Any) -> bool:
    return isinstance(entry, int | float) and not isinstance(entry, bool) and isfinite(entry)
