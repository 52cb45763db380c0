"""Which observation stands nearest before and after each time point, and values carried forward from it."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

__all__ = ["carried", "following", "preceding"]


def preceding(mask: Bool[Tensor, "batch time channel"]) -> Int64[Tensor, "batch time channel"]:
    """The position of the last True at or before each position; -1 where there is none."""
    position = torch.arange(mask.shape[1], device=mask.device)[:, None]
    return torch.where(mask, position, -1).cummax(1).values


def following(mask: Bool[Tensor, "batch time channel"]) -> Int64[Tensor, "batch time channel"]:
    """The position of the first True at or after each position; the number of positions where there is none."""
    return mask.shape[1] - 1 - preceding(mask.flip(1)).flip(1)


def carried(
    values: Float[Tensor, "batch time channel"],
    mask: Bool[Tensor, "batch time channel"],
    fill: Float[Tensor, "... channel"],
) -> Float[Tensor, "batch time channel"]:
    """The last observed value at every time point, padding included; `fill` before a channel's first observation."""
    source = preceding(mask)
    return torch.where(source < 0, fill, values.gather(1, source.clamp(min=0)))
