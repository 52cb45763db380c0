"""Sums of outer products with few summands: how a matrix whose entries are polynomials in scalar terms factors.

A vector is a sum of monomials with polynomial coefficients; the scalars of these polynomials are groups of factors without
free axes, such as β, k · k or σ(v · W k), each a variable of its own. Everything here is exact: no rounding, no search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import gcd, lcm
from typing import TypeVar

from fwp.terms.build import add, multiply, scale
from fwp.terms.normal import Monomial, Normal, canonical, sort_key, to_term
from fwp.terms.syntax import Axes, Node

__all__ = [
    "UNIT",
    "Entry",
    "Outer",
    "Polynomial",
    "Vector",
    "added",
    "cleared",
    "group_of",
    "outer_products",
    "polynomial_term",
    "quotient",
    "scalars_of",
    "times",
    "vector_term",
]

Scalars = tuple[Monomial, ...]
"""A product of scalar groups, sorted."""

Polynomial = Mapping[Scalars, Fraction]
"""Coefficients, none of them zero."""

Entry = tuple[int, Monomial]
"""A monomial with a mark that tells kinds of them apart; the lower mark leads."""

Vector = Mapping[Entry, Polynomial]
"""Polynomials, none of them zero."""

UNIT: Polynomial = {(): Fraction(1)}

K = TypeVar("K")


@dataclass(frozen=True)
class Outer:
    """The matrix rate · left ⊗ right; neither vector has a factor that all its entries share."""

    rate: Polynomial
    left: Vector
    right: Vector


def group_of(factors: Iterable[Node], free: frozenset[str]) -> Monomial:
    """The factors with their summed axes named canonically."""
    return canonical(tuple(factors), free)


def scalars_of(groups: Iterable[Sequence[Node]]) -> Scalars:
    """The product of groups of factors without free axes."""
    return tuple(sorted((group_of(g, frozenset()) for g in groups), key=_order))


def added(one: Mapping[K, Polynomial], other: Mapping[K, Polynomial], factor: Polynomial = UNIT) -> dict[K, Polynomial]:
    """one + factor · other."""
    result = dict(one)
    for entry, polynomial in other.items():
        result[entry] = _plus(result.get(entry, {}), times(factor, polynomial))
    return {entry: p for entry, p in result.items() if p}


def times(one: Polynomial, other: Polynomial) -> Polynomial:
    """The product of two polynomials."""
    result: dict[Scalars, Fraction] = {}
    for a, c in one.items():
        for b, d in other.items():
            both = tuple(sorted(a + b, key=_order))
            result[both] = result.get(both, Fraction(0)) + c * d
    return {scalars: c for scalars, c in result.items() if c}


def quotient(one: Polynomial, other: Polynomial) -> Polynomial | None:
    """one / other, if that is a polynomial."""
    lead = max(other, key=_rank)
    result: Polynomial = {}
    while one:
        top = max(one, key=_rank)
        if Counter(lead) - Counter(top):
            return None
        ratio = tuple(sorted((Counter(top) - Counter(lead)).elements(), key=_order))
        step = {ratio: one[top] / other[lead]}
        result = _plus(result, step)
        one = _plus(one, times({(): Fraction(-1)}, times(step, other)))
    return result


def cleared(vector: Vector) -> tuple[Polynomial, Vector]:
    """What all entries share, and the vector without it: whole numbers without common divisor, the first one positive."""
    entries = sorted(vector, key=_place)
    content = _shared([vector[e] for e in entries])
    divided = {e: _exact(vector[e], content) for e in entries}
    shortest = min(divided.values(), key=len)
    factor = _exact(shortest, _shared([shortest]))  # a sum such as 1 − β may be shared as well
    if not _divides(factor, divided.values()):
        return content, divided
    return times(content, factor), {e: _exact(p, factor) for e, p in divided.items()}


def outer_products(matrix: Mapping[Entry, Vector]) -> tuple[Outer, ...]:
    """The matrix with these rows as a sum of outer products left ⊗ right, right over the names of the rows.

    There are as few as Gauss's elimination finds with quotients that are polynomials: as many as the rank says if all
    coefficients are numbers.
    """
    merged: dict[frozenset[tuple[Entry, frozenset[tuple[Scalars, Fraction]]]], tuple[Vector, Vector]] = {}
    for name in sorted(matrix, key=_place):
        if matrix[name]:
            content, left = cleared(matrix[name])
            key = frozenset((e, frozenset(p.items())) for e, p in left.items())
            _, right = merged.get(key, (left, {}))
            merged[key] = left, added(right, {name: content})
    rows = list(merged.values())
    fewer = _eliminated(rows)
    return tuple(_outer(left, right) for left, right in (fewer if len(fewer) < len(rows) else rows))


def polynomial_term(polynomial: Polynomial) -> Node:
    """The polynomial as a term without axes."""
    return add(
        scale(polynomial[scalars], multiply([_group_term(g, ()) for g in scalars], ()))
        for scalars in sorted(polynomial, key=_rank)
    )


def vector_term(vector: Vector, axes: Axes) -> Node:
    """The vector as a term over its axes."""
    return add(multiply((polynomial_term(p), _group_term(m, axes)), axes) for (_, m), p in vector.items())


def _group_term(group: Monomial, axes: Axes) -> Node:
    return to_term(Normal(tuple(sorted(axes)), ((group, Fraction(1)),)), axes)


def _outer(left: Vector, right: Vector) -> Outer:
    (one, left), (other, right) = cleared(left), cleared(right)
    return Outer(times(one, other), left, right)


def _eliminated(rows: list[tuple[Vector, Vector]]) -> list[tuple[Vector, Vector]]:
    """Σ left ⊗ right with fewer summands, by taking multiples of one `left` from the others until none can be taken."""
    left, done = rows, list[tuple[Vector, Vector]]()
    while left:
        pivots = (
            (i, e) for i, (row, _) in enumerate(left) for e in row if _divides(row[e], (r.get(e, {}) for r, _ in left))
        )
        found = next(pivots, None)
        if found is None:
            break
        place, entry = found
        row, sums = left[place]
        rest: list[tuple[Vector, Vector]] = []
        for other, right in (*left[:place], *left[place + 1 :]):
            ratio = _exact(other.get(entry, {}), row[entry])
            sums = added(sums, right, ratio)
            if fewer := added(other, row, times({(): Fraction(-1)}, ratio)):
                content, smaller = cleared(fewer)
                rest.append((smaller, added({}, right, content)))
        done.append((row, sums))
        left = rest
    return done + left


def _divides(one: Polynomial, others: Iterable[Polynomial]) -> bool:
    return all(quotient(other, one) is not None for other in others)


def _exact(one: Polynomial, other: Polynomial) -> Polynomial:
    result = quotient(one, other)
    assert result is not None, "the quotient was known to be a polynomial"
    return result


def _plus(one: Polynomial, other: Polynomial) -> Polynomial:
    result = dict(one)
    for scalars, c in other.items():
        result[scalars] = result.get(scalars, Fraction(0)) + c
    return {scalars: c for scalars, c in result.items() if c}


def _shared(polynomials: Sequence[Polynomial]) -> Polynomial:
    """The number and the scalars that all the polynomials share; the sign is that of the first one's lowest term."""
    numbers = [c for p in polynomials for c in p.values()]
    counts = [Counter(scalars) for p in polynomials for scalars in p]
    common = tuple(sorted(reduce(Counter[Monomial].__and__, counts).elements(), key=_order))
    number = Fraction(gcd(*(c.numerator for c in numbers)), lcm(*(c.denominator for c in numbers)))
    lowest = polynomials[0][min(polynomials[0], key=_rank)]
    return {common: number if lowest > 0 else -number}


def _place(entry: Entry) -> tuple[int, list[tuple[str, ...]]]:
    return entry[0], _order(entry[1])


def _order(monomial: Monomial) -> list[tuple[str, ...]]:
    return [sort_key(f) for f in monomial]


def _rank(scalars: Scalars) -> tuple[int, list[list[tuple[str, ...]]]]:
    """An order of monomials that multiplication keeps: by degree, then word by word."""
    return len(scalars), [_order(g) for g in scalars]
