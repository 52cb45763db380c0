"""Log-signatures of depth 1 and 2 of piecewise linear paths, in closed form: differentiable as often as one likes."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["closed_form"]


def closed_form(points: Float[Tensor, "window point channel"], depth: int) -> Float[Tensor, "window word"]:
    """The increment, and at depth 2 the Lévy areas of all pairs of channels i < j in lexicographic order,

        Aᵢⱼ = ½ ∫ (xᵢ − xᵢ(0)) dxⱼ − (xⱼ − xⱼ(0)) dxᵢ,

    which on straight lines is a finite sum: a piece's own increments cancel, its starting point is left.
    """
    increment = points[:, -1] - points[:, 0]
    if depth == 1:
        return increment
    integral = (points[:, :-1] - points[:, :1]).mT @ points.diff(dim=1)
    first, second = torch.triu_indices(points.shape[2], points.shape[2], 1, device=points.device)
    return torch.cat([increment, (integral - integral.mT)[:, first, second] / 2], 1)
