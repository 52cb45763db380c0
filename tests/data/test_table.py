"""Long tables: what is read equals what was written, and every complaint says where."""

import csv
import datetime
import io
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import fwp
from fwp.data import read_table
from fwp.errors import DataError

HEADER = "series,time,channel,value\n"
NAMES = st.one_of(
    st.sampled_from(["NA", "nan", "None", "1", "01", "1.0", "True", "?", "a,b", 'say "a"', "β"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1, max_size=4),
).filter(lambda name: name == name.strip())
TIMES = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False)
TABLES = st.dictionaries(st.tuples(NAMES, TIMES, NAMES), VALUES, min_size=1, max_size=12)


@pytest.fixture
def table(tmp_path):
    def write(text: str | bytes) -> Path:
        file = tmp_path / "table.csv"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    return write


def frame(rows) -> pandas.DataFrame:
    return pandas.DataFrame([(*key, value) for key, value in rows.items()], columns=HEADER.strip().split(","))


def read_back(series: fwp.data.Named):
    """The observations, as rows, and the time points of each series."""
    batch, rows, points = series.series, {}, {}
    for sample, name in enumerate(series.names):
        clock = batch.times[sample, : batch.lengths[sample]].tolist()
        points[name] = clock
        for position, time in enumerate(clock):
            for number, channel in enumerate(series.channels):
                if batch.mask[sample, position, number]:
                    rows[name, time, channel] = batch.values[sample, position, number].item()
    return rows, points


def expected(rows):
    points: dict[str, set[float]] = {}
    for name, time, _ in rows:
        points.setdefault(name, set()).add(time)
    return {key: value for key, value in rows.items() if value is not None}, {n: sorted(t) for n, t in points.items()}


@pytest.mark.users
@given(rows=TABLES)
def test_csv_comes_back(rows, tmp_path_factory) -> None:
    file = tmp_path_factory.mktemp("table") / "table.csv"
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["value", "note", "channel", "series", "time"])
        writer.writerows(
            [value, "not read", channel, name, repr(time)] for (name, time, channel), value in rows.items()
        )
    found = fwp.read_table(file)
    assert read_back(found) == expected(rows)
    assert found.names == tuple(dict.fromkeys(name for name, _, _ in rows)), "in the order of their first appearance"


@given(rows=TABLES)
def test_parquet_comes_back(rows, tmp_path_factory) -> None:
    pytest.importorskip("pyarrow")
    file = tmp_path_factory.mktemp("table") / "no suffix"
    file.write_bytes(frame(rows).to_parquet())
    assert read_back(read_table(file)) == expected(rows)


