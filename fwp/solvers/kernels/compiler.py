"""The C compiler of the system: which one it is, and from C text to the bytes of a shared library by it, or why not.

It is somebody else's program: it may fail, say what is no text, or never end, and nothing of that may reach the user as such.
"""

import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from fwp.errors import SolveError
from fwp.solvers.kernels.room import Room

__all__ = ["FLAGS", "command", "compiled", "machine"]

_BASE = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-fopenmp-simd", "-ffp-contract=fast")
_MATHS = ("-fno-math-errno", "-fno-trapping-math")  # nothing reads errno or flags; NaN and infinity stay what they are
FLAGS = ((*_BASE, *_MATHS, "-march=native", "-mprefer-vector-width=512"), (*_BASE, *_MATHS, "-march=native"), _BASE)
"""Tried in order: not every compiler knows all of them."""

_SAID = 2**16
"""Bytes of what a compiler says that are read."""

_HELP = "name another with CC=…, or pass scan='sequential'"


def command() -> tuple[str, ...] | None:
    """The command that compiles C: `CC` if it is set, else the first of the usual names that is on the path; None without.

    `CC` is a program, whose path may hold blanks, or a command as a shell reads it, such as "ccache gcc".

    Raises:
        SolveError: `CC` is no command.
    """
    own = os.environ.get("CC", "").strip()
    if own:
        try:
            first, *others = [own] if shutil.which(own) else shlex.split(own)
        except ValueError as error:  # a quote that is not closed, or nothing but quotes
            facts = ("CC", own), ("because", str(error))
            raise SolveError(
                "CC does not name a C compiler", *facts, help="set CC to a command, or unset it"
            ) from error
        found = shutil.which(first)
        return str(Path(found).absolute()) if found else first, *others  # it will be called from another folder
    found = next((path for path in map(shutil.which, ("cc", "gcc", "clang", "g++")) if path), None)
    if found is None:
        return None
    return (found, "-x", "c") if found.endswith("g++") else (found,)


def compiled(
    own: Sequence[str], text: str, room: Room, seconds: int | float, flags: Sequence[Sequence[str]] = FLAGS
) -> bytes:
    """The shared library that the compiler makes of the text, by the first flags that it takes.

    Raises:
        SolveError: it refuses, or ends well and makes nothing.
        OSError: it cannot be run, the room has no place for its files, or, a TimeoutError, it does not end in time.
    """
    room.write("kernel.c", text.encode())
    said = ""
    for these in flags:
        ended, said = _run([*own, *these, "kernel.c", "-o", "kernel.so"], room, seconds)
        if ended == 0:
            with suppress(FileNotFoundError):
                return room.read("kernel.so")
        said = said or f"it ended with {ended} and said nothing"
    facts = ("compiler", shlex.join(own)), ("said", said.partition("\n")[0])
    raise SolveError("the C compiler refuses a fused kernel", *facts, help=_HELP)


def _run(arguments: Sequence[str], room: Room, seconds: int | float) -> tuple[int, str]:
    """The status of a command in the room, and what it said.

    It writes into a file, as whatever it has started might keep a pipe open after its own end, and is ended with all of those.
    """
    environment = os.environ | {"TMPDIR": "."}  # its own files lie in the room, too
    with room.made("said") as said:
        process = subprocess.Popen(
            arguments,
            cwd=room.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            ended = process.wait(seconds)
        except BaseException as error:
            _end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimeoutError(f"{shlex.join(arguments[:1])} did not end within {seconds:g} seconds") from None
            raise
        said.seek(0)
        return ended, said.read(_SAID).decode(errors="replace").strip()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@cache
def machine(own: tuple[str, ...]) -> str:
    """All that machine code depends on beside the text: compiler, flags and processor; folders may be shared by machines."""
    try:
        with Room() as room:
            _, version = _run([*own, "--version"], room, 10)
    except OSError:
        version = ""
    return "\0".join([repr(FLAGS), repr(own), version, _cpu()])


@cache
def _cpu() -> str:
    """The processor's kind and what it can do, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    told = ("model name", "flags", "Features", "CPU part")
    return platform.machine() + "".join(next((ln for ln in lines if ln.startswith(name)), "") for name in told)
