"""Laws of Oja's own rules, in which the value is what the weights make of the input, y = W x: norms and subspaces."""

from __future__ import annotations

import numpy as np

from fwp.rules.alike import disguise
from fwp.rules.judged import NUMERICAL, at_most, equal, never_below_zero, norms, nothing_to_judge, phi1, quiet, values
from fwp.rules.law import Array, Case, Finding, Law, Solver
from fwp.rules.rule import Rule
from fwp.terms.declare import Slot, State

__all__ = ["norm_law", "orthonormal_rows", "sphere", "subspace"]

_w, _x = State("w", "input"), Slot("x", "input")
_NEURON = Rule((_w @ _x) * (_x - (_w @ _x) * _w), of=_w)
_W = State("W", "output input")
_SUBSPACE = Rule((_W @ _x) * (_x - (_W @ _x) @ _W), of=_W)


def _is_neuron(rule: Rule) -> bool:
    return _is(rule, _NEURON)


def _is_subspace(rule: Rule) -> bool:
    return _is(rule, _SUBSPACE)


def _is(rule: Rule, pattern: Rule) -> bool:
    found = disguise(rule, pattern)
    return found is not None and never_below_zero(found.factor)


@quiet
def _norm_law(rule: Rule, solver: Solver, case: Case) -> Finding:
    found = disguise(rule, _NEURON)
    if found is None:
        return nothing_to_judge(rule, "single neuron w that it changes by y (x − y w), y = w · x")
    states = solver(rule)(case.state, case.slots, case.durations)
    rate, x = values(found.factor, rule, case), found.value("x", case.slots)
    y, kappa = (states[:-1] * x).sum(1), (x * x).sum(1)
    pace = 2 * rate * case.durations
    grown = pace * phi1(pace * kappa)
    off = 1 - norms(states) ** 2
    return equal(
        off[1:], off[:-1] / (1 + grown * y**2), f"1 − |{rule.of.name}|² after the step and as the law says", NUMERICAL
    )


norm_law = Law(
    name="norm law",
    unicode="d|w|²/dt = 2ηy²(1 − |w|²): 1 − |w(h)|² = (1 − |w|²) / (1 + y² (e^{2ηκh} − 1)/κ), κ = |x|²",
    latex=r"\tfrac{d}{dt}|w|^2 = 2\eta y^2 (1 - |w|^2):\quad"
    r" 1 - |w(h)|^2 = \frac{1 - |w|^2}{1 + y^2 (e^{2\eta\kappa h} - 1)/\kappa},\quad \kappa = |x|^2",
    meaning="flow",
    applies=_is_neuron,
    judge=_norm_law,
    source="Oja (1982); solved for a constant input as in Wyatt, Elfadel (1995)",
)
"""A neuron's weights are drawn to the unit sphere, the faster the more it responds."""


@quiet
def _sphere(rule: Rule, solver: Solver, case: Case) -> Finding:
    length = float(np.sqrt((case.state**2).sum()))
    start = np.full_like(case.state, case.state.size**-0.5) if length == 0 else case.state / length
    size = norms(solver(rule)(start, case.slots, case.durations))
    return equal(size, np.ones_like(size), f"|{rule.of.name}| of what begins on the unit sphere, and 1", NUMERICAL)


sphere = Law(
    name="sphere",
    unicode="|w(0)| = 1 implies |w(t)| = 1, for every input",
    latex=r"|w(0)| = 1 \implies |w(t)| = 1",
    meaning="flow",
    applies=_is_neuron,
    judge=_sphere,
    source="Oja (1982)",
)
"""Unit weights stay so, whatever comes in."""


def _rows(rule: Rule, states: Array) -> Array:
    """The states as (knot, output, input); by their declared order where the rule is not Oja's."""
    found = disguise(rule, _SUBSPACE)
    return states if found is None else found.value("W", {rule.of.name: states})


@quiet
def _subspace(rule: Rule, solver: Solver, case: Case) -> Finding:
    if case.state.ndim != 2:
        return nothing_to_judge(rule, "matrix of weights")
    states = _rows(rule, solver(rule)(case.state, case.slots, case.durations))
    off = norms(np.eye(states.shape[1]) - states @ states.swapaxes(1, 2))
    return at_most(off[1:], off[:-1], f"‖I − {rule.of.name} {rule.of.name}ᵀ‖ after the step", NUMERICAL)


subspace = Law(
    name="subspace",
    unicode="‖I − W Wᵀ‖ never grows, for every input",
    latex=r"\tfrac{d}{dt}\|I - P\|^2 = -4 \operatorname{tr}((I - P)\,Q\,(I - P)) \le 0,\quad P = WW^\top,\ Q = \eta yy^\top",
    meaning="flow",
    applies=_is_subspace,
    judge=_subspace,
    source="the product rule for P = WWᵀ, of the rule of Oja (1989)",
)
"""How far rows are from orthonormal is a Lyapunov function."""


@quiet
def _orthonormal_rows(rule: Rule, solver: Solver, case: Case) -> Finding:
    if case.state.ndim != 2:
        return nothing_to_judge(rule, "matrix of weights")
    tall = case.state.shape[0] >= case.state.shape[1]
    q = np.linalg.qr(case.state if tall else case.state.T)[0]
    states = _rows(rule, solver(rule)(q if tall else q.T.copy(), case.slots, case.durations))
    own = states @ states.swapaxes(1, 2)
    still = np.broadcast_to(own[0], own.shape)
    return equal(
        own, still, f"{rule.of.name} {rule.of.name}ᵀ of what begins orthonormal, and at the beginning", NUMERICAL
    )


orthonormal_rows = Law(
    name="orthonormal rows",
    unicode="W(0) W(0)ᵀ = I implies W(t) W(t)ᵀ = I, for every input; of orthonormal columns W Wᵀ stands still too",
    latex=r"W(0) W(0)^\top = I \implies W(t) W(t)^\top = I",
    meaning="flow",
    applies=_is_subspace,
    judge=_orthonormal_rows,
    source="Oja (1989)",
)
"""Orthonormal rows stay so; they turn towards the principal subspace."""
