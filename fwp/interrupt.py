"""What may end the command while it is still being imported: seconds in which nobody is there yet who could say why."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

__all__ = ["begin", "end", "is_command"]


def is_command() -> bool:
    """Whether this process is `fwp` or `python -m fwp.cli`, rather than a user's own that imports the library."""
    if "-m" in sys.orig_argv and sys.orig_argv[sys.orig_argv.index("-m") + 1 :][:1] == ["fwp.cli"]:
        return True
    return bool(sys.argv) and Path(sys.argv[0]).stem == "fwp" and not Path(sys.argv[0]).is_dir()


def begin() -> None:
    """Until `end`, an interrupt ends the process with one word and status 130: nothing has begun that could be lost.

    A shell lets what it runs in the background ignore interrupts; that stays so. In a current folder that has been removed
    MKL ends a process that computes, with a word that tells nobody why: so does this, with another.
    """
    try:
        Path.cwd()
    except OSError:
        raise SystemExit("the current folder has been removed\n  help: cd to one that is there") from None
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def end() -> None:
    """From here on an interrupt is python's own again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_: int, frame: FrameType | None) -> None:
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(130)
