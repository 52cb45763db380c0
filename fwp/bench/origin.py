"""Which files a result is of: by their SHA-256, and compared with those that are here now."""

import re
from pathlib import Path

from fwp.bench.source import Source
from fwp.data.archive import sha256
from fwp.data.root import data_root
from fwp.errors import DataError, FwpError

__all__ = ["at_hand", "require_same_data", "same_data"]

SUM = re.compile(r"SHA-256 ([0-9a-f]{64})")


def at_hand(source: Source, root: Path | None = None) -> str:
    """The files of a source with the SHA-256 of each, as results have them; "" if they are not here. Nothing is fetched.

    Raises:
        DataError: they are here and cannot be read.
    """
    files = source.files(root)
    if not all(file.exists() for file in files):
        return ""
    try:
        return "; ".join(f"{file.name}, SHA-256 {sha256(file)}" for file in files)
    except OSError as error:
        raise DataError(
            "a file of a data set cannot be read",
            ("file", str(error.filename)),
            ("the system says", error.strerror or str(error)),
            help="fetch it again, or look at its rights",
        ) from error


def same_data(then: str, now: str) -> bool:
    """Whether two descriptions of data name files of the same content, whatever the files are called."""
    return SUM.findall(then) == SUM.findall(now)


def require_same_data(folder: Path, then: str, now: str, root: Path | None = None) -> None:
    """Refuse a run whose data are others now.

    Raises:
        FwpError: they are.
    """
    if not same_data(then, now):
        raise FwpError(
            "the data are not those of this run",
            ("folder", str(folder)),
            ("data of the run", then),
            ("data now", now),
            ("looked in", str(data_root(root))),
            help="point FWP_DATA at the data of the run, or choose another folder with --out",
        )
