"""Laws of Euler's steps of rates that are one outer product: what DeltaNet keeps of the flow, and where it stops to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fwp.rules.judged import equal, larger, matrices, norms, quiet
from fwp.rules.law import Case, Finding, Law, Solver
from fwp.rules.laws_delta import wy
from fwp.rules.recall import euler_gain, judge_wy, no_error, one_outer_product, outer_of, rank_one, solved_by, symmetric
from fwp.rules.rule import Rule

__all__ = ["euler_non_expansiveness", "euler_stability", "euler_wy"]


@quiet
def _euler_wy(rule: Rule, solver: Solver, case: Case) -> Finding:
    return judge_wy(rule, solver, case, euler_gain)


euler_wy = replace(
    wy,
    name="Euler WY identity",
    unicode=wy.unicode.replace("(1 − e^{−βκh})/κ", "hβ"),
    latex=wy.latex.replace(r"(1 - e^{-\beta\kappa h})/\kappa", r"h\beta"),
    meaning="euler",
    applies=one_outer_product,
    judge=_euler_wy,
)
"""The same of Euler's steps: DeltaNet in parallel over time."""


@quiet
def _euler_stability(rule: Rule, solver: Solver, case: Case) -> Finding:
    solved = solved_by(rule, solver, case)
    if solved is None:
        return no_error(rule)
    x = solved.outer.decay * case.durations
    scale = solved.scale * float(max(1.0, np.abs(x).max()))
    # |1 − x| < 1 exactly where 0 < x < 2, so that nothing but the factor is left to compare
    text = "v − W k after the step and (1 − hβκ) times it"
    return equal(solved.after, (1 - x)[:, None] * solved.before, text, 1e-12, scale)


euler_stability = Law(
    name="Euler stability",
    unicode="v − W⁺r = (1 − hβκ)(v − W r): contracts exactly when 0 < hβκ < 2",
    latex=r"v - W^+r = (1 - h\beta\kappa)(v - Wr), \text{ a contraction exactly when } 0 < h\beta\kappa < 2",
    meaning="euler",
    applies=one_outer_product,
    judge=_euler_stability,
    source="the stability region of Euler's method",
)
"""Euler's step of Delta overshoots where hβ|k|² is beyond 1, and diverges beyond 2: why keys of DeltaNet are normalised."""


def _symmetric(rule: Rule) -> bool:
    one = rank_one(rule)
    return one is not None and symmetric(one[1])


@quiet
def _euler_distance(rule: Rule, solver: Solver, case: Case) -> Finding:
    found = rank_one(rule)
    if found is None or not _symmetric(rule):
        return no_error(rule)
    axis, write = found
    flow, outer = solver(rule), outer_of(write, rule, case, axis)
    one, other = (matrices(flow(start, case.slots, case.durations), rule, axis) for start in (case.state, case.other))
    apart, alpha = one - other, euler_gain(outer, case.durations)
    seen = np.einsum("nij,nj->ni", apart[:-1], outer.read)
    bent = alpha * (2 - alpha * (outer.read**2).sum(1)) * (seen**2).sum(1)
    squares = norms(apart) ** 2
    scale = max(larger(squares, bent), larger(one, other) ** 2)
    return equal(squares[1:], squares[:-1] - bent, "‖D⁺‖² and ‖D‖² − α(2 − ακ)|D k|²", 1e-12, scale)


euler_non_expansiveness = Law(
    name="Euler non-expansiveness",
    unicode="‖D(I − αkkᵀ)‖² = ‖D‖² − α(2 − ακ)|D k|² ≤ ‖D‖² when 0 ≤ ακ ≤ 2, α = hβ, D = W₁ − W₂",
    latex=r"\|D(I - \alpha kk^\top)\|^2 = \|D\|^2 - \alpha(2 - \alpha\kappa)\,|Dk|^2 \le \|D\|^2"
    r" \text{ when } 0 \le \alpha\kappa \le 2",
    meaning="euler",
    applies=_symmetric,
    judge=_euler_distance,
    source="expanding the square",
)
"""Two discrete solutions under the same slots part only where hβ|k|² is beyond 2."""
