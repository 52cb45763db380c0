"""What stands in the columns of a long table: times, as numbers or dates, and values."""

from types import ModuleType
from typing import Any

import numpy as np
import torch

from fwp.data.extra import extra
from fwp.data.rows import Rows

__all__ = ["times_of", "values_of"]

FORMS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""How dates without hyphens are written, by how many digits they have."""


def times_of(rows: Rows, named: str) -> np.ndarray:
    """Finite numbers, or dates as datetime64; whichever more of the entries are."""
    pandas = _pandas()
    column = rows.frame["time"]
    clock, bad = _numbers(column, False)
    compact = _compact_dates(column)
    if 2 * compact.sum() > len(column):
        help = "write a date as 2024-01-31, and a number that is none as 20240131.0"
        rows.refuse(compact, "time", named, "a time is a whole number that reads as a date", help)
    help = "count from the beginning; nanoseconds since 1970 can be written as dates, 2024-01-31T12:00:00.000000001"
    what = "a time is a whole number from 2^53 on, whose last digits would be lost"
    rows.refuse(_many(column), "time", named, what, help)
    if pandas.api.types.is_datetime64_any_dtype(column) or bad.any():
        dates = pandas.to_datetime(column, format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
        strange = (dates.isna() & column.notna()).to_numpy()
        if strange.sum() < bad.sum():
            clock, bad = dates.to_numpy(), strange
    rows.refuse(bad, "time", named, "a time is neither a number nor a date", "write it as 12.5 or 2024-01-31T12:00")
    endless = np.isnat(clock) if clock.dtype.kind == "M" else ~np.isfinite(clock)
    rows.refuse(endless, "time", named, "a time is missing or not finite", "drop that row")
    return clock


def values_of(rows: Rows, named: str, dtype: torch.dtype) -> np.ndarray:
    """Numbers that the type holds; NaN where a value is missing."""
    value, bad = _numbers(rows.frame["value"], rows.unit == "row")
    help = "write it as -1.5e3, or leave it empty if it is missing"
    rows.refuse(bad, "value", named, "a value is not a number", help)
    what = "a value is a whole number from 2^53 on, whose last digits would be lost"
    rows.refuse(
        _many(rows.frame["value"]), "value", named, what, "subtract what they have in common, or write it as 9.1e15"
    )
    infinite = torch.from_numpy(value).to(dtype).isinf().numpy()
    rows.refuse(infinite, "value", named, f"a value is infinite as {dtype}", "leave it empty if it is missing")
    return value


def _many(column: Any) -> np.ndarray:
    """Which entries are whole numbers that float64 cannot hold, of a column of such."""
    whole = column.dtype.kind in "iu"
    return (column.astype(np.float64).abs() >= 2**53).to_numpy(bool) if whole else np.zeros(len(column), bool)


def _numbers(column: Any, truths: bool) -> tuple[np.ndarray, np.ndarray]:
    """The column as float64, and which entries are neither numbers nor missing; whether truth values are 0 and 1 is said.

    In a csv file they are words: among numbers pandas would refuse them, and take them where all are such.
    """
    pandas = _pandas()
    dates = column.dtype.kind in "mM" or (column.dtype.kind == "b" and not truths)  # dates in units of pandas' own
    numbers = pandas.Series(np.nan, column.index) if dates else pandas.to_numeric(column, errors="coerce")
    return numbers.to_numpy(np.float64, na_value=np.nan).copy(), (numbers.isna() & column.notna()).to_numpy()


def _compact_dates(column: Any) -> np.ndarray:
    """Which entries of pandas' column of whole numbers, or of digits alone, read as a date from 1900 to 2099.

    Months without days, 202401, count where there are several: one alone may well be a number.
    """
    pandas = _pandas()
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


def _pandas() -> ModuleType:
    return extra("pandas", "tables are read by pandas")
