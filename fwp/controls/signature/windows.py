"""Windows of a path: consecutive intervals that share their end points, the last window shorter if it has to be."""

import torch
from jaxtyping import Float64
from torch import Tensor

from fwp.controls.signature.backend import chosen, log_signature_by

__all__ = ["log_signatures", "window_ends"]


def log_signatures(
    x: Float64[Tensor, "batch time channel"], depth: int, step: int
) -> Float64[Tensor, "batch window word"]:
    """The log-signature of the straight lines through x in each window of `step` intervals.

    What stands still adds nothing to it: so the repeated points of a padded sample, or of a last window that is too short.

    Raises:
        DataError: nothing installed computes this depth.
    """
    step = _within(x, step)
    lines = _filled(x, step).unfold(1, step + 1, step).mT
    found = log_signature_by(chosen(depth), lines.flatten(0, 1), depth)
    return found.unflatten(0, lines.shape[:2])


def window_ends(times: Float64[Tensor, "batch time"], step: int) -> Float64[Tensor, "batch end"]:
    """The times at which windows begin and end."""
    step = _within(times, step)
    return _filled(times, step)[:, ::step]


def _within(points: Tensor, step: int) -> int:
    """A window of more intervals than there are holds them all, and is not filled up to its own length."""
    return min(step, max(1, points.shape[1] - 1))


def _filled(points: Tensor, step: int) -> Tensor:
    """With the last point repeated until the windows are full."""
    missing = -(points.shape[1] - 1) % step
    return torch.cat([points, points[:, -1:].repeat_interleave(missing, 1)], 1)
