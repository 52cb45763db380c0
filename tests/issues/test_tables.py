"""A table says what its author meant, or it is refused where that is not clear."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

import fwp
from fwp.errors import DataError

HEADER = "series,time,channel,value\n"


def read(folder: Path, text: str | bytes, **more: Any) -> Any:
    file = folder / "table.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return fwp.read_table(file, **more)


@pytest.mark.parametrize(
    ("times", "meant"),
    [
        (["20240131", "20240201"], False), (["20240131"], False), (["20240131", "20240201", "20249999"], False),
        (["202401311200", "202402010000"], False), (["20240131120000", "20240201000000"], False), (["202401", "202402"], False),
        (["19991231"], False), (["20240131.0", "20240201.0"], True), (["2.0240131e7"], True), (["20245000", "20249999"], True),
        (["20240131", "3"], True), (["202401"], True), (["2023", "2024"], True), (["1700000000"], True), (["12345678"], True),
        (["-20240131"], True), (["99991231"], True),
    ],
)  # fmt: skip
def test_whole_numbers_that_read_as_dates_are_refused_and_others_are_not(tmp_path, times, meant) -> None:
    text = HEADER + "".join(f"a,{time},x,1\n" for time in times)
    tables = [lambda: read(tmp_path, text)]
    if not any("." in time or "e" in time for time in times):
        frame = pandas.DataFrame({"series": "a", "time": list(map(int, times)), "channel": "x", "value": 1.0})
        tables += [lambda: fwp.read_table(frame), lambda: fwp.read_table(frame.astype({"time": str}))]
    for table in tables:
        if meant:
            assert table().series.times[0].tolist() == sorted(map(float, times))
        else:
            with pytest.raises(DataError, match="reads as a date"):
                table()


def test_dates_of_several_spellings_are_dates(tmp_path) -> None:
    found = read(tmp_path, HEADER + "a,2024-01-31,x,1\na,20240201,x,2\na,2024-02-01T12:00Z,x,3\n")
    assert found.series.times[0].tolist() == [0, 86400, 129600]


@pytest.mark.parametrize(
    "header",
    ["series,time,channel,value,value", "series,series,time,channel,value", "series,time,channel,value,value ", "series,time, time,channel,value"],
)  # fmt: skip
def test_of_two_columns_of_one_name_none_wins(tmp_path, header) -> None:
    with pytest.raises(DataError, match="two columns of a table have one name"):
        read(tmp_path, header + "\na,1,x,2,3\n")


def test_so_in_parquet_and_in_frames(tmp_path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    names = ["series", "time", "channel", "value", "value"]
    table = pyarrow.Table.from_arrays([pyarrow.array([own]) for own in ("a", 1.0, "x", 2.0, 3.0)], names=names)
    parquet.write_table(table, tmp_path / "table.parquet")
    frame = pandas.DataFrame([["a", 1.0, "x", 2.0, 3.0]], columns=names)
    for given in (tmp_path / "table.parquet", table, frame):
        with pytest.raises(DataError, match="two columns of a table have one name"):
            fwp.read_table(given)


def test_columns_that_nobody_asked_for_may_have_any_names(tmp_path) -> None:
    found = read(tmp_path, "note,series,time,note,channel,value,\n1,a,1,2,x,3,\n")
    assert found.series.values.item() == 3


@pytest.mark.parametrize(
    "header",
    [" series , time,channel , value ", "\ufeffseries,time,channel,value", '"series","time","channel","value"'],
)
def test_space_and_marks_around_names_are_none_of_them(tmp_path, header) -> None:
    found = read(tmp_path, header + "\na,1,x,2\n")
    assert found.names == ("a",) and found.channels == ("x",) and found.series.values.item() == 2


@pytest.mark.parametrize(
    "value", ["True", "False", "true", "0x1A", "1_000", '"1,000"', '"1,5"', "1 000", "１２ kg", "2024-01-31"]
)
@pytest.mark.parametrize("others", ["", "a,2,x,3\n"])
def test_what_is_no_number_is_none_whatever_else_is_in_its_column(tmp_path, value, others) -> None:
    with pytest.raises(DataError, match="a value is not a number"):
        read(tmp_path, HEADER + f"a,1,x,{value}\n" + others)


def test_truth_values_are_no_times_but_are_values_where_they_have_that_type(tmp_path) -> None:
    with pytest.raises(DataError, match="neither a number nor a date"):
        read(tmp_path, HEADER + "a,False,x,1\na,True,x,2\n")
    frame = pandas.DataFrame({"series": "a", "time": [0, 1], "channel": "x", "value": [True, False]})
    assert fwp.read_table(frame).series.values.flatten().tolist() == [1, 0]
    with pytest.raises(DataError, match="neither a number nor a date"):
        fwp.read_table(frame.assign(time=[False, True]))


def test_names_are_what_is_written(tmp_path) -> None:
    names = ("007", "7", "7.0", "1e5", "100000", "0x10", "NA", "True")
    found = read(tmp_path, HEADER + "".join(f"{name},1,x,1\n" for name in names))
    assert found.names == names
    frame = pandas.DataFrame({"series": [7, "7"], "time": 0, "channel": "x", "value": 1.0})
    with pytest.raises(DataError, match="two names are written alike"):
        fwp.read_table(frame)


@pytest.mark.parametrize("column", ["time", "value"])
def test_whole_numbers_that_would_lose_digits_are_refused(tmp_path, column) -> None:
    rows = [
        {"series": "a", "time": 1, "channel": "x", "value": 1} | {column: 1_700_000_000_000_000_000 + i} for i in (0, 1)
    ]
    rows[1]["channel"] = "y"
    frame = pandas.DataFrame(rows)
    for table in (lambda: fwp.read_table(frame), lambda: read(tmp_path, frame.to_csv(index=False))):
        with pytest.raises(DataError, match="last digits would be lost"):
            table()


def test_gzipped_tables(tmp_path) -> None:
    rows = (HEADER + "a,1,x,2\n").encode()
    assert read(tmp_path, gzip.compress(rows)).series.values.item() == 2
    for wrong in (
        gzip.compress(rows)[:-9],
        gzip.compress(b"a" * (2**24 + 1)),
        b"PK\x03\x04rest",
        b"BZh91AY",
        b"\xfd7zXZ\x00\x00",
    ):
        with pytest.raises(DataError, match=r"gzipped|packed"):
            read(tmp_path, wrong)


FRAME = pandas.DataFrame(
    {"series": ["b", "a", "b"], "time": pandas.to_datetime(["2024-01-31", "2024-02-01", "2024-02-02"]), "channel": ["x", "y", "x"], "value": [1.0, 2, 3]}
)  # fmt: skip


@pytest.mark.parametrize(
    "frame",
    [
        FRAME, FRAME.set_index("series"), FRAME.set_index(["series", "time"]), FRAME.set_axis([5, 5, 5]),
        FRAME.assign(time=FRAME["time"].dt.tz_localize("Asia/Tokyo")), FRAME.astype({"series": "category", "value": "Float64"}),
        FRAME.iloc[:, ::-1],
    ],
)  # fmt: skip
def test_frames_are_read_as_files_are(tmp_path, frame) -> None:
    wanted = read(tmp_path, FRAME.to_csv(index=False))
    found = fwp.read_table(frame)
    assert (found.names, found.channels) == (wanted.names, wanted.channels)
    for part in ("values", "times", "mask", "lengths"):
        assert torch.equal(getattr(found.series, part), getattr(wanted.series, part)), part


def test_frames_of_other_libraries(tmp_path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from tests.issues.test_inputs import Frame

    for given in (pyarrow.Table.from_pandas(FRAME), Frame(**{name: FRAME[name] for name in FRAME})):
        found = fwp.read_table(given)
        assert found.names == ("b", "a") and found.series.times[0].tolist() == [0, 2 * 86400]


@pytest.mark.parametrize("given", [None, {"series": ["a"]}, 3, np.ones((2, 4)), FRAME[:0], FRAME[["series", "time"]]])
def test_what_is_no_table_is_refused(given) -> None:
    with pytest.raises(DataError):
        fwp.read_table(given)
