"""Dates and durations as times: seconds, counted before anything is rounded."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from jaxtyping import Float64

from fwp.errors import DataError

__all__ = ["EPOCH", "are_dates", "dated", "seconds"]

EPOCH = np.datetime64(0, "s")
"""The beginning of 1970."""


def are_dates(array: np.ndarray) -> bool:
    """Whether the entries are numpy's dates or durations."""
    return array.dtype.kind in "mM"


def dated(name: str, array: np.ndarray) -> np.ndarray:
    """Python's or pandas' dates, or durations, as numpy's; an array of anything else as it is.

    Raises:
        DataError: some of the dates have a time zone, others none.
    """
    entries = list(array.flat) if array.dtype.kind == "O" else []
    if entries and all(isinstance(entry, timedelta) for entry in entries):
        return np.array(entries, "m8[us]").reshape(array.shape)
    if not entries or not all(isinstance(entry, date) for entry in entries):
        return array
    zones = {isinstance(entry, datetime) and entry.utcoffset() is not None for entry in entries if entry == entry}
    if len(zones) > 1:
        raise DataError(
            "some of these dates have a time zone, and others none",
            (name, ", ".join(map(str, entries[:3]))),
            help="give all of them one, or none",
        )
    return np.array([_moment(entry) for entry in entries], "M8[ns]").reshape(array.shape)


def _moment(entry: date) -> np.datetime64:
    """A date in UTC, or in the time zone that nobody named."""
    if entry != entry:  # pandas' NaT
        return np.datetime64("NaT")
    if not isinstance(entry, datetime):
        return np.datetime64(entry, "ns")
    if type(entry).__module__.partition(".")[0] == "pandas":  # which knows nanoseconds
        return np.datetime64(entry.to_datetime64())  # pyright: ignore[reportAttributeAccessIssue]
    return np.datetime64(entry if entry.tzinfo is None else entry.astimezone(UTC).replace(tzinfo=None), "ns")


def seconds(array: np.ndarray, since: np.datetime64 | None = None) -> Float64[np.ndarray, "..."]:
    """Durations in seconds; dates in seconds since the first of their row, or since one date. What is no date is NaN."""
    if array.dtype.kind == "M":
        calendar = np.datetime_data(array.dtype)[0] in ("Y", "M")  # units of no fixed length
        array = array.astype("M8[D]") if calendar else array
        array = array - (array[..., :1] if since is None else since)
    return array / np.timedelta64(1, "s")
