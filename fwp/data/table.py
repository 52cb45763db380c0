"""A long table becomes series: a row an observation, with the columns series, time, channel and value."""

import csv
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from fwp.data.cells import times_of, values_of
from fwp.data.extra import extra
from fwp.data.frame import column as column_of
from fwp.data.frame import is_frame, library
from fwp.data.gzipped import is_gzip, packed_by, unzipped
from fwp.data.rows import Rows
from fwp.data.series import Series, require_holdable, series
from fwp.errors import DataError, FwpError, did_you_mean, reason
from fwp.kinds import explained

__all__ = ["COLUMNS", "Named", "read_table"]

COLUMNS = ("series", "time", "channel", "value")
"""What the columns of a table are called unless its reader says otherwise."""
MISSING = ["", "NA", "N/A", "NaN", "nan", "<NA>", "null", "None", "?"]
"""What stands in a csv file where a value is missing. In the columns of names these are names: NA is sodium, too."""
MOST_COLUMNS = 5_000
"""A long table needs four; others are left aside."""
MOST_ROWS = 2 * 10**8
"""In memory some 6 GB; in a parquet file of equal entries they take a few bytes."""


@dataclass(frozen=True, eq=False)
class Named:
    """A batch of series with the names of its samples and of its channels, in their order."""

    series: Series
    names: tuple[str, ...]
    channels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.series)


@explained
def read_table(
    file: Path | str | Any,
    *,
    columns: Sequence[str] = COLUMNS,
    channels: Sequence[str] | None = None,
    dtype: torch.dtype | None = None,
) -> Named:
    """The series of a long table: csv (UTF-8, with commas, gzipped or not) or parquet, told apart by the file's first bytes.

    A row is one observation: which series, when, which channel, which value. Rows may stand in any order, other columns are
    left aside. The time points of a series are all times at which it has a row; where a channel has none, or its value is
    empty or NaN, it counts as missing.

    Times are numbers, kept as they are, or dates in ISO 8601 (2024-01-31T12:00, UTC without an offset): these become
    seconds since the first row of their series. Whole numbers that read as dates (20240131) are refused.

    Series come in the order in which the file first names them. Channels come in the order of their names, x2 before x10:
    so files with the same channels agree, whatever the order of their rows.

    Args:
        file: the table, or a frame of pandas, polars or pyarrow. Parquet needs pyarrow, `pip install 'fwp[parquet]'`.
        columns: what the columns series, time, channel and value are called in the file.
        channels: the channels wanted, in this order; one without rows is missing throughout.
        dtype: of the values; torch's default unless given. float64 keeps the digits of numbers that are far from 0.

    Raises:
        DataError: no such file or columns, or two of one name; no rows, something that is no number or no finite time, a
            nameless series or channel, two rows for the same series, time and channel, or a channel that is not among
            `channels`.
    """
    if len(columns) != len(COLUMNS) or len(set(columns)) != len(COLUMNS):
        raise DataError(
            "a table has four columns of different names",
            ("columns", ", ".join(columns)),
            help=f"name those of {', '.join(COLUMNS)}, in this order",
        )
    rows = _framed(file, tuple(columns)) if is_frame(file) else _read(_path(file), tuple(columns))
    frame = rows.frame
    sample, names = _codes(rows, frame["series"], columns[0])
    channel, found = _codes(rows, frame["channel"], columns[2])
    channel, wanted = _arranged(rows, channel, found, channels)
    dtype = torch.get_default_dtype() if dtype is None else dtype
    clock, value = times_of(rows, columns[1]), values_of(rows, columns[3], dtype)

    order = np.lexsort((channel, clock, sample))
    sample, channel, clock, value = (part[order] for part in (sample, channel, clock, value))
    begins = np.flatnonzero(_changes(sample))
    if clock.dtype.kind == "M":
        clock = (clock - clock[begins][sample]) / np.timedelta64(1, "s")
    new = _changes(sample) | _changes(clock)
    twice = np.flatnonzero(~(new | _changes(channel)))
    if len(twice):
        at = twice[0]
        raise DataError(
            "a table has two rows for the same series, time and channel",
            ("file", str(rows.file)),
            (columns[0], repr(names[sample[at]])),
            (columns[1], str(frame["time"].iloc[order[at]])),
            (columns[2], repr(wanted[channel[at]])),
            (f"{rows.unit}s", " and ".join(str(frame.index[i]) for i in order[at - 1 : at + 1])),
            ("such rows", str(len(twice))),
            help="keep one of them, or their mean",
        )
    point = np.cumsum(new) - 1  # of all time points of all series, one series after the other
    starts = point[begins]
    position = point - starts[sample]
    lengths = np.diff(starts, append=point[-1] + 1)
    shape = (len(names), int(lengths.max()))
    require_holdable(*shape, len(wanted), f"the table {rows.file}")
    values, times = np.full((*shape, len(wanted)), np.nan), np.zeros(shape)
    values[sample, position, channel] = value
    times[sample, position] = clock
    batch = series(values, times, lengths=lengths).to(dtype=dtype)
    return Named(batch, names, wanted)


