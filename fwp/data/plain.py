"""Numbers of numpy and torch where one number is asked for: `width=np.int64(8)` means 8, and json can hold it."""

from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["plain"]


def plain(given: Any) -> Any:
    """Python's own number for a scalar of numpy or torch, whether or not it stands in an array; all else as it is."""
    match given:
        case float():  # which numpy's float64 is, too
            return float(given)
        case np.generic():
            return given.item()
        case np.ndarray() | Tensor() if given.ndim == 0:
            return given.item()
        case _:
            return given
