"""Rates that see their state only through a product with one vector: dW/dt = response(W @ read) ⊗ write.

Every W @ m in the rate, under maps too, must belong to a multiple of one W @ read; it is gathered there and replaced by a
variable u. What a closed-form flow needs of the response is read off its normal form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from fwp.terms.build import add, multiply, scale
from fwp.terms.degree import degree
from fwp.terms.domain import DomainKind, real
from fwp.terms.normal import Monomial, Normal, connected, normal, renamed, to_term
from fwp.terms.outer import (
    Polynomial,
    Vector,
    added,
    cleared,
    group_of,
    outer_products,
    polynomial_term,
    quotient,
    scalars_of,
    times,
    vector_term,
)
from fwp.terms.primitive import Primitive
from fwp.terms.syntax import Axes, Constant, ConstantKind, Map, Node, Role, Variable, variables
from fwp.terms.witness import Closed, ReadOut

__all__ = ["find_read_out", "never_negative"]

_NEVER_NEGATIVE = (DomainKind.NONNEGATIVE, DomainKind.UNIT, DomainKind.SIMPLEX)


def find_read_out(rate: Normal, state: Variable, axis: str) -> ReadOut | None:
    """The rate as a response to W @ read, read and written along the axis."""
    outputs = tuple(a for a in state.declared if a != axis)
    taken = {x.name for m, _ in rate.monomials for x in variables(*m)} | {state.name}
    name = next(n for i in count(1) if (n := "u" if i == 1 else f"u{i}") not in taken)
    seen = _View(state, axis, Variable(name, outputs, Role.STATE, real, outputs))
    read = _first_read(rate, seen)
    replaced = None if read is None else _replaced(rate, seen, read)
    if read is None or replaced is None:
        return None
    matrix: dict[tuple[int, Monomial], Vector] = {}
    for monomial, coefficient in replaced.monomials:
        groups = connected(monomial, frozenset(rate.axes))
        written = [f for g in groups if _touches(g, axis) for f in g]
        rest = [f for g in groups if _touches(g, *outputs) for f in g]
        if any(_touches([f], *outputs) or degree(f, seen.output) for f in written):
            return None
        scalars = scalars_of(g for g in groups if not _touches(g, axis, *outputs))
        entry = {(1, group_of(rest, frozenset(outputs))): {scalars: coefficient}}
        place = (0, group_of(written, frozenset({axis})))
        matrix[place] = added(matrix.get(place, {}), entry)
    found = outer_products(matrix)
    if len(found) != 1:
        return None
    (outer,) = found
    write = vector_term(outer.right, (axis,))
    if degree(write, seen.output):  # a scalar that the state determines weighs one key against another
        return None
    response = multiply((polynomial_term(outer.rate), vector_term(outer.left, outputs)), outputs)
    closed = _closed(response, seen.output, same=read == outer.right)
    return ReadOut(axis, vector_term(read, (axis,)), write, seen.output, response, closed)


@dataclass(frozen=True)
class _View:
    """What is replaced: the state, the axis along which it is read, and the variable that stands for what is read."""

    state: Variable
    axis: str
    output: Variable

    def sees(self, factor: Node) -> bool:
        return degree(factor, self.state) != 0

    def is_state(self, factor: Node) -> bool:
        return isinstance(factor, Variable) and factor.name == self.state.name


def _touches(group: Sequence[Node], *axes: str) -> bool:
    return any(a in f.axes for f in group for a in axes)


def _first_read(form: Normal, seen: _View) -> Vector | None:
    """The first vector that the state is multiplied by, without a scalar; None if the state is not read so."""
    for monomial, _ in form.monomials:
        for factor in monomial:
            if isinstance(factor, Map) and seen.sees(factor):
                return _first_read(normal(factor.term), seen)
    gathered = _gathered(form, seen)
    return cleared(next(iter(gathered.values())))[1] if gathered else None


def _replaced(form: Normal, seen: _View, read: Vector) -> Normal | None:
    """The normal form without the state: what is read of it gets a name."""
    terms: list[Node] = []
    for monomial, coefficient in form.monomials:
        factors: list[Node] = []
        for factor in monomial:
            if isinstance(factor, Map) and seen.sees(factor):
                inner = _replaced(normal(factor.term), seen, read)
                if inner is None:
                    return None
                factor = Map(factor.primitive, factor.over, to_term(inner, factor.axes), factor.axes)
            factors.append(factor)
        terms.append(_term(group_of(factors, frozenset(form.axes)), coefficient, form.axes))
    form = _summed(terms, form.axes)
    while any(seen.sees(f) for m, _ in form.monomials for f in m):  # every turn replaces one state in each monomial
        gathered = _gathered(form, seen)
        if gathered is None:
            return None
        terms = [_term(m, c, form.axes) for m, c in form.monomials if not any(map(seen.sees, m))]
        for rest, vector in gathered.items():
            ratio = _ratio(vector, read)
            if ratio is None:
                return None
            terms.append(multiply((polynomial_term(ratio), _term(rest, Fraction(1), form.axes)), form.axes))
        form = _summed(terms, form.axes)
    return form


def _gathered(form: Normal, seen: _View) -> dict[Monomial, Vector] | None:
    """By what stands beside W @ m, with u in its place, the sum of these m; None if some W is not read so.

    A monomial with several W counts once for each, divided among them: a polynomial in one linear form is the sum of
    what is gathered, and all that is gathered are multiples of that form.
    """
    free = frozenset(form.axes)
    gathered: dict[Monomial, Vector] = {}
    for monomial, coefficient in form.monomials:
        places = [i for i, f in enumerate(monomial) if seen.is_state(f)]
        for place in places:
            if (found := _taken(monomial, place, free, seen)) is None:
                return None
            read, rest = found
            groups = connected(rest, free)
            plain = [g for g in groups if not any(map(seen.sees, g)) and not _touches(g, *free) and not _holds(g, seen)]
            key = group_of((f for g in groups if g not in plain for f in g), free)
            entry = {(0, read): {scalars_of(plain): coefficient / len(places)}}
            gathered[key] = added(gathered.get(key, {}), entry)
    return {key: vector for key, vector in gathered.items() if vector}


def _holds(group: Sequence[Node], seen: _View) -> bool:
    return any(degree(f, seen.output) for f in group)


def _taken(monomial: Monomial, place: int, free: frozenset[str], seen: _View) -> tuple[Monomial, list[Node]] | None:
    """What one W of the monomial is multiplied by along the axis, and the other factors with u in their place."""
    here, rest = monomial[place], [*monomial[:place], *monomial[place + 1 :]]
    name = dict(zip(seen.state.declared, here.axes, strict=True))
    summed = name.pop(seen.axis)
    if summed in free:
        return None
    groups = connected(rest, free.union(here.axes))
    read = [f for g in groups if _touches(g, summed) for f in g]
    if any(seen.sees(f) or _holds([f], seen) for f in read) or _touches(read, *free, *name.values()):
        return None
    read = [renamed(f, {summed: seen.axis}) for f in read] or [Constant(ConstantKind.ONES, (seen.axis,))]
    output = renamed(seen.output, name)
    return group_of(read, frozenset({seen.axis})), [output, *(f for g in groups if not _touches(g, summed) for f in g)]


def _ratio(one: Vector, other: Vector) -> Polynomial | None:
    """one / other, if these vectors are parallel and that is a polynomial."""
    first = next(iter(other))
    ratio = quotient(one.get(first, {}), other[first])
    return ratio if ratio is not None and {e: times(ratio, p) for e, p in other.items()} == one else None


def _term(monomial: Monomial, coefficient: Fraction, axes: Axes) -> Node:
    return to_term(Normal(tuple(sorted(axes)), ((monomial, coefficient),)), axes)


def _summed(terms: Sequence[Node], axes: Axes) -> Normal:
    return normal(add(terms)) if terms else Normal(axes, ())


def _closed(response: Node, u: Variable, same: bool) -> Closed | None:
    """The response as rate · primitive(offset + slope · u), if it is that and its flow has a closed form."""
    form, free = normal(response), frozenset(u.declared)
    if len(form.monomials) != 1:
        return None
    ((monomial, coefficient),) = form.monomials
    inside = [f for f in monomial if degree(f, u)]
    if len(inside) != 1 or not isinstance(map_ := inside[0], Map) or frozenset(map_.axes) != free:
        return None
    offset: list[tuple[Monomial, Fraction]] = []
    slope: list[tuple[Monomial, Fraction]] = []
    for argument, c in normal(map_.term).monomials:
        holding = [f for f in argument if degree(f, u)]
        if holding not in ([], [u]):
            return None
        (slope if holding else offset).append((tuple(f for f in argument if f != u), c))
    rate = _elementwise([(group_of((f for f in monomial if f != map_), free), coefficient)], u.declared)
    constant = to_term(Normal(tuple(sorted(free)), tuple(offset)), u.declared) if offset else None
    found = Closed(map_.primitive, rate, constant, _elementwise(slope, u.declared))
    match map_.primitive:
        case Primitive.TANH:
            return found
        case Primitive.SOFTMAX:
            scalar = not rate.axes and not found.slope.axes and u.declared == (map_.over,)
            falls = scalar and same and never_negative(rate) and never_negative(scale(-1, found.slope))
            return found if falls else None
        case _:
            return None


def _elementwise(monomials: Sequence[tuple[Monomial, Fraction]], axes: Axes) -> Node:
    """The sum of the monomials over those of the axes that any of them has."""
    kept = tuple(a for a in axes if any(a in f.axes for m, _ in monomials for f in m))
    terms: list[Node] = []
    for monomial, c in monomials:
        lone = [Constant(ConstantKind.ONES, (a,)) for a in kept if not any(a in f.axes for f in monomial)]
        terms.append(_term((*monomial, *lone), c, kept))
    return add(terms)


def never_negative(term: Node) -> bool:
    """A scalar term that cannot be negative while its variables are in their domains; not every such term is seen."""
    for monomial, coefficient in normal(term).monomials:
        if coefficient < 0:
            return False
        odd: set[Monomial] = set()
        for group in connected(monomial, frozenset()):
            odd ^= {group_of(group, frozenset())}  # a pair of equal groups is a square
        if not all(_sums_squares(group) for group in odd):
            return False
    return True


def _sums_squares(group: Monomial) -> bool:
    """Every factor is never negative, or stands in the group an even number of times."""
    return all(_positive(f) or group.count(f) % 2 == 0 for f in group)


def _positive(factor: Node) -> bool:
    match factor:
        case Constant():
            return True
        case Variable(_, _, _, domain, _):
            return domain.kind in _NEVER_NEGATIVE
        case Map(Primitive.RECIPROCAL, _, inner, ()):
            return never_negative(inner)
        case Map(primitive, _, _, _):
            return primitive.facts.range in _NEVER_NEGATIVE
        case _:
            return False
