"""Data frames and columns of other libraries as arrays, found by what they are called: none of them is imported here."""

from typing import Any

import numpy as np

from fwp.errors import DataError

__all__ = ["column", "is_frame", "library", "row_labels", "unframed"]


def library(data: object) -> str:
    """The package that the kind of object comes from: "pandas"."""
    return type(data).__module__.partition(".")[0]


def is_frame(data: object) -> bool:
    """Whether this is a table with columns, of pandas, polars or pyarrow."""
    return library(data) in ("pandas", "polars", "pyarrow") and type(data).__name__ in ("DataFrame", "Table")


def unframed(name: str, data: Any) -> np.ndarray:
    """The numbers of a frame or of a column, NaN where there are none; dates as they are.

    Raises:
        DataError: the columns of a frame are no numbers, or two have one name.
    """
    if not is_frame(data):
        return column(data)
    names = [str(own) for own in (data.column_names if library(data) == "pyarrow" else data.columns)]
    if len(set(names)) < len(names):
        twice = next(own for own in names if names.count(own) > 1)
        raise DataError(
            "two columns of a frame have one name",
            (name, ", ".join(names)[:200]),
            ("twice", repr(twice)),
            help="leave one of them out, or rename it",
        )
    columns = [column(own) for own in _columns(data)]
    for own, array in zip(names, columns, strict=True):
        if array.dtype.kind not in "biuf":
            raise DataError(
                "a column of a frame holds no numbers",
                (f"{name}, column {own!r}", f"{array.dtype}, such as {array[:1].tolist()}"[:120]),
                help="leave it out of the values, or write numbers for what it says",
            )
    if not columns:
        return np.empty((len(data), 0))
    kind = np.result_type(*columns)
    return np.stack([array.astype(kind) for array in columns], -1)


def _columns(frame: Any) -> list[Any]:
    match library(frame):
        case "pandas":
            return [frame.iloc[:, place] for place in range(frame.shape[1])]
        case "polars":
            return list(frame.get_columns())
        case _:
            return list(frame.columns)


def column(data: Any) -> np.ndarray:
    """One column, or an index, as an array; where numbers stand with missing ones, those are NaN."""
    array = np.asarray(data) if library(data) == "pandas" else data.to_numpy()
    if array.dtype.kind != "O":
        return array
    absent = np.array([entry is None or type(entry).__name__ == "NAType" for entry in array.flat], dtype=bool)
    if not absent.any():
        return array
    filled = array.copy()
    filled.flat[np.flatnonzero(absent)] = np.nan
    try:
        known = filled[~absent.reshape(array.shape)]
        return filled.astype(np.float64) if all(isinstance(own, int | float | np.number) for own in known) else array
    except (TypeError, ValueError, OverflowError):
        return array


def row_labels(name: str, data: Any) -> Any | None:
    """What the index of pandas' rows says of their times; None where they are but counted.

    Raises:
        DataError: it says something that is neither dates nor a count, and would be lost.
    """
    if isinstance(data, list | tuple):
        if any(is_frame(own) and row_labels(name, own) is not None for own in data):
            raise DataError(
                "frames with times of their own are given one by one",
                (name, f"{len(data)} frames"),
                help="collate(frames) makes a batch of them",
            )
        return None
    if library(data) != "pandas" or not is_frame(data):
        return None
    index = data.index
    match type(index).__name__:
        case "RangeIndex" if index.step == 1:
            return None
        case "DatetimeIndex" | "TimedeltaIndex":
            return index
        case _:
            raise DataError(
                "the index of a frame would be lost",
                (name, f"rows labelled {list(index[:3])}, and so on"[:120]),
                help="say what it means: times=frame.index if it is the time, or frame.reset_index(drop=True)",
            )
