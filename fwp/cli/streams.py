"""Standard streams as they are found: closed, full, for letters of few languages, or of a reader who has gone."""

import io
import os
import sys
from shutil import get_terminal_size

from fwp.errors import FwpError

__all__ = ["let_go", "prepared"]

NARROW = 40
"""Columns that a page needs."""


def prepared() -> None:
    """Make what can be printed printable: what a terminal has no letters for is written as python would escape it.

    What lays out the help never ends where a terminal has hardly a column: there lines are longer than it.

    Descriptors that are closed are opened on nothing, so that no file of ours gets the number of a stream that C code writes to.

    Raises:
        FwpError: standard output is closed.
    """
    closed = [number for number in (0, 1, 2) if not _is_open(number)]
    for _ in closed:
        os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]  # python leaves it out if it was closed
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # to the end of the process
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise FwpError(
            "nothing can be printed", "standard output is closed", help="send it somewhere, if to nowhere: >/dev/null"
        )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")
    if get_terminal_size().columns < NARROW:
        os.environ["COLUMNS"] = str(NARROW)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def let_go() -> None:
    """Forget what standard output cannot take: python would try, and complain, once more at the end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):  # it is no file of the system's
        return
