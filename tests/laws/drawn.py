"""A rule solved on drawn keys, values and rates: they are the channels of a series, which the projection only picks out."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fwp import Projection, Rule, VectorField, series, solve
from fwp.controls import Control, Kind
from fwp.fields import external
from fwp.rules import x
from fwp.terms import Role
from fwp.testing.flows import Pick, free


def field(rule: Rule, slots: Mapping[str, Tensor], start: Tensor) -> VectorField:
    """The field of a rule whose slots, `(batch time *axes)`, are interpolated linearly; `start`, `(batch *axes)`, has its sizes."""
    own = free(rule)
    maps, columns, first = {}, [], 0
    sizes: dict[str, int] = dict(zip(own.of.axes, start.shape[1:], strict=True))
    for slot in (s for s in own.variables if s.role is Role.SLOT):
        value = slots[slot.name]
        column = value.flatten(2) if slot.declared else value[..., None]
        sizes |= dict(zip(slot.declared, value.shape[2:], strict=True))
        maps[slot.name] = external(Pick(first, tuple(value.shape[2:])), x, " ".join(slot.declared))
        columns.append(column)
        first += column.shape[-1]
    model = own @ Projection(**maps) @ Control(Kind.LINEAR, time=False)
    return model.build(first, heads=1, dtype=torch.float64, **sizes)(series(torch.cat(columns, -1)))


def trajectory(rule: Rule, slots: Mapping[str, Tensor], start: Tensor) -> Tensor:
    """The state at every knot, `(batch knot *axes)`, from `start`, `(batch *axes)`, to a tolerance of 1e-9."""
    name = rule.of.name
    found = solve(
        field(rule, slots, start), "knots", method="dopri8", rtol=1e-9, atol=1e-9, initial={name: start[:, None]}
    )
    return found.states[name][:, :, 0]
