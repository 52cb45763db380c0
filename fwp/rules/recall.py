"""The error v − W k that one outer product writes back, on a solution: the numbers that laws of Delta speak of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fwp.rules.judged import (
    equal,
    flattened,
    larger,
    matrices,
    never_below_zero,
    nothing_to_judge,
    phi1,
    structure_of,
    values,
)
from fwp.rules.law import Array, Case, Finding, Solver
from fwp.rules.rule import Rule
from fwp.terms.build import multiply
from fwp.terms.normal import equivalent
from fwp.terms.witness import LowRank, Write

__all__ = [
    "Gain",
    "Outer",
    "Solved",
    "decays",
    "euler_gain",
    "exact_gain",
    "judge_wy",
    "no_error",
    "one_outer_product",
    "outer_of",
    "rank_one",
    "solved_by",
    "symmetric",
]


def rank_one(rule: Rule) -> tuple[str, Write] | None:
    """The axis and the one outer product of a rate that reads and writes along one vector, without decay."""
    match structure_of(rule):
        case LowRank(axis, None, (write,)):
            return axis, write
        case _:
            return None


def one_outer_product(rule: Rule) -> bool:
    """The rate is one outer product that reads the state."""
    return rank_one(rule) is not None


def symmetric(write: Write) -> bool:
    """The outer product reads along the very vector along which it writes."""
    return write.read is not None and equivalent(write.read, write.write)


def decays(write: Write) -> bool:
    """The error of the outer product never grows by itself: rate · (read · write) is never negative."""
    if write.read is None:
        return False
    squared = symmetric(write) and never_below_zero(write.rate)
    return squared or never_below_zero(multiply((write.rate, write.read, write.write), ()))


@dataclass(frozen=True)
class Outer:
    """rate (value − W read) ⊗ write on a case: `rate` over (step,), `value` (step, output), the other two (step, read)."""

    rate: Array
    value: Array
    read: Array
    write: Array

    @property
    def decay(self) -> Array:
        """rate · (read · write), (step,), per unit of time."""
        return self.rate * (self.read * self.write).sum(1)

    def errors(self, states: Array) -> Array:
        """value − W read for matrices (step, output, read)."""
        return self.value - np.einsum("nij,nj->ni", states, self.read)


def outer_of(write: Write, rule: Rule, case: Case, axis: str) -> Outer:
    """The outer product's numbers; what is not written or read is zero."""
    outputs = tuple(a for a in rule.of.axes if a != axis)
    steps, reads = len(case.durations), case.state.shape[rule.of.axes.index(axis)]
    nothing = np.zeros((steps, case.state.size // reads))
    value = nothing if write.value is None else flattened(write.value, outputs, rule, case)
    read = np.zeros((steps, reads)) if write.read is None else values(write.read, rule, case)
    return Outer(values(write.rate, rule, case), value, read, values(write.write, rule, case))


Gain = Callable[[Outer, Array], Array]
"""α from the outer product and the durations, (step,): W⁺ = W + α (value − W read) ⊗ write."""


def exact_gain(outer: Outer, durations: Array) -> Array:
    """α(h) = (1 − e^{−λh}) / (read · write) with λ = β (read · write): β h where that is zero."""
    return outer.rate * durations * phi1(-outer.decay * durations)


def euler_gain(outer: Outer, durations: Array) -> Array:
    """α = β h."""
    return outer.rate * durations


@dataclass(frozen=True)
class Solved:
    """A rule with one outer product, solved: states as matrices (knot, output, read), errors before and after each step."""

    states: Array
    outer: Outer

    @property
    def before(self) -> Array:
        """(step, output)"""
        return self.outer.errors(self.states[:-1])

    @property
    def after(self) -> Array:
        """(step, output)"""
        return self.outer.errors(self.states[1:])

    @property
    def scale(self) -> float:
        """Of the numbers of which errors are differences."""
        recalled = np.einsum("nij,nj->ni", np.abs(self.states[1:]), np.abs(self.outer.read))
        return larger(self.outer.value, recalled, self.before)


def solved_by(rule: Rule, solver: Solver, case: Case) -> Solved | None:
    """The solution on a case; None if the rule is not one outer product."""
    found = rank_one(rule)
    if found is None:
        return None
    axis, write = found
    states = solver(rule)(case.state, case.slots, case.durations)
    return Solved(matrices(states, rule, axis), outer_of(write, rule, case, axis))


def no_error(rule: Rule) -> Finding:
    """What is found of a rule that is not one outer product."""
    return nothing_to_judge(rule, "single error v − W k that it writes along one vector")


def judge_wy(rule: Rule, solver: Solver, case: Case, gain: Gain) -> Finding:
    """All states from one triangular system; exact steps and Euler's differ by α alone."""
    solved = solved_by(rule, solver, case)
    if solved is None:
        return no_error(rule)
    outer, start = solved.outer, solved.states[0]
    alpha = gain(outer, case.durations)[:, None]
    system = np.eye(len(alpha)) + np.tril(alpha * (outer.read @ outer.write.T), -1)
    rows = np.asarray(np.linalg.solve(system, alpha * (outer.value - outer.read @ start.T)), dtype=np.float64)  # pyright: ignore
    expected = start + np.einsum("ni,nj->nij", rows, outer.write).cumsum(0)
    scale = larger(solved.states, expected) * float(np.linalg.cond(system, np.inf))  # what errors of rounding grow by
    return equal(solved.states[1:], expected, f"{rule.of.name} and W₀ + Σ y kᵀ", 1e-13, scale)
