"""Straight lines from knot to knot, and their rectilinear kind: first only the time moves, then only the values."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["linear", "rectilinear", "slopes"]


def slopes(
    x: Float[Tensor, "batch time channel"], steps: Float[Tensor, "batch interval"]
) -> Float[Tensor, "batch interval channel"]:
    """The difference quotient on every interval; 0 on padding, where nothing moves."""
    return x.diff(dim=1) / torch.where(steps > 0, steps, 1)[..., None]


def linear(x: Float[Tensor, "batch time channel"], steps: Float[Tensor, "batch interval"]) -> tuple[Tensor, ...]:
    """a, b, 2c, 3d of the straight lines through x."""
    b = slopes(x, steps)
    zero = torch.zeros_like(b)
    return x[:, :-1], b, zero, zero


def rectilinear(x: Float[Tensor, "batch time channel"], steps: Float[Tensor, "batch interval"]) -> tuple[Tensor, ...]:
    """a, b, 2c, 3d of two intervals for each step: x stays while the time moves, then moves while the time stays."""
    a, b, zero, _ = linear(x, steps)
    a, b, zero = a.repeat_interleave(2, 1), torch.stack([zero, b], 2).flatten(1, 2), zero.repeat_interleave(2, 1)
    return a, b, zero, zero
