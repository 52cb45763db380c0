"""The same path with more knots: each interval cut at the same places, so that all samples keep equally many."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from fwp.controls.path import Path, pieces_of, recentre

__all__ = ["split"]


def split(path: Path, fractions: Sequence[float]) -> Path:
    """The path with knots at these fractions of every interval's length, ascending from 0, its own left knot.

    An interval that jumps or stands still is cut as any other: the clock is, and the time where it runs with the clock.
    """
    cuts = torch.tensor([*fractions, 1.0], dtype=torch.float64, device=path.steps.device)
    offset = path.steps[..., None] * cuts[:-1]
    pieces = path.coefficients[:, :, None].expand(-1, -1, len(fractions), -1)
    moved = recentre(pieces.chunk(pieces_of(path.degree), -1), offset[..., None].to(pieces.dtype), path.degree)
    times = path.times[:, :-1, None] + path.times.diff(dim=1)[..., None] * cuts[:-1]
    return replace(
        path,
        coefficients=torch.cat(moved, -1).flatten(1, 2),
        steps=(path.steps[..., None] * cuts.diff()).flatten(1, 2),
        times=torch.cat([times.flatten(1, 2), path.times[:, -1:]], 1),
    )
