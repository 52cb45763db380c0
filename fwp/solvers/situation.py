"""What a plan is made from, and how it is found: the facts of a field along its path, and nothing of its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

from fwp.fields import VectorField
from fwp.fields.net import LayerNet
from fwp.rules.rule import Rule
from fwp.solvers import kernels
from fwp.solvers.discretise import NODES, Shape, fills, matrix_axis
from fwp.solvers.kernels import KernelSpec, Step
from fwp.solvers.witnesses import Sides
from fwp.terms.build import contract, scale
from fwp.terms.normal import equivalent
from fwp.terms.primitive import Primitive
from fwp.terms.syntax import ONE, Axes, Node, Role, Variable, variables
from fwp.terms.witness import ConstantRate, LowRank, ReadOut, Structure

__all__ = ["Situation", "kernel_of", "plain_query", "shape_of", "situation_of"]


@dataclass(frozen=True)
class Situation:
    """All that a plan is made from."""

    structure: Structure | None
    """None for several layers or several coupled states."""
    constant: bool
    """The slots do not change inside an interval."""
    batch: int
    intervals: int
    heads: int
    outputs: int
    reads: int
    slots: int
    """Numbers in all slots of a sample at one instant, all heads together."""
    dtype: str
    device: str
    compiler: bool
    built: frozenset[KernelSpec] = frozenset()
    """The kernels that need not be compiled any more."""


def situation_of(field: VectorField) -> Situation:
    """The situation of a field."""
    path, layer = field.path, field.net.layers[0]
    assert isinstance(layer, LayerNet)
    coefficients = path.coefficients
    plain = _situation(
        layer.structure if len(field.net.layers) == 1 else None,
        path.degree == 0 or (path.degree == 1 and not layer.follows_signal),
        path.batch,
        path.intervals,
        tuple(layer.sizes.items()),
        layer.states[0].axes,
        layer.rate_arguments,
        str(coefficients.dtype).removeprefix("torch."),
        coefficients.device.type,
    )
    possible = _kernels(plain)
    built = frozenset(k for k in possible if kernels.built(k))
    # Whether the compiler works is tried out, once a process: only where a kernel may still have to be made.
    return replace(plain, built=built, compiler=bool(built) or (bool(possible) and kernels.available()))


@lru_cache(maxsize=256)
def _situation(
    found: Structure | None,
    constant: bool,
    batch: int,
    intervals: int,
    sizes: tuple[tuple[str, int], ...],
    axes: Axes,
    arguments: tuple[Variable, ...],
    dtype: str,
    device: str,
) -> Situation:
    size = dict(sizes)
    axis = None if found is None else matrix_axis(found, axes)
    outputs, reads = prod(size[a] for a in axes if a != axis), 1 if axis is None else size[axis]
    slots = size["head"] * sum(prod(size[a] for a in v.declared) for v in arguments)
    return Situation(
        found, constant, batch, intervals, size["head"], outputs, reads, slots, dtype, device, compiler=False
    )


@lru_cache(maxsize=256)
def _kernels(situation: Situation) -> tuple[KernelSpec, ...]:
    """All that any method could use."""
    found = {kernel_of(situation, method) for method in NODES}
    return tuple(k for k in found if k is not None)


def shape_of(field: VectorField) -> Shape:
    """The first layer's rule with its sizes."""
    layer, rule = field.net.layers[0], field.net.model.spec.layers[0].rule
    assert isinstance(layer, LayerNet) and isinstance(rule, Rule)
    return Shape(rule, tuple(layer.sizes.items()))


def plain_query(layer: LayerNet, sides: Sides) -> Variable | None:
    """The slot q of a read-out that is W @ q along the axis that scans read; None if it is anything else."""
    return _query(layer.states[0], layer.reading, sides.axis)


@lru_cache(maxsize=256)
def _query(state: Variable, read: Node, axis: str | None) -> Variable | None:
    slots = [a for a in variables(read) if a.role is Role.SLOT]
    if len(slots) == 1 and slots[0].axes == (axis,) and equivalent(read, contract(state, slots[0])):
        return slots[0] if read.axes == tuple(a for a in state.axes if a != axis) else None
    return None


def kernel_of(situation: Situation, method: str) -> KernelSpec | None:
    """The kernel that a method's steps would run through; None if there is none for them."""
    if (
        situation.dtype not in ("float32", "float64")
        or situation.device != "cpu"
        or method not in NODES
        or method == "rk4"
    ):
        return None
    dtype = "float64" if situation.dtype == "float64" else "float32"
    sizes = (situation.outputs, situation.reads)
    double = 2 if len(NODES[method]) == 2 else 1
    match situation.structure:
        case LowRank(_, decay, writes):
            reading = any(w.read is not None for w in writes)
            rank = max(len(writes), 1) * double
            apart = rank > 1 and method != "euler" and fills(writes, situation.reads)
            shared = reading and not apart and all(w.read == w.write for w in writes)
            return KernelSpec(Step.AFFINE, *sizes, dtype, shared, decay is not None, rank, reading)
        case ConstantRate(_, _, writes) if writes:
            return KernelSpec(Step.AFFINE, *sizes, dtype, False, False, len(writes) * double, False)
        case ReadOut(closed=closed) as own if closed is not None and method != "euler":
            if closed.rate.axes or closed.slope.axes:
                return None
            step = Step.TANH if closed.primitive is Primitive.TANH else Step.SOFTMAX
            return KernelSpec(step, *sizes, dtype, own.read == own.write and closed.slope == scale(-1, ONE))
        case _:
            return None
