"""A rule solved on drawn keys, values and rates: they are the channels of a series, which the projection only picks out."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fwp import Projection, Rule, VectorField, series, solve
from fwp.controls import Control, Kind
from fwp.fields import external
from fwp.rules import x
from fwp.terms import Constant, Map, Node, Product, Role, Scale, Sum, Variable, fold, real
from fwp.terms.build import align


class Pick(nn.Module):
    """Some of the channels."""

    def __init__(self, first: int, size: int, scalar: bool) -> None:
        super().__init__()
        self.first, self.size, self.scalar = first, size, scalar

    def forward(self, values: Tensor) -> Tensor:
        return values[..., self.first] if self.scalar else values[..., self.first : self.first + self.size]


def field(rule: Rule, slots: Mapping[str, Tensor], start: Tensor) -> VectorField:
    """The field of a rule whose slots, `(batch time *axes)`, are interpolated linearly; `start`, `(batch *axes)`, has its sizes."""
    own = [s for s in rule.variables if s.role is Role.SLOT]
    maps, columns, first = {}, [], 0
    sizes: dict[str, int] = dict(zip(rule.of.axes, start.shape[1:], strict=True))
    for slot in own:
        value = slots.get(slot.name)
        if value is None:  # the query: laws read states, not outputs
            value = torch.zeros(*next(iter(slots.values())).shape[:2], sizes[slot.declared[0]], dtype=torch.float64)
        column = value if slot.declared else value[..., None]
        sizes |= dict(zip(slot.declared, value.shape[2:], strict=True))
        maps[slot.name] = external(Pick(first, column.shape[-1], not slot.declared), x, " ".join(slot.declared))
        columns.append(column)
        first += column.shape[-1]
    whole = torch.cat(columns, -1)
    data = series(whole)
    net = (unconstrained(rule) @ Projection(**maps) @ Control(Kind.LINEAR, time=False)).build(first, heads=1, **sizes)
    return net.double()(data)


def unconstrained(rule: Rule) -> Rule:
    """The same rule, its scalar rates declared over all numbers: an external map promises nothing about its range."""

    def free(node: Node, parts: tuple[Node, ...]) -> Node:
        match node:
            case Variable(name, declared, role, _, axes):
                return Variable(name, declared, role, real, axes)
            case Constant():
                return node
            case Product(_, axes):
                return Product(parts, axes)
            case Sum(_, axes):
                return Sum(parts, axes)
            case Scale(factor, _, axes):
                return Scale(factor, parts[0], axes)
            case Map(primitive, over, _, axes):
                return Map(primitive, over, parts[0], axes)

    return Rule(align(fold(rule.rate, free), rule.of.axes), rule.of, rule.name, fold(rule.read, free))


def trajectory(rule: Rule, slots: Mapping[str, Tensor], start: Tensor) -> Tensor:
    """The state at every knot, `(batch knot *axes)`, from `start`, `(batch *axes)`, to a tolerance of 1e-9."""
    name = rule.of.name
    found = solve(
        field(rule, slots, start), "knots", method="dopri8", rtol=1e-9, atol=1e-9, initial={name: start[:, None]}
    )
    return found.states[name][:, :, 0]
