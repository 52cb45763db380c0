"""What solves a rule, as functions of plain arrays that laws can judge: the steps and scans that run, `solve`, and a reference.

Slots are constant on each step; a flow takes them over (step, *axes) and gives the states at all step + 1 knots.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import prod

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from fwp.controls import Causality, Control, Kind, Path
from fwp.errors import SolveError
from fwp.fields import Net, Projection, external
from fwp.rules.judged import structure_of
from fwp.rules.law import Array, Flow
from fwp.rules.rule import Rule
from fwp.rules.vocabulary import x
from fwp.solvers.discretise import Shape, discretise, matrix_axis, slots_of
from fwp.solvers.kernels import available
from fwp.solvers.options import fitting
from fwp.solvers.plan import Scan, plan
from fwp.solvers.situation import Situation
from fwp.solvers.solve import solve
from fwp.solvers.walk import scan
from fwp.terms import (
    Constant,
    Map,
    Node,
    Product,
    Role,
    Scale,
    Sum,
    Variable,
    evaluate,
    fold,
    real,
)
from fwp.terms.build import align
from fwp.terms.sizes import axis_sizes
from fwp.terms.witness import ConstantRate, LowRank, OneSided

__all__ = ["constant_path", "exact", "free", "integrated", "method_of", "reference", "scans_of", "sizes_of", "stepped"]


def method_of(rule: Rule) -> str:
    """What a plan takes where slots are constant on each step: `exact`, if such a step is known."""
    return fitting(structure_of(rule), True)[0]


def sizes_of(rule: Rule, state: Array, slots: Mapping[str, Array]) -> dict[str, int]:
    """The sizes of all axes of the rate, from a state and slots over (step, *axes)."""
    shapes = {rule.of.name: state.shape} | {name: slot.shape[1:] for name, slot in slots.items()}
    return axis_sizes([rule.of, rule.rate], shapes)


def stepped(rule: Rule, method: str, by: Scan = Scan.SEQUENTIAL, chunk: int = 2) -> Flow:
    """The rule's steps by a method of the structured solvers, run through a scan: all that `solve` does below the slow net."""

    def flow(state: Array, slots: Mapping[str, Array], durations: Array) -> Array:
        if not len(durations):
            return state[None].copy()
        sizes = {**sizes_of(rule, state, slots), "head": 1}
        own = discretise(structure_of(rule), Shape(rule, tuple(sizes.items())), method, True)
        nodes = {a.name: torch.from_numpy(slots[a.name].copy())[None, :, None, None] for a in slots_of(rule)}
        steps = own.steps(nodes, torch.from_numpy(durations.copy())[None])
        at = [own.count * (i + 1) for i in range(len(durations))]
        with torch.no_grad():
            found = scan(steps, own.sides.matrix(torch.from_numpy(state.copy())[None, None]), at, by, chunk)
        return np.concatenate([state[None], own.sides.state(found)[0, :, 0].numpy()])

    return flow


def scans_of(rule: Rule, method: str, sizes: Mapping[str, int]) -> tuple[Scan, ...]:
    """The scans that the rule's steps by this method can run through here, as the plan has it; the sequential one first."""
    found, axes = structure_of(rule), rule.of.axes
    axis = matrix_axis(found, axes)
    outputs, reads = prod(sizes[a] for a in axes if a != axis), 1 if axis is None else sizes[axis]
    situation = Situation(found, True, 1, 1, 1, outputs, reads, 0, "float64", "cpu", available())

    def fits(by: Scan) -> bool:
        try:
            plan(situation, method=method, scan=by.value)
        except SolveError:
            return False
        return True

    return tuple(by for by in Scan if fits(by))


def exact(rule: Rule) -> Flow:
    """The flow of the rule: its exact steps, in chunks or as a tree where they can be, else integrated to nine digits."""
    if method_of(rule) != "exact":
        return integrated(rule)
    match structure_of(rule):
        case LowRank() | ConstantRate(writes=(_, *_)):
            return stepped(rule, "exact", Scan.CHUNKED)
        case OneSided() | ConstantRate():
            return stepped(rule, "exact", Scan.ASSOCIATIVE)
        case _:
            return stepped(rule, "exact")


