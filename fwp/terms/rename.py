"""Giving the axes of a term other names, so that one tensor can appear twice: `W @ rename(W, value="value2")`.

Renaming is capture-avoiding: an axis that is summed inside steps aside when a new name would fall on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import assert_never

from fwp.errors import AxisError, did_you_mean
from fwp.kinds import explained
from fwp.terms.build import as_term
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Axes, Constant, Map, Node, Product, Scale, Sum, Term, Variable

__all__ = ["bound_axes", "fresh_axis", "rename", "substitute_axes"]


@explained
def rename(term: Term, /, **axes: str) -> Node:
    """The same term with other names for some of its axes: `rename(W, value="value2")` has axes (value2 key).

    Raises:
        AxisError: an axis that the term does not have, or two axes that would become one.
    """
    node = as_term(term)
    unknown = [a for a in axes if a not in node.axes]
    if unknown:
        raise AxisError(
            f"cannot rename the axis {unknown[0]!r}: the term does not have it",
            (repr(node), pretty_axes(node.axes)),
            help=did_you_mean(unknown[0], node.axes, f"rename one of {pretty_axes(node.axes)}")
            if node.axes
            else "a term without axes has nothing to rename",
        )
    result = tuple(axes.get(a, a) for a in node.axes)
    if len(set(result)) != len(result):
        raise AxisError(
            "this renaming would make one axis of two",
            (repr(node), pretty_axes(node.axes)),
            ("renamed", pretty_axes(result)),
            help="give each axis a name of its own; for a trace or a diagonal multiply by eye(…)",
        )
    return substitute_axes(node, axes)


def bound_axes(product: Product) -> Axes:
    """The axes that the product sums, in order of appearance."""
    return tuple(dict.fromkeys(a for o in product.operands for a in o.axes if a not in product.axes))


def fresh_axis(like: str, taken: set[str]) -> str:
    """A name like the given one that is not taken: key, key2, key3, …"""
    stem = like.rstrip("0123456789")
    return next(name for i in count(2) if (name := f"{stem}{i}") not in taken)


def substitute_axes(term: Node, names: Mapping[str, str]) -> Node:
    """Rename free axes all at once; `names` must be injective on the free axes of the term, and may swap them."""
    names = {a: names[a] for a in term.axes if a in names and names[a] != a}
    if not names:
        return term
    axes = tuple(names.get(a, a) for a in term.axes)
    match term:
        case Variable(name, declared, role, domain, _):
            return Variable(name, declared, role, domain, axes)
        case Constant(kind, _):
            return Constant(kind, axes)
        case Product(operands, _):
            inner = dict(names)
            taken = {a for o in operands for a in o.axes} | set(axes)
            for bound in bound_axes(term):
                if bound in axes:
                    inner[bound] = fresh_axis(bound, taken)
                    taken.add(inner[bound])
            return Product(tuple(substitute_axes(o, inner) for o in operands), axes)
        case Sum(terms, _):
            return Sum(tuple(substitute_axes(t, names) for t in terms), axes)
        case Scale(factor, inner_term, _):
            return Scale(factor, substitute_axes(inner_term, names), axes)
        case Map(primitive, over, inner_term, _):
            moved = None if over is None else names.get(over, over)
            return Map(primitive, moved, substitute_axes(inner_term, names), axes)
        case _:
            assert_never(term)
