"""Cubic Hermite pieces whose derivative at a knot is the difference quotient behind it: smooth, and causal at knots."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.controls.linear import slopes

__all__ = ["hermite"]


def hermite(x: Float[Tensor, "batch time channel"], steps: Float[Tensor, "batch interval"]) -> tuple[Tensor, ...]:
    """a, b, 2c, 3d; with s the slope of the interval, p that of the one before and h its length,

        b = p,   2c = 4 (s − p)/h,   3d = −3 (s − p)/h²

    and p = s on the first interval.

    Reference: Morrill, Kidger, Yang, Lyons, Neural Controlled Differential Equations for Online Prediction Tasks, 2021.
    """
    length = torch.where(steps > 0, steps, 1)[..., None]
    slope = slopes(x, steps)
    before = torch.where(steps[..., None] > 0, torch.cat([slope[:, :1], slope[:, :-1]], 1), 0)
    bend = (slope - before) / length
    return x[:, :-1], before, 4 * bend, -3 * bend / length