def reference(rule: Rule) -> Flow:
    """The flow by scipy's DOP853, of the rate as `evaluate` means it: it shares no code with the solvers.

    Raises:
        ArithmeticError: the integration stops, as where a solution escapes to infinity.
    """

    def flow(state: Array, slots: Mapping[str, Array], durations: Array) -> Array:
        sizes = sizes_of(rule, state, slots)
        found = [state]
        for i, duration in enumerate(durations):
            held = {name: slot[i] for name, slot in slots.items()}

            def rate(_: float, y: Array, held: dict[str, Array] = held) -> Array:
                found = evaluate(rule.rate, {**held, rule.of.name: y.reshape(state.shape)}, sizes).ravel()
                if not np.isfinite(found).all():  # scipy would search for a shorter step for ever
                    raise ArithmeticError("the rate is not finite")
                return found

            y = found[-1].ravel()
            if duration > 0:
                solved = solve_ivp(rate, (0.0, float(duration)), y, "DOP853", rtol=1e-12, atol=1e-13)
                if not solved.success or not np.isfinite(solved.y[:, -1]).all():
                    raise ArithmeticError(f"DOP853 stopped at {solved.t[-1]:g} of {duration:g}: {solved.message}")
                y = solved.y[:, -1]
            found.append(y.reshape(state.shape))
        return np.stack(found)

    return flow


def integrated(rule: Rule, method: str = "dopri8", rtol: float = 1e-10, atol: float = 1e-12) -> Flow:
    """The flow by `solve` itself, of a model whose slots are the channels of a path that stands still and jumps."""
    own = free(rule)

    def flow(state: Array, slots: Mapping[str, Array], durations: Array) -> Array:
        if not len(durations):
            return state[None].copy()
        sizes = tuple((_own(axis), size) for axis, size in sizes_of(rule, state, slots).items())
        net = _net(own, own.rate, sizes)
        columns = [slots[a.name].reshape(len(durations), -1) for a in slots_of(own)]
        values = np.concatenate(columns or [np.zeros((len(durations), 1))], 1)
        path = constant_path(torch.from_numpy(values)[None], torch.from_numpy(durations.copy())[None])
        begin = {rule.of.name: torch.from_numpy(state.copy())[None, None]}
        with torch.no_grad():
            found = solve(
                net @ path, "knots", method=method, backend="torchdiffeq", rtol=rtol, atol=atol, initial=begin
            )
        return found.states[rule.of.name][0, :, 0].numpy()

    return flow


@lru_cache(maxsize=64)
def _net(rule: Rule, written: Node, sizes: tuple[tuple[str, int], ...]) -> Net:
    """A net of one head without parameters: each slot is some neighbouring channels, in the order of the rate."""
    known, maps, first = dict(sizes), {}, 0
    for slot in slots_of(rule):
        shape = tuple(known[a] for a in slot.declared)
        maps[slot.name] = external(Pick(first, shape), x, " ".join(slot.declared))
        first += prod(shape)
    model = rule @ Projection(**maps) @ Control(Kind.LINEAR, time=False)
    given = {axis: size for axis, size in sizes if axis in model.axes}
    return model.build(max(first, 1), width=None, heads=1, dtype=torch.float64, device=None, **given)


class Pick(nn.Module):
    """Some neighbouring channels as an array: what reaches the slot is what the path holds."""

    def __init__(self, first: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.first, self.shape = first, shape

    def forward(self, source: Tensor) -> Tensor:
        """`(… channel)` → `(… *shape)`."""
        chosen = source[..., self.first : self.first + prod(self.shape)]
        return chosen.unflatten(-1, self.shape) if self.shape else chosen[..., 0]


def constant_path(values: Tensor, steps: Tensor) -> Path:
    """A path that stands still at `values` (batch interval channel) for `steps` (batch interval) and jumps in between."""
    pieces = torch.cat([values, torch.zeros_like(values)], -1)
    times = torch.cat([torch.zeros_like(steps[:, :1]), steps.cumsum(1)], 1)
    return Path(pieces, steps, times, Causality.INSTANT, 0)


def free(rule: Rule) -> Rule:
    """The same rate with every variable but the states a slot over all numbers, and axes of names of its own.

    So any map may feed it: those of a module promise nothing about their range. It is read as its state.
    """

    def freed(node: Node, parts: tuple[Node, ...]) -> Node:
        match node:
            case Variable(name, declared, role, _, axes):
                own = Role.STATE if role is Role.STATE else Role.SLOT
                return Variable(name, tuple(map(_own, declared)), own, real, tuple(map(_own, axes)))
            case Constant(kind, axes):
                return Constant(kind, tuple(map(_own, axes)))
            case Product(_, axes):
                return Product(parts, tuple(map(_own, axes)))
            case Sum(_, axes):
                return Sum(parts, tuple(map(_own, axes)))
            case Scale(factor, _, axes):
                return Scale(factor, parts[0], tuple(map(_own, axes)))
            case Map(primitive, over, _, axes):
                return Map(primitive, None if over is None else _own(over), parts[0], tuple(map(_own, axes)))

    of = fold(rule.of, freed)
    assert isinstance(of, Variable)
    return Rule(align(fold(rule.rate, freed), of.axes), of, rule.name, read=of)


def _own(axis: str) -> str:
    """The axis under a name that no model uses: `channel` is that of the path, which has all slots side by side."""
    return f"own_{axis}"
