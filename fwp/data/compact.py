"""Dates without hyphens, 20240131: whole numbers that mean dates, and would be counted as numbers."""

from typing import Any

import numpy as np

__all__ = ["compact_dates"]

FORMS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""How they are written, by how many digits they have."""


def compact_dates(column: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which entries of pandas' column of whole numbers, or of digits alone, read as a date from 1900 to 2099.

    Months without days, 202401, count where there are several: one alone may well be a number.
    """
    import pandas  # the column's own

    nothing = np.zeros(len(column), bool)
    whole = column.dtype.kind in "iu"
    if not whole and not (
        column.dtype.kind in "OUT" and column.astype("string").str.fullmatch(r"\d+").fillna(False).all()
    ):
        return nothing
    digits = column.astype("string")
    century = digits.str.slice(0, 2).isin(["19", "20"]).to_numpy()
    size = digits.str.len().to_numpy()
    forms = FORMS | ({6: "%Y%m"} if column.nunique() > 1 else {})
    for count, form in forms.items():
        own = century & (size == count)
        if own.any():
            read = pandas.to_datetime(digits[own], format=form, errors="coerce")
            nothing[np.flatnonzero(own)] = read.notna().to_numpy()
    return nothing
