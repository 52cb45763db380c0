"""The abstract syntax of rules: six kinds of node, and the operators that write them.

A term is an immutable value that knows its axes; types are inferred in the constructors, so that Python's own
traceback underlines the wrong operator. No node computes anything: what a term means is said by `evaluate` alone.
"""

from __future__ import annotations

import keyword
import unicodedata
from dataclasses import dataclass, fields
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import TypeVar, overload

from fwp.errors import AxisError
from fwp.terms.domain import Domain
from fwp.terms.primitive import Primitive
from fwp.terms.slips import Slips, refuse_numbers
from fwp.terms.suggest import pretty_axes

__all__ = [
    "ONE",
    "Axes",
    "Constant",
    "ConstantKind",
    "Map",
    "Node",
    "Product",
    "Role",
    "Scalable",
    "Scale",
    "Sum",
    "Term",
    "Variable",
    "children",
    "is_name",
    "variables",
]

Axes = tuple[str, ...]


class Role(Enum):
    """Who supplies a variable: the solver, the projection, the control, or the control's derivative."""

    STATE = "state"
    SLOT = "slot"
    SIGNAL = "signal"
    INCREMENT = "increment"


class ConstantKind(Enum):
    """Arrays of zeros and ones that need only sizes: all ones, the identity, and the lower triangle with diagonal."""

    ONES = "ones"
    EYE = "eye"
    TRIL = "tril"


class Scalable:
    """What is no term, and yet can be multiplied by one: terms leave that product to its own `__rmul__`."""


_Scaled = TypeVar("_Scaled", bound=Scalable)


class Term(Slips):
    """The operators. Abstract: the six nodes below are final, and `Node` is their closed union."""

    axes: Axes

    @cached_property
    def _contents(self) -> tuple[object, ...]:
        return (type(self), *(getattr(self, f.name) for f in fields(self)))  # pyright: ignore[reportArgumentType]

    @cached_property
    def _hash(self) -> int:
        return hash(self._contents)

    def __hash__(self) -> int:
        return self._hash  # kept, because folds look every subterm up

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        refuse_numbers(self, other)
        return isinstance(other, Term) and self._hash == other._hash and self._contents == other._contents

    def __reduce__(self) -> tuple[object, ...]:
        return self._contents[0], self._contents[1:]  # without the hash, which another process computes differently

    def __repr__(self) -> str:
        from fwp.terms.show import show  # a fold over these nodes: imported here because it imports them

        return show(build.as_term(self))

    def __add__(self, other: object) -> Node:
        return build.add((self, other), "add")

    def __radd__(self, other: object) -> Node:
        return build.add((other, self), "add")

    def __sub__(self, other: object) -> Node:
        return build.add((self, build.scale(-1, other)), "subtract")

    def __rsub__(self, other: object) -> Node:
        return build.add((other, build.scale(-1, self)), "subtract")

    def __neg__(self) -> Node:
        return build.scale(-1, self)

    def __pos__(self) -> Node:
        return build.as_term(self)

    @overload
    def __mul__(self, other: _Scaled) -> _Scaled: ...  # pyright: ignore[reportOverlappingOverload]
    @overload
    def __mul__(self, other: object) -> Node: ...
    def __mul__(self, other: object) -> object:
        return NotImplemented if isinstance(other, Scalable) else build.multiply((self, other), None)

    def __rmul__(self, other: object) -> Node:
        return build.multiply((other, self), None)

    def __truediv__(self, other: object) -> Node:
        return build.divide(self, other)

    def __rtruediv__(self, other: object) -> Node:
        return build.divide(other, self)

    def __pow__(self, exponent: object) -> Node:
        return build.power(self, exponent)

    def __matmul__(self, other: object) -> Node:
        return build.contract(self, other)

    def __rmatmul__(self, other: object) -> Node:
        return build.contract(other, self)


@dataclass(frozen=True, eq=False, repr=False)
class Variable(Term):
    """A named tensor. `declared` are its own axes, `axes` the names they bear at this place (see `rename`)."""

    name: str
    declared: Axes
    role: Role
    domain: Domain
    axes: Axes

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise AxisError(
                "the name of a variable must be a Python identifier",
                ("name", repr(self.name)),
                help="use letters, digits and underscores, and no keyword",
            )
        for names in (self.declared, self.axes):
            _check_axes(names, f"variable `{self.name}`")
        if len(self.declared) != len(self.axes):
            raise AxisError(
                f"variable `{self.name}` cannot bear these axes",
                ("declared", pretty_axes(self.declared)),
                ("here", pretty_axes(self.axes)),
                help="give one name for each declared axis",
            )
        if self.domain.axis is not None and self.domain.axis not in self.declared:
            raise AxisError(
                f"the domain of variable `{self.name}` speaks of an axis that it does not have",
                ("domain", str(self.domain)),
                ("axes", pretty_axes(self.declared)),
                help=f"use one of {pretty_axes(self.declared)}",
            )


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Term):
    """An array of zeros and ones; the two axes of `eye` and `tril` have equal size. `tril(a, b)` is 1 where b ≤ a."""

    kind: ConstantKind
    axes: Axes

    def __post_init__(self) -> None:
        _check_axes(self.axes, f"constant `{self.kind.value}`")
        if self.kind is not ConstantKind.ONES and len(self.axes) != 2:
            raise AxisError(
                f"`{self.kind.value}` has two axes",
                ("axes", pretty_axes(self.axes)),
                help=f'write {self.kind.value}("value", "value2")',
            )


