"""How a rate depends on its state: `structure(delta.rate, W)` is `LowRank`, with β, v, k and k as its witnesses.

Decided on the normal form, so that ring laws and names do not matter, and soundly: whatever is said of a rate is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from fwp.errors import AxisError
from fwp.kinds import explained
from fwp.terms.degree import degree
from fwp.terms.normal import Monomial, Normal, connected, normal, renamed, to_term
from fwp.terms.outer import (
    Outer,
    Polynomial,
    Vector,
    added,
    group_of,
    outer_products,
    polynomial_term,
    scalars_of,
    vector_term,
)
from fwp.terms.readout import find_read_out
from fwp.terms.rename import fresh_axis
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Axes, Constant, ConstantKind, Node, Role, Variable, variables
from fwp.terms.witness import (
    ConstantRate,
    GeneralRate,
    LowRank,
    OneSided,
    Structure,
    TwoSided,
    Write,
)

__all__ = ["structure"]

_VALUE, _READ = 1, 0  # the read leads: it is what gets a positive sign


@explained
def structure(rate: Node, state: Variable) -> Structure:
    """What kind of equation d`state`/dt = `rate` is, the most special kind that fits, with the terms that prove it.

    A rate that mentions another state is one of several coupled equations, and thus a `GeneralRate`.

    Raises:
        AxisError: the rate does not have the axes of the state.
    """
    if set(rate.axes) != set(state.declared) or state.axes != state.declared:
        raise AxisError(
            f"the rate does not have the axes of the state `{state.name}`",
            (repr(rate), pretty_axes(rate.axes)),
            (repr(state), pretty_axes(state.declared)),
            help="give the rate of this state, and the state as it was declared",
        )
    form = normal(rate)
    degrees = [sum(degree(f, state) for f in monomial) for monomial, _ in form.monomials]
    highest = max(degrees, default=0)
    found = {x for m, _ in form.monomials for x in variables(*m)}
    if any(x.role is Role.STATE and x.name != state.name for x in found):
        return GeneralRate(highest)
    if highest > 1:
        views = (find_read_out(form, state, axis) for axis in reversed(state.declared))
        return next((view for view in views if view is not None), GeneralRate(highest))
    sides = [s for a in reversed(state.declared) if (s := _side(form, state, a)) is not None]
    ranks = [found for s in sides if (found := _low_rank(s)) is not None]
    rank = min(ranks, key=lambda found: len(found.writes), default=None)
    if highest == 0:
        writes = rank.writes if rank is not None else ()
        return ConstantRate(to_term(form, state.declared), rank.axis if rank is not None and writes else None, writes)
    if rank is not None:
        return rank
    if sides:
        return _one_sided(sides[0], form, state)
    linear = [part for part, d in zip(form.monomials, degrees, strict=True) if d]
    constant = [part for part, d in zip(form.monomials, degrees, strict=True) if not d]
    return TwoSided(_sum(linear, state.declared), _sum(constant, state.declared) if constant else None)


@dataclass(frozen=True)
class _Read:
    """A monomial c W @ rest: along the axis the state is summed under the name `summed`, or stands there as it is."""

    summed: str | None
    rest: tuple[Node, ...]
    coefficient: Fraction


@dataclass(frozen=True)
class _Side:
    """A rate whose linear part acts along one axis of the state alone."""

    axis: str
    outputs: Axes
    reads: tuple[_Read, ...]
    constants: tuple[tuple[Monomial, Fraction], ...]


def _side(form: Normal, state: Variable, axis: str) -> _Side | None:
    """The rate of degree one, if every state in it keeps its other axes in place and nothing else has them."""
    outputs = tuple(a for a in state.declared if a != axis)
    reads: list[_Read] = []
    constants: list[tuple[Monomial, Fraction]] = []
    for monomial, coefficient in form.monomials:
        place = next((i for i, f in enumerate(monomial) if isinstance(f, Variable) and f.name == state.name), None)
        if place is None:
            constants.append((monomial, coefficient))
            continue
        name = dict(zip(state.declared, monomial[place].axes, strict=True))
        here = name.pop(axis)
        rest = (*monomial[:place], *monomial[place + 1 :])
        if any(name[a] != a for a in outputs) or (here != axis and here in form.axes) or _touches(rest, outputs):
            return None
        reads.append(_Read(None if here == axis else here, rest, coefficient))
    return _Side(axis, outputs, tuple(reads), tuple(constants))


def _touches(group: Sequence[Node], axes: Axes) -> bool:
    return any(a in f.axes for f in group for a in axes)


def _low_rank(side: _Side) -> LowRank | None:
    """The rate as a scalar decay and outer products."""
    axis, outputs = side.axis, side.outputs
    decay: Polynomial = {}
    matrix: dict[tuple[int, Monomial], Vector] = {}

    def put(kind: int, left: Sequence[Node], over: Axes, groups: Sequence[Sequence[Node]], c: Fraction) -> None:
        write = [f for g in groups if _touches(g, (axis,)) for f in g]
        scalars = scalars_of(g for g in groups if not _touches(g, (axis, *outputs)))
        place, entry = (0, group_of(write, frozenset({axis}))), (kind, group_of(left, frozenset(over)))
        matrix[place] = added(matrix.get(place, {}), {entry: {scalars: c}})

    for read in side.reads:
        if read.summed is None:
            if _touches(read.rest, (axis,)):
                return None
            groups = connected(read.rest, frozenset())
            decay = added({None: decay}, {None: {scalars_of(groups): -read.coefficient}}).get(None, {})
            continue
        groups = connected(read.rest, frozenset({axis, read.summed}))
        if any(_touches(g, (axis,)) and _touches(g, (read.summed,)) for g in groups):
            return None
        touching = [renamed(f, {read.summed: axis}) for g in groups if _touches(g, (read.summed,)) for f in g]
        others = [g for g in groups if not _touches(g, (read.summed,))]
        put(_READ, touching or [Constant(ConstantKind.ONES, (axis,))], (axis,), others, -read.coefficient)
    for monomial, coefficient in side.constants:
        groups = connected(monomial, frozenset({axis, *outputs}))
        if any(_touches(g, (axis,)) and _touches(g, outputs) for g in groups):
            return None
        put(_VALUE, [f for g in groups if _touches(g, outputs) for f in g], outputs, groups, coefficient)
    writes = tuple(_write(outer, axis, outputs) for outer in outer_products(matrix))
    return LowRank(axis, polynomial_term(decay) if decay else None, writes)


def _write(outer: Outer, axis: str, outputs: Axes) -> Write:
    value = {e: p for e, p in outer.left.items() if e[0] == _VALUE}
    read = {e: p for e, p in outer.left.items() if e[0] == _READ}
    return Write(
        polynomial_term(outer.rate),
        vector_term(value, outputs) if value else None,
        vector_term(read, (axis,)) if read else None,
        vector_term(outer.right, (axis,)),
    )


def _one_sided(side: _Side, form: Normal, state: Variable) -> OneSided:
    """The rate as the state times a matrix, and a constant."""
    axis = side.axis
    inside = {a for m, _ in form.monomials for f in m for a in f.axes}
    other = fresh_axis(axis, inside | set(form.axes))
    generator: list[tuple[Monomial, Fraction]] = []
    for read in side.reads:
        if read.summed is None:
            factors = [*read.rest, Constant(ConstantKind.EYE, (other, axis))]
        else:
            factors = [renamed(f, {read.summed: other}) for f in read.rest]
            lone = [a for a in (other, axis) if not _touches(factors, (a,))]
            factors += [Constant(ConstantKind.ONES, (a,)) for a in lone]
        generator.append((group_of(factors, frozenset({axis, other})), read.coefficient))
    offset = _sum(side.constants, state.declared) if side.constants else None
    return OneSided(axis, other, _sum(generator, (other, axis)), offset)


def _sum(parts: Sequence[tuple[Monomial, Fraction]], axes: Axes) -> Node:
    return to_term(Normal(tuple(sorted(axes)), tuple(parts)), axes)
