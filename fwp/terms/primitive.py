"""The closed list of maps that a term may apply, each with everything the folds ask about it.

`meaning` and `tangent` (its derivative applied to a direction) are numpy in float64; `axis` is the position summed
over by the primitives that need one. `coq` names a function of Coq's reals or of `proofs/`. How torch computes a
primitive is the business of `fwp.lowering`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fwp.terms.domain import DomainKind

__all__ = ["Array", "Facts", "Monotone", "Numbers", "Primitive"]

Array = NDArray[np.float64]
Numbers = Array | np.float64  # numpy hands back a scalar where an array without axes went in


class Monotone(Enum):
    """How a primitive orders its arguments, on its whole domain of definition."""

    STRICTLY = "strictly increasing"
    WEAKLY = "nondecreasing"
    GRADIENT = "monotone operator, the gradient of a convex function"
    NO = "not monotone"


@dataclass(frozen=True)
class Facts:
    """What is true of one primitive."""

    meaning: Callable[[Array, int], Numbers]
    tangent: Callable[[Array, Array, int], Numbers]
    range: DomainKind
    monotone: Monotone
    unicode: str
    latex: str
    coq: str
    over_axis: bool = False
    postfix: bool = False


def _sigmoid(x: Numbers, axis: int = 0) -> Numbers:
    return np.exp(-np.logaddexp(0.0, -x))


def _softmax(x: Array, axis: int) -> Array:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _norm(x: Array, axis: int) -> Array:
    return np.sqrt((x * x).sum(axis=axis, keepdims=True))


def _normalize_tangent(x: Array, dx: Array, axis: int) -> Array:
    n = _norm(x, axis)
    y = x / n
    return (dx - y * (y * dx).sum(axis=axis, keepdims=True)) / n


def _softmax_tangent(x: Array, dx: Array, axis: int) -> Array:
    s = _softmax(x, axis)
    return s * (dx - (s * dx).sum(axis=axis, keepdims=True))


class Primitive(Enum):
    """The maps of the language. The list is closed: a fold may match on it exhaustively."""

    SIGMOID = Facts(
        _sigmoid,
        lambda x, dx, _: _sigmoid(x) * _sigmoid(-x) * dx,
        DomainKind.UNIT,
        Monotone.STRICTLY,
        "σ",
        r"\sigma",
        "sigmoid",
    )
    TANH = Facts(
        lambda x, _: np.tanh(x),
        lambda x, dx, _: (1 - np.tanh(x) ** 2) * dx,
        DomainKind.REAL,
        Monotone.STRICTLY,
        "tanh",
        r"\tanh",
        "tanh",
    )
    SOFTPLUS = Facts(
        lambda x, _: np.logaddexp(0.0, x),
        lambda x, dx, _: _sigmoid(x) * dx,
        DomainKind.NONNEGATIVE,
        Monotone.STRICTLY,
        "softplus",
        r"\operatorname{softplus}",
        "softplus",
    )
    RELU = Facts(
        lambda x, _: np.maximum(x, 0.0),
        lambda x, dx, _: (x > 0) * dx,
        DomainKind.NONNEGATIVE,
        Monotone.WEAKLY,
        "relu",
        r"\operatorname{relu}",
        "relu",
    )
    EXP = Facts(
        lambda x, _: np.exp(x),
        lambda x, dx, _: np.exp(x) * dx,
        DomainKind.NONNEGATIVE,
        Monotone.STRICTLY,
        "exp",
        r"\exp",
        "exp",
    )
    LOG = Facts(
        lambda x, _: np.log(x),
        lambda x, dx, _: dx / x,
        DomainKind.REAL,
        Monotone.STRICTLY,
        "log",
        r"\log",
        "ln",
    )
    SQRT = Facts(
        lambda x, _: np.sqrt(x),
        lambda x, dx, _: dx / (2 * np.sqrt(x)),
        DomainKind.NONNEGATIVE,
        Monotone.STRICTLY,
        "√",
        r"\sqrt",
        "sqrt",
    )
    SQUARE = Facts(
        lambda x, _: x * x,
        lambda x, dx, _: 2 * x * dx,
        DomainKind.NONNEGATIVE,
        Monotone.NO,
        "²",
        "^{2}",
        "Rsqr",
        postfix=True,
    )
    RECIPROCAL = Facts(
        lambda x, _: 1 / x,
        lambda x, dx, _: -dx / (x * x),
        DomainKind.REAL,
        Monotone.NO,
        "⁻¹",
        "^{-1}",
        "Rinv",
        postfix=True,
    )
    SOFTMAX = Facts(
        _softmax,
        _softmax_tangent,
        DomainKind.SIMPLEX,
        Monotone.GRADIENT,
        "softmax",
        r"\operatorname{softmax}",
        "softmax",
        over_axis=True,
    )
    NORMALIZE = Facts(
        lambda x, axis: x / _norm(x, axis),
        _normalize_tangent,
        DomainKind.SPHERE,
        Monotone.GRADIENT,
        "normalize",
        r"\operatorname{normalize}",
        "normalize",
        over_axis=True,
    )

    @property
    def facts(self) -> Facts:
        """Everything known of this primitive."""
        return self.value

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return getattr, (Primitive, self.name)  # by name: the facts hold functions, which do not travel
