"""Terms as Coq expressions over finite index sets of any size: what theorems about a rule are about.

An axis becomes an index, a summed axis `sum n_key (fun key0 => …)`. `sum`, the constants and the primitives are those of
`proofs/Tensor.v`, `proofs/Primitives.v` and Coq's standard library. Another fold, `coq_embedding`, prints terms as data.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, count
from typing import assert_never

from fwp.terms.fold import subterms
from fwp.terms.primitive import Primitive
from fwp.terms.rename import bound_axes
from fwp.terms.sizes import axis_classes
from fwp.terms.syntax import ONE, Axes, Constant, ConstantKind, Map, Node, Product, Scale, Sum, Variable, variables

__all__ = ["Names", "definition", "expression", "identifier", "names_of"]

_WORDS = (
    "as at cofix else end exists exists2 fix for forall fun if in let match mod return then using where with by "
    "Prop SProp Set Type _ R O S nat vector matrix sum ones eye tril Nat IZR"
)
_RESERVED = frozenset(_WORDS.split()) | {p.facts.coq for p in Primitive}
"""What a name in a printed expression must not hide: Coq's words, and the functions that expressions apply."""

_TYPES = {0: "R", 1: "vector", 2: "matrix"}

_SUM, _PRODUCT, _ATOM = range(3)
_Text = tuple[str, int]


@dataclass(frozen=True)
class Names:
    """What Coq calls the variables, by name, and the size of each axis, by axis; `taken` are all names in use."""

    variables: Mapping[str, str]
    sizes: Mapping[str, str]

    @property
    def taken(self) -> frozenset[str]:
        """What an index must not be called."""
        return _RESERVED | set(self.variables.values()) | set(self.sizes.values())


def identifier(name: str) -> str:
    """A Python identifier as one of Coq's: letters beyond ASCII become their code points."""
    return "".join(c if c.isascii() else f"u{ord(c):x}_" for c in name)


def names_of(*terms: Node) -> Names:
    """Names for the variables and axes of the terms. Axes that always have equal sizes share one, called after the first."""
    sizes: dict[str, str] = {}
    classes = axis_classes(terms)
    taken = set(_RESERVED)
    for axis in _axes(terms):
        alike = next(c for c in classes if axis in c)
        sizes[axis] = next((sizes[a] for a in sizes if a in alike), "") or _fresh(f"n_{identifier(axis)}", taken)
        taken.add(sizes[axis])
    found: dict[str, str] = {}
    for x in variables(*terms):
        found[x.name] = _fresh(identifier(x.name), taken)
        taken.add(found[x.name])
    return Names(found, sizes)


def definition(name: str, rate: Node, of: Axes, context: Sequence[Node], comment: str) -> str:
    """The rate as a Coq definition: a function of sizes, then variables, then one index for each axis in `of`.

    Sizes and variables are those of the terms in `context`, in order of appearance; the rate is to be made of them.
    """
    names = names_of(*context)
    sizes = dict.fromkeys(names.sizes.values())
    arguments = [f"({' '.join(sizes)} : nat)"] if sizes else []
    arguments += [f"({names.variables[x.name]} : {_type(len(x.declared))})" for x in variables(*context)]
    indices = _indices(of, names)
    body = _show(rate, names, indices)[0]
    if of:
        body = f"fun {' '.join(indices.values())} => {body}"
    # A comment of Coq nests, and its quotes are read as strings.
    said = comment.replace('"', "'").replace("(*", "( *").replace("*)", "* )")
    head = f"Definition {name} {' '.join([*arguments, ':', _type(len(of)), ':='])}"
    signature = _wrapped(head, r"\(|: [^()]*$", "", "    ")
    return f"(* {said} *)\n{signature}\n{_wrapped(body, '[*+-] ', '  ', '    ')}."


def expression(term: Node, names: Names) -> str:
    """The term as an expression of type R. The index of an axis is free in it and called as the axis, if that is not taken."""
    return _show(term, names, _indices(term.axes, names))[0]


def _axes(terms: Iterable[Node]) -> Axes:
    """The axes of the terms in order of appearance: those of variables as declared, then all others."""
    nodes = [node for t in terms for node in subterms(t)]
    declared = chain.from_iterable(x.declared for x in variables(*terms))
    return tuple(dict.fromkeys(chain(declared, *(node.axes for node in nodes))))


