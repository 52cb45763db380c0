"""The normal form of a term: a sum of monomials in variables, constants and maps, equal for terms that ring laws equate.

Products are expanded over sums, squares written out, like monomials gathered, summed axes given canonical names, identity
matrices and superfluous ones removed. Equal normal forms mean equal terms (sound); the converse holds up to ring laws and
renaming, except where more than `_MOST` orders of look-alike summed axes would have to be tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, permutations, product
from math import factorial, prod
from typing import assert_never

from fwp.terms.build import add, align, multiply, scale
from fwp.terms.primitive import Primitive
from fwp.terms.rename import bound_axes, substitute_axes
from fwp.terms.syntax import Axes, Constant, ConstantKind, Map, Node, Product, Scale, Sum, Variable

__all__ = ["Monomial", "Normal", "equivalent", "normal", "to_term"]

_MOST = 5040

Monomial = tuple[Node, ...]
"""Sorted variables, constants and maps; axes that the term lacks are summed."""


@dataclass(frozen=True)
class Normal:
    """The monomials with their coefficients, sorted; `axes` are the term's, sorted."""

    axes: Axes
    monomials: tuple[tuple[Monomial, Fraction], ...]


def equivalent(one: Node, other: Node) -> bool:
    """The terms are equal up to ring laws and the names of summed axes."""
    return normal(one) == normal(other)


def normal(term: Node) -> Normal:
    """The normal form."""
    coefficients: dict[Monomial, Fraction] = {}
    free = frozenset(term.axes)
    for coefficient, factors in _expand(term, (f"tmp{i}" for i in count() if f"tmp{i}" not in free)):
        monomial = _canonical(_simplify(factors, free), free)
        coefficients[monomial] = coefficients.get(monomial, Fraction(0)) + coefficient
    kept = [(m, c) for m, c in coefficients.items() if c]
    return Normal(tuple(sorted(free)), tuple(sorted(kept, key=lambda item: [_key(f) for f in item[0]])))


def to_term(form: Normal, axes: Axes) -> Node:
    """A term with this normal form, its axes in the given order; sums over shared axes are nested where they belong."""
    if not form.monomials:
        return scale(0, multiply([Constant(ConstantKind.ONES, (a,)) for a in axes], axes))
    return add([scale(c, _assemble(m, axes)) for m, c in form.monomials])


def _expand(term: Node, names: Iterator[str]) -> list[tuple[Fraction, list[Node]]]:
    """The monomials of a term; every summed axis gets a name of its own."""
    match term:
        case Variable() | Constant():
            return [(Fraction(1), [term])]
        case Scale(factor, inner, _):
            return [(factor * c, m) for c, m in _expand(inner, names)]
        case Sum(terms, _):
            return [monomial for t in terms for monomial in _expand(t, names)]
        case Map(Primitive.SQUARE, _, inner, axes):
            return _expand(Product((inner, inner), axes), names)
        case Map(primitive, over, inner, axes):
            ordered = tuple(sorted(axes))
            return [(Fraction(1), [Map(primitive, over, to_term(normal(inner), ordered), ordered)])]
        case Product(operands, _):
            own = {a: next(names) for a in bound_axes(term)}
            factors = [_expand(substitute_axes(o, own), names) for o in operands]
            return [
                (prod((c for c, _ in choice), start=Fraction(1)), [f for _, m in choice for f in m])
                for choice in product(*factors)
            ]
        case _:
            assert_never(term)


def _simplify(factors: Sequence[Node], free: frozenset[str]) -> list[Node]:
    """Remove identity matrices that only carry a summed axis elsewhere, and ones over axes that other factors have."""
    result = list(factors)
    for factor in [f for f in factors if isinstance(f, Constant) and f.kind is ConstantKind.EYE]:
        rest = list(result)
        rest.remove(factor)
        for kept, gone in (factor.axes, factor.axes[::-1]):
            used = any(gone in f.axes for f in rest)
            if gone not in free and used and not any(kept in f.axes and gone in f.axes for f in rest):
                result = [substitute_axes(f, {gone: kept}) for f in rest]
                break
    for i, factor in reversed(list(enumerate(result))):
        if isinstance(factor, Constant) and factor.kind is ConstantKind.ONES:
            rest = result[:i] + result[i + 1 :]
            lone = tuple(sorted(a for a in factor.axes if all(a not in f.axes for f in rest)))
            result = [*rest, Constant(ConstantKind.ONES, lone)] if lone else rest
    return result


