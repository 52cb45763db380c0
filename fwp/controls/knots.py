"""Where a path stands at its knots, seen from the interval that led there: what a read-out there may know."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from fwp.controls.path import Path, evaluate, pieces_of

__all__ = ["arrivals", "at_arrivals", "at_knots"]


def at_knots(
    path: Path, knots: Int64[Tensor, "batch request"]
) -> tuple[Float[Tensor, "batch request channel"], Float[Tensor, "batch request channel"]]:
    """x and x' at the right end of the last interval of positive length before each knot, for each sample its own.

    So a sample that ended long before the batch did is read at its own end, not in its padding. A knot that no moving
    interval precedes is read at the left end of the first interval.
    """
    return at_arrivals(path, arrivals(path).gather(1, knots))


def arrivals(path: Path) -> Int64[Tensor, "batch knot"]:
    """For every knot the last interval of positive length before it, -1 where there is none."""
    interval = torch.arange(path.intervals, device=path.steps.device)
    last = torch.where(path.steps > 0, interval, -1).cummax(dim=1).values
    return torch.cat([torch.full_like(last[:, :1], -1), last], 1)


def at_arrivals(
    path: Path, intervals: Int64[Tensor, "batch request"]
) -> tuple[Float[Tensor, "batch request channel"], Float[Tensor, "batch request channel"]]:
    """x and x' at the right ends of these intervals; of -1 at the left end of the first."""
    chosen = intervals.clamp(min=0)
    pieces = path.coefficients.take_along_dim(chosen[..., None], 1)
    offset = torch.where(intervals >= 0, path.steps.gather(1, chosen), 0.0).to(pieces.dtype)[..., None]
    return evaluate(pieces.chunk(pieces_of(path.degree), -1), offset, path.degree)
