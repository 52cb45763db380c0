"""Whole and real numbers as people write them: Python's, numpy's, any library's own, and never a truth value."""

from math import isfinite
from numbers import Real
from operator import index
from typing import Any

import numpy as np

__all__ = ["real_number", "whole"]


def whole(value: Any) -> int | None:
    """The whole number that a value is, as Python's own; None for True, 2.0, "2" and whatever else is none.

    A truth value is an `int` to Python, and 2.0 the same key as 2 to every dictionary: what is kept by such a number
    must be asked for by a plain one.
    """
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return index(value)
    except TypeError:
        return None


def real_number(value: Any) -> float | None:
    """The finite number that a value is; None for True, NaN, infinity, a string and whatever else is none."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return None
    number = float(value)
    return number if isfinite(number) else None
