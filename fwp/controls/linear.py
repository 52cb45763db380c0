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
    """a, b of the straight lines through x."""
    return x[:, :-1], slopes(x, steps)


def rectilinear(x: Float[Tensor, "batch time channel"], steps: Float[Tensor, "batch interval"]) -> tuple[Tensor, ...]:
    """a, b of two intervals for each step: x stays while the time moves, then moves while the time stays."""
    a, b = linear(x, steps)
    return a.repeat_interleave(2, 1), torch.stack([torch.zeros_like(b), b], 2).flatten(1, 2)
