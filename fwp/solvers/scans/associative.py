"""Affine steps as a tree: W ↦ W A + B is closed under composition, so that all prefixes take only log₂ T rounds.

Every round composes neighbours and then fills in the places between (Ladner, Fischer, 1980): 2T compositions of dense matrices.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.solvers.steps import DenseSteps, LowRankSteps

__all__ = ["dense", "scan_associative"]


def scan_associative(
    steps: LowRankSteps | DenseSteps, initial: Float[Tensor, "batch head output read"], at: Sequence[int]
) -> Float[Tensor, "batch place head output read"]:
    """The states after so many steps each, from 1 to all of them, ascending."""
    steps = dense(steps)
    last = at[-1]
    offset = steps.offset[:, :last]
    places = torch.tensor(at, device=initial.device) - 1
    if steps.transition is None:
        return initial[:, None] + offset.cumsum(1)[:, places]
    transition = steps.transition[:, :last]
    if tuple(at) == (last,):
        a, b = _composed(transition, offset)
        return initial[:, None] @ a + b
    a, b = _prefixes(transition, offset)
    return initial[:, None] @ a[:, places] + b[:, places]


def dense(steps: LowRankSteps | DenseSteps) -> DenseSteps:
    """The same steps with full matrices."""
    if isinstance(steps, DenseSteps):
        return steps
    offset = steps.value.mT @ steps.gain @ steps.write
    if steps.decay is None and steps.read is None:
        return DenseSteps(None, offset)
    identity = torch.eye(steps.write.shape[-1]).to(steps.write)
    transition = identity if steps.decay is None else steps.decay[..., None, None] * identity
    if steps.read is not None and steps.erase is not None:
        transition = transition - steps.read.mT @ steps.erase @ steps.write
    return DenseSteps(transition.expand(*steps.write.shape[:3], -1, -1), offset)


def _pairs(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Each step at an even place composed with the next; an odd one out is left over."""
    even = a.shape[1] // 2 * 2
    first, second = a[:, 0:even:2], a[:, 1:even:2]
    return first @ second, b[:, 0:even:2] @ second + b[:, 1:even:2]


def _composed(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """All steps as one."""
    while a.shape[1] > 1:
        shorter, offset = _pairs(a, b)
        if a.shape[1] % 2:
            shorter, offset = torch.cat([shorter, a[:, -1:]], 1), torch.cat([offset, b[:, -1:]], 1)
        a, b = shorter, offset
    return a, b


def _prefixes(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The first i steps as one, for every i."""
    length = a.shape[1]
    if length == 1:
        return a, b
    odd = _prefixes(*_pairs(a, b))  # of 2, 4, 6, … steps
    later = (length - 1) // 2
    between = (
        odd[0][:, :later] @ a[:, 2::2],
        odd[1][:, :later] @ a[:, 2::2] + b[:, 2::2],
    )
    even = [torch.cat([own[:, :1], filled], 1) for own, filled in zip((a, b), between, strict=True)]
    return tuple(_interleaved(e, o) for e, o in zip(even, odd, strict=True))  # pyright: ignore[reportReturnType]


def _interleaved(even: Tensor, odd: Tensor) -> Tensor:
    both = torch.stack([even[:, : odd.shape[1]], odd], 2).flatten(1, 2)
    return both if even.shape[1] == odd.shape[1] else torch.cat([both, even[:, -1:]], 1)
