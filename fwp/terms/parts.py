"""A term split by degree: `parts(delta.rate, W)` is {0: β v kᵀ, 1: −β (W k) kᵀ}; the parts add up to the term."""

from __future__ import annotations

from fractions import Fraction
from math import inf

from fwp.kinds import explained
from fwp.terms.degree import Wrt, concerns
from fwp.terms.fold import subterms
from fwp.terms.normal import Monomial, Normal, normal, to_term
from fwp.terms.syntax import Node, Variable

__all__ = ["monomials", "parts"]


@explained
def parts(term: Node, wrt: Wrt) -> dict[int | float, Node]:
    """The terms of each degree in `wrt`, ascending; what stands under a map that is no polynomial has degree infinity.

    Products are expanded and cancellations seen, so that the highest key is at most `degree(term, wrt)`.
    """
    form = normal(term)
    by_degree: dict[int | float, list[tuple[Monomial, Fraction]]] = {}
    for monomial, coefficient in form.monomials:
        by_degree.setdefault(_degree(monomial, wrt), []).append((monomial, coefficient))
    return {d: to_term(Normal(form.axes, tuple(by_degree[d])), term.axes) for d in sorted(by_degree)}


def monomials(term: Node) -> tuple[Node, ...]:
    """The terms whose sum is the term, products expanded and like ones gathered."""
    form = normal(term)
    return tuple(to_term(Normal(form.axes, (monomial,)), term.axes) for monomial in form.monomials)


def _degree(monomial: Monomial, wrt: Wrt) -> int | float:
    """In a monomial a variable stands alone, or under a map that `normal` could not expand."""

    def of(factor: Node) -> int | float:
        if isinstance(factor, Variable):
            return 1 if concerns(factor, wrt) else 0
        return inf if any(isinstance(t, Variable) and concerns(t, wrt) for t in subterms(factor)) else 0

    return sum(map(of, monomial))
