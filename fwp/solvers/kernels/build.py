"""From the source of a kernel to machine code that runs: compiled once for each machine and user, and kept in the cache folder.

What is kept is code, so it is opened only if nobody else can have written it and if its digest, which stands at its end, is
that of its bytes and of its name: these very bytes are then copied to a room of this process's own and opened there. Whatever
is damaged is made again. Where the folder cannot be used a process compiles for itself alone, and says so once.
"""

import ctypes
import hashlib
import os
import shlex
from contextlib import suppress
from functools import cache
from pathlib import Path

from fwp.data.owned import keep, opened, own_cache
from fwp.errors import FwpError, SolveError, reason, warn
from fwp.solvers.kernels.compiler import FLAGS, command, compiled, machine
from fwp.solvers.kernels.room import Room
from fwp.solvers.kernels.source import source
from fwp.solvers.kernels.spec import KernelSpec

__all__ = ["BUILD_SECONDS", "available", "library", "ready"]

BUILD_SECONDS = 1.0
"""What a kernel costs the first time, about: gcc 12 takes 0.3 to 1.2 s of one core for sizes up to 64 × 64."""

_PATIENCE, _TRIAL = 120.0, 15.0
"""Seconds after which a compiler is given up: at a kernel, and at one line, which takes it some 0.05."""

_TORCH = "the same steps run in torch, several times slower"


def available() -> bool:
    """Whether kernels can be built and run here: tried out, once a process, and said once where a compiler is there in vain."""
    try:
        own = command()
    except SolveError as error:
        _lost(error.what, error.facts, error.help)
        return False
    if own is None:
        return False
    why = _why_not(own, os.environ.get("FWP_CACHE"))
    if why:
        help = "name a C compiler that works with CC=…, and a folder whose files may be executed with TMPDIR=… or FWP_CACHE=…"
        _lost("no fused kernel can be made here", (("compiler", shlex.join(own)), ("because", why)), help)
    return why is None


def ready(spec: KernelSpec) -> bool:
    """Whether the kernel can be called, built now if need be; a warning says why not, once."""
    return _ready(spec, os.environ.get("CC"), os.environ.get("FWP_CACHE"))


@cache
def _ready(spec: KernelSpec, compiler: str | None, folder: str | None) -> bool:
    try:
        library(spec)
    except SolveError as error:
        _lost(error.what, error.facts, error.help)
        return False
    return True


@cache
def library(spec: KernelSpec) -> ctypes.CDLL:
    """The kernel, compiled if this machine has not compiled it yet; calls to it leave other threads of Python running.

    Raises:
        SolveError: there is no compiler, it refuses, or no folder takes libraries and lets them run.
    """
    own = command()
    if own is None:
        help = "install gcc or clang, name one with CC=…, or pass scan='sequential'"
        raise SolveError("a fused kernel needs a C compiler", "none of cc, gcc, clang, g++ is on the path", help=help)
    text = source(spec)
    name = _name(text, own)
    if code := _kept(name):
        with suppress(OSError):  # what another system has made under the same name, say
            return _callable(_opened(code))
    try:
        code = _compiled(own, text, _PATIENCE)
        loaded = _callable(_opened(code))
    except (OSError, AttributeError) as error:
        facts = ("compiler", shlex.join(own)), ("found", str(error))
        help = "name folders of your own with TMPDIR=… and FWP_CACHE=…, or pass scan='sequential'"
        raise SolveError("a fused kernel could not be compiled or opened", *facts, help=help) from error
    _keep(name, code)
    return loaded


def _callable(loaded: ctypes.CDLL) -> ctypes.CDLL:
    # Addresses and numbers alike are 64 bits wide.
    loaded.forward.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long] * 4 + [ctypes.c_void_p] * 2 + [ctypes.c_long] * 2
    loaded.backward.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long] * 4 + [ctypes.c_void_p] * 4 + [ctypes.c_long] * 2
    return loaded


def _compiled(own: tuple[str, ...], text: str, seconds: float, flags: tuple[tuple[str, ...], ...] = FLAGS) -> bytes:
    """The library's bytes, made where temporary files lie or, where that is full or not to be had, in the cache folder."""
    try:
        with Room() as room:
            return compiled(own, text, room, seconds, flags)
    except TimeoutError:
        raise
    except (OSError, SolveError) as first:
        try:
            with Room(own_cache(make=True)) as room:
                return compiled(own, text, room, seconds, flags)
        except (OSError, FwpError):
            raise first from None


def _opened(code: bytes) -> ctypes.CDLL:
    """The library of these bytes, from a copy that is this process's alone and that needs no name once it is open."""
    try:
        return _opened_in(None, code)
    except OSError as first:  # files that lie there may not be executed, say
        try:
            return _opened_in(own_cache(make=True), code)
        except (OSError, FwpError):
            raise first from None


def _opened_in(place: Path | None, code: bytes) -> ctypes.CDLL:
    with Room(place) as room:
        # The loader takes a path that it has opened before for the same library: so it is never the same.
        return ctypes.CDLL(room.write(f"{os.urandom(8).hex()}.so", code))


def _kept(name: str) -> bytes | None:
    """The kernel that is in the cache folder; None if there is none, or none that this user has written, whole."""
    try:
        with os.fdopen(opened(own_cache(make=False) / name), "rb") as file:
            data = file.read()
    except (OSError, FwpError):
        return None
    code, digest = data[:-_DIGEST], data[-_DIGEST:]
    return code if code and digest == _digest(name, code) else None


def _keep(name: str, code: bytes) -> None:
    try:
        keep(own_cache(make=True) / name, code + _digest(name, code))
    except (OSError, FwpError) as error:
        _unkept(os.environ.get("FWP_CACHE") or "that of the user's own cache", reason(error))


_DIGEST = 32
"""Bytes of a digest at the end of a kept kernel, behind all that a loader reads."""


def _digest(name: str, code: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + code).digest()


@cache
def _unkept(folder: str, why: str) -> None:
    warn(
        "fused kernels cannot be kept: every process compiles its own, about a second for each",
        ("folder", folder),
        ("because", why),
        help="name a folder of your own with FWP_CACHE=…, to which nobody else may write",
    )


@cache
def _lost(what: str, facts: tuple[tuple[str, str] | str, ...], help: str) -> None:
    warn(f"{what}: {_TORCH}", *facts, help=help)


@cache
def _name(text: str, own: tuple[str, ...]) -> str:
    """All that its machine code depends on is in the name of a kernel."""
    everything = "\0".join([text, machine(own)])
    return f"scan-{hashlib.sha256(everything.encode(errors='surrogateescape')).hexdigest()[:32]}.so"


@cache
def _why_not(own: tuple[str, ...], folder: str | None) -> str | None:
    """Why no library can be made by the compiler and opened; None if one can."""
    try:
        code = _compiled(own, "int forward(void) { return 42; }\n", _TRIAL, FLAGS[-1:])
        return None if _opened(code).forward() == 42 else "what it makes does not do what the text says"
    except SolveError as error:
        return str(dict(fact for fact in error.facts if not isinstance(fact, str)).get("said"))
    except (OSError, AttributeError) as error:
        return str(error)
