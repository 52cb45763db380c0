"""The one recursion over terms: bottom up, each distinct subterm once, so that every fold shares equal subterms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fwp.kinds import explained
from fwp.terms.syntax import Node, children

__all__ = ["fold", "subterms"]

R = TypeVar("R")


@explained
def fold(term: Node, algebra: Callable[[Node, tuple[R, ...]], R]) -> R:
    """Replace every node by what `algebra` makes of it and of its children's results."""
    results: dict[Node, R] = {}
    for node in subterms(term):
        results[node] = algebra(node, tuple(results[c] for c in children(node)))
    return results[term]


@explained
def subterms(term: Node) -> tuple[Node, ...]:
    """All distinct subterms, children before parents, the term itself last."""
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in found:
            for child in children(node):
                visit(child)
            found[node] = None

    visit(term)
    return tuple(found)
