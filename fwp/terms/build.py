"""Writing terms: the smart constructors, which infer axes, put them into one order, and refuse what does not fit.

They gather numbers and nested sums and products, so that the operators and the einops spelling give one and the same value.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import isfinite

import numpy as np

from fwp.errors import AxisError, SizeError
from fwp.terms.extent import MOST_FACTORS
from fwp.terms.primitive import Primitive
from fwp.terms.suggest import contraction_help, ones_over, pretty_axes
from fwp.terms.syntax import (
    ONE,
    Axes,
    Constant,
    ConstantKind,
    Map,
    Node,
    Product,
    Scale,
    Sum,
    Variable,
    variables,
)

__all__ = ["Number", "add", "align", "apply", "as_term", "contract", "divide", "multiply", "power", "scale"]

Number = int | float | Fraction


def _fraction(number: Number) -> Fraction:
    """The exact value of a number; a float that is a short fraction, such as 0.1, means that fraction."""
    if not isinstance(number, float):
        return Fraction(number)
    if not isfinite(number):
        raise AxisError(
            "a term cannot hold a number that is not finite", ("number", repr(number)), help="use a finite one"
        )
    exact = Fraction(number)
    short = exact.limit_denominator(10**6)
    return short if float(short) == float(exact) else exact


def as_term(value: object) -> Node:
    """A term as it is, a number as a term without axes."""
    if isinstance(value, Variable | Constant | Product | Sum | Scale | Map):
        return value
    if isinstance(value, int | float | Fraction | np.integer | np.floating) and not isinstance(value, bool):
        return scale(value.item() if isinstance(value, np.generic) else value, ONE)
    raise AxisError(
        "this is neither a term nor a number",
        ("value", repr(value)),
        ("type", type(value).__qualname__),
        help="terms are made of fwp's variables; tensors come in when the rule is lowered",
    )


def align(term: Node, axes: Axes) -> Node:
    """The same term with its axes in the given order: to the typist a set, to the machine a sequence."""
    if term.axes == axes:
        return term
    match term:
        case Variable():
            return Product((term,), axes)
        case Constant(kind, _):
            return Constant(kind, axes) if kind is ConstantKind.ONES else Product((term,), axes)
        case Product(operands, _):
            if len(operands) == 1 and operands[0].axes == axes:
                return operands[0]
            return Product(operands, axes)
        case Sum(terms, _):
            return Sum(tuple(align(t, axes) for t in terms), axes)
        case Scale(factor, inner, _):
            return Scale(factor, align(inner, axes), axes)
        case Map(primitive, over, inner, _):
            return Map(primitive, over, align(inner, axes), axes)


def scale(factor: Number, term: object) -> Node:
    """A number times a term; numbers are gathered outside.

    Raises:
        SizeError: together they are a number that float64 has only as infinity or 0.
    """
    inner, number = as_term(term), _fraction(factor)
    if isinstance(inner, Scale):
        inner, number = inner.term, number * inner.factor
    return inner if number == 1 else Scale(number, inner, inner.axes)


def add(values: Iterable[object], verb: str = "add") -> Node:
    """The sum of terms with equal axes, nested sums and numbers gathered; axes take the first term's order.

    Raises:
        AxisError: two of the terms have different axes.
    """
    terms = [t for t in map(as_term, values) if not (_number(t) == 0 and t.axes == ())]
    if not terms:
        return scale(0, ONE)
    first = terms[0]
    flat: list[Node] = []
    number, place = Fraction(0), 0
    for term in terms:
        if set(term.axes) != set(first.axes):
            raise _cannot_add(verb, first, term)
        for part in term.terms if isinstance(term, Sum) else (term,):
            value = _number(part)
            if value is None:
                flat.append(align(part, first.axes))
            else:
                if number == 0 and value != 0:
                    place = len(flat)
                number += value
    if number != 0:
        flat.insert(place, scale(number, ONE))
    if not flat:
        return scale(0, ONE)
    return flat[0] if len(flat) == 1 else Sum(tuple(flat), first.axes)


def multiply(values: Iterable[object], axes: Axes | None) -> Node:
    """The product of terms, summed over every axis that `axes` lacks; None keeps all axes, in order of appearance."""
    terms = [as_term(value) for value in values]
    kept = tuple(dict.fromkeys(a for t in terms for a in t.axes)) if axes is None else axes
    factor = Fraction(1)
    operands: list[Node] = []
    for operand in terms:
        if isinstance(operand, Scale):
            factor, operand = factor * operand.factor, operand.term
        if isinstance(operand, Product) and _sums_nothing(operand):
            operands.extend(operand.operands)  # no axis is bound inside, so nothing can be captured
        else:
            operands.append(operand)
    product = operands[0] if len(operands) == 1 and operands[0].axes == kept else Product(tuple(operands), kept)
    return scale(factor, product)


def apply(primitive: Primitive, term: object, over: str | None = None) -> Node:
    """A primitive of a term."""
    inner = as_term(term)
    return Map(primitive, over, inner, inner.axes)


def _number(term: Node) -> Fraction | None:
    """The value of a term that is a number."""
    if term == ONE:
        return Fraction(1)
    return term.factor if isinstance(term, Scale) and term.term == ONE else None


def _sums_nothing(product: Product) -> bool:
    return all(axis in product.axes for operand in product.operands for axis in operand.axes)


def divide(numerator: object, denominator: object) -> Node:
    """One term over another, entry by entry; division by a number is exact.

    Raises:
        AxisError: the number is zero.
    """
    below = as_term(denominator)
    number = _number(below)
    if number is None:
        return multiply((numerator, apply(Primitive.RECIPROCAL, below)), None)
    if number == 0:
        raise AxisError("cannot divide by zero", ("term", repr(numerator)), help="divide by a number other than 0")
    return scale(1 / number, numerator)


def power(base: object, exponent: object) -> Node:
    """A term to a whole power, entry by entry.

    Raises:
        AxisError: the exponent is not a positive whole number.
        SizeError: it is larger than that of any monomial may be.
    """
    if not isinstance(exponent, int) or isinstance(exponent, bool) or exponent < 1:
        raise AxisError(
            "cannot raise a term to a power that is not a positive whole number",
            ("term", repr(base)),
            ("exponent", repr(exponent)),
            help="use square, sqrt, reciprocal, exp or log",
        )
    if exponent > MOST_FACTORS:
        raise SizeError(
            "a term is raised to a power that no number survives",
            ("exponent", f"{exponent}" if exponent < 10**12 else "more than 10^12"),
            ("at most", str(MOST_FACTORS)),
            help="use exp and log",
        )
    return apply(Primitive.SQUARE, base) if exponent == 2 else multiply((base,) * exponent, None)


def contract(one: object, other: object) -> Node:
    """The product of two terms, summed over every axis that they share.

    Raises:
        AxisError: they share none.
    """
    left, right = as_term(one), as_term(other)
    shared = [a for a in left.axes if a in right.axes]
    if not shared:
        outer = bool(left.axes and right.axes)
        raise AxisError(
            "cannot contract: the two sides of `@` share no axis",
            (repr(left), pretty_axes(left.axes)),
            (repr(right), pretty_axes(right.axes)),
            help="for an outer product write `*`; `rename` an axis to sum over it"
            if outer
            else "for a multiple write `*`",
        )
    kept = tuple(a for a in dict.fromkeys(left.axes + right.axes) if a not in shared)
    return multiply((left, right), kept)


def _cannot_add(verb: str, left: Node, right: Node) -> AxisError:
    shown = right.term if verb == "subtract" and isinstance(right, Scale) and right.factor == -1 else right
    facts = ((repr(left), pretty_axes(left.axes)), (repr(shown), pretty_axes(shown.axes)))
    lone, other = (left, shown) if not left.axes else (shown, left)
    if not lone.axes:
        ones = ones_over(other.axes)
        help = f"`{lone!r}` has no axes: write `{ones if lone == ONE else f'{lone!r} * {ones}'}`"
    else:
        help = contraction_help([(x.name, x.axes) for x in variables(left, right)], left.axes, shown.axes)
    return AxisError(f"cannot {verb} terms whose axes differ", *facts, help=help)
