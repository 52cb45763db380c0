"""From a rule's structure to its steps: which nodes a method needs, and what becomes of the slots there.

All slots of a stretch of time are evaluated before any time loop; no method looks at the slow net again after that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from math import prod, sqrt
from typing import Any, TypeVar, assert_never

import torch
from torch import Tensor

from fwp.lowering import lower_rule
from fwp.rules.rule import Rule
from fwp.solvers.steps import DenseSteps, FlowSteps, LowRankSteps, RungeKuttaSteps, Steps
from fwp.solvers.transitions import DenseRate, LowRankRate, dense_steps, low_rank_steps, overflow, wide
from fwp.solvers.witnesses import Sides, Values, evaluator, nothing
from fwp.terms.syntax import ONE, Axes, Node, Role, Scale, Variable, variables
from fwp.terms.witness import ConstantRate, GeneralRate, LowRank, OneSided, ReadOut, Structure, TwoSided, Write

__all__ = ["NODES", "Discretisation", "Shape", "discretise", "fills", "matrix_axis", "slots_of"]

Tensors = Mapping[str, Tensor]
Discretised = Callable[[Tensors, Tensor], Steps]

_GAUSS = (1 / 2 - sqrt(3) / 6, 1 / 2 + sqrt(3) / 6)

NODES: Mapping[str, tuple[float, ...]] = {
    "euler": (0.0,),
    "exact": (0.5,),
    "exponential_midpoint": (0.5,),
    "magnus4": _GAUSS,
    "commutator_free4": _GAUSS,
    "rk4": (0.0, 1 / 3, 2 / 3, 1.0),
}
"""Where inside a step each method reads the slots, as fractions of its length."""

_TABLEAU: Mapping[str, tuple[tuple[float, ...], ...]] = {
    "euler": ((), (1.0,)),
    "rk4": ((), (1 / 3,), (-1 / 3, 1.0), (1.0, -1.0, 1.0), (1 / 8, 3 / 8, 3 / 8, 1 / 8)),
}
"""Kutta's 3/8 rule, as torchdiffeq's `rk4`, so that both take the very same steps."""


@dataclass(frozen=True)
class Discretisation:
    """`steps(slots, length)` are the steps of a stretch of time, from the slots at its nodes, `(batch time node head *axes)`,
    and the lengths `(batch time)`. Nodes are fractions of one step; each step becomes `count` of the returned ones.
    """

    nodes: tuple[float, ...]
    count: int
    sides: Sides
    steps: Discretised


def matrix_axis(structure: Structure, axes: Axes) -> str | None:
    """The axis of the state that a structure reads; the last where it reads none."""
    match structure:
        case LowRank() | OneSided() | ReadOut():
            return structure.axis
        case ConstantRate():
            return structure.axis or (axes[-1] if axes else None)
        case TwoSided() | GeneralRate():
            return axes[-1] if axes else None
        case _:
            assert_never(structure)


@dataclass(frozen=True)
class Shape:
    """A rule and the sizes of its axes and heads.

    Shapes are equal where their rates are written alike: rules that are equal up to ring laws may differ in their slots, and
    in the order of their sums, on which last bits depend.
    """

    rule: Rule = field(compare=False)
    sizes: tuple[tuple[str, int], ...]
    written: tuple[Node, Variable] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "written", (self.rule.rate, self.rule.of))

    def evaluator(self, terms: Mapping[str, tuple[Node | None, Axes]], arguments: Sequence[Variable] = ()) -> Values:
        """The values of terms in the rule's slots, or in the given variables."""
        return evaluator(terms, arguments or slots_of(self.rule), dict(self.sizes))


def slots_of(rule: Rule) -> tuple[Variable, ...]:
    """What the rate depends on besides the state: slots and signals."""
    return tuple(a for a in variables(rule.rate) if a.role is not Role.STATE)


@lru_cache(maxsize=64)
def discretise(structure: Structure, shape: Shape, method: str, constant: bool) -> Discretisation:
    """The steps of a method for a rule; `constant` where slots do not change inside a step."""
    state, sizes = shape.rule.of, dict(shape.sizes)
    sides = Sides(state.axes, matrix_axis(structure, state.axes), tuple(sizes[a] for a in state.axes))
    nodes = (0.5,) if constant else NODES[method]
    match structure:
        case LowRank() | ConstantRate(writes=(_, *_)) if method != "rk4":
            decay = structure.decay if isinstance(structure, LowRank) else None
            own = _low_rank(shape, sides, structure.writes, decay, method, len(nodes))
        case ConstantRate() if method != "rk4":
            own = _dense(shape, sides, None, structure.rate, method, len(nodes))
        case OneSided() if method != "rk4":
            generator = (structure.generator, (structure.other, structure.axis))
            own = _dense(shape, sides, generator, structure.offset, method, len(nodes))
        case ReadOut() if method in ("exact", "exponential_midpoint"):
            own = _frozen(shape, sides, structure)
        case ReadOut() if constant:
            own = _reduced(shape, sides, structure, _TABLEAU[method])
        case _:
            own = _runge_kutta(shape, sides, _TABLEAU[method])
    return Discretisation(nodes, 2 if method == "commutator_free4" else 1, sides, own)