def _changes(column: np.ndarray) -> np.ndarray:
    """Where an entry is another than the one before; the first is."""
    return np.append(True, column[1:] != column[:-1])


def _path(file: Any) -> Path:
    try:
        return Path(file)
    except TypeError as error:
        raise DataError(
            "a table is a file, or a frame with its columns",
            ("given", f"a {type(file).__name__}"),
            help="give a path, or pandas.DataFrame(…)",
        ) from error


def _framed(frame: Any, columns: tuple[str, ...]) -> Rows:
    """The four columns of a frame; what is the index of one is a column of the other."""
    pandas = _pandas()
    name = f"a {library(frame)} {type(frame).__name__}"
    if library(frame) == "pandas":
        own = frame.reset_index() if set(frame.index.names) & set(columns) else frame
        header = list(map(str, own.columns))
        _present(name, header, columns)
        own = own.iloc[:, [header.index(wanted) for wanted in columns]].set_axis(COLUMNS, axis=1)
    else:
        header = list(frame.column_names if library(frame) == "pyarrow" else frame.columns)
        _present(name, header, columns)
        found = (frame.column(wanted) if library(frame) == "pyarrow" else frame[wanted] for wanted in columns)
        own = pandas.DataFrame({wanted: column_of(part) for wanted, part in zip(COLUMNS, found, strict=True)})
    if not len(own):
        raise DataError("a table has no rows", ("given", name), help="give a row for each observation")
    return Rows(name, "row", own.reset_index(drop=True))


def _read(file: Path, columns: tuple[str, ...]) -> Rows:
    """The file's four columns. Of a csv file, lines with nothing on them are no rows."""
    try:
        with file.open("rb") as opened:
            parquet = (begins := opened.read(6))[:4] == b"PAR1"
        if packer := packed_by(begins):
            raise ValueError(f"it is packed by {packer}: unpack it first")
        rows = _parquet(file, columns) if parquet else _csv(file, columns)
    except FwpError:
        raise
    except OSError as error:
        said = error.strerror or str(error)
        raise DataError(
            "a table cannot be read", ("file", str(file)), ("because", said), help="check the path"
        ) from error
    except (ValueError, NotImplementedError, OverflowError) as error:  # of pandas, pyarrow and unicode
        raise DataError(
            "a table cannot be read",
            ("file", str(file)),
            ("because", reason(error)),
            help="give a csv file in UTF-8, its numbers with decimal points, or a parquet file",
        ) from error
    if not len(rows.frame):
        raise DataError("a table has no rows", ("file", str(file)), help="give a row for each observation")
    return rows


def _csv(file: Path, columns: tuple[str, ...]) -> Rows:
    pandas = _pandas()
    form = {"encoding": "utf-8-sig", "skipinitialspace": True, "skip_blank_lines": False, "compression": None}
    text = unzipped(file).getvalue() if is_gzip(file) else None

    def source() -> Any:
        return file if text is None else BytesIO(text)

    _require_narrow(file, source())
    first = pandas.read_csv(source(), nrows=1, header=None, dtype=str, keep_default_na=False, **form)
    header = [name.strip() for name in first.iloc[0]]
    _present(file, header, columns)
    places = [header.index(name) for name in columns]
    sample, time, channel, value = places
    with warnings.catch_warnings():
        warnings.simplefilter("error", pandas.errors.ParserWarning)  # rows longer than the header would be cut
        try:
            frame = pandas.read_csv(
                source(),
                header=0,
                names=range(len(header)),
                dtype={sample: "category", channel: "category"},
                keep_default_na=False,
                na_values={time: MISSING, value: MISSING},
                index_col=False,
                low_memory=False,
                float_precision="round_trip",
                **form,
            )
        except pandas.errors.ParserWarning as warning:
            raise ValueError("rows have more fields than the header") from warning
    frame = frame[places].set_axis(COLUMNS, axis=1)
    frame.index = frame.index + 2  # the header is line 1
    blank = (frame["series"] == "") & (frame["channel"] == "") & frame["time"].isna() & frame["value"].isna()
    return Rows(file, "line", frame[~blank])


def _require_narrow(file: Path, source: Path | BytesIO) -> None:
    """Refuse more columns than any long table has: pandas takes minutes for a hundred thousand."""
    with source.open("rb") if isinstance(source, Path) else source as opened:
        text = TextIOWrapper(opened, encoding="utf-8-sig", errors="replace", newline="")
        try:
            count = len(next(csv.reader(text, skipinitialspace=True), []))
        except csv.Error as error:
            raise ValueError(f"its header: {error}") from error
    if count > MOST_COLUMNS:
        raise DataError(
            "a table has more columns than any long table",
            ("file", str(file)),
            ("columns", f"{count:,}, of at most {MOST_COLUMNS:,}"),
            help="a row is one observation: write channels below each other, not side by side",
        )


