"""Complaints about series, files, archives and controls."""

import math
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from pandas import DataFrame

from fwp import FastWeights, read_table, series
from fwp.bench.origin import require_same_data
from fwp.controls import Control, by_name, linear, log_signature
from fwp.data import Labelled, Normaliser, collate, extract, load_uea
from fwp.files import write_bytes, write_json
from fwp.models.files import read_json
from fwp.rules import delta
from fwp.training.given import collection_of, labels_of
from tests.messages.said import said

TWO = torch.arange(12.0).reshape(2, 3, 2)


def archive(folder: Path, *entries: tuple[str, bytes]) -> Path:
    file = folder / "data.zip"
    with zipfile.ZipFile(file, "w") as written:
        for name, data in entries:
            written.writestr(name, data)
    return file


def truncated(folder: Path) -> Path:
    file = archive(folder, ("a.txt", b"x" * 10_000))
    file.write_bytes(file.read_bytes()[:60])
    return file


def rar(folder: Path) -> Path:
    file = folder / "data.rar"
    file.write_bytes(b"Rar!")
    return file


def dictionary(folder: Path) -> Path:
    """A few bytes that ask LZMA for a dictionary of 4 GB."""
    file = folder / "data.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("a.txt", b"a")
    content = bytearray(file.read_bytes())
    at = content.index(b"a.txt") + 5 + 5
    content[at : at + 4] = b"\xff" * 4
    file.write_bytes(content)
    return file


def wide(folder: Path) -> Path:
    file = folder / "wide.csv"
    file.write_text("series,time,channel,value," + ",".join(f"c{i}" for i in range(10**5)) + "\n")
    return file


def ts(folder: Path, text: str) -> Path:
    own = folder / "Mine"
    own.mkdir()
    for part in ("TRAIN", "TEST"):
        (own / f"Mine_{part}.ts").write_text(text)
    return folder


def table(folder: Path, rows: str | bytes, header: str = "series,time,channel,value\n") -> object:
    file = folder / "table.csv"
    file.write_bytes(rows if isinstance(rows, bytes) else (header + rows).encode())
    return read_table(file)


DAY = datetime(2024, 1, 31)


def dangling(folder: Path) -> Path:
    (folder / "x").symlink_to("nowhere")
    return folder / "x"


def changed(folder: Path) -> Path:
    write_json(folder / "x.json", {"rate": 1})
    (folder / "x.json").write_bytes((folder / "x.json").read_bytes().replace(b'"rate": 1', b'"rate": 2'))
    return folder / "x.json"


def cut(folder: Path) -> Path:
    write_json(folder / "x.json", {"rate": 1})
    (folder / "x.json").write_bytes((folder / "x.json").read_bytes().partition(b',\n "sha256"')[0] + b"\n}\n")
    return folder / "x.json"


