"""Laws of rates that do not see their state, such as Hebb's: the solution is a sum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fwp.rules.judged import at_most, equal, larger, norms, quiet, structure_of, values
from fwp.rules.law import Array, Case, Finding, Law, Solver
from fwp.rules.rule import Rule
from fwp.terms.witness import ConstantRate

__all__ = ["euler_quadrature", "linear_growth", "quadrature", "superposition"]

_TOLERANCE = 1e-13


def _constant(rule: Rule) -> bool:
    return isinstance(structure_of(rule), ConstantRate)


def _moves(rule: Rule, case: Case) -> Array:
    """What each step adds to a state of zeros, and so to any: h R, (step, *axes)."""
    nothing = np.zeros((len(case.durations), *case.state.shape))
    return case.durations.reshape(-1, *[1] * case.state.ndim) * values(rule.rate, rule, case, nothing)


@quiet
def _quadrature(rule: Rule, solver: Solver, case: Case) -> Finding:
    states = solver(rule)(case.state, case.slots, case.durations)
    summed = case.state + _moves(rule, case).cumsum(0)
    return equal(states[1:], summed, f"{rule.of.name} and the sum", _TOLERANCE)


quadrature = Law(
    name="quadrature",
    unicode="W(t) = W(0) + ∫₀ᵗ β v kᵀ ds",
    latex=r"W(t) = W(0) + \int_0^t \beta\,v k^\top\,ds",
    meaning="flow",
    applies=_constant,
    judge=_quadrature,
    source="the fundamental theorem of calculus",
)
"""Correlations accumulate; with slots that stand still on each step, as a cumulative sum."""

euler_quadrature = replace(
    quadrature,
    name="Euler quadrature",
    unicode="Wₙ = W₀ + Σᵢ hᵢ βᵢ vᵢ kᵢᵀ",
    latex=r"W_n = W_0 + \sum_{i \le n} h_i \beta_i\,v_i k_i^\top",
    meaning="euler",
    source="Katharopoulos, Vyas, Pappas, Fleuret (2020): linear attention",
)
"""The same sum in discrete time: the linear Transformer."""


@quiet
def _superposition(rule: Rule, solver: Solver, case: Case) -> Finding:
    flow = solver(rule)
    one, other = (flow(start, case.slots, case.durations) for start in (case.state, case.other))
    apart = np.broadcast_to(case.state - case.other, one.shape)
    what = f"{rule.of.name}₁ − {rule.of.name}₂ and what it was"
    return equal(one - other, apart, what, _TOLERANCE, larger(one, other))


superposition = Law(
    name="superposition",
    unicode="W₁(t) − W₂(t) = W₁(0) − W₂(0) under the same slots",
    latex=r"W_1(t) - W_2(t) = W_1(0) - W_2(0)",
    meaning="flow",
    applies=_constant,
    judge=_superposition,
    source="the rate has degree 0 in W",
)
"""What is added does not depend on what is there."""


@quiet
def _linear_growth(rule: Rule, solver: Solver, case: Case) -> Finding:
    states = solver(rule)(case.state, case.slots, case.durations)
    bound = norms(states[:1])[0] + norms(_moves(rule, case)).cumsum()
    return at_most(norms(states)[1:], bound, f"‖{rule.of.name}‖", _TOLERANCE)


linear_growth = Law(
    name="linear growth",
    unicode="‖W(t)‖ ≤ ‖W(0)‖ + ∫₀ᵗ β |v| |k| ds",
    latex=r"\|W(t)\| \le \|W(0)\| + \int_0^t \beta\,|v|\,|k|\,ds",
    meaning="flow",
    applies=_constant,
    judge=_linear_growth,
    source="the triangle inequality",
)
"""Weights grow no faster than what is written."""
