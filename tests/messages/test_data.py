"""Complaints about series, files, archives and controls."""

import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from fwp import series
from fwp.controls import Control, by_name, linear
from fwp.data import Normaliser, collate, extract, load_uea
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


def ts(folder: Path, text: str) -> Path:
    own = folder / "Mine"
    own.mkdir()
    for part in ("TRAIN", "TEST"):
        (own / f"Mine_{part}.ts").write_text(text)
    return folder


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
    "data_set_without_a_name": lambda f: load_uea("../etc", f),
    "ts_without_data": lambda f: load_uea("Mine", ts(f, "@problemName Mine\n@timestamps false\n")),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", CASES)
def test_message(name: str, tmp_path: Path) -> None:
    said("data", name, CASES[name], tmp_path)