CASES: dict[str, Callable[[Path], object]] = {
    "no_numbers": lambda _: series([[1.0], [2.0, 3.0]]),
    "no_samples": lambda _: series(torch.zeros(0, 3, 2)),
    "no_time_points": lambda _: series(torch.zeros(2, 0, 2)),
    "no_channels": lambda _: series(torch.zeros(2, 3, 0)),
    "one_axis": lambda _: series(torch.zeros(3)),
    "infinite_value": lambda _: series(torch.tensor([[[1.0], [math.inf]]])),
    "mapped_infinite_value": lambda _: torch.vmap(lambda own: series(own).values)(TWO / torch.tensor([1.0, 0.0])),
    "nan_time": lambda _: series(TWO, times=[0.0, math.nan, 2.0]),
    "decreasing_times": lambda _: series(TWO, times=torch.tensor([[0.0, 1, 2], [0, 2, 1]])),
    "repeated_times": lambda _: series(TWO, times=[0.0, 1.0, 1.0]),
    "times_of_other_length": lambda _: series(TWO, times=[0.0, 1.0]),
    "mask_of_other_shape": lambda _: series(TWO, mask=torch.ones(2, 3, 1, dtype=torch.bool)),
    "zero_length": lambda _: series(TWO, lengths=[0, 3]),
    "length_that_is_no_whole_number": lambda _: series(TWO, lengths=[2, 2.5]),
    "length_beyond_the_end": lambda _: series(TWO, lengths=[2, 4]),
    "static_of_other_batch": lambda _: series(TWO, static=torch.zeros(3, 1)),
    "nothing_to_collate": lambda _: collate([]),
    "collate_other_channels": lambda _: collate([series(TWO), series(torch.zeros(1, 3, 1))]),
    "fill_of_other_length": lambda _: linear(series(TWO), fill=torch.zeros(3)),
    "series_too_large_together": lambda _: collate(
        [series(torch.zeros(1, 70_000, 1)), *[series(torch.zeros(1, 1, 1))] * 40_000]
    ),
    "log_signature_too_deep": lambda _: by_name("log-signature-50-4"),
    "log_signature_of_too_many_words": lambda _: by_name("log-signature-12-4").channels(40),
    "unknown_control": lambda _: by_name("spline"),
    "json_of_no_control": lambda _: Control.from_json({"kind": "spline"}),
    "request_outside_the_path": lambda _: linear(series(TWO)).with_knots(
        torch.tensor([[1.0], [5]], dtype=torch.float64)
    ),
    "normaliser_of_other_channels": lambda _: Normaliser.fit(series(TWO)).apply(series(torch.zeros(1, 3, 1))),
    "json_of_no_normaliser": lambda _: Normaliser.from_json({"mean": [0.0], "std": [0.0], "origin": 0.0, "span": 1.0}),
    "archive_that_leads_out": lambda f: extract(archive(f, ("../evil.txt", b"")), f / "out"),
    "archive_with_an_entry_twice": lambda f: extract(archive(f, ("a.txt", b"1"), ("a.txt", b"2")), f / "out"),
    "archive_too_large": lambda f: extract(archive(f, ("a.txt", b"x" * 100)), f / "out", total=99),
    "archive_with_too_many": lambda f: extract(archive(f, ("a", b""), ("b", b"")), f / "out", members=1),
    "archive_truncated": lambda f: extract(truncated(f), f / "out"),
    "archive_of_unknown_kind": lambda f: extract(rar(f), f / "out"),
    "archive_into_what_exists": lambda f: extract(archive(f, ("a", b"")), f),
    "archive_of_a_large_dictionary": lambda f: extract(dictionary(f), f / "out"),
    "table_too_wide": lambda f: read_table(wide(f)),
    "data_set_without_a_name": lambda f: load_uea("../etc", f),
    "complex_values": lambda _: series(TWO + 1j),
    "text_for_values": lambda _: series([["1.5"], ["2.5"]]),
    "none_among_values": lambda _: series([[1.0], [None]]),
    "dates_for_values": lambda _: series(np.array([["2024-01-31"]], "M8[D]")),
    "a_dict_for_values": lambda _: series({"a": [1.0, 2.0]}),  # type: ignore[arg-type]
    "whole_numbers_beyond_float64": lambda _: series([[2**53 + 1]]),
    "nanoseconds_for_times": lambda _: series(TWO, times=1_700_000_000_000_000_000 + np.arange(3)),
    "text_for_times": lambda _: series(TWO, times=["2024-01-31", "2024-02-01", "2024-02-02"]),
    "dates_with_and_without_a_zone": lambda _: series(TWO[:, :2], times=[DAY, DAY.replace(tzinfo=UTC)]),
    "times_that_float32_does_not_keep": lambda _: series(TWO, times=torch.arange(3) + 1.7e9),
    "mask_that_is_no_truth": lambda _: series(TWO, mask=torch.full((2, 3, 2), 0.5)),
    "sparse_values": lambda _: series(TWO.to_sparse()),
    "float8_values": lambda _: series(TWO.to(torch.float8_e4m3fn)),
    "frame_of_text": lambda _: series(DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})),
    "frame_with_a_column_twice": lambda _: series(DataFrame([[1.0, 2.0]], columns=["a", "a"])),
    "frame_whose_index_would_be_lost": lambda _: series(DataFrame({"a": [1.0, 2.0]}, index=[0.0, 0.7])),
    "series_of_whole_numbers": lambda _: series(TWO).to(dtype=torch.int64),
    "value_too_large_for_its_type": lambda _: series([[1e39], [1.0]]),
    "label_of_no_class": lambda _: Labelled(series(TWO), torch.tensor([0, 2]), ("a", "b")),
    "labels_of_other_series": lambda _: Labelled(series(TWO), torch.tensor([0]), ("a", "b")),
    "pace_that_is_no_number": lambda _: Control(linear.kind, pace="2"),  # type: ignore[arg-type]
    "depth_that_is_no_whole_number": lambda _: log_signature(2.5, 4),  # type: ignore[arg-type]
    "stream_far_from_0": lambda _: FastWeights(delta, 2, 4, control=linear)(TWO, times=[1.7e9, 1.7e9 + 1, 1.7e9 + 2]),
    "layer_with_a_length_in_parts": lambda _: FastWeights(delta, 2, 4)(TWO, lengths=[2.7, 3]),
    "table_of_dates_without_hyphens": lambda f: table(f, "a,20240131,x,1\na,20240201,x,2\n"),
    "table_of_nanoseconds": lambda f: table(f, "a,1700000000000000000,x,1\n"),
    "table_with_a_column_twice": lambda f: table(f, "a,1,x,1,2\n", "series,time,channel,value,value\n"),
    "table_that_is_none": lambda _: read_table({"series": []}),
    "table_of_names_alike": lambda _: read_table(
        DataFrame({"series": [7, "7"], "time": [0, 1], "channel": "x", "value": 1.0})
    ),
    "table_gzipped_and_damaged": lambda f: table(f, b"\x1f\x8b\x08\x00"),
    "table_zipped": lambda f: table(f, b"PK\x03\x04"),
    "collection_of_uneven_times": lambda _: collection_of(DataFrame([[1.0, 2.0, 3.0]], columns=[0, 1, 5])),
    "collection_that_is_a_series": lambda _: collection_of(series(TWO)),
    "collection_that_is_none": lambda _: collection_of(None),
    "targets_that_are_masked": lambda _: labels_of(np.ma.masked_array([1.0, 2.0], [False, True])),
    "writing_to_a_folder": lambda f: write_bytes(f, b""),
    "writing_to_a_link_that_leads_nowhere": lambda f: write_bytes(dangling(f), b""),
    "writing_into_no_folder": lambda f: write_bytes(f / "none" / "x", b""),
    "json_with_a_changed_byte": lambda f: read_json(changed(f)),
    "json_without_its_digest": lambda f: read_json(cut(f)),
    "run_on_other_data": lambda f: require_same_data(f, f"x.zip, SHA-256 {'0' * 64}", f"x.zip, SHA-256 {'1' * 64}", f),
    "ts_without_data": lambda f: load_uea("Mine", ts(f, "@problemName Mine\n@timestamps false\n")),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", CASES)
def test_message(name: str, tmp_path: Path) -> None:
    said("data", name, CASES[name], tmp_path)
