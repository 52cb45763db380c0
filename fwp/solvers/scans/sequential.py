"""One step after the other in torch: the meaning of every kind of step, and the reference for all other scans."""

from collections.abc import Sequence
from itertools import islice
from typing import assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.solvers.flows import mean_softmax, mean_tanh
from fwp.solvers.steps import DenseSteps, FlowSteps, LowRankSteps, RungeKuttaSteps, Steps, each
from fwp.terms.primitive import Primitive

__all__ = ["advance", "scan_sequential"]


def scan_sequential(
    steps: Steps, initial: Float[Tensor, "batch head output read"], at: Sequence[int]
) -> Float[Tensor, "batch place head output read"]:
    """The states after so many steps each, from 1 to all of them, ascending."""
    state, kept, wanted = initial, [], set(at)
    for i, step in enumerate(islice(each(steps), at[-1]), 1):
        state = advance(step, state)
        if i in wanted:
            kept.append(state)
    return torch.stack(kept, 1)


def advance(step: Steps, state: Float[Tensor, "batch head output read"]) -> Float[Tensor, "batch head output read"]:
    """The state after one step, given without its time axis."""
    match step:
        case LowRankSteps(write, value, gain, read, erase, decay):
            added = value.mT @ gain
            if read is not None and erase is not None:
                added = added - state @ read.mT @ erase
            return (state if decay is None else decay[..., None, None] * state) + added @ write
        case DenseSteps(transition, offset):
            return (state if transition is None else state @ transition) + offset
        case FlowSteps(primitive, rate, offset, slope, read, write):
            begin = offset + slope * (state @ read[..., None]).squeeze(-1)
            time = -slope * rate * (read * write).sum(-1, keepdim=True)
            if primitive is Primitive.TANH:
                mean = mean_tanh(begin, time.expand_as(begin))
            else:
                mean = mean_softmax(begin, time.expand(*begin.shape[:-1], 1).squeeze(-1))
            return state + (rate * mean)[..., None] * write[..., None, :]
        case RungeKuttaSteps():
            return _runge_kutta(step, state)
        case _:
            assert_never(step)


def _runge_kutta(step: RungeKuttaSteps, state: Tensor) -> Tensor:
    """The sum of the stages' rates; of a read-out rule that of the numbers by which one vector is written."""
    h = step.length.to(state.dtype)
    if step.read is None or step.write is None:
        stages: list[Tensor] = []
        for slots, row in zip(step.slots, step.weights[:-1], strict=True):
            moved = state + _sum(stages, row, h) if stages else state
            stages.append(step.rate(moved, slots).expand_as(state))
        return state + _sum(stages, step.weights[-1], h)
    begin = (state @ step.read[..., None]).squeeze(-1)
    overlap = (step.read * step.write).sum(-1, keepdim=True)
    written: list[Tensor] = []
    for slots, row in zip(step.slots, step.weights[:-1], strict=True):
        moved = begin + overlap * _sum(written, row, h) if written else begin
        written.append(step.rate(moved, slots).expand_as(begin))
    return state + _sum(written, step.weights[-1], h)[..., None] * step.write[..., None, :]


def _sum(stages: Sequence[Tensor], row: Sequence[float], h: Tensor) -> Tensor:
    total = sum((a * stage for a, stage in zip(row, stages, strict=True) if a), torch.zeros_like(stages[0]))
    return total * h.reshape(-1, *[1] * (stages[0].ndim - 1))
