"""What the tests of controls share: paths at their knots, and when two tensors are equal."""

import torch
from torch import Tensor

from fwp.controls import Path


def knots(path: Path) -> Tensor:
    """x at every knot: batch knot channel."""
    x, _ = path.nodes([0.0, 1.0])
    return torch.cat([x[:, :, 0], x[:, -1:, 1]], 1)


def close(ours: Tensor, reference: Tensor, bar: float = 1e-10) -> bool:
    """Max-abs of the difference over max(1, max-abs of the reference)."""
    assert ours.shape == reference.shape
    if not ours.numel():
        return True
    return bool((ours - reference).abs().max() <= bar * max(1.0, float(reference.abs().max())))
