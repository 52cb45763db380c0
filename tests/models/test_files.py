import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from fwp.errors import FormatError, FwpError
from fwp.files import make_folder, write_bytes, write_json
from fwp.models.files import MOST_BYTES, MOST_DEPTH, decode, parse_json, read_json


def test_what_is_written_is_read(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None, True, 'ä"[{'], "b": {}}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value
    assert list(tmp_path.iterdir()) == [tmp_path / "x.json"]


@pytest.mark.parametrize("refuses", ["write", "fsync", "replace"])
def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: str) -> None:
    file = tmp_path / "x.json"
    write_json(file, {"is": "before"})

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path if refuses == "replace" else os, refuses, full)
    with pytest.raises(FwpError, match="could not be written") as caught:
        write_bytes(file, b'"after"')
    assert "No space left on device" in str(caught.value)
    assert read_json(file) == {"is": "before"}
    assert list(tmp_path.iterdir()) == [tmp_path / "x.json"]


def test_the_help_is_that_of_the_systems_reason(tmp_path: Path) -> None:
    with pytest.raises(FwpError, match=f"mkdir -p {tmp_path / 'none'}"):
        write_bytes(tmp_path / "none" / "x", b"")
    (tmp_path / "x").mkdir()
    (tmp_path / "file").touch()
    for file in (tmp_path / "x", tmp_path / "file" / "x"):
        with pytest.raises(FwpError, match="choose another folder"):
            write_bytes(file, b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": [1, 2', "Expecting"),
        (b"", "Expecting"),
        (b"\xff\xfe", "utf-8"),
        (b"NaN", "NaN is no json number"),
        (b"1" * 5000, "digits"),
        (b"[" * 100_000, f"more than {MOST_DEPTH} deep"),
        (b'{"a":' * 100_000, f"more than {MOST_DEPTH} deep"),
        (b" " * (MOST_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_json_of_ours_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        read_json(file)
    assert words in str(caught.value) and str(file) in str(caught.value)


def test_what_is_not_there_is_a_format_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        read_json(tmp_path / "missing.json")
    with pytest.raises(FormatError, match="cannot be read"):
        read_json(tmp_path)


def test_brackets_inside_strings_are_no_depth() -> None:
    text = json.dumps(["[" * 1000, '\\"' + "{" * 1000])
    assert parse_json(text) == json.loads(text)
    assert parse_json("[" * MOST_DEPTH + "]" * MOST_DEPTH)
    with pytest.raises(ValueError, match="nested"):
        parse_json("[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1))


def test_a_folder_where_a_file_stands_is_refused(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FwpError, match="could not be made"):
            make_folder(folder)


@dataclass(frozen=True)
class Sizes:
    width: int
    rate: float
    on: bool
    kind: Literal["a", "b"] = "a"


def test_decode_is_strict() -> None:
    good = {"width": 3, "rate": 2, "on": True, "kind": "b"}
    assert decode(Sizes, good, "sizes") == Sizes(3, 2.0, True, "b")
    for change in ({"width": 3.0}, {"width": True}, {"rate": float("inf")}, {"rate": "2"}, {"on": 1}, {"kind": "c"}):
        with pytest.raises(FormatError, match=r"sizes\."):
            decode(Sizes, good | change, "sizes")
    for bad in ({}, [], good | {"more": 1}, {k: v for k, v in good.items() if k != "on"}):
        with pytest.raises(FormatError, match="`sizes`"):
            decode(Sizes, bad, "sizes")
