"""Times as people have them, as float64: numbers as they are, durations in seconds, dates in seconds since the first."""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from fwp.data.dates import are_dates, seconds
from fwp.data.numbers import array_of, numbers_of
from fwp.errors import DataError

__all__ = ["Clock", "clock_of"]


class Clock(NamedTuple):
    """Times, and to what share of themselves their type may have rounded them before they came here."""

    times: Float64[Tensor, "*batch time"]
    coarse: float


def clock_of(name: str, data: Any, since: np.datetime64 | None = None) -> Clock:
    """The times that were given; dates since the first of their row, or since one date.

    Raises:
        DataError: they are neither numbers nor dates, or whole numbers that float64 cannot hold.
    """
    if not isinstance(data, Tensor):
        array = array_of(name, data)
        if are_dates(array):
            return Clock(torch.from_numpy(seconds(array, since)), 0.0)
        if array.dtype.kind in "UST":
            raise DataError(
                "these are not numbers, nor dates",
                (name, f"text, such as {str(array.flat[0])!r}"),
                help='dates are np.array(times, "datetime64[ns]"), numbers are np.array(times, float)',
            )
        data = data if isinstance(data, list | tuple) else array
    given = numbers_of(name, data).tensor
    return Clock(given.to(torch.float64), torch.finfo(given.dtype).eps)
