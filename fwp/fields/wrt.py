"""The degree of a rule in the control's increment, once a projection has said what dx feeds.

A controlled differential equation is homogeneous of degree one in dx: of degree one, and without a term of degree zero.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import assert_never

from fwp.fields.maps import Activation, External, FeedForward, LayerNorm, Linear, Parameter, Shared, SlowMap
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.terms.fold import fold
from fwp.terms.primitive import Primitive
from fwp.terms.syntax import Constant, Map, Node, Product, Role, Scale, Sum, Variable

__all__ = ["Degrees", "degrees", "map_degrees", "mentions_increment", "term_degrees"]

Degrees = tuple[int | float, int | float]
"""The lowest and the highest degree of any monomial."""


def map_degrees(node: SlowMap) -> Degrees:
    """Degrees in dx of a map: a bias is of degree zero, what no polynomial is reaches to infinity."""
    match node:
        case Variable():
            return (1, 1) if node.role is Role.INCREMENT else (0, 0)
        case Parameter():
            return (0, 0)
        case Linear(of, _, bias):
            low, high = map_degrees(of)
            return (0 if bias else low, high)
        case Shared(_, of):
            return map_degrees(of)
        case LayerNorm(of) | FeedForward(of) | Activation(_, _, of) | External(_, of, _):
            return (0, 0) if map_degrees(of) == (0, 0) else (0, inf)
        case _:
            assert_never(node)


def degrees(rule: Rule | System, slot: Callable[[Variable], SlowMap]) -> Degrees:
    """Degrees in dx of all the rates of a rule whose slots are fed by these maps."""
    found = [term_degrees(r.rate, slot) for r in rule.rules]
    return min(low for low, _ in found), max(high for _, high in found)


def term_degrees(term: Node, slot: Callable[[Variable], SlowMap]) -> Degrees:
    """Degrees in dx of one term."""

    def of(node: Node, parts: tuple[Degrees, ...]) -> Degrees:
        match node:
            case Variable():
                return (
                    map_degrees(slot(node))
                    if node.role is Role.SLOT
                    else (1, 1)
                    if node.role is Role.INCREMENT
                    else (0, 0)
                )
            case Constant():
                return (0, 0)
            case Product():
                return sum(low for low, _ in parts), sum(high for _, high in parts)
            case Sum():
                return min(low for low, _ in parts), max(high for _, high in parts)
            case Scale():
                return parts[0]
            case Map(primitive, _, _, _):
                if primitive is Primitive.SQUARE:
                    return 2 * parts[0][0], 2 * parts[0][1]
                return parts[0] if parts[0] == (0, 0) else (0, inf)
            case _:
                assert_never(node)

    return fold(term, of)


def mentions_increment(rule: Rule | System, slot: Callable[[Variable], SlowMap]) -> bool:
    """The rule or one of its maps reads dx."""
    own = any(v.role is Role.INCREMENT for v in rule.variables)
    return own or any(map_degrees(slot(v)) != (0, 0) for v in rule.variables if v.role is Role.SLOT)
