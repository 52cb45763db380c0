"""The normal form of a term: a sum of monomials in variables, constants and maps, equal for terms that ring laws equate.

Products are expanded over sums, squares written out, like monomials gathered, summed axes given canonical names, identity
matrices and superfluous ones removed. Equal normal forms mean equal terms (sound); the converse holds up to ring laws and
renaming, except for the diagonal of a matrix, A ⊙ I = Aᵀ ⊙ I, and where more than `_MOST` orders of look-alike summed axes
(or, in all monomials together, more than `_MOST_TOGETHER`, and `_ALWAYS` in each) would have to be tried. A summed axis
whose size only constants could tell, as in the sum over `value` of 1, keeps that name: it is what its size is known by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import chain, count, permutations, product
from math import factorial, prod
from typing import assert_never

from fwp.kinds import explained
from fwp.terms.build import add, multiply, scale
from fwp.terms.extent import require_expandable, require_gathered
from fwp.terms.fold import subterms
from fwp.terms.primitive import Primitive
from fwp.terms.rename import bound_axes, substitute_axes
from fwp.terms.sizes import axis_classes
from fwp.terms.syntax import Axes, Constant, ConstantKind, Map, Node, Product, Scale, Sum, Variable, children, variables

__all__ = [
    "Monomial",
    "Normal",
    "canonical",
    "connected",
    "equivalent",
    "normal",
    "renamed",
    "sort_key",
    "to_term",
]

_MOST = 720
_MOST_TOGETHER = 20_000
_ALWAYS = 24
"""Orders that are tried in any case: many monomials are a short rule's other spelling, and few of their axes look alike."""

Monomial = tuple[Node, ...]
"""Sorted variables, constants and maps; axes that the term lacks are summed."""


@dataclass(frozen=True)
class Normal:
    """The monomials with their coefficients, sorted; `axes` are the term's, sorted."""

    axes: Axes
    monomials: tuple[tuple[Monomial, Fraction], ...]


@explained
def equivalent(one: Node, other: Node) -> bool:
    """The terms are equal up to ring laws and the names of summed axes."""
    return normal(one) == normal(other)


