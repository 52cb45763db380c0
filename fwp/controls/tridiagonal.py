"""Thomas' algorithm on many tridiagonal systems at once, each over the rows that it has.

Systems of different rows share one loop over time: a row that a system lacks passes on what came before it.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["tridiagonal"]


def tridiagonal(
    lower: Float[Tensor, "batch time channel"],
    diagonal: Float[Tensor, "batch time channel"],
    upper: Float[Tensor, "batch time channel"],
    right: Float[Tensor, "batch time channel"],
    present: Bool[Tensor, "batch time channel"],
) -> Float[Tensor, "batch time channel"]:
    """Solve lower k₋ + diagonal k + upper k₊ = right, k₋ and k₊ being the unknowns of the present rows beside it.

    `lower` of a system's first row and `upper` of its last are 0; the diagonal dominates. An absent row gets the
    unknown of the next present one.
    """
    ratio = rest = torch.zeros_like(right[:, 0])
    ratios, rests = [], []
    for low, mid, up, rhs, here in zip(*(m.unbind(1) for m in (lower, diagonal, upper, right, present)), strict=True):
        pivot = mid - low * ratio
        ratio = torch.where(here, up / pivot, ratio)
        rest = torch.where(here, (rhs - low * rest) / pivot, rest)
        ratios.append(ratio)
        rests.append(rest)
    unknown = torch.zeros_like(rest)
    unknowns = []
    for ratio, rest, here in zip(reversed(ratios), reversed(rests), reversed(present.unbind(1)), strict=True):
        unknown = torch.where(here, rest - ratio * unknown, unknown)
        unknowns.append(unknown)
    return torch.stack(unknowns[::-1], 1)
