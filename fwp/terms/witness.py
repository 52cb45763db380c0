"""The kinds of rates by how they depend on their state, each with the terms that prove it.

`structure` finds them; `reconstruct` gives the rate back. A vector state has one axis and no output axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from fwp.kinds import explained
from fwp.terms.build import add, align, contract, multiply, scale
from fwp.terms.primitive import Primitive
from fwp.terms.rename import substitute_axes
from fwp.terms.syntax import Constant, Map, Node, Product, Scale, Sum, Variable

__all__ = [
    "Closed",
    "ConstantRate",
    "GeneralRate",
    "LowRank",
    "OneSided",
    "ReadOut",
    "Structure",
    "TwoSided",
    "Write",
    "reconstruct",
    "substitute",
]


@dataclass(frozen=True)
class Write:
    """One outer product in a rate: rate · (value − W @ read) ⊗ write. None of its terms contains the state.

    Args:
        rate: a scalar; the number one if nothing is shared by the other terms.
        value: over the output axes in the state's order; None if nothing is written.
        read: over the axis that is read; None if nothing is read.
        write: over the same axis.
    """

    rate: Node
    value: Node | None
    read: Node | None
    write: Node


@dataclass(frozen=True)
class ConstantRate:
    """The rate does not depend on the state. If it is a sum of outer products, `writes` are these, else empty."""

    rate: Node
    axis: str | None
    writes: tuple[Write, ...]


@dataclass(frozen=True)
class LowRank:
    """dW/dt = −decay W + Σ rate (value − W @ read) ⊗ write, read and written along `axis`; the decay is a scalar."""

    axis: str
    decay: Node | None
    writes: tuple[Write, ...]


@dataclass(frozen=True)
class OneSided:
    """dW/dt = W G + offset: the generator G is a matrix over (other, axis), where `other` is a second name for the axis."""

    axis: str
    other: str
    generator: Node
    offset: Node | None


@dataclass(frozen=True)
class TwoSided:
    """Affine in the state, but acting on several of its axes; `linear` is the part of degree one."""

    linear: Node
    offset: Node | None


@dataclass(frozen=True)
class Closed:
    """The response is rate · primitive(offset + slope · u), tanh or softmax, and the flow has a closed form.

    For tanh, `rate` and `slope` have any of the output axes and any sign. For softmax, which runs over the only output
    axis, they are scalars, read and write are one term, the rate is never negative and the slope never positive.
    """

    primitive: Primitive
    rate: Node
    offset: Node | None
    slope: Node


@dataclass(frozen=True)
class ReadOut:
    """Not affine, but dW/dt = response(W @ read) ⊗ write, read and written along `axis`.

    The response is a term over the output axes in which the variable `output` stands for W @ read.
    """

    axis: str
    read: Node
    write: Node
    output: Variable
    response: Node
    closed: Closed | None


@dataclass(frozen=True)
class GeneralRate:
    """No structure was found, or the rate depends on other states; `degree` counts the state alone."""

    degree: int | float


Structure = ConstantRate | LowRank | OneSided | TwoSided | ReadOut | GeneralRate


@explained
def reconstruct(found: Structure, state: Variable) -> Node | None:
    """The rate from its witnesses, over the state's axes; None where there are none."""
    match found:
        case ConstantRate(rate, _, writes):
            return _total([_written(w, state) for w in writes], state) if writes else align(rate, state.axes)
        case LowRank(_, decay, writes):
            decayed = [] if decay is None else [scale(-1, multiply((decay, state), state.axes))]
            return _total([*decayed, *(_written(w, state) for w in writes)], state)
        case OneSided(axis, other, generator, offset):
            moved = substitute_axes(state, {axis: other})
            return _total([multiply((moved, generator), state.axes), *([] if offset is None else [offset])], state)
        case TwoSided(linear, offset):
            return _total([linear, *([] if offset is None else [offset])], state)
        case ReadOut(_, read, write, output, response, _):
            return multiply((substitute(response, output, contract(state, read)), write), state.axes)
        case GeneralRate():
            return None
        case _:
            assert_never(found)


def _written(found: Write, state: Variable) -> Node:
    read = [] if found.read is None else [scale(-1, contract(state, found.read))]
    error = add([*([] if found.value is None else [found.value]), *read])
    return multiply((found.rate, error, found.write), state.axes)


def _total(terms: list[Node], state: Variable) -> Node:
    return align(add(terms), state.axes) if terms else scale(0, state)


def substitute(term: Node, variable: Variable, value: Node) -> Node:
    """The term with a value, over the axes that it declares, in place of a variable."""
    match term:
        case Variable(name, declared, _, _, axes):
            if name != variable.name:
                return term
            return align(substitute_axes(value, dict(zip(declared, axes, strict=True))), axes)
        case Constant():
            return term
        case Product(operands, axes):
            return Product(tuple(substitute(o, variable, value) for o in operands), axes)
        case Sum(terms, axes):
            return Sum(tuple(substitute(t, variable, value) for t in terms), axes)
        case Scale(factor, inner, axes):
            return Scale(factor, substitute(inner, variable, value), axes)
        case Map(primitive, over, inner, axes):
            return Map(primitive, over, substitute(inner, variable, value), axes)
        case _:
            assert_never(term)
