"""What never changes if it begins so: states at zero, where a rate has them for a factor, and units that begin alike."""

from __future__ import annotations

from collections.abc import Iterable

from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.terms.fold import subterms
from fwp.terms.normal import normal
from fwp.terms.primitive import Primitive
from fwp.terms.sizes import axis_classes
from fwp.terms.syntax import Constant, ConstantKind, Map, Node, Product, Role, Scale, Sum, Variable, variables

__all__ = ["alike_along", "resting", "singular", "unwritten"]

_THROUGH_ZERO = (Primitive.TANH, Primitive.RELU, Primitive.SQUARE, Primitive.SQRT, Primitive.NORMALIZE)
_STEEP_AT_ZERO = (Primitive.NORMALIZE, Primitive.RECIPROCAL, Primitive.LOG, Primitive.SQRT)
"""Maps without a value or a derivative at 0."""


def resting(rule: Rule | System, at_zero: Iterable[str]) -> frozenset[str]:
    """Of the states that begin at zero those that stay there: every term of their rates has one of them for a factor.

    States may hold each other there: of dA/dt = B ⊙ A and dB/dt = A both rest, though B alone would not.
    """
    found = frozenset(at_zero)
    while (staying := found & unwritten(rule, found)) != found:
        found = staying
    return found


def unwritten(rule: Rule | System, zero: frozenset[str]) -> frozenset[str]:
    """The states whose rates are 0 while those of `zero` are, whatever all else is."""
    return frozenset(
        each.of.name
        for each in rule.rules
        if all(any(_vanishes(f, zero) for f in monomial) for monomial, _ in normal(each.rate).monomials)
    )


def singular(rule: Rule | System, at_zero: Iterable[str]) -> frozenset[str]:
    """Of the states that begin at zero those of which the rule takes a root, a norm, a logarithm or a reciprocal there."""
    zero = frozenset(at_zero)
    found = set[str]()
    for term in (*(each.rate for each in rule.rules), rule.read):
        for monomial, _ in normal(term).monomials:
            for node in (n for f in monomial for n in subterms(f)):
                if isinstance(node, Map) and node.primitive in _STEEP_AT_ZERO and _vanishes(node.term, zero):
                    found |= {x.name for x in variables(node.term) if x.role is Role.STATE} & zero
    return frozenset(found)


def alike_along(rule: Rule | System) -> tuple[frozenset[str], ...]:
    """Axes of states along which nothing tells the units apart: where these begin alike they stay so, in every solution.

    The equations stay the same when such units change places: no slot or signal has the axis, and no constant orders it. Axes
    that have to be of one size go together.
    """
    rates = [each.rate for each in rule.rules]
    states = {axis for each in rule.rules for axis in each.of.axes}
    found: list[frozenset[str]] = []
    for equal in axis_classes([*(each.of for each in rule.rules), *rates]):
        nodes = (n for rate in rates for n in subterms(rate))
        if equal & states and not any(_tells_apart(node, equal) for node in nodes):
            found.append(equal)
    return tuple(found)


def _tells_apart(node: Node, axes: frozenset[str]) -> bool:
    match node:
        case Variable():
            return node.role is not Role.STATE and not axes.isdisjoint(node.declared)
        case Constant(kind, own):
            return kind is ConstantKind.TRIL and not axes.isdisjoint(own)
        case _:
            return False


def _vanishes(node: Node, zero: frozenset[str]) -> bool:
    """The term is 0 where these states are, whatever all else is, or has no value there."""
    match node:
        case Variable(name):
            return node.role is Role.STATE and name in zero
        case Constant():
            return False
        case Product(operands):
            return any(_vanishes(o, zero) for o in operands)
        case Sum(terms):
            return all(_vanishes(t, zero) for t in terms)
        case Scale(_, inner):
            return _vanishes(inner, zero)
        case Map(primitive, _, inner):
            return primitive in _THROUGH_ZERO and _vanishes(inner, zero)
