"""A digest in every file, of each byte that the file has: json, lines of json, and tensors as safetensors has them.

A digest stands at a place of its own, and a second mark says that there is one: so a file that has lost its digest is not taken
for one of before there were any.
"""

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

__all__ = [
    "digest_of",
    "last_digest",
    "sealed_json",
    "sealed_line",
    "sealed_lines",
    "sealed_tensors",
    "unsealed_json",
    "unsealed_line",
    "unsealed_lines",
    "unsealed_tensors",
]

BLOCK = 2**20
MOST_HEADER = 100_000_000
"""Bytes, as safetensors has it."""

_HEAD = b'{\n "digest": "sha256"'
_TAIL = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n}\n\Z')
_LINE = re.compile(rb', "sha256": "([0-9a-f]{64})"}\Z')
_REST = re.compile(rb"[0-9a-f]{32}")
"""What is left of a digest in which one byte was changed: no number of ours has as many digits."""
_NONE = b"0" * 64
_METADATA = re.compile(rb'"digest":"([0-9a-f]{64})"')
_MARK = b'"sealed":"sha256"'


def digest_of(value: object) -> str:
    """The SHA-256 of what json can say, whatever the order of names."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def sealed_json(value: Mapping[str, object]) -> bytes:
    """The value as an indented json file whose last entry is the digest of all bytes before. Raises: ValueError: no json."""
    given = {"digest": "sha256", **value}
    text = json.dumps(given, indent=1, ensure_ascii=False, allow_nan=False).encode().removesuffix(b"\n}")
    return text + f',\n "sha256": "{sha256(text).hexdigest()}"\n}}\n'.encode()


def unsealed_json(data: bytes) -> tuple[bytes, str | None]:
    """The json in a file without its digest, and the digest, which is right; None if the file has none.

    Raises:
        ValueError: a byte has changed.
    """
    found = _TAIL.search(data)
    if found is None:
        if data.lstrip().startswith(b"{") and b'"digest": "sha256"' in data[:64]:
            raise ValueError("its digest is gone: it was cut off, or changed by something else than this library")
        return data, None
    text, told = data[: found.start()], found[1].decode()
    _compare(told, sha256(text).hexdigest())
    if not text.startswith(_HEAD):
        raise ValueError("its first line is not that of a file with a digest")
    return b"{" + text[len(_HEAD) :].removeprefix(b",") + b"\n}\n", told


def sealed_line(row: Mapping[str, object], before: str = "") -> str:
    """The row as one line of json whose last entry is the digest of the line, and of the digest of the line before."""
    text = json.dumps(row)[:-1]
    return f'{text}, "sha256": "{sha256((before + text).encode()).hexdigest()}"}}'


def unsealed_line(line: bytes, before: str = "") -> tuple[bytes, str | None]:
    """The line without its digest, and the digest, which is right; None if it has none. Raises: ValueError: it is wrong."""
    found = _LINE.search(line)
    if found is None:
        return line, None
    text, told = line[: found.start()], found[1].decode()
    _compare(told, sha256(before.encode() + text).hexdigest())
    return text + b"}", told


def sealed_lines(rows: Iterable[Mapping[str, object]]) -> bytes:
    """A file of lines of json, each with a digest that goes on from that of the line before: none can be taken out."""
    lines, before = [], ""
    for row in rows:
        lines.append(sealed_line(row, before) + "\n")
        before = last_digest(lines[-1].encode())
    return "".join(lines).encode()


def last_digest(lines: bytes) -> str:
    """The digest in the last of such lines, which is that of all; "" where there are none."""
    return lines[-67:-3].decode()


def unsealed_lines(data: bytes) -> tuple[list[bytes], bool]:
    """The lines of a file without their digests, and whether there were any.

    Raises:
        ValueError: a byte has changed, or a line is gone.
    """
    *lines, rest = data.split(b"\n")
    found, before, sealed = [], "", b'"sha256": "' in data or _REST.search(data) is not None
    for number, line in enumerate(lines, 1):
        try:
            text, told = unsealed_line(line, before)
            if told is None and sealed:
                raise ValueError("its digest is gone")
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        found.append(text)
        before = told or ""
    if rest and sealed:
        raise ValueError("the last line is cut off")
    return [*found, *([rest] if rest else [])], sealed


def sealed_tensors(data: bytes, metadata: Mapping[str, str]) -> tuple[bytes, str]:
    """A safetensors file with metadata and a digest of all its bytes, and that digest. Equal tensors give equal bytes."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    about = {**metadata, "digest": _NONE.decode(), "sealed": "sha256"}
    text = json.dumps({"__metadata__": about, **header}, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # numbers stay aligned
    made = len(text).to_bytes(8, "little") + text + data[8 + size :]
    digest = sha256(made).hexdigest()
    (place,) = (found.start(1) for found in _METADATA.finditer(made[: 8 + len(text)]))
    return made[:place] + digest.encode() + made[place + 64 :], digest


def unsealed_tensors(file: Path) -> str | None:
    """The digest of a safetensors file, which is right; None if it has none.

    Raises:
        OSError: it cannot be read.
        ValueError: a byte has changed, or it is no such file.
    """
    with file.open("rb") as opened:
        start = opened.read(8)
        size = int.from_bytes(start, "little")
        header = opened.read(size) if size <= MOST_HEADER else b""
        if len(start) < 8 or len(header) < size or not size:
            raise ValueError("it is no whole safetensors file")
        places = [found.span(1) for found in _METADATA.finditer(header)]
        if not places and _MARK not in header:
            return None
        if len(places) != 1 or header.count(_MARK) != 1:
            raise ValueError("its digest is gone: it was changed by something else than this library")
        ((begin, end),) = places
        state = sha256(start + header[:begin] + _NONE + header[end:])
        while block := opened.read(BLOCK):
            state.update(block)
    told = header[begin:end].decode()
    _compare(told, state.hexdigest())
    return told


def _compare(told: str, found: str) -> None:
    if told != found:
        raise ValueError(
            f"its bytes are not those that were written: SHA-256 {told[:16]}… was written, {found[:16]}… found"
        )
