"""How large a term is, written out and multiplied out, known before either is done: a short line may mean more than memory holds.

`x = x * x` twenty times is twenty lines of Python and a million factors; twelve sums of three terms, multiplied, are half
a million monomials. Honest rules have at most some ten monomials of some ten factors each: the bounds are far beyond that.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from sys import float_info
from typing import TYPE_CHECKING, NamedTuple, assert_never

from fwp.errors import SizeError
from fwp.terms.primitive import Primitive

if TYPE_CHECKING:
    from fwp.terms.syntax import Node

__all__ = [
    "MOST_FACTORS",
    "Extent",
    "extent_of",
    "require_expandable",
    "require_few",
    "require_gathered",
    "require_number",
    "require_writable",
]

MOST_AXES = 48
"""Of one tensor: numpy has 64, and an einsum 52 letters, some of them for batches and heads."""
MOST_DEPTH = 200
"""Levels: every fold recurses, and Python allows a thousand calls inside each other."""
MOST_NODES = 100_000
"""Subterms, shared ones counted as often as they are printed."""
MOST_MONOMIALS = 4000
"""Before like ones are gathered: each takes about a millisecond. Other spellings of a short rule have many alike."""
MOST_GATHERED = 400
"""That are not alike: the structure of a rate compares all pairs."""
MOST_FACTORS = 100
"""In one monomial: which of them share axes is asked of all pairs, for each axis."""
_LARGEST, _LEAST = Fraction(float_info.max), Fraction(float_info.min) * Fraction(float_info.epsilon)
"""Of the numbers that float64 has besides 0."""
_ENDLESS = 10**12
"""Where counting ends: squares of squares soon have numbers that take a machine's memory to write down."""


class Extent(NamedTuple):
    """Levels and subterms as the term is written; monomials, and factors of the longest one, when it is multiplied out."""

    depth: int
    nodes: int
    monomials: int
    factors: int


def extent_of(node: Node) -> Extent:
    """The extent of a term whose subterms know theirs."""
    from fwp.terms.syntax import (  # which asks this for every node
        Constant,
        Map,
        Product,
        Scale,
        Sum,
        Variable,
        children,
    )

    parts = [child.extent for child in children(node)]
    match node:
        case Variable() | Constant():
            monomials, factors = 1, 1
        case Scale():
            monomials, factors = parts[0].monomials, parts[0].factors
        case Sum():
            monomials, factors = sum(part.monomials for part in parts), max(part.factors for part in parts)
        case Product():
            monomials, factors = _product(parts)
        case Map(Primitive.SQUARE, _, _, _):
            monomials, factors = _product([parts[0], parts[0]])
        case Map():
            monomials, factors = 1, 1
        case _:
            assert_never(node)
    depth = 1 + max((part.depth for part in parts), default=0)
    nodes = 1 + sum(part.nodes for part in parts)
    return Extent(depth, min(nodes, _ENDLESS), min(monomials, _ENDLESS), min(factors, _ENDLESS))


def _product(parts: Sequence[Extent]) -> tuple[int, int]:
    monomials = 1
    for part in parts:
        monomials = min(monomials * part.monomials, _ENDLESS)
    return monomials, sum(part.factors for part in parts)


def require_writable(extent: Extent) -> None:
    """Refuse what no fold could go through.

    Raises:
        SizeError: the term is nested too deeply, or too long.
    """
    if extent.depth > MOST_DEPTH or extent.nodes > MOST_NODES:
        raise SizeError(
            "a term is too large to be written out",
            ("levels", f"{_number(extent.depth)}, of at most {MOST_DEPTH}"),
            ("subterms", f"{_number(extent.nodes)}, of at most {_number(MOST_NODES)}; equal ones count each time"),
            help="a rule is a formula: give what is computed before it a slot of its own",
        )


def require_few(axes: Sequence[str], whose: str) -> None:
    """Refuse more axes than one tensor, or the sum that makes it, can have.

    Raises:
        SizeError: there are more.
    """
    if len(axes) > MOST_AXES and (count := len(set(axes))) > MOST_AXES:
        raise SizeError(
            f"{whose} has more axes than a tensor can have",
            ("axes", f"{_number(count)}, of at most {MOST_AXES}"),
            ("the first", " ".join(axes[:4])[:200]),
            help="let one axis run over what belongs together",
        )


def require_number(factor: Fraction) -> None:
    """Refuse a number that float64 has only as infinity or 0.

    Raises:
        SizeError: it is one.
    """
    if factor and not _LEAST <= abs(factor) <= _LARGEST:
        bound = f"more than {float(_LARGEST):.4g}" if abs(factor) > 1 else f"less than {float(_LEAST):.4g}"
        raise SizeError("a term cannot hold a number that float64 cannot", ("number", bound), help="choose other units")


def require_expandable(term: Node) -> None:
    """Refuse what cannot be multiplied out.

    Raises:
        SizeError: there would be too many monomials, or one of too many factors.
    """
    _require(term, term.extent.monomials, MOST_MONOMIALS)


def require_gathered(term: Node, monomials: int) -> None:
    """Refuse what has too many monomials once like ones are gathered.

    Raises:
        SizeError: it has.
    """
    _require(term, monomials, MOST_GATHERED)


def _require(term: Node, monomials: int, most: int) -> None:
    from fwp.terms.syntax import variables

    extent = term.extent
    if monomials > most or extent.factors > MOST_FACTORS:
        names = ", ".join(x.name for x in variables(term))
        raise SizeError(
            "a term is too large when its products are multiplied out",
            ("variables", names if len(names) <= 200 else f"{names[:200]}…"),
            ("monomials", f"{_number(monomials)}, of at most {_number(most)}"),
            ("factors", f"{_number(extent.factors)} in one of them, of at most {MOST_FACTORS}"),
            help="multiply fewer sums by each other, or put a sum into a slot of its own",
        )


def _number(count: int) -> str:
    return f"{count:,}" if count < _ENDLESS else "more than 10^12"
