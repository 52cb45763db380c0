"""What a sequence layer hands from one call to the next, and how a control goes on from it.

A control that is causal at knots needs no more of the past than the last two points: a straight line the last one, a Hermite
piece also the slope of the piece before.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import pad

from fwp.controls import Control, Kind, Path
from fwp.controls.fill import carried
from fwp.data import Series
from fwp.data.series import Array

__all__ = ["State", "inside", "last_two", "path_on", "points_on", "stride_of", "traced"]


class State(NamedTuple):
    """What a call leaves to the next: for each layer its fast weights, and where its control stood.

    A tuple of tensors all the way down, so that whatever torch does with nested tuples it does with this.
    """

    weights: tuple[dict[str, Float[Tensor, "batch head ..."]], ...]
    """By name, at each sample's own end."""
    knots: tuple[Float[Tensor, "batch 2 channel"], ...]
    """The last two points of what each layer was given, missing values carried forward; twice the same if there was but one."""
    times: Float64[Tensor, "batch 2"]
    """Their times."""

    def detach(self) -> "State":
        """The same numbers without their history: for backpropagation through a stretch of a stream at a time."""
        weights = tuple({name: state.detach() for name, state in own.items()} for own in self.weights)
        return State(weights, tuple(own.detach() for own in self.knots), self.times)


def inside(new: Series) -> Bool[Tensor, "batch time 1"]:
    """Which time points are a sample's own."""
    return (torch.arange(new.times.shape[1], device=new.times.device) < new.lengths[:, None])[..., None]


def traced(
    values: Tensor, times: Array, mask: Array | None, lengths: Int64[Tensor, "batch"], static: Array | None
) -> Series:
    """What `series` makes of good data, by operations alone that can be traced."""
    batch, time, _ = values.shape
    clock = torch.as_tensor(times, dtype=torch.float64, device=values.device).expand(batch, time)
    place = torch.arange(time, device=values.device).minimum((lengths[:, None] - 1).clamp(min=0))
    new = Series(values, clock.gather(1, place), torch.ones_like(values, dtype=torch.bool), lengths)
    observed = ~values.isnan() & inside(new)
    if mask is not None:
        observed &= torch.as_tensor(mask, dtype=torch.bool, device=values.device)
    features = None if static is None else torch.as_tensor(static).to(values)
    return replace(new, values=torch.where(observed, values, 0), mask=observed, static=features)


def points_on(new: Series, before: tuple[Tensor, Tensor] | None) -> Series:
    """All that is known at each time point, missing values carried forward, after the two points that came before."""
    fill = new.values.new_zeros(new.channels)
    if before is None:
        return replace(new, values=carried(new.values, new.mask, fill), mask=torch.ones_like(new.mask))
    knots, ends = before
    old = torch.ones_like(knots, dtype=torch.bool)
    values = carried(torch.cat([knots, new.values], 1), torch.cat([old, new.mask & inside(new)], 1), fill)
    lengths = new.lengths + 2
    place = torch.arange(values.shape[1], device=values.device).minimum(lengths[:, None] - 1)
    times = torch.cat([ends, new.times], 1).gather(1, place)
    return Series(values, times, torch.ones_like(values, dtype=torch.bool), lengths, new.static)


def last_two(points: Series) -> tuple[Float[Tensor, "batch 2 channel"], Float64[Tensor, "batch 2"]]:
    """The last two points of each sample, and their times."""
    end = points.lengths[:, None] - 1
    place = torch.cat([end - 1, end], 1).clamp(min=0)
    return points.values.take_along_dim(place[..., None], 1), points.times.gather(1, place)


def stride_of(control: Control) -> int:
    """Knots of the path from one time point to the next."""
    return 2 if control.kind is Kind.RECTILINEAR else 1


def path_on(control: Control, points: Series, goes_on: bool) -> tuple[Path, int]:
    """The path through the points, from the last old one on, and the knot at the first new one.

    Before it the path rests, for no time at all, where it stands and as it arrived there: that is what a read-out sees
    before anything moves, whatever comes next.
    """
    stride = stride_of(control)
    if not goes_on:
        path = control.through(points)
        x, _ = path.at(0, 0.0)
        return _rested(path, x, torch.zeros_like(x)), 1
    whole = control.through(_led(points))
    return _rested(whole.between(stride, whole.intervals), *whole.at(stride - 1, 1.0)), 1 + stride


def _led(points: Series) -> Series:
    """Where a series had but one point, another before it, such that no control bends between them and the next.

    Hermite pieces continue the slope of the piece before; the first has none and is straight.
    """
    values, times = points.values, points.times
    alone = times[:, :1] == times[:, 1:2]
    value = torch.where(alone[..., None], 2 * values[:, 1:2] - values[:, 2:3], values[:, :1])
    time = torch.where(alone, 2 * times[:, 1:2] - times[:, 2:3], times[:, :1])
    return replace(points, values=torch.cat([value, values[:, 1:]], 1), times=torch.cat([time, times[:, 1:]], 1))


def _rested(path: Path, x: Float[Tensor, "batch channel"], dx: Float[Tensor, "batch channel"]) -> Path:
    """The path after an interval of length 0 at x, with the derivative dx."""
    rest = torch.cat([x, dx], -1)
    rest = pad(rest, (0, path.coefficients.shape[-1] - rest.shape[-1]))
    return replace(
        path,
        coefficients=torch.cat([rest[:, None], path.coefficients], 1),
        steps=pad(path.steps, (1, 0)),
        times=torch.cat([path.times[:, :1], path.times], 1),
        first=path.start,
    )
