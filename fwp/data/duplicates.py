"""Series that occur more than once, as 23 of EigenWorms' 259 do: a test series that was trained on is no test."""

from hashlib import sha256

import torch
from jaxtyping import Int64
from torch import Tensor

from fwp.data.labelled import Labelled

__all__ = ["first_of_each"]


def first_of_each(data: Labelled) -> Int64[Tensor, "row"]:
    """The rows, in order, of the series that equal none before them: in values, mask, length, times and static features.

    Labels are not compared: of equal series in two classes the first stays.
    """
    series = data.series
    parts = (series.values, series.mask, series.lengths, series.times, series.static)
    columns = [part.cpu() for part in parts if part is not None]
    first: dict[bytes, int] = {}
    for row in range(len(data)):
        first.setdefault(sha256(b"".join(_content(column[row]) for column in columns)).digest(), row)
    return torch.tensor(list(first.values()), dtype=torch.int64)


def _content(part: Tensor) -> bytes:
    """Equal for equal numbers: −0 + 0 is 0."""
    return (part + 0 if part.is_floating_point() else part).numpy().tobytes()
