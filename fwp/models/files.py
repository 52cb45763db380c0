"""Reading what this library has written: json whose size and depth are bounded before it is parsed, and its digest compared."""

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from beartype.door import is_bearable

from fwp.errors import FormatError, FwpError, warn
from fwp.files import unsealed_json

__all__ = ["decode", "parse_json", "read_bytes", "read_json", "read_sealed", "undigested"]

Kind = TypeVar("Kind")

MOST_BYTES = 4 * 2**20
MOST_DEPTH = 64
MOST_DIGITS = 64

# A string with its escapes (to the end of the text if it is never closed), or one bracket.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


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
        FormatError: unreadable, too large, nested too deeply, no json (cut off in the middle, say), or a changed byte.
    """
    return read_sealed(path)[0]


def read_sealed(path: Path) -> tuple[Any, str | None]:
    """The json in a file, and its digest, which is right; None of a file that was written before there were any.

    Raises:
        FormatError: as of `read_json`.
    """
    data = read_bytes(path, MOST_BYTES)
    try:
        text, digest = unsealed_json(data)
        return parse_json(text.decode()), digest
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise FormatError(
            "a file does not hold json that this library writes",
            ("file", str(path)),
            ("found", str(error)),
            help="the file is damaged: restore it, or train again",
        ) from error


def undigested(*files: Path) -> None:
    """Warn that files of before there were digests cannot be checked."""
    if files:
        warn(
            "files of an earlier version have no digest: a changed byte in them would not be noticed",
            ("folder", str(files[0].parent)),
            ("files", ", ".join(file.name for file in files)),
            help="save the model again with fwp.models.save, or train again, to have digests",
        )


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
