"""Files that nobody but this user can have written: how they are kept, and what is read back only if it is such.

What others may write to, in a folder for everybody or over a link that somebody has planted, could hold anything, a library
that does as it likes too. On Windows files of a user are guarded by the profile that they lie in, and nothing is asked here.
"""

import os
import stat
import sys
from pathlib import Path
from tempfile import mkstemp

from fwp.data.root import cache_folder

__all__ = ["Foreign", "keep", "opened", "own_cache"]

OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Foreign(OSError):
    """Others could have written what lies here."""


def own_cache(*, make: bool) -> Path:
    """The cache folder, made for this user alone if it is not there and `make` asks for it.

    A folder that the user has named is taken as it is, or not at all; the rights of the library's own are put right, as the
    mask of many systems lets a group write.

    Raises:
        OSError: it is not there or cannot be made; `Foreign`, if it is another's, or others may write to it.
        DataError: no folder is named, and the user has no home.
    """
    folder = cache_folder()
    for each in reversed((folder, *folder.parents) if make else ()):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")
    if folder.is_symlink():
        _refuse_anothers(folder, folder.lstat(), "link")  # who owns a link may lead it elsewhere tomorrow
    found = folder.stat()
    _refuse_anothers(folder, found, "folder")
    if not os.environ.get("FWP_CACHE") and found.st_mode & OTHERS and sys.platform != "win32":
        folder.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
        found = folder.stat()
    _refuse_writable(folder, found, "folder")
    return folder


def opened(file: Path) -> int:
    """A descriptor of a file that only this user can have written, for reading: all that is asked is asked of the open file.

    Raises:
        OSError: there is none; `Foreign`, if it is a link, no file, another's, or one that others may write to.
    """
    extra = 0 if sys.platform == "win32" else os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(file, os.O_RDONLY | extra)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Foreign(f"{file} is no file")
        _refuse_anothers(file, found, "file")
        _refuse_writable(file, found, "file")
    except BaseException:
        os.close(handle)
        raise
    return handle


def keep(file: Path, data: bytes) -> None:
    """Write beside and rename, for this user alone: whoever reads finds the old file or the new one, whole.

    Raises:
        OSError: the disk refused; nothing is left.
    """
    handle, part = mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(data)
        Path(part).replace(file)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _refuse_anothers(place: Path, found: os.stat_result, kind: str) -> None:
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise Foreign(f"the {kind} {place} belongs to another user, of the number {found.st_uid}")


def _refuse_writable(place: Path, found: os.stat_result, kind: str) -> None:
    if sys.platform != "win32" and found.st_mode & OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise Foreign(f"others may write to the {kind} {place}, whose mode is {mode:o}: chmod go-w would forbid it")