def fills(writes: Sequence[Write], reads: int) -> bool:
    """As many vectors are read as one has entries, so that steps are exponentials along the read axis."""
    return sum(w.read is not None for w in writes) >= reads


def _low_rank(
    shape: Shape, sides: Sides, writes: Sequence[Write], decay: Node | None, method: str, nodes: int
) -> Discretised:
    """Rank-one parts side by side; where every read is its write they stay one tensor. A mere decay writes nothing."""
    writes = writes or (Write(ONE, nothing(sides.outer), None, nothing(sides.inner)),)
    reads = any(w.read is not None for w in writes)
    filled = fills(writes, sides.reads)
    shared = all(w.read == w.write for w in writes)
    terms: dict[str, tuple[Node | None, Axes]] = {"decay": (decay, ())}
    for i, w in enumerate(writes):
        read = None if shared or not reads else _or_nothing(w.read, sides.inner)
        terms |= {f"rate{i}": (w.rate, ()), f"write{i}": (w.write, sides.inner), f"read{i}": (read, sides.inner)}
        terms |= {f"value{i}": (_or_nothing(w.value, sides.outer), sides.outer)}
    evaluate = shape.evaluator(terms)

    def stacked(values: Tensors, name: str, width: int | None) -> Tensor:
        found = [values[f"{name}{i}"] for i in range(len(writes))]
        found = found if width is None else [v.reshape(*v.shape[:4], width) for v in found]
        place = -1 if width is None else -2
        return found[0].unsqueeze(place) if len(found) == 1 else torch.stack(found, place)

    def steps(slots: Tensors, length: Tensor) -> Steps:
        values = evaluate(slots, (*length.shape, nodes))
        write = _nodes(stacked(values, "write", sides.reads))
        read = [None] * nodes if not reads else write if shared else _nodes(stacked(values, "read", sides.reads))
        value, rate = _nodes(stacked(values, "value", sides.outputs)), _nodes(stacked(values, "rate", None))
        decays = [None] * nodes if decay is None else _nodes(values["decay"])
        rates = [LowRankRate(*own) for own in zip(write, value, rate, read, decays, strict=True)]
        rates = rates * 2 if nodes == 1 and len(NODES[method]) == 2 else rates
        return _interleaved(low_rank_steps(method, rates, length, filled))

    return steps


def _or_nothing(term: Node | None, axes: Axes) -> Node:
    return nothing(axes) if term is None else term


def _dense(
    shape: Shape, sides: Sides, generator: tuple[Node, Axes] | None, offset: Node | None, method: str, nodes: int
) -> Discretised:
    terms: dict[str, tuple[Node | None, Axes]] = {"offset": (_or_nothing(offset, sides.axes), sides.axes)}
    if generator is not None:
        terms["generator"] = generator
        shape = Shape(shape.rule, (*shape.sizes, (generator[1][0], sides.reads)))
    evaluate = shape.evaluator(terms)

    def steps(slots: Tensors, length: Tensor) -> Steps:
        # Strong keys beside a mild decay: a rounding of the generator is as large as the decay, so it is summed up in float64.
        raised = generator is not None and method != "euler"
        values = evaluate({n: wide(s) for n, s in slots.items()} if raised else slots, (*length.shape, nodes))
        matrix = [None] * nodes if generator is None else _nodes(values["generator"])
        rates = [DenseRate(*own) for own in zip(matrix, _nodes(sides.matrix(values["offset"])), strict=True)]
        rates = rates * 2 if nodes == 1 and len(NODES[method]) == 2 else rates
        found = _interleaved(dense_steps(method, rates, length))
        if not raised or found.transition is None:
            return found
        kind = next(iter(slots.values())).dtype
        return DenseSteps(found.transition.to(kind), found.offset.to(kind))

    return steps


