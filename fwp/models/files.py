"""Files that are either whole or not there: atomic writing, and json whose size and depth are bounded before it is parsed."""

import dataclasses
import errno
import json
import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from beartype.door import is_bearable

from fwp.errors import FormatError, FwpError

__all__ = ["decode", "make_folder", "parse_json", "read_bytes", "read_json", "write_bytes", "write_json"]

Kind = TypeVar("Kind")

MOST_BYTES = 4 * 2**20
MOST_DEPTH = 64
MOST_DIGITS = 20

# A string with its escapes (to the end of the text if it is never closed), or one bracket.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path` in one step: after a kill or on a full disk the old file is still there, whole.

    Raises:
        FwpError: the disk refused; nothing was changed and no temporary file is left.
    """
    part = path.with_name(f".{path.name}.part")  # always the same name: what a killed process left is written over
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _refused("a file could not be written", path, error) from error
    finally:
        with suppress(OSError):  # which would hide the reason
            part.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        FwpError: the disk refused, or a file has that name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused("a folder could not be made", folder, error) from error


def _refused(what: str, path: Path, error: OSError) -> FwpError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            help = "free some space, or choose another folder"
        case errno.ENOENT:
            help = f"make its folder first: mkdir -p {path.parent}"
        case _:
            help = "choose another folder"
    facts = ("path", str(path)), ("the system says", error.strerror or str(error))
    return FwpError(what, *facts, help=f"{help}; what was there before is unchanged")


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a loss of power, on systems that can open a folder."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented json, atomically. NaN and infinities are no json: they raise ValueError."""
    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_bytes(path: Path, most: int) -> bytes:
    """What the file holds.

    Raises:
        FormatError: it cannot be read, or holds more than `most` bytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise FormatError(
            "a file cannot be read",
            ("file", str(path)),
            ("the system says", error.strerror or str(error)),
            help="point at a folder that `fwp run` or `save` has written",
        ) from error
    if len(data) > most:
        raise FormatError(
            "a file is larger than anything this library writes in its place",
            ("file", str(path)),
            ("at most", f"{most} bytes"),
            help="make sure that this is the right file",
        )
    return data


def read_json(path: Path) -> Any:
    """The json in a file.

    Raises:
        FormatError: unreadable, too large, nested too deeply, or no json (cut off in the middle, say).
    """
    data = read_bytes(path, MOST_BYTES)
    try:
        return parse_json(data.decode())
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise FormatError(
            "a file does not hold json that this library writes",
            ("file", str(path)),
            ("found", str(error)),
            help="the file is damaged: restore it, or train again",
        ) from error


def parse_json(text: str) -> Any:
    """The json in a text. Raises: ValueError, for NaN, infinities, and numbers and nesting that go beyond any of ours too."""
    _refuse_depth(text)
    return json.loads(text, parse_int=_whole, parse_constant=_refuse)


def _refuse_depth(text: str) -> None:
    """Bound the nesting before json's own parser, which recurses, sees it."""
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > MOST_DEPTH:
            raise ValueError(f"brackets nested more than {MOST_DEPTH} deep")


def _whole(digits: str) -> int:
    """A whole number of ours: torch counts in 64 bits, and what is longer becomes no float either."""
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a whole number of {len(digits)} digits")
    return int(digits)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no json number")


def decode(kind: type[Kind], data: object, where: str) -> Kind:
    """A frozen dataclass of plain fields from the dictionary that `dataclasses.asdict` made of it.

    Raises:
        FormatError: not a dictionary, a field is missing, unknown or of another type, or the value is refused.
    """
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]  # pyright: ignore[reportArgumentType]
    if not isinstance(data, Mapping) or set(data) != set(names):
        found = ", ".join(sorted(map(str, data))) if isinstance(data, Mapping) else type(data).__name__
        raise _misfit(where, ", ".join(names), found)
    values: dict[str, Any] = {}
    for name in names:
        value = data[name]
        value = tuple(value) if isinstance(value, list) else value
        value = float(value) if hints[name] is float and type(value) is int and abs(value) < 2**63 else value
        finite = not isinstance(value, float) or math.isfinite(value)  # json's own parser reads 1e999 as infinity
        if not finite or not is_bearable(value, hints[name]) or (isinstance(value, bool) and hints[name] is not bool):
            raise _misfit(f"{where}.{name}", str(getattr(hints[name], "__name__", hints[name])), repr(value)[:80])
        values[name] = value
    try:
        return kind(**values)
    except FwpError as error:
        raise FormatError(f"{where} is refused: {error.what}", *error.facts, help=error.help) from error


def _misfit(where: str, expected: str, found: str) -> FormatError:
    return FormatError(
        f"`{where}` is not what this version of the library writes",
        ("expected", expected),
        ("found", found),
        help="load it with the version that wrote it, or train again",
    )
