"""What one evaluation of a term costs, as polynomials in the sizes of its axes: floating-point operations and bytes moved.

A multiplication and the addition that follows it count as two operations; a primitive counts as one for each entry. Bytes
count every operand read once and every result written once, for one sample and one head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import assert_never

from fwp.kinds import explained
from fwp.terms.fold import subterms
from fwp.terms.schedule import schedule
from fwp.terms.syntax import ONE, Axes, Constant, Map, Node, Product, Scale, Sum, Variable, children

__all__ = ["Cost", "Polynomial", "cost"]


@dataclass(frozen=True)
class Polynomial:
    """A polynomial with whole coefficients in the sizes of axes; a monomial is its sorted axes, with repetition."""

    coefficients: tuple[tuple[Axes, int], ...] = ()

    @staticmethod
    def volume(axes: Sequence[str], times: int = 1) -> Polynomial:
        """`times` operations for every entry of an array over `axes`."""
        return Polynomial(((tuple(sorted(axes)), times),) if times else ())

    def __add__(self, other: Polynomial) -> Polynomial:
        total: dict[Axes, int] = dict(self.coefficients)
        for axes, count in other.coefficients:
            total[axes] = total.get(axes, 0) + count
        return Polynomial(tuple(sorted(total.items(), key=lambda item: (-len(item[0]), item[0]))))

    def __call__(self, sizes: Mapping[str, int]) -> int:
        """The value at the given sizes."""
        return sum(count * prod(sizes[a] for a in axes) for axes, count in self.coefficients)

    def __str__(self) -> str:
        words = [("·".join(([str(n)] if n != 1 or not axes else []) + list(axes))) for axes, n in self.coefficients]
        return " + ".join(words) or "0"


@dataclass(frozen=True)
class Cost:
    """Operations and bytes of one evaluation."""

    flops: Polynomial
    bytes: Polynomial

    def __str__(self) -> str:
        return f"{self.flops} flops, {self.bytes} bytes"


@explained
def cost(term: Node, itemsize: int = 4) -> Cost:
    """The cost of evaluating each distinct subterm once, products in the order of `schedule`; `itemsize` in bytes."""
    flops = moved = Polynomial()

    def operation(work: Polynomial, *arrays: Axes) -> None:
        nonlocal flops, moved
        flops = flops + work
        for axes in arrays:
            moved = moved + Polynomial.volume(axes, itemsize)

    for node in subterms(term):
        inputs = [c.axes for c in children(node)]
        match node:
            case Variable():
                pass
            case Constant(_, axes):
                operation(Polynomial(), axes)
            case Product(operands, axes):
                slots = [o.axes for o in operands]
                if len(slots) == 1:  # a transposition is a view; a sum over axes is not
                    summed = tuple(a for a in slots[0] if a not in axes)
                    if summed:
                        operation(Polynomial.volume(slots[0]), slots[0], axes)
                for step in schedule(slots, axes):
                    left, right = slots[step.left], slots[step.right]
                    volume = tuple(dict.fromkeys(left + right))
                    operation(Polynomial.volume(volume, 2 if step.summed else 1), left, right, step.axes)
                    slots.append(step.axes)
            case Sum(terms, axes):
                operation(Polynomial.volume(axes, len(terms) - 1), *inputs, axes)
            case Scale(factor, inner, axes):
                if inner != ONE and abs(factor) != 1:  # numbers and signs are absorbed by what uses them
                    operation(Polynomial.volume(axes), *inputs, axes)
            case Map(_, _, _, axes):
                operation(Polynomial.volume(axes), *inputs, axes)
            case _:
                assert_never(node)
    return Cost(flops, moved)