def _parquet(file: Path, columns: tuple[str, ...]) -> Rows:
    try:
        from pyarrow import parquet, types  # pyright: ignore[reportMissingImports]  # an optional extra
    except ImportError as error:
        raise DataError(
            "parquet files are read by pyarrow",
            ("file", str(file)),
            ("missing", str(error)),
            help="pip install 'fwp[parquet]', or write the table as csv",
        ) from error
    schema = parquet.read_schema(file)
    _present(file, schema.names, columns)
    if nested := [name for name in columns if types.is_nested(schema.field(name).type)]:
        raise ValueError(f"the column {nested[0]} holds {schema.field(nested[0]).type}")
    if (count := parquet.read_metadata(file).num_rows) > MOST_ROWS:
        raise DataError(
            "a table has more rows than memory holds",
            ("file", str(file)),
            ("rows", f"{count:,}, of at most {MOST_ROWS:,}"),
            help="read it in parts",
        )
    # Without pandas' own notes in the file: what was an index is a column.
    frame = parquet.read_table(file, columns=list(columns)).to_pandas(ignore_metadata=True)
    frame = frame[list(columns)].set_axis(COLUMNS, axis=1)
    frame.index = frame.index + 1
    return Rows(file, "row", frame)


def _present(file: Path | str, header: list[str], columns: tuple[str, ...]) -> None:
    """Refuse a table that lacks a column, or has two of one name."""
    if twice := [name for name in columns if header.count(name) > 1]:
        raise DataError(
            "two columns of a table have one name",
            ("file", str(file)),
            ("its columns", ", ".join(header)[:200]),
            ("twice", twice[0]),
            help="leave one of them out, or rename it",
        )
    absent = [name for name in columns if name not in header]
    if not absent:
        return
    other = "say with `columns` what series, time, channel and value are called"
    near = did_you_mean(absent[0], [name for name in header if name not in columns], "")
    if len(header) == 1 and re.search(r"[;\t|]", header[0]):
        help = "separate its columns by commas"
    elif near:
        help = f"{near} {other}"
    else:
        help = other
    raise DataError(
        f"a table lacks the column{'s' if len(absent) > 1 else ''} {', '.join(absent)}",
        ("file", str(file)),
        ("its columns", ", ".join(header)[:200] or "none"),
        ("wanted", ", ".join(columns)),
        help=help,
    )


def _codes(rows: Rows, column: Any, named: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Each row's number of its name, and the names in the order of their first appearance."""
    codes, unique = _pandas().factorize(column)
    names = tuple(map(str, unique))
    if len(set(names)) < len(names):
        alike = next(name for name in names if names.count(name) > 1)
        kinds = ", ".join(sorted({type(own).__name__ for own in unique if str(own) == alike}))
        facts = ("file", str(rows.file)), (named, f"{alike!r}, as {kinds}")
        raise DataError("two names are written alike", *facts, help="give all names one type")
    nameless = codes < 0
    if "" in names:
        nameless |= codes == names.index("")
    what = "a row has no name where it needs one"
    rows.refuse(nameless, str(column.name), named, what, "write the name into each row")
    return codes, names


def _arranged(
    rows: Rows, codes: np.ndarray, found: tuple[str, ...], wanted: Sequence[str] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The rows' channels as numbers in the order that is wanted, or in that of their names."""
    if wanted is None:
        order = tuple(sorted(found, key=_natural))
    else:
        order = tuple(wanted)
        if len(set(order)) < len(order):
            help = "name each channel once"
            raise DataError("two of the channels wanted have one name", ("wanted", ", ".join(order)), help=help)
        if strange := [name for name in found if name not in order]:
            raise DataError(
                "a table has a channel that is not among those wanted",
                ("file", str(rows.file)),
                ("channel", ", ".join(map(repr, strange))[:200]),
                ("wanted", ", ".join(order)),
                help=did_you_mean(strange[0], order, "name it too, or leave its rows out"),
            )
    place = {name: number for number, name in enumerate(order)}
    return np.array([place[name] for name in found])[codes], order


def _natural(name: str) -> tuple[object, ...]:
    """Runs of digits count as the numbers that they are, compared without making them numbers, which has a limit."""
    text_and_digits = re.split(r"([0-9]+)", name)
    texts, digits = text_and_digits[::2], [run.lstrip("0") for run in text_and_digits[1::2]]
    return tuple(zip(texts, [(len(run), run) for run in [*digits, ""]], strict=True)), name


def _pandas() -> ModuleType:
    return extra("pandas", "tables are read by pandas")
