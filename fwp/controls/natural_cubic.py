"""The natural cubic spline through what was observed, each channel through its own observations."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from fwp.controls.fill import carried, following, preceding
from fwp.controls.path import recentre
from fwp.controls.tridiagonal import tridiagonal

__all__ = ["natural_cubic"]


def natural_cubic(
    values: Float[Tensor, "batch time channel"],
    mask: Bool[Tensor, "batch time channel"],
    times: Float[Tensor, "batch time"],
    fill: Float[Tensor, "channel"],
) -> tuple[Tensor, ...]:
    """a, b, 2c, 3d on every interval of the time grid, observed at its ends or not.

    Before a channel's first observation and after its last one each time point is a knot with that value, as in
    torchcde; a channel never observed stays at `fill`. The derivatives k at the knots solve one tridiagonal system: at
    a knot between pieces of lengths g and h and rises y and z,

        k₋/g + 2 (1/g + 1/h) k + k₊/h = 3 (y/g² + z/h²).
    """
    last = times.shape[1] - 1
    after = following(mask)
    first = torch.where(after[:, :1] > last, fill, values.gather(1, after[:, :1].clamp(max=last)))
    x = carried(values, mask, first)
    inside = torch.cat([torch.ones_like(times[:, :1], dtype=torch.bool), times.diff(dim=1) > 0], 1)
    known = (mask | (preceding(mask) < 0) | (after > last)) & inside[..., None]

    left, right = preceding(known)[:, :-1], following(known)[:, 1:].clamp(max=last)
    start, stop = (times[..., None].take_along_dim(end, 1) for end in (left, right))
    moves = stop > start  # False on padding
    inverse = torch.where(moves, 1 / torch.where(moves, stop - start, 1), 0)
    three_slopes = 3 * (x.gather(1, right) - x.gather(1, left)) * inverse
    pull = three_slopes * inverse

    behind, ahead = (0, 0, 1, 0), (0, 0, 0, 1)  # from intervals to the knots at their ends
    lower, upper = pad(inverse, behind), pad(inverse, ahead)
    diagonal = torch.where(lower + upper > 0, 2 * (lower + upper), 1)
    k = tridiagonal(lower, diagonal, upper, pad(pull, behind) + pad(pull, ahead), known)
    k_left, k_right = torch.where(moves, k.gather(1, left), 0), k[:, 1:]
    two_c = (2 * three_slopes - 4 * k_left - 2 * k_right) * inverse
    three_d = (3 * (k_left + k_right) - 2 * three_slopes) * inverse**2
    return recentre((x.gather(1, left), k_left, two_c, three_d), times[:, :-1, None] - start, 3)
