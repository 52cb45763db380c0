"""Terms as Python source, in operators or as einops patterns, that evaluates to the same value again.

Greek letters are printed as such (`β * (v - W @ k) * k`). Every spelling of a product is checked by building it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import assert_never

from fwp.kinds import explained
from fwp.terms.build import multiply
from fwp.terms.rename import bound_axes
from fwp.terms.symbols import unicode_name
from fwp.terms.syntax import ONE, Constant, Map, Node, Product, Scale, Sum, Variable

__all__ = ["einops", "show"]

_ADD, _MULTIPLY, _ATOM = range(3)
_Text = tuple[str, int]
_Namer = Callable[[str], str]


@explained
def show(term: Node, name: _Namer = unicode_name) -> str:
    """The term in operators, as Python source; products that operators cannot say are written with `ein`."""
    return _show(term, name, operators=True)[0]


@explained
def einops(term: Node, name: _Namer = unicode_name) -> str:
    """The term with every product as an einops pattern, as Python source."""
    return _show(term, name, operators=False)[0]


def _show(term: Node, name: _Namer, operators: bool) -> _Text:
    """The source of a term and how tightly its outermost operator binds."""

    def inner(t: Node, level: int) -> str:
        text, own = _show(t, name, operators)
        return text if own >= level else f"({text})"

    match term:
        case Variable(own, declared, _, _, axes):
            moved = [f'{d}="{a}"' for d, a in zip(declared, axes, strict=True) if d != a]
            return (f"rename({name(own)}, {', '.join(moved)})" if moved else name(own)), _ATOM
        case Constant(kind, axes):
            quoted = ", ".join(f'"{a}"' for a in axes)
            return f"{kind.value}({quoted})", _ATOM
        case Sum(terms, _):
            text = inner(terms[0], _MULTIPLY)
            for t in terms[1:]:
                if isinstance(t, Scale) and t.factor < 0:
                    text += " - " + _scaled(-t.factor, t.term, inner)
                else:
                    text += " + " + inner(t, _MULTIPLY)
            return text, _ADD
        case Scale(factor, t, _):
            return ("-" if factor < 0 else "") + _scaled(abs(factor), t, inner), _MULTIPLY
        case Map(primitive, over, t, _):
            argument = inner(t, _ADD) + ("" if over is None else f', "{over}"')
            return f"{primitive.name.lower()}({argument})", _ATOM
        case Product((), _):
            return "1", _ATOM
        case Product(operands, axes):
            chain = _chain(term) if operators else None
            if chain is not None:
                parts = [inner(o, _MULTIPLY if i == 0 and not _binds(o) else _ATOM) for i, o in enumerate(operands)]
                return "".join(sign + part for sign, part in zip(chain, parts, strict=True)), _MULTIPLY
            pattern = f"{', '.join(' '.join(o.axes) for o in operands)} -> {' '.join(axes)}".rstrip()
            return f'ein("{pattern}", {", ".join(inner(o, _ADD) for o in operands)})', _ATOM
        case _:
            assert_never(term)


def _scaled(factor: Fraction, term: Node, inner: Callable[[Node, int], str]) -> str:
    """A positive multiple; a denominator is divided by at the end, which Python reads back exactly."""
    over = "" if factor.denominator == 1 else f" / {factor.denominator}"
    if term == ONE:
        return f"{factor.numerator}{over}"
    by = "" if factor.numerator == 1 else f"{factor.numerator} * "
    return f"{by}{inner(term, _ATOM if by and _binds(term) else _MULTIPLY)}{over}"


def _binds(term: Node) -> bool:
    return isinstance(term, Product) and bool(bound_axes(term))


def _chain(product: Product) -> list[str] | None:
    """The operators to write before each operand, read from the left; None where they would say something else."""
    signs = [""]
    built: Node = product.operands[0]
    if _binds(built) and len(product.operands) == 1:
        return None
    for i, operand in enumerate(product.operands[1:], 1):
        later = {a for o in product.operands[i + 1 :] for a in o.axes} | set(product.axes)
        shared = set(built.axes) & set(operand.axes)
        contract = bool(shared) and not shared & later
        kept = tuple(a for a in dict.fromkeys(built.axes + operand.axes) if not (contract and a in shared))
        built = multiply((built, operand), kept)
        signs.append(" @ " if contract else " * ")
    return signs if built == product and len(product.operands) > 1 else None
