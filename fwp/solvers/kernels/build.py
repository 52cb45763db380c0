"""From the source of a kernel to machine code, by the compiler of the system, once for each machine and user."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from fwp.data.root import cache_folder
from fwp.errors import SolveError
from fwp.solvers.kernels.source import source
from fwp.solvers.kernels.spec import KernelSpec

__all__ = ["BUILD_SECONDS", "available", "library"]

BUILD_SECONDS = 1.0
"""What a kernel costs the first time, about: gcc 12 takes 0.3 to 1.2 s of one core for sizes up to 64 × 64."""

_BASE = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-fopenmp-simd", "-ffp-contract=fast")
_MATHS = ("-fno-math-errno", "-fno-trapping-math")  # nothing reads errno or flags; NaN and infinity stay what they are
_FLAGS = ((*_BASE, *_MATHS, "-march=native", "-mprefer-vector-width=512"), (*_BASE, *_MATHS, "-march=native"), _BASE)
"""Tried in order: not every compiler knows all of them."""


def compiler() -> list[str] | None:
    """The command that compiles C: `CC` if it is set, else the first of the usual names that is on the path."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    found = next((path for path in map(shutil.which, ("cc", "gcc", "clang", "g++")) if path), None)
    if found is None:
        return None
    return [found, "-x", "c"] if found.endswith("g++") else [found]


def available() -> bool:
    """Whether kernels can be built here: there is a compiler, and it makes a shared library."""
    command = compiler()
    return command is not None and _works(tuple(command))


@cache
def library(spec: KernelSpec) -> ctypes.CDLL:
    """The kernel, compiled if this machine has not compiled it yet; calls to it leave other threads of Python running.

    Raises:
        SolveError: there is no compiler, it refuses, or the cache folder cannot be written.
    """
    command = compiler()
    if command is None:
        help = "install gcc or clang, name one with CC=…, or pass scan='sequential'"
        raise SolveError("a fused kernel needs a C compiler", "none of cc, gcc, clang, g++ is on the path", help=help)
    text = source(spec)
    try:
        target = _target(text, tuple(command))
        if not target.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _compile(command, text, target)
        loaded = ctypes.CDLL(str(target))
    except OSError as error:
        facts = ("folder", str(cache_folder())), ("found", str(error))
        help = "name a folder of your own with FWP_CACHE=…, or pass scan='sequential'"
        raise SolveError("a fused kernel could not be stored or opened", *facts, help=help) from error
    # Addresses and numbers alike are 64 bits wide.
    loaded.forward.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long] * 4 + [ctypes.c_void_p] * 2 + [ctypes.c_long] * 2
    loaded.backward.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long] * 4 + [ctypes.c_void_p] * 4 + [ctypes.c_long] * 2
    return loaded


def _compile(command: list[str], text: str, target: Path) -> None:
    """Compile beside the target and rename: whoever else builds the same kernel writes the same file, whole at any time."""
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        code, made = Path(folder) / "kernel.c", Path(folder) / "kernel.so"
        code.write_text(text, encoding="utf-8")
        said = ""
        for flags in _FLAGS:
            done = subprocess.run([*command, *flags, str(code), "-o", str(made)], capture_output=True, text=True)
            if done.returncode == 0 and made.exists():
                made.replace(target)
                return
            said = (done.stderr or done.stdout).strip() or f"it ended with {done.returncode} and said nothing"
    facts = ("compiler", shlex.join(command)), ("said", said.partition("\n")[0])
    raise SolveError(
        "the C compiler refuses a fused kernel", *facts, help="name another with CC=…, or pass scan='sequential'"
    )


def _target(text: str, command: tuple[str, ...]) -> Path:
    """Where a kernel is kept."""
    return cache_folder() / _name(text, command)


@cache
def _name(text: str, command: tuple[str, ...]) -> str:
    """All that its machine code depends on is in the name of a kernel, as folders may be shared by machines."""
    everything = "\0".join([text, repr(_FLAGS), repr(command), _version(command), _cpu()])
    return f"scan-{hashlib.sha256(everything.encode()).hexdigest()[:32]}.so"


@cache
def _version(command: tuple[str, ...]) -> str:
    try:
        return subprocess.run([*command, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return ""


@cache
def _works(command: tuple[str, ...]) -> bool:
    with TemporaryDirectory(prefix="fwp-") as folder, NamedTemporaryFile("w", suffix=".c", dir=folder) as code:
        code.write("int forward(void) { return 0; }\n")
        code.flush()
        made = Path(folder) / "made.so"
        try:
            done = subprocess.run([*command, *_BASE, code.name, "-o", str(made)], capture_output=True)
        except OSError:
            return False
        return done.returncode == 0 and made.exists()


@cache
def _cpu() -> str:
    """The processor's kind and what it can do, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    told = ("model name", "flags", "Features", "CPU part")
    return platform.machine() + "".join(next((ln for ln in lines if ln.startswith(name)), "") for name in told)
