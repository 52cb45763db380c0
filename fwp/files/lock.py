"""Locks between processes: one holds it, the others are told who does. It ends with its holder, whatever ends that."""

import json
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fwp.errors import FwpError, warn

if sys.platform == "win32":
    import msvcrt

    NOFOLLOW = 0
    PLAIN = os.O_BINARY | os.O_NOINHERIT
else:
    import fcntl

    NOFOLLOW = os.O_NOFOLLOW
    PLAIN = NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""How files are opened: no link is followed, no other program inherits them, nothing waits for the other end of a pipe."""

__all__ = ["NOFOLLOW", "PLAIN", "held", "is_at", "taken"]

BETWEEN = 0.05
"""Seconds between two looks at a lock that is waited for."""


@contextmanager
def held(
    path: Path, what: str, *facts: tuple[str, str], help: str, kind: type[FwpError] = FwpError, wait: float = 0.0
) -> Iterator[None]:
    """Hold the lock that a file stands for; the file is there as long as the lock is held, or as its holder was killed.

    Args:
        path: the file, which is made; its folder is there.
        what: what to say where another process holds it.
        facts: more about that; who holds it is added.
        help: what to do then.
        kind: of the error.
        wait: seconds to wait for the other.

    Raises:
        FwpError: another holds it, or the file cannot be made: of the kind that was asked for.
    """
    last = time.monotonic() + wait
    while (descriptor := _mine(path, kind)) is None:
        if time.monotonic() >= last:
            raise kind(what, *facts, ("held by", _holder(path)), help=help)
        time.sleep(BETWEEN)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is held: who opens it later makes a new one, who has it open sees that it is gone
        os.close(descriptor)


def _mine(path: Path, kind: type[FwpError]) -> int | None:
    """The lock's file, open and locked, with this process's name in it; None while another has it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o666)
    except OSError as error:
        raise _refused(path, error.strerror or str(error), kind) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _refused(path, "something that is no file has this name", kind)
        try:
            free = taken(descriptor)
        except OSError as error:  # some network file systems have no locks
            warn(
                "two processes that write here at a time would not notice each other",
                ("lock", str(path)),
                ("the system says", error.strerror or str(error)),
                help="give no second command for the same folder while one runs",
            )
            free = True
        if free and is_at(descriptor, path):
            with suppress(OSError):  # a full disk: the lock holds without a name in it
                os.ftruncate(descriptor, 0)
                name = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
                os.write(descriptor, json.dumps(name).encode())
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def taken(descriptor: int, wait: bool = False) -> bool:
    """Lock an open file until it is closed; False where it is open and locked elsewhere. Raises: OSError: no locks here."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 2**30, os.SEEK_SET)  # far behind what others may read
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (BlockingIOError, PermissionError):
        return False
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except OSError:
        return False


def _holder(path: Path) -> str:
    """Who holds a lock, as far as its file tells."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(1000))
        return f"process {int(told['pid'])} on {told['host']!s}, since {told['since']!s}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"


def _refused(path: Path, why: str, kind: type[FwpError]) -> FwpError:
    facts = ("lock", str(path)), ("the system says", why)
    return kind("a lock could not be taken", *facts, help="look at the folder's rights, or choose another one")