@dataclass(frozen=True, eq=False, repr=False)
class Product(Term):
    """The one product: multiply the operands aligned by axis name, and sum every axis that `axes` lacks."""

    operands: tuple[Node, ...]
    axes: Axes

    def __post_init__(self) -> None:
        _check_axes(self.axes, "a product")
        missing = [a for a in self.axes if all(a not in operand.axes for operand in self.operands)]
        if missing:
            raise AxisError(
                "a product has an axis that none of its operands has",
                ("axes", pretty_axes(self.axes)),
                ("missing", pretty_axes(missing)),
                help=f'multiply by ones("{missing[0]}")',
            )


@dataclass(frozen=True, eq=False, repr=False)
class Sum(Term):
    """The sum of terms with equal axes, in one order."""

    terms: tuple[Node, ...]
    axes: Axes

    def __post_init__(self) -> None:
        if not self.terms:
            raise AxisError("a sum has no terms", ("axes", pretty_axes(self.axes)), help="write 0")
        for term in self.terms:
            if term.axes != self.axes:
                raise AxisError(
                    "a sum holds a term whose axes are not those of the sum",
                    ("sum", pretty_axes(self.axes)),
                    (repr(term), pretty_axes(term.axes)),
                    help="write the sum with +, which brings its terms into one order",
                )


@dataclass(frozen=True, eq=False, repr=False)
class Scale(Term):
    """A term times an exact number."""

    factor: Fraction
    term: Node
    axes: Axes

    def __post_init__(self) -> None:
        if self.axes != self.term.axes:
            raise AxisError(
                "a multiple has the axes of what it multiplies",
                ("multiple", pretty_axes(self.axes)),
                ("term", pretty_axes(self.term.axes)),
                help="write it with *",
            )


@dataclass(frozen=True, eq=False, repr=False)
class Map(Term):
    """A primitive applied entry by entry or, for softmax and normalize, along the axis `over`."""

    primitive: Primitive
    over: str | None
    term: Node
    axes: Axes

    def __post_init__(self) -> None:
        name = self.primitive.name.lower()
        if self.axes != self.term.axes:
            raise AxisError(
                "a map has the axes of what it is applied to",
                (name, pretty_axes(self.axes)),
                ("term", pretty_axes(self.term.axes)),
                help=f"write {name}(…)",
            )
        if self.primitive.facts.over_axis != (self.over is not None):
            needs = self.over is None
            raise AxisError(
                f"`{name}` {'needs an axis to run over' if needs else 'works entry by entry, over no axis'}",
                (repr(self.term), pretty_axes(self.term.axes)),
                ("over", repr(self.over)),
                help=f'write {name}(…, "key")' if needs else f"write {name}(…)",
            )
        if self.over is not None and self.over not in self.axes:
            raise AxisError(
                f"`{name}` runs over an axis that its argument does not have",
                ("over", self.over),
                (repr(self.term), pretty_axes(self.term.axes)),
                help=f"use one of {pretty_axes(self.axes)}" if self.axes else "apply it to a term that has axes",
            )


Node = Variable | Constant | Product | Sum | Scale | Map


def is_name(text: str) -> bool:
    """An identifier that Python reads as it is: no keyword, and no letter that Python takes for another, such as ﬁ."""
    return text.isidentifier() and not keyword.iskeyword(text) and unicodedata.normalize("NFKC", text) == text


def _check_axes(axes: Axes, whose: str) -> None:
    for i, axis in enumerate(axes):
        if not is_name(axis) or axis.startswith("_") or axis.endswith("_"):
            raise AxisError(
                f"{whose} has an axis with a name that cannot be used",
                ("axis", repr(axis)),
                help="use an identifier that neither begins nor ends with an underscore, and no keyword",
            )
        if axis in axes[:i]:
            raise AxisError(
                f"{whose} has the axis {axis!r} twice",
                ("axes", pretty_axes(axes)),
                help=f"call the second one {axis}2",
            )


ONE: Node = Product((), ())
"""The number one: the empty product."""


def children(term: Node) -> tuple[Node, ...]:
    """The direct subterms, in order."""
    match term:
        case Variable() | Constant():
            return ()
        case Product(operands, _):
            return operands
        case Sum(terms, _):
            return terms
        case Scale(_, inner, _) | Map(_, _, inner, _):
            return (inner,)


def variables(*terms: Node) -> tuple[Variable, ...]:
    """The variables of the terms in order of appearance, each once and as declared.

    Raises:
        AxisError: two different variables bear one name.
    """
    found: dict[str, Variable] = {}
    seen: set[Node] = set()

    def visit(term: Node) -> None:
        if term in seen:
            return
        seen.add(term)
        if isinstance(term, Variable):
            plain = Variable(term.name, term.declared, term.role, term.domain, term.declared)
            other = found.setdefault(term.name, plain)
            if other != plain:
                raise AxisError(
                    f"two different variables are both named `{term.name}`",
                    ("first", f"{pretty_axes(other.declared)} {other.role.value}, {other.domain}"),
                    ("second", f"{pretty_axes(plain.declared)} {plain.role.value}, {plain.domain}"),
                    help="give one of them another name",
                )
        for child in children(term):
            visit(child)

    for term in terms:
        visit(term)
    return tuple(found.values())


# The operators write terms with it, and it is made of the nodes above.
from fwp.terms import build  # noqa: E402
