"""How much memory one training step adds, in a process of its own: `python -m fwp.bench.speed.memory WORKLOAD CONTENDER`.

The mark is the kernel's for the process itself, reset once everything is imported and built. getrusage's would not do: it
survives exec, so that a child begins with the mark of a parent that was large.
"""

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fwp.bench.speed.contenders import CONTENDERS, Absent, Step
from fwp.bench.speed.workloads import named

__all__ = ["Probe", "available", "peak", "probe"]

SELF = Path("/proc/self")
MOST = 0.85
"""The share of the free memory that a step may take: a step that wants more is stopped, not the machine."""


@dataclass(frozen=True)
class Probe:
    """What a step did in a process of its own: the bytes that it added, None where the system does not say, or how it failed."""

    peak: int | None
    failed: str


def probe(workload: str, contender: str, seconds: float) -> Probe:
    """Take one step in a fresh process, for so many seconds at most."""
    command = [sys.executable, "-m", __name__, workload, contender]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return Probe(None, f"no step within {seconds:g} s")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        if "memory" in last.lower() or "bad_alloc" in last or done.returncode == -9:
            return Probe(None, f"out of memory: one step wants more than {MOST:.0%} of what is free")
        return Probe(None, last[:200])
    return Probe(**json.loads(done.stdout.splitlines()[-1]))


def peak(step: Step) -> int | None:
    """Bytes of resident memory that one step adds at its peak; None where the system does not say."""
    try:
        (SELF / "clear_refs").write_text("5")  # the mark becomes what is resident now
    except OSError:
        step.loss().backward()
        return None
    before = _status("VmRSS")
    step.loss().backward()
    return _status("VmHWM") - before


def available() -> int | None:
    """Bytes that are free for new processes; None where the system does not say."""
    return _entry(Path("/proc/meminfo"), "MemAvailable")


def _status(name: str) -> int:
    found = _entry(SELF / "status", name)
    assert found is not None  # the same kernel that let the mark be reset
    return found


def _entry(file: Path, name: str) -> int | None:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _main(workload: str, contender: str) -> None:
    free = available()
    if free is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(MOST * free), hard))
    step = CONTENDERS[contender].prepare(named(workload).build())
    found = Probe(None, step.reason) if isinstance(step, Absent) else Probe(peak(step), "")
    print(json.dumps({"peak": found.peak, "failed": found.failed}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
