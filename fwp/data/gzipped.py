"""One gzipped file in memory, as long as it is of a size that its own bytes can account for."""

import gzip
import zlib
from io import BytesIO
from pathlib import Path

from fwp.errors import DataError

__all__ = ["is_gzip", "packed_by", "unzipped"]

RATIO = 200
"""Bytes that it may unpack to for each of its own: a small file cannot fill the memory."""
HARMLESS = 2**24
OTHERS = {b"PK\x03\x04": "zip", b"\xfd7zXZ\x00": "xz", b"BZh": "bzip2", b"(\xb5/\xfd": "zstd"}
"""How files begin that other programs have packed."""


def is_gzip(file: Path) -> bool:
    """Whether it begins as a gzipped file does."""
    with file.open("rb") as opened:
        return opened.read(2) == b"\x1f\x8b"


def packed_by(begins: bytes) -> str | None:
    """What packed a file that begins so, if not gzip."""
    return next((name for mark, name in OTHERS.items() if begins.startswith(mark)), None)


def unzipped(file: Path, ratio: int = RATIO) -> BytesIO:
    """What is packed in it.

    Raises:
        DataError: it is truncated or damaged, or unpacks to too much.
    """
    most = max(HARMLESS, ratio * file.stat().st_size)
    try:
        with gzip.open(file) as opened:
            content = opened.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            "a gzipped file is truncated or damaged",
            ("file", str(file)),
            ("because", str(error)),
            help="fetch it again, or give the csv file itself, in UTF-8",
        ) from error
    if len(content) > most:
        raise DataError(
            "a gzipped file unpacks to too much",
            ("file", str(file)),
            ("found", f"more than {most} bytes of {file.stat().st_size}"),
            help="unpack it yourself, if you trust it, and give the csv file",
        )
    return BytesIO(content)