def _canonical(factors: Sequence[Node], free: frozenset[str]) -> Monomial:
    """Factors sorted, summed axes renamed so that the sorted factors come first among all ways to name them."""
    bound = sorted({a for f in factors for a in f.axes if a not in free})
    groups: dict[tuple[object, ...], list[str]] = {}
    for axis in bound:
        groups.setdefault(tuple(sorted(_place(f, axis) for f in factors if axis in f.axes)), []).append(axis)
    ordered = [groups[signature] for signature in sorted(groups)]
    if prod(factorial(len(g)) for g in ordered) > _MOST:
        choices: list[tuple[tuple[str, ...], ...]] = [tuple(tuple(g) for g in ordered)]
    else:
        choices = list(product(*(permutations(g) for g in ordered)))
    names = [n for n in (f"s{i}" for i in range(len(bound) + len(free))) if n not in free][: len(bound)]

    def named(choice: tuple[tuple[str, ...], ...]) -> Monomial:
        axes = dict(zip((a for g in choice for a in g), names, strict=True))
        return tuple(sorted((_renamed(f, axes) for f in factors), key=_key))

    return min(map(named, choices), key=lambda m: [_key(f) for f in m])


def _renamed(factor: Node, axes: dict[str, str]) -> Node:
    moved = substitute_axes(factor, axes)
    return _expand(moved, iter(()))[0][1][0] if isinstance(moved, Map) else moved


def _place(factor: Node, axis: str) -> tuple[str, ...]:
    """What a factor says of one of its axes without naming any: enough to tell most summed axes apart."""
    match factor:
        case Variable(name, _, _, _, axes):
            return ("variable", name, str(axes.index(axis)))
        case Constant(kind, axes):
            return ("constant", kind.value, str(axes.index(axis)))
        case Map(primitive, over, _, _):
            return ("map", primitive.name, str(over == axis))
        case _:
            return ("other",)


def _key(node: Node) -> tuple[str, ...]:
    """A total order on terms that does not depend on how they were built."""
    match node:
        case Variable(name, declared, role, domain, axes):
            return ("0", name, *axes, "of", *declared, role.value, str(domain))
        case Constant(kind, axes):
            return ("1", kind.value, *axes)
        case Map(primitive, over, inner, _):
            return ("2", primitive.name, over or "", *_key(inner))
        case Scale(factor, inner, _):
            return ("3", str(factor), *_key(inner))
        case Product(operands, axes):
            return ("4", *axes, *(word for o in operands for word in _key(o)), ")")
        case Sum(terms, axes):
            return ("5", *axes, *(word for t in terms for word in _key(t)), ")")
        case _:
            assert_never(node)


def _assemble(monomial: Monomial, axes: Axes) -> Node:
    """The product of the factors, those that share summed axes contracted first, under their declared names if free."""
    groups: list[list[Node]] = []
    for factor in monomial:
        bound = {a for a in factor.axes if a not in axes}
        touching = [g for g in groups if any(bound & set(f.axes) for f in g)]
        groups = [g for g in groups if g not in touching] + [[f for g in touching for f in g] + [factor]]

    def place(factor: Node) -> tuple[list[int], tuple[str, ...]]:
        return [axes.index(a) for a in factor.axes], _key(factor)

    factors = [_contracted(g, axes) for g in groups]
    return multiply(sorted(factors, key=place), axes)


def _contracted(group: Sequence[Node], axes: Axes) -> Node:
    kept = tuple(a for a in axes if any(a in f.axes for f in group))
    if all(a in kept for f in group for a in f.axes):
        return multiply(group, kept)
    taken = set(kept)
    names: dict[str, str] = {}
    for factor in group:
        if isinstance(factor, Variable):
            for declared, axis in zip(factor.declared, factor.axes, strict=True):
                everywhere = {a for f in group for a in f.axes}
                if axis not in kept and axis not in names and declared not in taken | (everywhere - {axis}):
                    names[axis] = declared
                    taken.add(declared)
    return multiply([substitute_axes(f, names) for f in group], kept) if group else align(group[0], kept)
