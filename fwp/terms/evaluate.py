"""The meaning of a term: numpy in float64, one einsum a node, obvious and slow. Every other fold is tested against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike

from fwp.kinds import explained
from fwp.terms.fold import fold
from fwp.terms.primitive import Array, Numbers
from fwp.terms.sizes import axis_sizes
from fwp.terms.syntax import Axes, Constant, ConstantKind, Map, Node, Product, Scale, Sum, Variable

__all__ = ["differentiate", "evaluate"]


@explained
def evaluate(term: Node, values: Mapping[str, ArrayLike | float], sizes: Mapping[str, int] | None = None) -> Array:
    """The value of the term, an array over its axes.

    `values` holds one array for each variable, over the variable's declared axes; `sizes` the axes that only constants have.

    Raises:
        SizeError: values are missing or their shapes disagree.
    """
    return _run(term, values, {}, sizes)[0]


@explained
def differentiate(
    term: Node,
    values: Mapping[str, ArrayLike | float],
    directions: Mapping[str, ArrayLike | float],
    sizes: Mapping[str, int] | None = None,
) -> Array:
    """The derivative of the term along `directions` (variables not named there stand still): forward mode, by the chain rule."""
    return _run(term, values, directions, sizes)[1]


def _run(
    term: Node,
    values: Mapping[str, ArrayLike | float],
    directions: Mapping[str, ArrayLike | float],
    sizes: Mapping[str, int] | None,
) -> tuple[Array, Array]:
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    moves = {name: np.asarray(value, dtype=np.float64) for name, value in directions.items()}
    size = axis_sizes([term], {name: a.shape for name, a in arrays.items()}, sizes)
    axis_sizes([term], {name: a.shape for name, a in (arrays | moves).items()}, size)

    def dual(node: Node, parts: tuple[tuple[Array, Array], ...]) -> tuple[Array, Array]:
        value, tangent = of(node, parts)
        return np.asarray(value), np.asarray(tangent)  # of arrays without axes numpy makes scalars

    def of(node: Node, parts: tuple[tuple[Array, Array], ...]) -> tuple[Numbers, Numbers]:
        shape = tuple(size[a] for a in node.axes)
        match node:
            case Variable(name):
                return arrays[name], moves.get(name, np.zeros(shape))
            case Constant(kind, _):
                return _constant(kind, shape), np.zeros(shape)
            case Product(operands, axes):
                axes_of = [o.axes for o in operands]
                value = _einsum(axes_of, axes, [p for p, _ in parts])
                tangent = np.zeros(shape)
                for i, (_, d) in enumerate(parts):
                    tangent = tangent + _einsum(axes_of, axes, [d if j == i else p for j, (p, _) in enumerate(parts)])
                return value, tangent
            case Sum():
                return sum((p for p, _ in parts), np.zeros(shape)), sum((d for _, d in parts), np.zeros(shape))
            case Scale(factor, _, _):
                return float(factor) * parts[0][0], float(factor) * parts[0][1]
            case Map(primitive, over, _, axes):
                place = axes.index(over) if over is not None else 0
                x, dx = parts[0]
                return primitive.facts.meaning(x, place), primitive.facts.tangent(x, dx, place)
            case _:
                assert_never(node)

    return fold(term, dual)


def _constant(kind: ConstantKind, shape: tuple[int, ...]) -> Array:
    match kind:
        case ConstantKind.ONES:
            return np.ones(shape)
        case ConstantKind.EYE:
            return np.eye(shape[0])
        case ConstantKind.TRIL:
            return np.tril(np.ones(shape))
        case _:
            assert_never(kind)


def _einsum(operands: list[Axes], output: Axes, arrays: list[Array]) -> Array:
    number = {axis: i for i, axis in enumerate(dict.fromkeys(a for axes in operands for a in axes))}
    arguments: list[object] = []
    for axes, array in zip(operands, arrays, strict=True):
        arguments += [array, [number[a] for a in axes]]
    if not arrays:
        return np.ones(())
    return np.asarray(np.einsum(*arguments, [number[a] for a in output]))  # pyright: ignore