@given(rows=TABLES, random=st.randoms())
def test_the_order_of_rows_decides_nothing_but_that_of_the_series(rows, random, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("table")
    shuffled = dict(random.sample(list(rows.items()), len(rows)))
    found = []
    for name, own in (("a", rows), ("b", shuffled)):
        frame(own).to_csv(folder / name, index=False)
        found.append(read_table(folder / name))
    assert found[0].channels == found[1].channels and read_back(found[0]) == read_back(found[1])


@given(rows=TABLES, data=st.data())
def test_the_line_of_a_bad_value_is_named(rows, data, tmp_path_factory) -> None:
    assume(all("\n" not in name for key in rows for name in (key[0], key[2])))
    lines: list[str] = []
    place = 0
    bad = data.draw(st.integers(0, len(rows) - 1))
    for number, ((name, time, channel), value) in enumerate(rows.items()):
        lines += [""] * data.draw(st.integers(0, 2))
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow([name, repr(time), channel, "oops" if number == bad else value])
        lines.append(text.getvalue())
        place = len(lines) + 1 if number == bad else place
    file = tmp_path_factory.mktemp("table") / "table.csv"
    file.write_text(HEADER + "\n".join(lines))
    with pytest.raises(DataError, match=rf"(?s)a value is not a number.*line {place}, value +: oops"):
        read_table(file)


def test_irregular_times_and_missing_values(table) -> None:
    found = read_table(table(HEADER + "b,1,x10,3\nb,0.5,x2,4\n\na,2,x2,\na,3,x2,NaN\n"))
    assert found.names == ("b", "a") and found.channels == ("x2", "x10") and len(found) == 2
    batch = found.series
    assert batch.times.tolist() == [[0.5, 1], [2, 3]] and batch.lengths.tolist() == [2, 2]
    assert batch.values.tolist() == [[[4, 0], [0, 3]], [[0, 0], [0, 0]]]
    assert batch.mask.tolist() == [[[True, False], [False, True]], [[False] * 2] * 2]
    assert batch.values.dtype is torch.float32 and batch.static is None


def test_values_are_of_the_default_dtype(table) -> None:
    file = table(HEADER + "a,1,x,1e39\na,2,x,0.1\n")
    torch.set_default_dtype(torch.float64)
    try:
        assert read_table(file).series.values.flatten().tolist() == [1e39, 0.1]
    finally:
        torch.set_default_dtype(torch.float32)
    with pytest.raises(DataError, match=r"(?s)infinite as torch.float32.*line 2, value : 1e\+39"):
        read_table(file)


def test_channels_in_the_order_of_names_or_as_wanted(table) -> None:
    names = ["x10", "x9", "x", "9", "10", "x9b", "2", "x09"]
    file = table(HEADER + "".join(f"a,1,{name},{number}\n" for number, name in enumerate(names)))
    assert read_table(file).channels == ("2", "9", "10", "x", "x09", "x9", "x9b", "x10")
    found = read_table(file, channels=["never", *names])
    assert found.channels == ("never", *names)
    assert found.series.values.flatten().tolist() == [0, *range(len(names))]
    assert found.series.mask.flatten().tolist() == [False] + [True] * len(names)
    with pytest.raises(DataError, match=r"(?s)not among those wanted.*'x10'.*wanted  : X10, x9.*did you mean X10\?"):
        read_table(file, channels=["X10", *names[1:]])
    with pytest.raises(DataError, match="one name"):
        read_table(file, channels=[*names, "x"])


def test_dates_are_seconds_since_the_first_of_their_series(table) -> None:
    rows = "a,2024-03-01,x,1\nb,2024-01-01T12:00:00.5Z,x,1\na,2024-02-29,x,2\nb,2024-01-01T15:00:00+02:00,x,2\n"
    found = read_table(table(HEADER + rows)).series
    assert found.times.tolist() == [[0, 86400], [0, 3599.5]] and found.values.flatten().tolist() == [2, 1, 1, 2]


def test_columns_of_other_names(table) -> None:
    file = table("how,when,what,who\n5,1,x,a\n")
    found = read_table(file, columns=["who", "when", "what", "how"])
    assert found.names == ("a",) and found.channels == ("x",) and found.series.values.item() == 5
    with pytest.raises(DataError, match="four columns of different names"):
        read_table(file, columns=["who", "when", "what", "what"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"cannot be read.*No columns"),
        (HEADER, r"no rows"),
        (HEADER + "\n\n", r"no rows"),
        (
            "Series,TIME,chan,value\na,1,x,2\n",
            r"lacks the columns series, time, channel.*its columns : Series, TIME, chan",
        ),
        ("series,TIME,channel,value\na,1,x,2\n", r"lacks the column time\n.*did you mean TIME\?"),
        ("series;time;channel;value\na;1;x;2\n", r"lacks the columns.*by commas"),
        ("a,1,x,2\nb,1,x,2\n", r"lacks the columns series, time, channel, value.*its columns : a, 1, x, 2"),
        (HEADER + "a,1,x,3,5\n", r"cannot be read.*more fields than the header"),
        (HEADER + "a,1,x,3\na,2,x,3,5\n", r"cannot be read.*Expected 4 fields in line 3, saw 5"),
        (HEADER + 'a,1,x,"3\n', r"cannot be read.*EOF inside string"),
        (
            HEADER + "a,1,x,3\na,2,x,4k\na,3,x,\na,4,x,no\n",
            r"value is not a number.*line 3, value : 4k.*line 5.*no.*lines +: 2",
        ),
        (HEADER + 'a,1,x,"3,5"\n', r"value is not a number.*line 2, value : 3,5"),
        (HEADER + "a,1,x,3\na,2,x,-inf\n", r"value is infinite.*line 3, value : -inf"),
        (HEADER + "a,1,x,3\na,soon,x,4\n", r"neither a number nor a date.*line 3, time : soon"),
        (HEADER + "a,2024-01-01,x,3\na,soon,x,4\n", r"neither a number nor a date.*line 3, time : soon"),
        (HEADER + "a,2024-13-01,x,3\n", r"neither a number nor a date.*line 2, time : 2024-13-01"),
        (HEADER + "a,1,x,3\na,,x,4\nb,inf,x,4\n", r"missing or not finite.*line 3, time : nothing.*line 4, time : inf"),
        (HEADER + "a,2024-01-01,x,3\na,,x,4\n", r"missing or not finite.*line 3, time : nothing"),
        (HEADER + "a,1,x,3\n,2,x,4\n", r"no name.*line 3, series : nothing"),
        (HEADER + "a,1,x,3\na,2,,4\n", r"no name.*line 3, channel : nothing"),
        (HEADER + "a,1,x,3\na,2\n", r"no name.*line 3, channel : nothing"),
        (HEADER + "a,1,x,3\nb,1,x,3\n\na,1.0,x,\n", r"two rows.*series    : 'a'.*lines     : 2 and 5.*such rows : 1"),
        (b"\x1f\x8b\x08\x00\xff", r"gzipped file is truncated or damaged.*csv file itself"),
    ],
)
def test_what_is_no_table_is_refused_with_its_lines(table, text, words) -> None:
    with pytest.raises(DataError, match=f"(?s){words}") as caught:
        read_table(table(text))
    assert "table.csv" in str(caught.value) and caught.value.help