def _wrapped(text: str, breaks: str, first: str, later: str) -> str:
    """Lines of the text, broken only where a space matches."""
    glued = re.sub(rf" (?!{breaks})", "\0", text)
    lines = textwrap.wrap(
        glued,
        118,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace("\0", " ")


def _type(axes: int) -> str:
    return _TYPES.get(axes) or " -> ".join(["nat"] * axes + ["R"])


def _indices(axes: Axes, names: Names) -> dict[str, str]:
    taken = set(names.taken)
    indices: dict[str, str] = {}
    for axis in axes:
        indices[axis] = _fresh(identifier(axis), taken)
        taken.add(indices[axis])
    return indices


def _fresh(name: str, taken: Iterable[str]) -> str:
    return next(n for n in chain([name], _numbered(name)) if n not in taken)


def _numbered(stem: str) -> Iterator[str]:
    return (f"{stem}{i}" for i in count())


def _inner(axis: str, names: Names, indices: Mapping[str, str]) -> str:
    """A name for the index of a summed axis, that hides none in use: key0, key1, …"""
    taken = names.taken | set(indices.values())
    return next(n for n in _numbered(identifier(axis.rstrip("0123456789"))) if n not in taken)


def _show(term: Node, names: Names, indices: Mapping[str, str]) -> _Text:
    """The expression, with an index for each axis of the term, and how tightly its outermost operator binds."""

    def inner(t: Node, level: int, own: Mapping[str, str] = indices) -> str:
        text, binds = _show(t, names, own)
        return text if binds >= level else f"({text})"

    match term:
        case Variable(name, _, _, _, axes):
            return " ".join([names.variables[name], *(indices[a] for a in axes)]), _ATOM
        case Constant(ConstantKind.ONES, _):
            return "1", _ATOM
        case Constant(kind, axes):
            return f"{kind.value} {' '.join(indices[a] for a in axes)}", _ATOM
        case Sum(terms, _):
            text = inner(terms[0], _PRODUCT)
            for t in terms[1:]:
                if isinstance(t, Scale) and t.factor < 0:
                    text += " - " + _scaled(-t.factor, t.term, inner)
                else:
                    text += " + " + inner(t, _PRODUCT)
            return text, _SUM
        case Scale(factor, t, _) if factor == -1:
            return f"- {inner(t, _ATOM)}", _SUM
        case Scale(factor, t, _):
            return (f"- ({_scaled(-factor, t, inner)})", _SUM) if factor < 0 else (_scaled(factor, t, inner), _PRODUCT)
        case Map(primitive, None, t, _):
            return f"{primitive.facts.coq} {_argument(inner(t, _SUM))}", _ATOM
        case Map(primitive, over, t, _):
            assert over is not None
            own = {**indices, over: _inner(over, names, indices)}
            body = inner(t, _SUM, own)
            return f"{primitive.facts.coq} {names.sizes[over]} (fun {own[over]} => {body}) {indices[over]}", _ATOM
        case Product((), _):
            return "1", _ATOM
        case Product(operands, _):
            return _product(operands, bound_axes(term), names, indices)
        case _:
            assert_never(term)


def _scaled(factor: Fraction, term: Node, inner: Callable[[Node, int], str]) -> str:
    """A positive multiple."""
    number = str(factor.numerator) if factor.denominator == 1 else f"({factor.numerator} / {factor.denominator})"
    if term == ONE:
        return number
    return inner(term, _PRODUCT) if factor == 1 else f"{number} * {inner(term, _ATOM)}"


def _argument(text: str) -> str:
    return text if text.isidentifier() or text.isdecimal() else f"({text})"


def _product(operands: Sequence[Node], bound: Axes, names: Names, indices: Mapping[str, str]) -> _Text:
    """Factors from left to right; the sums stand around those from the first to the last that have a summed axis."""
    own = dict(indices)
    for axis in bound:
        own[axis] = _inner(axis, names, own)

    def times(factors: Sequence[Node]) -> str:
        shown = [_show(o, names, own) for o in factors]
        return " * ".join(t if b >= (_ATOM if i else _PRODUCT) else f"({t})" for i, (t, b) in enumerate(shown))

    touching = [i for i, o in enumerate(operands) if any(a in o.axes for a in bound)]
    if not touching:
        return (times(operands), _PRODUCT) if len(operands) > 1 else _show(operands[0], names, own)
    first, last = touching[0], touching[-1] + 1
    total = times(operands[first:last])
    for axis in reversed(bound):
        total = f"sum {names.sizes[axis]} (fun {own[axis]} => {total})"
    before, after = operands[:first], operands[last:]
    parts = [*([times(before)] if before else []), total, *([times(after)] if after else [])]
    return " * ".join(parts), _PRODUCT if len(parts) > 1 else _ATOM
