"""How true a gradient is: that of the slow net's keys, values and rates, against the same steps in float64."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fwp.bench.speed.contenders import CONTENDERS, Absent, Step
from fwp.bench.speed.measure import timed
from fwp.bench.speed.memory import Probe
from fwp.bench.speed.workloads import Case, Workload

__all__ = ["Gradient", "gradients"]

PATIENCE = 5.0
"""Seconds; a step that takes less is taken twice, and the second is what counts."""


@dataclass(frozen=True)
class Gradient:
    """One contender at one length, in float32. `cosine` and `ratio` (of norms) are against rk4's own gradient in float64.

    Another discretisation has another gradient: of exact steps they tell how far rk4 is from the truth, too. They are None
    where the gradient is not finite, or where nothing was measured, for the reason that `absent` gives.
    """

    windows: int
    contender: str
    absent: str
    cosine: float | None
    ratio: float | None
    seconds: float | None
    peak: int | None


def gradients(workload: Workload, probe: Callable[[str, str], Probe]) -> list[Gradient]:
    """The gradients of all contenders of a workload; `probe` tells the memory of one on it, or why it cannot take a step."""
    reference = workload.build(torch.float64)
    step = CONTENDERS["torchdiffeq-exact"].prepare(reference)
    assert isinstance(step, Step)  # it comes with the library
    timed(step)
    wanted = slow_gradient(reference)
    return [_compared(workload, name, wanted, probe(workload.name, name)) for name in workload.contenders]


def slow_gradient(case: Case) -> Tensor:
    """The gradient of the maps of keys, values and rates, as one vector in float64."""
    parts = [p.grad for name, p in case.net.named_parameters() if any(f".{s}_" in name for s in ("k", "v", "beta"))]
    return torch.cat([g.double().flatten() for g in parts if g is not None])


def _compared(workload: Workload, name: str, wanted: Tensor, memory: Probe) -> Gradient:
    case = workload.build()
    step = Absent(memory.failed) if memory.failed else CONTENDERS[name].prepare(case)
    if isinstance(step, Absent):
        return Gradient(workload.windows, name, step.reason, None, None, None, None)
    reading = timed(step)
    if reading.seconds < PATIENCE:
        reading = timed(step)
    found = slow_gradient(case)
    norm = found.norm()
    finite = bool(torch.isfinite(norm)) and float(norm) > 0
    cosine = float(found @ wanted / (norm * wanted.norm())) if finite else None
    ratio = float(norm / wanted.norm()) if finite else None
    return Gradient(workload.windows, name, "", cosine, ratio, reading.seconds, memory.peak)
