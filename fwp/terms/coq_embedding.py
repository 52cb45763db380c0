"""Terms as data in Coq, of the type `term` of `proofs/Core.v`: what the theorems about every term are about.

What the folds here find out about a term becomes a claim that Coq decides: `equation` by `proofs/Equality.v`, `certificate`
by `proofs/Witness.v`. Where the claim computes to true, theorems there say that it holds for all sizes and values.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from fwp.terms.build import align
from fwp.terms.degree import Wrt
from fwp.terms.fold import fold
from fwp.terms.rename import substitute_axes
from fwp.terms.sizes import axis_classes
from fwp.terms.structure import structure
from fwp.terms.syntax import Constant, Map, Node, Product, Role, Scale, Sum, Variable
from fwp.terms.witness import ConstantRate, GeneralRate, LowRank, OneSided, ReadOut, TwoSided, Write

__all__ = ["certificate", "embedded", "equation", "quoted", "wrt"]


def embedded(term: Node) -> str:
    """The term as Coq's own constructors write it, in the string and list scopes."""

    def of(node: Node, parts: tuple[str, ...]) -> str:
        axes = quoted(node.axes)
        match node:
            case Variable(name, declared, role, _, _):
                return f'(Var "{name}" {quoted(declared)} {_role(role)} {axes})'
            case Constant(kind, _):
                return f"(Const {kind.value.capitalize()} {axes})"
            case Product():
                return f"(Product [{'; '.join(parts)}] {axes})"
            case Sum():
                return f"(Sum [{'; '.join(parts)}] {axes})"
            case Scale(factor, _, _):
                return f"(Scale ({factor.numerator} # {factor.denominator})%Q {parts[0]} {axes})"
            case Map(primitive, over, _, _):
                along = "None" if over is None else f'(Some "{over}")'
                return f"(Map {primitive.name.capitalize()} {along} {parts[0]} {axes})"
            case _:
                assert_never(node)

    return fold(term, of)


def equation(one: Node, other: Node) -> str:
    """The claim that two terms are equal, of type bool."""
    return f"equal {_classes(one, other)} {embedded(one)} {embedded(other)}"


def certificate(rate: Node, state: Variable) -> str | None:
    """The claim that the rate has the structure that `structure` finds, with its witnesses, of type bool.

    None where what it finds has no witnesses that say more than the rate itself.
    """
    of = f'"{state.name}" {quoted(state.axes)}'
    rate = align(rate, state.axes)
    match structure(rate, state):
        case LowRank(axis, decay, writes):
            written = [t for w in writes for t in (w.rate, w.value, w.read, w.write)]
            known = _classes(rate, state, decay, *written)
            return f'low_rank {known} {of} "{axis}" {_option(decay)} {_writes(writes)} {embedded(rate)}'
        case ConstantRate(_, str(axis), writes):
            known = _classes(rate, state, *(t for w in writes for t in (w.rate, w.value, w.write)))
            return f'low_rank {known} {of} "{axis}" None {_writes(writes)} {embedded(rate)}'
        case OneSided(axis, other, generator, offset):
            known = _classes(rate, substitute_axes(state, {axis: other}), generator, offset)
            shown = f"{embedded(generator)} {_option(offset)} {embedded(rate)}"
            return f'one_sided {known} {of} "{axis}" "{other}" {shown}'
        case ReadOut(axis, read, write, output, response, _):
            known = _classes(rate, state, read, write, response)
            shown = " ".join(map(embedded, (read, write, response, rate)))
            return f'read_out {known} {of} "{axis}" "{output.name}" {shown}'
        case ConstantRate() | TwoSided() | GeneralRate():
            return None


def _writes(writes: Iterable[Write]) -> str:
    shown = [f"Write {embedded(w.rate)} {_option(w.value)} {_option(w.read)} {embedded(w.write)}" for w in writes]
    return f"[{'; '.join(shown)}]"


def _option(term: Node | None) -> str:
    return "None" if term is None else f"(Some {embedded(term)})"


def _classes(*terms: Node | None) -> str:
    """Axes of equal size: each with the first of its class, which is left out itself."""
    classes = [sorted(c) for c in axis_classes(t for t in terms if t is not None)]
    pairs = [f'("{axis}", "{c[0]}")' for c in classes for axis in c[1:]]
    return f"[{'; '.join(pairs)}]"


def quoted(names: Iterable[str]) -> str:
    """A list of names."""
    strings = "; ".join(f'"{name}"' for name in names)
    return f"[{strings}]"


def wrt(what: Wrt) -> str:
    """What a degree is counted in."""
    return f"(OfRole {_role(what)})" if isinstance(what, Role) else f'(OfVariable "{what.name}")'


def _role(role: Role) -> str:
    return role.value.capitalize()