def _frozen(shape: Shape, sides: Sides, structure: ReadOut) -> Discretised:
    """A read-out rule with its slots held: by the closed form of its flow, else by Runge–Kutta in what is read."""
    closed = structure.closed
    if closed is None:
        return _reduced(shape, sides, structure, _TABLEAU["rk4"])
    slope = float(closed.slope.factor) if isinstance(closed.slope, Scale) and closed.slope.term == ONE else None

    def over(term: Node) -> Axes:
        return sides.outer if term.axes else ()

    terms: dict[str, tuple[Node | None, Axes]] = {
        "rate": (closed.rate, over(closed.rate)),
        "offset": (_or_nothing(closed.offset, sides.outer), sides.outer),
        "slope": (None if slope is not None else closed.slope, over(closed.slope)),
        "read": (None if structure.read == structure.write else structure.read, sides.inner),
        "write": (structure.write, sides.inner),
    }
    evaluate = shape.evaluator(terms)

    def steps(slots: Tensors, length: Tensor) -> Steps:
        lead = (*length.shape, 1)
        values = {
            name: v.reshape(*v.shape[:2], v.shape[3], prod(v.shape[4:])) for name, v in evaluate(slots, lead).items()
        }
        rate = length.to(values["write"].dtype)[:, :, None, None] * values["rate"]
        own = values.get("slope", slope)
        assert own is not None
        read = values.get("read", values["write"])
        rate = rate + overflow(rate * (read.detach() * values["write"].detach()).sum(-1, keepdim=True))
        return FlowSteps(closed.primitive, rate, values["offset"], own, read, values["write"])

    return steps


def _reduced(shape: Shape, sides: Sides, structure: ReadOut, tableau: tuple[tuple[float, ...], ...]) -> Discretised:
    """Runge–Kutta in the numbers W read, which with slots held is what it does to W itself."""
    evaluate = shape.evaluator({"read": (structure.read, sides.inner), "write": (structure.write, sides.inner)})
    output = structure.output
    arguments = (output, *(a for a in slots_of(shape.rule) if a in variables(structure.response)))
    respond = shape.evaluator({"rate": (structure.response, sides.outer)}, arguments)
    outer = [dict(shape.sizes)[a] for a in sides.outer]

    def rate(read: Tensor, slots: Tensors) -> Tensor:
        known = {**slots, output.name: read.reshape(*read.shape[:2], *outer)}
        return respond(known, read.shape[:1])["rate"].flatten(2)

    def steps(slots: Tensors, length: Tensor) -> Steps:
        values = evaluate(slots, (*length.shape, 1))
        read, write = (values[name].squeeze(2) for name in ("read", "write"))
        held = {name: v.squeeze(2) for name, v in slots.items()}
        return RungeKuttaSteps(rate, (held,) * (len(tableau) - 1), tableau, length, read, write)

    return steps


def _runge_kutta(shape: Shape, sides: Sides, tableau: tuple[tuple[float, ...], ...]) -> Discretised:
    """Runge–Kutta on the whole state, its slots at hand at every stage."""
    lowered, name = lower_rule(shape.rule), shape.rule.of.name

    def rate(fixed: Tensors, matrix: Tensor, slots: Tensors) -> Tensor:
        state = sides.state(matrix)
        known = {name: state, **fixed, **slots}
        found = lowered.function(**{a.name: known[a.name] for a in lowered.arguments})
        return sides.matrix(found.expand_as(state))

    def steps(slots: Tensors, length: Tensor) -> Steps:
        count = len(tableau) - 1
        # Parameters go without leading axes, so that one matrix meets the states of all series in one product.
        fixed = {name: v[(0,) * (4 if v.shape[3] == 1 else 3)] for name, v in slots.items() if _same_everywhere(v)}
        each = {name: _nodes(v) for name, v in slots.items() if name not in fixed}
        stages = tuple({name: own[min(i, len(own) - 1)] for name, own in each.items()} for i in range(count))
        return RungeKuttaSteps(partial(rate, fixed), stages, tableau, length)

    return steps


def _same_everywhere(slot: Tensor) -> bool:
    """It depends on no series, time or node."""
    return slot.shape[:3] == (1, 1, 1)


def _nodes(value: Tensor) -> Sequence[Tensor]:
    """The value at each node. One node is a view: the gradient of a selection would be copied into zeros."""
    return (value.squeeze(2),) if value.shape[2] == 1 else value.unbind(2)


_S = TypeVar("_S", LowRankSteps, DenseSteps)


def _interleaved(several: Sequence[_S]) -> _S:
    """Steps that follow each other inside every step, as one sequence."""
    if len(several) == 1:
        return several[0]
    merged: dict[str, Any] = {}
    for f in fields(several[0]):
        own = [getattr(s, f.name) for s in several]
        merged[f.name] = None if own[0] is None else torch.stack(own, 2).flatten(1, 2)
    if isinstance(several[0], LowRankSteps) and several[0].read is several[0].write:
        merged["read"] = merged["write"]
    return type(several[0])(**merged)