def test_a_file_that_is_absent_or_a_folder(tmp_path) -> None:
    for file in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match=r"(?s)cannot be read.*(No such file|Is a directory).*check the path"):
            read_table(file)


def test_parquet_has_types_of_its_own(tmp_path) -> None:
    pytest.importorskip("pyarrow")
    plain = pandas.DataFrame({"series": [7, 7, 3], "time": [0, 1, 2], "channel": [2, 10, 2], "value": [1.0, 2, None]})
    file = tmp_path / "table.parquet"

    def found(frame: pandas.DataFrame):
        frame.to_parquet(file)
        read = read_table(file)
        assert read.names == ("7", "3") and read.channels == ("2", "10") and read.series.mask.sum() == 2
        return read.series.times.flatten().tolist()

    assert found(plain) == [0, 1, 2, 2]
    assert found(plain.set_index(["series", "time"])) == [0, 1, 2, 2], "pandas' index is a column"
    assert found(plain.astype({"series": "category", "time": "category"})) == [0, 1, 2, 2]
    assert found(plain.assign(value=[Decimal("1.5"), Decimal(2), None])) == [0, 1, 2, 2]
    days = [datetime.date(2024, 1, day) for day in (1, 2, 3)]
    assert found(plain.assign(time=days)) == found(plain.assign(time=pandas.to_datetime(days))) == [0, 86400, 0, 0]
    for column, entries, words in (
        ("value", [[1], [2], [3]], r"column value holds list"),
        ("series", [[1], [2], [3]], r"column series holds list"),
        ("value", pandas.to_datetime(days), r"value is not a number.*row 1, value : 2024-01-01"),
        ("time", [0, None, 2], r"missing or not finite.*row 2, time : nothing"),
        ("channel", ["x", None, "x"], r"no name.*row 2, channel : nothing"),
    ):
        plain.assign(**{column: entries}).to_parquet(file)
        with pytest.raises(DataError, match=f"(?s){words}"):
            read_table(file)
    plain.drop(columns="time").to_parquet(file)
    with pytest.raises(DataError, match="lacks the column time"):
        read_table(file)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"(?s)cannot be read.*table.parquet"):
        read_table(file)


def test_what_is_not_installed_is_named(table, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"(?s)pyarrow.*missing.*pip install 'fwp\[parquet\]'"):
        read_table(table(b"PAR1 and more"))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DataError, match=r"(?s)pandas.*pip install 'fwp\[bench\]'"):
        read_table(table(HEADER + "a,1,x,3\n"))


def test_many_rows_are_read_at_once(table) -> None:
    """A loop over 300,000 rows would do more than this many calls of Python functions."""
    rows = np.arange(300_000)
    columns = {"series": rows % 1000, "time": rows // 1000, "channel": "x", "value": rows}
    file = table(pandas.DataFrame(columns).to_csv(index=False))
    calls = 0

    def count(_frame, _event, _argument) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        found = read_table(file)
    finally:
        sys.setprofile(None)
    assert calls < len(rows) and found.series.mask.sum() == len(rows)
    assert torch.equal(found.series.values[..., 0], torch.arange(300_000).reshape(300, 1000).T.float())
