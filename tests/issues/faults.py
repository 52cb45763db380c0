"""Faults at the operations on files that a piece of work makes, one at a time: a kill, an error of the system, a short write."""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EACCES": errno.EACCES}
KINDS = ("kill", "short", *ERRORS)
BY_NAME = ("open", "replace", "unlink", "mkdir")
BY_DESCRIPTOR = ("write", "fsync", "ftruncate", "fchmod", "fchown")


class Killed(BaseException):
    """In the place of a kill, where the process is to live on: nothing that tidies up can do anything any more."""


@contextmanager
def fault(folder: Path, at: int, kind: str, really: bool = False) -> Iterator[list[str]]:
    """Let the operation `at`, counted from 0, on what lies in a folder fail; gives the list of those that are made.

    Args:
        folder: elsewhere nothing happens.
        at: which; -1 lets all be done.
        kind: of `KINDS`. After a kill every later operation fails as well.
        really: kill the process.
    """
    real = {name: getattr(os, name) for name in (*BY_NAME, *BY_DESCRIPTOR)}
    done: list[str] = []
    dead = False

    def inside(target: object) -> bool:
        if isinstance(target, int):
            try:
                target = Path(f"/proc/self/fd/{target}").readlink()
            except OSError:
                return False
        return str(target).startswith(str(folder))

    def made(name: str) -> Callable[..., Any]:
        def operation(target: Any, *rest: Any, **named: Any) -> Any:
            nonlocal dead
            if not inside(target):
                return real[name](target, *rest, **named)
            if dead:
                raise Killed
            done.append(name)
            if len(done) - 1 != at:
                return real[name](target, *rest, **named)
            if kind == "kill" and really:
                os.kill(os.getpid(), signal.SIGKILL)
            if kind == "kill":
                dead = True
                raise Killed
            if kind == "short":
                if name != "write":
                    return real[name](target, *rest, **named)
                return real[name](target, rest[0][: (len(rest[0]) + 1) // 2])
            raise OSError(ERRORS[kind], os.strerror(ERRORS[kind]))

        return operation

    for name in real:
        setattr(os, name, made(name))
    try:
        yield done
    finally:
        for name, own in real.items():
            setattr(os, name, own)
