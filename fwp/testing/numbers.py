"""Numbers for variables: normal ones brought into a variable's domain, and how far two results are apart."""

from __future__ import annotations

from typing import assert_never

import numpy as np

from fwp.terms import DomainKind, Variable
from fwp.terms.primitive import Array

__all__ = ["Array", "Values", "error", "in_domain", "random_value"]

Values = dict[str, Array]


def random_value(x: Variable, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """A random value of the variable, over its declared axes and whatever stands before them."""
    return in_domain(x, np.asarray(generator.normal(size=shape)))


def in_domain(x: Variable, numbers: Array) -> Array:
    """Any numbers as a value of the variable, over its declared axes and whatever stands before them.

    Where entries along an axis have to sum to one or to be of norm one and all are zero, they become equal.
    """
    axis = x.declared.index(x.domain.axis) - len(x.declared) if x.domain.axis is not None else -1
    match x.domain.kind:
        case DomainKind.REAL:
            return numbers
        case DomainKind.NONNEGATIVE:
            return np.asarray(np.abs(numbers))
        case DomainKind.UNIT:
            return np.asarray(1 / (1 + np.exp(-numbers)))
        case DomainKind.SIMPLEX:
            weights = np.abs(numbers)
            weights = np.where(weights.sum(axis, keepdims=True) > 0, weights, 1.0)
            return weights / weights.sum(axis, keepdims=True)
        case DomainKind.SPHERE:
            vectors = np.where(np.abs(numbers).sum(axis, keepdims=True) > 0, numbers, 1.0)
            return vectors / np.sqrt((vectors**2).sum(axis, keepdims=True))
        case _:
            assert_never(x.domain.kind)


def error(ours: object, reference: object) -> float:
    """Max-abs of the difference over max(1, max-abs of the reference)."""
    one, other = np.asarray(ours, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    assert one.shape == other.shape, f"{one.shape} is not {other.shape}"
    assert np.isfinite(other).all(), "the reference is not finite"
    return float(np.max(np.abs(one - other), initial=0) / max(1.0, np.max(np.abs(other), initial=0)))
