"""Terms as mathematics on paper, in unicode or LaTeX: vectors are columns, `β (v − W k) kᵀ`.

Products of vectors and matrices are written as such where matrix notation can say them, else with indices and sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from fwp.kinds import explained
from fwp.terms.primitive import Primitive
from fwp.terms.symbols import latex_name, unicode_name
from fwp.terms.syntax import ONE, Axes, Constant, ConstantKind, Map, Node, Product, Scale, Sum, Variable

__all__ = ["LATEX", "UNICODE", "Alphabet", "latex", "typeset", "unicode"]


@dataclass(frozen=True)
class Alphabet:
    """How one medium writes the few signs that mathematics needs."""

    name: Callable[[str], str]
    primitive: Callable[[Primitive], str]
    transpose: str
    minus: str
    hadamard: str
    identity: str
    ones: str
    triangle: str
    total: Callable[[str], str]
    subscript: Callable[[str], str]
    fraction: Callable[[int, int], str]
    left: str = "("
    right: str = ")"


UNICODE = Alphabet(
    unicode_name,
    lambda p: p.facts.unicode,
    "ᵀ",
    "−",
    " ⊙ ",
    "I",
    "1",
    "L",
    lambda indices: f"Σ_{indices} ",
    lambda indices: f"_{indices}",
    lambda n, d: f"{n}/{d}",
)
LATEX = Alphabet(
    latex_name,
    lambda p: p.facts.latex,
    r"^{\top}",
    "-",
    r" \odot ",
    "I",
    r"\mathbf{1}",
    "L",
    lambda indices: rf"\sum_{{{indices}}} ",
    lambda indices: f"_{{{indices}}}",
    lambda n, d: rf"\tfrac{{{n}}}{{{d}}}",
    r"\left(",
    r"\right)",
)

_SUM, _PRODUCT, _ATOM = range(3)
_Text = tuple[str, int]


@explained
def unicode(term: Node) -> str:
    """One line of unicode, for terminals."""
    return typeset(term, UNICODE)


@explained
def latex(term: Node) -> str:
    """LaTeX source for maths mode."""
    return typeset(term, LATEX)


def typeset(term: Node, alphabet: Alphabet) -> str:
    """The term in the given alphabet; a term over (a b) is a matrix with rows a and columns b."""
    return _write(term, alphabet)[0]


def _write(term: Node, a: Alphabet) -> _Text:
    match term:
        case Variable(name):
            return a.name(name), _ATOM
        case Constant(kind, _):
            match kind:
                case ConstantKind.ONES:
                    return a.ones, _ATOM
                case ConstantKind.EYE:
                    return a.identity, _ATOM
                case ConstantKind.TRIL:
                    return a.triangle, _ATOM
                case _:
                    assert_never(kind)
        case Sum(terms, _):
            text = _at(_write(terms[0], a), _PRODUCT, a)
            for t in terms[1:]:
                negative = isinstance(t, Scale) and t.factor < 0
                body = _scaled(-t.factor, t.term, a) if isinstance(t, Scale) and negative else _write(t, a)
                text += f" {a.minus if negative else '+'} {_at(body, _PRODUCT, a)}"
            return text, _SUM
        case Scale(factor, inner, _):
            text, level = _scaled(abs(factor), inner, a)
            return (f"{a.minus}{_at((text, level), _PRODUCT, a)}", _PRODUCT) if factor < 0 else (text, level)
        case Map(primitive, over, inner, _):
            sign, (body, level) = a.primitive(primitive), _write(inner, a)
            if primitive.facts.postfix:
                return _at((body, level), _ATOM, a) + sign, _ATOM
            if sign == r"\sqrt":
                return rf"\sqrt{{{body}}}", _ATOM
            shown = sign if over is None or len(inner.axes) == 1 else sign + a.subscript(over)
            return f"{shown}{a.left}{body}{a.right}", _ATOM
        case Product(()):
            return "1", _ATOM
        case Product(operands, axes):
            return _matrix_notation(operands, axes, a) or _index_notation(operands, axes, a)
        case _:
            assert_never(term)


def _at(text: _Text, level: int, a: Alphabet) -> str:
    return text[0] if text[1] >= level else f"{a.left}{text[0]}{a.right}"


def _scaled(factor: Fraction, term: Node, a: Alphabet) -> _Text:
    number = str(factor.numerator) if factor.denominator == 1 else a.fraction(factor.numerator, factor.denominator)
    if term == ONE:
        return number, _ATOM
    body = _write(term, a)
    return body if factor == 1 else (f"{number} {_at(body, _PRODUCT, a)}", _PRODUCT)


def _matrix_notation(operands: Sequence[Node], axes: Axes, a: Alphabet) -> _Text | None:
    """Scalars, then columns over the first axis, matrices, and rows over the second; None where that does not suffice."""
    if len(axes) > 2 or any(len(o.axes) > 2 for o in operands):
        return None
    pieces: dict[Axes, list[_Text]] = {}
    for group in _components(operands, axes):
        chain = _chain(group, axes, a)
        if chain is None:
            return None
        text, kept = chain
        pieces.setdefault(kept, []).append(text)
    scalars = [_at(t, _PRODUCT, a) for t in pieces.pop((), [])]
    columns, rows = pieces.pop(axes[:1], []) if axes else [], pieces.pop(axes[1:], []) if len(axes) == 2 else []
    matrices = pieces.pop(axes, []) if len(axes) == 2 else []
    if pieces or (matrices and (columns or rows)):
        return None
    words = list(scalars)
    if matrices:
        words.append(_hadamard(matrices, a, alone=not scalars))
    if columns:
        words.append(_hadamard(columns, a, alone=not scalars and not rows))
    if rows:
        row = _hadamard(rows, a, alone=False)
        words.append((f"{a.left}{row}{a.right}" if " " in row and not row.endswith(a.right) else row) + a.transpose)
    return (" ".join(words), _PRODUCT) if len(words) > 1 or not (matrices or columns) else (words[0], _PRODUCT)


def _hadamard(texts: Sequence[_Text], a: Alphabet, alone: bool) -> str:
    """Elementwise product of arrays over the same axes."""
    if len(texts) == 1:
        return _at(texts[0], _PRODUCT, a)
    body = a.hadamard.join(_at(t, _PRODUCT, a) for t in texts)
    return body if alone else f"{a.left}{body}{a.right}"


def _components(operands: Sequence[Node], axes: Axes) -> list[list[Node]]:
    """Operands that share summed axes, together."""
    groups: list[list[Node]] = []
    for operand in operands:
        bound = {x for x in operand.axes if x not in axes}
        touching = [g for g in groups if any(bound & set(o.axes) for o in g)]
        merged = [o for g in touching for o in g] + [operand]
        groups = (
            [merged if g is touching[0] else g for g in groups if g not in touching[1:]]
            if touching
            else [*groups, merged]
        )
    return groups


def _chain(group: list[Node], axes: Axes, a: Alphabet) -> tuple[_Text, Axes] | None:
    """A path of matrices, such as M N u or uᵀ M w, with the axes it keeps in their order; None if it is not a path."""
    group = _merged(group) if len(group) > 1 else group
    ends = tuple(x for x in axes if any(x in o.axes for o in group))
    bound = {x for o in group for x in o.axes if x not in axes}
    if not bound and len(group) == 1:
        text, level = _write(group[0], a)
        flip = len(ends) == 2 and group[0].axes != ends
        return ((_at((text, level), _ATOM, a) + a.transpose, _ATOM) if flip else (text, level)), ends
    if any(sum(x in o.axes for o in group) != 2 for x in bound) or any(
        sum(x in o.axes for o in group) != 1 for x in ends
    ):
        return None
    starts = [o for o in group if (ends and ends[0] in o.axes) or (not ends and len(o.axes) == 1)]
    if not starts:
        return None
    words: list[str] = []
    here, entry, rest = starts[0], ends[0] if ends else None, list(group)
    while True:
        rest.remove(here)
        exits = [x for x in here.axes if x != entry]
        text, level = _write(here, a)
        tight = len(group) > 1 and (level == _SUM or len(here.axes) == 2 or a.hadamard in text)
        body = _at((text, level), _ATOM, a) if tight else text
        turned = (len(here.axes) == 2 and here.axes[0] != entry) or (len(here.axes) == 1 and entry is None)
        words.append(_at((text, level), _ATOM, a) + a.transpose if turned else body)
        following = [o for o in rest if exits and exits[0] in o.axes]
        if not following:
            break
        here, entry = following[0], exits[0]
    return None if rest else ((" ".join(words), _PRODUCT), ends)


def _merged(group: list[Node]) -> list[Node]:
    """Columns over one axis become their elementwise product where more than two meet, so that W (b ⊙ k) is a path."""
    columns: dict[Axes, list[Node]] = {}
    for operand in group:
        crowded = len(operand.axes) == 1 and sum(operand.axes[0] in o.axes for o in group) > 2
        columns.setdefault(operand.axes if crowded else (), []).append(operand)
    return columns.pop((), []) + [o[0] if len(o) == 1 else Product(tuple(o), x) for x, o in columns.items()]


def _index_notation(operands: Sequence[Node], axes: Axes, a: Alphabet) -> _Text:
    """Every factor with its indices, the summed ones under a sum sign."""
    everything = list(dict.fromkeys([*axes, *(x for o in operands for x in o.axes)]))
    letter = dict(zip(everything, "ijlmnpqrstu", strict=False))
    bound = "".join(letter[x] for x in everything if x not in axes)

    def factor(operand: Node) -> str:
        text = _at(_write(operand, a), _ATOM, a)
        return text + a.subscript("".join(letter[x] for x in operand.axes)) if operand.axes else text

    return (a.total(bound) if bound else "") + " ".join(map(factor, operands)), _PRODUCT
