"""Whether two rules are one rule under other names: how a law that is known of one rate finds it in a disguise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np

from fwp.rules.law import Array
from fwp.rules.rule import Rule
from fwp.terms.build import multiply, scale
from fwp.terms.degree import degree
from fwp.terms.normal import Normal, normal, to_term
from fwp.terms.rename import substitute_axes
from fwp.terms.syntax import Node, Variable
from fwp.terms.witness import substitute

__all__ = ["Disguise", "disguise"]


@dataclass(frozen=True)
class Disguise:
    """How a rule says what a pattern says: rate = factor · pattern, with the pattern's variables under other names.

    Args:
        factor: a scalar without the state.
        names: the rule's variable for each of the pattern's, and which axis of it stands for each axis there.
    """

    factor: Node
    names: Mapping[str, tuple[str, tuple[int, ...]]]

    def value(self, name: str, arrays: Mapping[str, Array]) -> Array:
        """The array of the pattern's variable, (step, *axes as declared there), from the rule's."""
        own, order = self.names[name]
        return np.moveaxis(arrays[own], [1 + i for i in order], range(1, 1 + len(order)))


@lru_cache(maxsize=256)
def disguise(rule: Rule, pattern: Rule) -> Disguise | None:
    """How the rule is the pattern under a renaming of variables and axes, up to a scalar factor; None if it is not seen to be.

    The pattern's slots range over all numbers, so that those of the rule may range over any; its state has different axes.
    """
    factor, rest = _without_factor(rule)
    own, theirs = [x for x in rule.variables if _occurs(x, rest, rule.of)], _variables(pattern)
    if len(own) != len(theirs):
        return None
    marks = [f"p{i}" + "_" * max(len(x.name) for x in (*own, *theirs)) for i in range(len(theirs))]  # no one's name
    target = normal(_renamed(pattern.rate, list(zip(theirs, theirs, marks, map(_straight, theirs), strict=True))))
    for chosen in permutations(own[1:]):
        pairs = list(zip((own[0], *chosen), theirs, marks, strict=True))
        if not all(a.role is b.role and len(a.declared) == len(b.declared) for a, b, _ in pairs):
            continue
        for orders in product(*(permutations(range(len(a.declared))) for a, _, _ in pairs)):
            named = _renamed(rest, [(*pair, order) for pair, order in zip(pairs, orders, strict=True)])
            axes = {rule.of.axes[i]: a for i, a in zip(orders[0], pattern.of.axes, strict=True)}
            if normal(substitute_axes(named, axes)) == target:
                names = {b.name: (a.name, order) for (a, b, _), order in zip(pairs, orders, strict=True)}
                return Disguise(factor, names)
    return None


def _variables(rule: Rule) -> list[Variable]:
    return [x for x in rule.variables if _occurs(x, rule.rate, rule.of)]


def _occurs(variable: Variable, rate: Node, of: Variable) -> bool:
    return variable == of or degree(rate, variable) != 0


def _straight(variable: Variable) -> tuple[int, ...]:
    return tuple(range(len(variable.declared)))


def _renamed(rate: Node, pairs: list[tuple[Variable, Variable, str, tuple[int, ...]]]) -> Node:
    """The rate with the pattern's variables in place of its own, each under its mark."""
    for own, other, mark, order in pairs:
        axes = tuple(own.declared[i] for i in order)
        rate = substitute(rate, own, Variable(mark, other.declared, other.role, other.domain, axes))
    return rate


def _without_factor(rule: Rule) -> tuple[Node, Node]:
    """What all monomials of the rate share, of scalars without the state and of numbers' sizes, and what is left of it."""
    form = normal(rule.rate)
    if not form.monomials:
        return scale(1, multiply((), ())), rule.rate
    shared = Counter(_scalars(form.monomials[0][0], rule.of))
    for monomial, _ in form.monomials[1:]:
        shared &= Counter(_scalars(monomial, rule.of))
    number = abs(form.monomials[0][1])
    rest = [(tuple((Counter(m) - shared).elements()), c / number) for m, c in form.monomials]
    return scale(number, multiply(shared.elements(), ())), to_term(Normal(form.axes, tuple(rest)), rule.of.axes)


def _scalars(monomial: tuple[Node, ...], of: Variable) -> Iterator[Node]:
    return (f for f in monomial if not f.axes and degree(f, of) == 0)
