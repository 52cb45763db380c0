"""What is written to as it is: devices, pipes, and the streams of this process. Nothing is ever put in their place."""

import errno
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fwp.files.lock import NOFOLLOW, PLAIN

__all__ = ["closing", "stream", "write_all"]

LINKS = 40
"""As many as Linux follows."""
READER = 30.0
"""Seconds to wait until somebody reads from a named pipe."""


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, however little the system takes at a time."""
    left = memoryview(data)
    while left:
        done = os.write(descriptor, left)
        if not done:
            raise OSError(errno.EIO, "the system takes no more bytes")
        left = left[done:]


@contextmanager
def closing(descriptor: int) -> Iterator[int]:
    """An open file, closed at the end; all that could go wrong then has been asked for before."""
    try:
        yield descriptor
    finally:
        with suppress(OSError):
            os.close(descriptor)


@contextmanager
def stream(path: Path) -> Iterator[int | None]:
    """What is written to as it is: a stream of this process, a device or a pipe. None where the name is a file's, or free."""
    own = _own_stream(path)
    if own is not None:
        yield own
        return
    try:
        mode = path.stat().st_mode
    except OSError:  # it is not there, or cannot be: whoever writes the file will say so
        mode = stat.S_IFREG
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        yield None
        return
    with closing(_opened(path, mode)) as descriptor:
        yield descriptor


def _own_stream(path: Path) -> int | None:
    """The number of a stream of this process, if the name leads to one: its file may be one that others write to, too."""
    for _ in range(LINKS):
        folder = os.path.realpath(path.parent)
        if path.name.isdecimal() and re.fullmatch(rf"/dev/fd|/proc/(self|{os.getpid()})(/task/\d+)?/fd", folder):
            return int(path.name)
        try:
            path = Path(folder) / path.readlink()
        except OSError:  # it is no link
            return None
    return None


def _opened(path: Path, mode: int) -> int:
    """A device or pipe, open; a pipe that nobody reads from is waited for, but not for ever."""
    last = time.monotonic() + READER
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | (PLAIN & ~NOFOLLOW))
            os.set_blocking(descriptor, True)
            return descriptor
        except OSError as error:
            if error.errno != errno.ENXIO or not stat.S_ISFIFO(mode):
                raise
            if time.monotonic() > last:
                raise OSError(error.errno, f"nobody reads from this pipe, for {READER:.0f} seconds") from error
            time.sleep(0.02)
