"""The polynomial degree of a term in some variables: a sound upper bound, infinite under a map that is no polynomial."""

from __future__ import annotations

from math import inf
from typing import assert_never

from fwp.kinds import explained
from fwp.terms.fold import fold
from fwp.terms.primitive import Primitive
from fwp.terms.syntax import Constant, Map, Node, Product, Role, Scale, Sum, Variable

__all__ = ["Wrt", "concerns", "degree"]

Wrt = Role | Variable
"""What a degree is counted in: all variables of a role, or one variable wherever and however its axes are named."""


def concerns(variable: Variable, wrt: Wrt) -> bool:
    """The variable is one of those meant."""
    return variable.role is wrt if isinstance(wrt, Role) else variable.name == wrt.name


@explained
def degree(term: Node, wrt: Wrt) -> int | float:
    """Degree of the term in `wrt`: a whole number or infinity. Cancellations are not seen (`parts` sees them)."""

    def of(node: Node, parts: tuple[int | float, ...]) -> int | float:
        match node:
            case Variable():
                return 1 if concerns(node, wrt) else 0
            case Constant():
                return 0
            case Product():
                return sum(parts)
            case Sum():
                return max(parts)
            case Scale(factor, _, _):
                return parts[0] if factor else 0
            case Map(primitive, _, _, _):
                if primitive is Primitive.SQUARE:
                    return 2 * parts[0]
                return inf if parts[0] else 0
            case _:
                assert_never(node)

    return fold(term, of)
