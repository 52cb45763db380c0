"""On what it was measured: the machine, the versions, and what the machine can do at most."""

import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import torch

from fwp.bench.code import code, version_of

__all__ = ["Limits", "Machine", "cores", "cpu_name", "limits", "machine", "this_machine"]


@dataclass(frozen=True)
class Machine:
    """Machine and versions; a package that is not installed has no version, and a package without a repository no commit."""

    name: str
    cpu: str
    cores: int
    threads: int
    memory: int
    """Bytes."""
    system: str
    python: str
    torch: str
    torchdiffeq: str
    torch_slices: str
    fwp: str
    commit: str
    date: str


@dataclass(frozen=True)
class Limits:
    """The best that was reached: products of the slow net's shapes, and copies between pages in use (bytes read and written)."""

    gigaflops: float
    gigabytes: float


def this_machine() -> Machine:
    """This machine, under a name made of its processor and cores."""
    cpu, count = cpu_name(), cores()
    return Machine(
        name=re.sub(r"[^a-z0-9]+", "-", f"{re.sub(r'[(](r|tm)[)]', '', cpu.lower())} {count} cores").strip("-"),
        cpu=cpu,
        cores=count,
        threads=torch.get_num_threads(),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        torch=torch.__version__,
        torchdiffeq=version_of("torchdiffeq"),
        torch_slices=version_of("torch-slices"),
        fwp=code().version,
        commit=code().commit,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def limits(rows: int = 143_840, width: int = 128, slots: int = 272, numbers: int = 2**26, tries: int = 5) -> Limits:
    """The best of some tries, in float32; the shapes are those of the EigenWorms model's slots, all windows at once."""
    left, right, out = torch.ones(rows, width), torch.ones(width, slots), torch.zeros(rows, slots)
    product = min(_seconds(lambda: torch.mm(left, right, out=out)) for _ in range(tries))
    source, target = torch.ones(numbers), torch.zeros(numbers)
    copy = min(_seconds(lambda: target.copy_(source)) for _ in range(tries))
    return Limits(2 * rows * width * slots / product / 1e9, 2 * 4 * numbers / copy / 1e9)


def _seconds(work: Callable[[], object]) -> float:
    begun = perf_counter()
    work()
    return perf_counter() - begun


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """The processor, as the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def machine(device: torch.device, threads: int) -> str:
    """On what a result was found: "NVIDIA H100", or a processor and how many of its threads were used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{cpu_name()}, {threads} thread{'s' if threads > 1 else ''}, torch {torch.__version__}"
