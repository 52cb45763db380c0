"""The primitives as functions of terms: `tanh(v - W @ k)`, `softmax(k, "key")`."""

from __future__ import annotations

from fwp.terms.build import Number, apply
from fwp.terms.primitive import Primitive
from fwp.terms.syntax import Node, Term

__all__ = [
    "exp",
    "log",
    "normalize",
    "reciprocal",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "tanh",
]


def sigmoid(term: Term | Number) -> Node:
    """1 / (1 + e⁻ˣ), entry by entry."""
    return apply(Primitive.SIGMOID, term)


def tanh(term: Term | Number) -> Node:
    """The hyperbolic tangent, entry by entry."""
    return apply(Primitive.TANH, term)


def softplus(term: Term | Number) -> Node:
    """log(1 + eˣ), entry by entry."""
    return apply(Primitive.SOFTPLUS, term)


def relu(term: Term | Number) -> Node:
    """max(x, 0), entry by entry."""
    return apply(Primitive.RELU, term)


def exp(term: Term | Number) -> Node:
    """eˣ, entry by entry."""
    return apply(Primitive.EXP, term)


def log(term: Term | Number) -> Node:
    """The natural logarithm, entry by entry; NaN for negative entries."""
    return apply(Primitive.LOG, term)


def sqrt(term: Term | Number) -> Node:
    """The square root, entry by entry; NaN for negative entries."""
    return apply(Primitive.SQRT, term)


def square(term: Term | Number) -> Node:
    """x², entry by entry."""
    return apply(Primitive.SQUARE, term)


def reciprocal(term: Term | Number) -> Node:
    """1 / x, entry by entry; also written `1 / term`."""
    return apply(Primitive.RECIPROCAL, term)


def softmax(term: Term, axis: str) -> Node:
    """Entries e^{x_i} / Σ_j e^{x_j} along `axis`."""
    return apply(Primitive.SOFTMAX, term, axis)


def normalize(term: Term, axis: str) -> Node:
    """The term divided by its Euclidean norm along `axis`."""
    return apply(Primitive.NORMALIZE, term, axis)