@explained
@lru_cache(maxsize=4096)
def normal(term: Node) -> Normal:
    """The normal form. It is kept: under maps inside maps it is asked for again at every level, and would double with each.

    Raises:
        SizeError: there would be too many monomials, or one of too many factors.
    """
    require_expandable(term)
    coefficients: dict[Monomial, Fraction] = {}
    free = frozenset(term.axes)
    expanded = _expand(term, _fresh("tmp", free))
    most = max(_ALWAYS, _MOST_TOGETHER // len(expanded))
    for coefficient, factors in expanded:
        monomial = canonical(_simplify(factors, free), free, most)
        coefficients[monomial] = coefficients.get(monomial, Fraction(0)) + coefficient
    kept = [(m, c) for m, c in coefficients.items() if c]
    require_gathered(term, len(kept))
    return Normal(tuple(sorted(free)), tuple(sorted(kept, key=lambda item: [sort_key(f) for f in item[0]])))


@explained
def to_term(form: Normal, axes: Axes) -> Node:
    """A term with this normal form, its axes in the given order; sums over shared axes are nested where they belong."""
    if not form.monomials:
        return scale(0, multiply([Constant(ConstantKind.ONES, (a,)) for a in axes], axes))
    return add([scale(c, _assemble(m, axes)) for m, c in form.monomials])


def _fresh(stem: str, free: frozenset[str]) -> Iterator[str]:
    """tmp0, tmp1, …: beginnings of names that no free axis has."""
    return (name for name in (f"{stem}{i}" for i in count()) if not any(a.startswith(name) for a in free))


def _expand(term: Node, names: Iterator[str]) -> list[tuple[Fraction, list[Node]]]:
    """The monomials of a term; every summed axis gets a name of its own, which ends in the one it had."""
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
            own = {a: f"{next(names)}_{a}" for a in bound_axes(term)}
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
    while (fewer := _without_identity(result, free)) is not None:
        result = fewer
    constants = dict.fromkeys(renamed(f, {}) for f in result if isinstance(f, Constant))  # each is its own square
    result = [*(f for f in result if not isinstance(f, Constant)), *constants]
    ones = [f for f in result if isinstance(f, Constant) and f.kind is ConstantKind.ONES]
    rest = [f for f in result if f not in ones]
    lone = sorted({a for f in ones for a in f.axes} - {a for f in rest for a in f.axes})
    return [*rest, *(Constant(ConstantKind.ONES, (a,)) for a in lone)]


def _without_identity(factors: list[Node], free: frozenset[str]) -> list[Node] | None:
    """The factors with one identity matrix fewer, or with fewer axes that it says are others; None when all is done."""
    for factor in factors:
        if isinstance(factor, Constant) and factor.kind is ConstantKind.EYE:
            rest = [f for f in factors if renamed(f, {}) != renamed(factor, {})]  # it is its own square
            kept, gone = sorted(factor.axes, key=lambda a: (a not in free, a.partition("_")[2], a))
            moved = [substitute_axes(f, {gone: kept}) if kept not in f.axes else f for f in rest]
            if gone not in free and not any(gone in f.axes for f in moved):
                return [Constant(ConstantKind.ONES, (kept,)), *moved]
            if moved != rest:
                return [factor, *moved]
    return None


def connected(factors: Sequence[Node], free: frozenset[str]) -> list[list[Node]]:
    """Factors that share summed axes, together."""
    groups: list[list[Node]] = []
    for factor in factors:
        bound = set(factor.axes) - free
        touching = [g for g in groups if any(bound & set(f.axes) for f in g)]
        groups = [g for g in groups if g not in touching] + [[f for g in touching for f in g] + [factor]]
    return groups


def canonical(factors: Sequence[Node], free: frozenset[str], most: int = _MOST) -> Monomial:
    """Factors sorted, summed axes named anew: each connected group on its own, then the sorted groups side by side."""
    groups = sorted((_ordered(g, free, most) for g in connected(factors, free)), key=lambda g: [sort_key(f) for f in g])
    names = _fresh("s", free)
    result: list[Node] = []
    for group in groups:
        bound = dict.fromkeys(a for f in group for a in f.axes if a not in free)
        axes = {a: next(names) + "".join(a.partition("_")[1:]) for a in bound}
        result += [renamed(f, axes) for f in group]
    return tuple(sorted(result, key=sort_key))


def _ordered(group: Sequence[Node], free: frozenset[str], most: int) -> Monomial:
    """Factors sorted, summed axes renamed so that the sorted factors come first among all ways to name them."""
    known = free.union(*map(_told, group))
    classes = axis_classes([c for f in group for c in _links(f)])
    bound = sorted({a for f in group for a in f.axes if a not in free})
    label: dict[str, str] = {}
    for axis in bound:
        equal = next((c for c in classes if axis in c), frozenset({axis}))
        label[axis] = "" if equal & known else "_" + min(a.partition("_")[2] for a in equal)
    rank = label
    for _ in bound:  # tell axes apart by where they stand, then by which axes stand beside them
        seen = {a: " | ".join([rank[a], *sorted(_place(f, a, rank) for f in group if a in f.axes)]) for a in bound}
        place = {known: f"{i:03}" for i, known in enumerate(sorted(set(seen.values())))}
        before, rank = rank, {a: place[seen[a]] for a in bound}
        if rank == before:
            break
    alike = [[a for a in bound if rank[a] == r] for r in sorted(set(rank.values()))]
    few = prod(factorial(len(g)) for g in alike) <= min(most, _MOST)
    orders = [chain(*choice) for choice in product(*(permutations(g) if few else [g] for g in alike))]
    namings = [{a: name + label[a] for a, name in zip(order, _fresh("s", free), strict=False)} for order in orders]
    named = (tuple(sorted((renamed(f, axes) for f in group), key=sort_key)) for axes in namings)
    return min(named, key=lambda m: [sort_key(f) for f in m])


def _links(term: Node) -> list[Constant]:
    """The constants in the term all of whose axes are the term's own."""
    inside = [term] if isinstance(term, Constant) else [c for t in children(term) for c in _links(t)]
    return [c for c in inside if {*c.axes} <= {*term.axes}]


def _told(term: Node) -> frozenset[str]:
    """The axes whose sizes a variable in the term tells."""
    if isinstance(term, Variable):
        return frozenset(term.axes)
    return frozenset(term.axes).intersection(frozenset[str]().union(*map(_told, children(term))))


def renamed(factor: Node, axes: Mapping[str, str]) -> Node:
    """A factor of a monomial with other names for its axes, again as it stands in a normal form."""
    moved = substitute_axes(factor, axes)
    if isinstance(moved, Constant) and moved.kind is ConstantKind.EYE:
        return Constant(moved.kind, tuple(sorted(moved.axes)))
    return _expand(moved, iter(()))[0][1][0] if isinstance(moved, Map) and moved is not factor else moved


def _place(factor: Node, axis: str, rank: Mapping[str, str]) -> str:
    """What a factor says of one of its axes without naming a summed one: enough to tell most of them apart."""
    beside = [rank.get(a, f"={a}") for a in factor.axes]
    match factor:
        case Variable(name, _, _, _, axes):
            words = [name, str(axes.index(axis)), *beside]
        case Constant(kind, axes):
            words = [kind.value, str(kind is ConstantKind.EYE or axes.index(axis)), *sorted(beside)]
        case Map(primitive, over, inner, _):
            words = [primitive.name, str(over == axis), *sorted(beside), *sorted(x.name for x in variables(inner))]
        case _:
            words = sorted(beside)
    return " ".join(words)


@lru_cache(maxsize=4096)
def sort_key(node: Node) -> tuple[str, ...]:
    """A total order on terms that does not depend on how they were built."""
    match node:
        case Variable(name, declared, role, domain, axes):
            return ("0", name, *axes, "of", *declared, role.value, str(domain))
        case Constant(kind, axes):
            return ("1", kind.value, *axes)
        case Map(primitive, over, inner, _):
            return ("2", primitive.name, over or "", *sort_key(inner))
        case Scale(factor, inner, _):
            return ("3", str(factor), *sort_key(inner))
        case Product(operands, axes):
            return ("4", *axes, *(word for o in operands for word in sort_key(o)), ")")
        case Sum(terms, axes):
            return ("5", *axes, *(word for t in terms for word in sort_key(t)), ")")
        case _:
            assert_never(node)


def _assemble(monomial: Monomial, axes: Axes) -> Node:
    """The product of the factors, those that share summed axes contracted first, under their declared names if free."""
    factors = [_contracted(g, axes) for g in connected(monomial, frozenset(axes))]
    factors.sort(key=lambda t: ([axes.index(a) for a in t.axes], sort_key(t)))
    return multiply(factors, axes)


def _contracted(group: Sequence[Node], axes: Axes) -> Node:
    """The product of a group, summed over the axes that are not free; these are called as declared, or by a copy's name."""
    kept = tuple(a for a in axes if any(a in f.axes for f in group))
    bound = list(dict.fromkeys(a for f in group for a in f.axes if a not in kept))
    if not bound:
        return multiply(group, kept)
    stem = {a: a for a in kept} | {a: a.partition("_")[2] for a in bound if "_" in a}
    for x in (node for f in group for node in subterms(f) if isinstance(node, Variable)):
        stem = dict(zip(x.axes, x.declared, strict=True)) | stem
    links = [c for f in group for c in _links(f) if len(c.axes) == 2]
    for one, other in [pair for _ in links for c in links for pair in (c.axes, c.axes[::-1])]:
        stem = {other: stem[one]} | stem if one in stem else stem
    taken = set(kept)
    names: dict[str, str] = {}
    for axis in sorted(bound, key=lambda a: "_" not in a):  # first those that are known by their names alone
        own = stem.get(axis, axis)
        names[axis] = next(name for i in count(1) if (name := own if i == 1 else f"{own}{i}") not in taken)
        taken.add(names[axis])
    return multiply([substitute_axes(f, names) for f in group], kept)
