"""Exchanging the sides of a two-sided state: W by its transpose, keys by values."""

from __future__ import annotations

from typing import assert_never

from fwp.errors import AxisError
from fwp.terms.build import align, multiply
from fwp.terms.domain import Domain
from fwp.terms.fold import fold
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Axes, Constant, Map, Node, Product, Role, Scale, Sum, Variable

__all__ = ["dual_term"]


def dual_term(rate: Node, of: Variable, pairs: tuple[tuple[Variable, Variable], ...]) -> Node:
    """R̃ with R̃(W; k, v) = R(Wᵀ; v, k)ᵀ, where R is the rate and (k, v) run through the pairs.

    Raises:
        AxisError: the state does not have two axes.
    """
    if len(of.axes) != 2:
        raise AxisError(
            "only a state with two axes has two sides to exchange",
            (of.name, pretty_axes(of.axes)),
            help="take the dual of a rule whose state is a matrix",
        )
    swap = dict(zip(of.axes, reversed(of.axes), strict=True))
    partner = {a.name: b for a, b in pairs} | {b.name: a for a, b in pairs}

    def swapped(axes: Axes) -> Axes:
        return tuple(swap.get(a, a) for a in axes)

    def exchange(node: Node, parts: tuple[Node, ...]) -> Node:
        match node:
            case Variable(name, declared, role, domain, axes):
                if role is Role.STATE and set(declared) == set(of.declared):
                    return align(Variable(name, declared, role, domain, swapped(axes)[::-1]), swapped(axes))
                if name in partner:
                    other = partner[name]
                    return Variable(
                        name=other.name, declared=other.declared, role=role, domain=other.domain, axes=swapped(axes)
                    )
                moved = domain if domain.axis is None else Domain(domain.kind, swap.get(domain.axis, domain.axis))
                return Variable(name, swapped(declared), role, moved, swapped(axes))
            case Constant(kind, axes):
                return Constant(kind, swapped(axes))
            case Product(_, axes):
                return multiply(parts, swapped(axes))
            case Sum(_, axes):
                return Sum(parts, swapped(axes))
            case Scale(factor, _, axes):
                return Scale(factor, parts[0], swapped(axes))
            case Map(primitive, over, _, axes):
                return Map(primitive, None if over is None else swap.get(over, over), parts[0], swapped(axes))
            case _:
                assert_never(node)

    return align(fold(rate, exchange), of.axes)
