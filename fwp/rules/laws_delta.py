"""Laws of affine rates that read and write along vectors: Delta's, and those of every rule that is Delta up to names and sides.

A rate Σ β (v − W k) kᵀ contracts where β is never negative, which the domains of the slots say; read and write may differ
(`erase_write`), and then only β (read · write) decides.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from fwp.rules.judged import (
    at_most,
    equal,
    judge_distance,
    larger,
    matrices,
    never_below_zero,
    norms,
    nothing_to_judge,
    parallel,
    quiet,
    structure_of,
    values,
)
from fwp.rules.law import Array, Case, Finding, Law, Solver
from fwp.rules.recall import (
    decays,
    exact_gain,
    judge_wy,
    no_error,
    one_outer_product,
    outer_of,
    rank_one,
    solved_by,
    symmetric,
)
from fwp.rules.rule import Rule
from fwp.terms.witness import LowRank, OneSided, Write

__all__ = [
    "error_contraction",
    "exact_affine_step",
    "exact_step",
    "growth_bound",
    "non_expansiveness",
    "wy",
]


def _contracts(rule: Rule) -> bool:
    one = rank_one(rule)
    return one is not None and decays(one[1])


@quiet
def _exact_step(rule: Rule, solver: Solver, case: Case) -> Finding:
    solved = solved_by(rule, solver, case)
    if solved is None:
        return no_error(rule)
    gain = exact_gain(solved.outer, case.durations)
    moved = gain[:, None, None] * solved.before[:, :, None] * solved.outer.write[:, None, :]
    return equal(solved.states[1:], solved.states[:-1] + moved, f"{rule.of.name}(h) and W + α(h) (v − W k) kᵀ", 1e-12)


exact_step = Law(
    name="exact step",
    unicode="W(h) = W + α(h) (v − W r) kᵀ, α(h) = (1 − e^{−βκh})/κ, κ = r·k, r what is read (of Delta k)",
    latex=r"W(h) = W + \alpha(h)\,(v - Wr)k^\top,\quad \alpha(h) = (1 - e^{-\beta\kappa h})/\kappa,\quad \kappa = r \cdot k,"
    r"\text{ where } r \text{ is what is read, of Delta } k",
    meaning="flow",
    applies=one_outer_product,
    judge=_exact_step,
    source="variation of constants",
)
"""The flow while the slots stand still."""


def _affine(rule: Rule) -> bool:
    return isinstance(structure_of(rule), LowRank | OneSided) and not one_outer_product(rule)


@quiet
def _exact_affine_step(rule: Rule, solver: Solver, case: Case) -> Finding:
    found = _generator(rule, case)
    if found is None:
        return nothing_to_judge(rule, "generator: it is not W G + B")
    axis, generators, offsets = found
    states = matrices(solver(rule)(case.state, case.slots, case.durations), rule, axis)
    outputs, reads = states.shape[1:]
    expected: list[Array] = []
    size = 1.0  # of exponents: rounding grows with it
    for n, h in enumerate(case.durations):  # [W I] obeys X' = X [[G, 0], [B, 0]]
        block = np.zeros((reads + outputs, reads + outputs))
        block[:, :reads] = np.concatenate([generators[n], offsets[n]])
        size = max(size, float(h * np.abs(block).sum(1).max()))
        expected.append(np.concatenate([states[n], np.eye(outputs)], 1) @ expm(h * block)[:, :reads])
    theirs = np.stack(expected)
    return equal(states[1:], theirs, f"{rule.of.name}(h) and the exponential", 1e-13, size * larger(states, theirs))


def _generator(rule: Rule, case: Case) -> tuple[str, Array, Array] | None:
    """The axis along which the state is read, G over (step, read, read) and B over (step, output, read)."""
    match structure_of(rule):
        case LowRank(axis, decay, writes):
            outers = [outer_of(write, rule, case, axis) for write in writes]
            reads = case.state.shape[rule.of.axes.index(axis)]
            fades = np.zeros(len(case.durations)) if decay is None else values(decay, rule, case)
            generator = -fades[:, None, None] * np.eye(reads)
            offset = np.zeros((len(case.durations), case.state.size // reads, reads))
            for outer in outers:
                generator = generator - np.einsum("n,ni,nj->nij", outer.rate, outer.read, outer.write)
                offset = offset + np.einsum("n,ni,nj->nij", outer.rate, outer.value, outer.write)
            return axis, generator, offset
        case OneSided(axis, _, generator, offset):
            shape = (len(case.durations), *case.state.shape)
            added = np.zeros(shape) if offset is None else values(offset, rule, case)
            return axis, values(generator, rule, case), matrices(added, rule, axis)
        case _:
            return None


exact_affine_step = Law(
    name="exact affine step",
    unicode="W(h) = W e^{hG} + B ∫₀ʰ e^{sG} ds, where R(W) = W G + B",
    latex=r"W(h) = W e^{hG} + B \int_0^h e^{sG}\,ds,\quad R(W) = WG + B",
    meaning="flow",
    applies=_affine,
    judge=_exact_affine_step,
    source="variation of constants",
)
"""What `exact_step` says, of a rate with a decay, several outer products, or a whole matrix on one side of the state."""


@quiet
def _error_contraction(rule: Rule, solver: Solver, case: Case) -> Finding:
    solved = solved_by(rule, solver, case)
    if solved is None:
        return no_error(rule)
    left = np.exp(-solved.outer.decay * case.durations)[:, None]
    law = equal(solved.after, left * solved.before, "v − W k after the step and as the law says", 1e-12, solved.scale)
    if not law.holds:
        return law
    return at_most(norms(solved.after), norms(solved.before), "|v − W k| after the step", 1e-12, solved.scale)


error_contraction = Law(
    name="error contraction",
    unicode="|v − W(h) r| = e^{−βκh} |v − W r| ≤ |v − W r|, κ = r·k, r what is read (of Delta k)",
    latex=r"|v - W(h)r| = e^{-\beta\kappa h}\,|v - Wr| \le |v - Wr|,\quad \kappa = r \cdot k",
    meaning="flow",
    applies=_contracts,
    judge=_error_contraction,
    source="Widrow, Hoff (1960), in continuous time",
)
"""The error of recalling v by k decays, whatever the weights are."""


def _dissipates(rule: Rule) -> bool:
    match structure_of(rule):
        case LowRank(_, decay, writes):
            return (decay is None or never_below_zero(decay)) and all(map(_erases, writes))
        case _:
            return False


def _erases(write: Write) -> bool:
    """What the outer product takes from a difference of states, rate · D read ⊗ write, never points along the difference."""
    return write.read is None or (parallel(write.read, write.write) and decays(write))


non_expansiveness = Law(
    name="non-expansiveness",
    unicode="‖W₁(t) − W₂(t)‖ never grows under the same slots",
    latex=r"\|W_1(t) - W_2(t)\| \text{ never grows under the same slots}",
    meaning="flow",
    applies=_dissipates,
    judge=judge_distance,
    source="gradient descent on the convex error ½ β |v − W k|²",
)
"""Two solutions never part: what was there at the beginning is forgotten, and errors of rounding with it."""


def _bounded(rule: Rule) -> bool:
    match structure_of(rule):
        case LowRank(_, decay, writes):
            fades = decay is None or never_below_zero(decay)
            return fades and all(symmetric(w) and never_below_zero(w.rate) for w in writes)
        case _:
            return False


@quiet
def _growth_bound(rule: Rule, solver: Solver, case: Case) -> Finding:
    found = structure_of(rule)
    if not isinstance(found, LowRank):
        return nothing_to_judge(rule, "outer products of errors with keys")
    squares = norms(solver(rule)(case.state, case.slots, case.durations)) ** 2
    outers = [outer_of(write, rule, case, found.axis) for write in found.writes]
    written = sum((o.rate * (o.value**2).sum(1) for o in outers), np.zeros(len(case.durations)))
    bound = squares[0] + 0.5 * (case.durations * written).cumsum()
    return at_most(squares[1:], bound, f"‖{rule.of.name}‖²", 1e-12)


growth_bound = Law(
    name="growth bound",
    unicode="‖W(t)‖² ≤ ‖W(0)‖² + ½ ∫₀ᵗ β |v|² ds",
    latex=r"\|W(t)\|^2 \le \|W(0)\|^2 + \tfrac12 \int_0^t \beta\,|v|^2\,ds",
    meaning="flow",
    applies=_bounded,
    judge=_growth_bound,
    source="v·Wk − |Wk|² ≤ ¼ |v|²",
)
"""Weights grow like the root of time, not like time as Hebb's do."""


@quiet
def _wy(rule: Rule, solver: Solver, case: Case) -> Finding:
    return judge_wy(rule, solver, case, exact_gain)


wy = Law(
    name="WY identity",
    unicode="Wₙ = W₀ + Σᵢ yᵢ kᵢᵀ, (I + tril(diag(α) R Kᵀ, −1)) Y = diag(α) (V − R W₀ᵀ), αᵢ = (1 − e^{−βκh})/κ, of Delta R = K",
    latex=r"W_n = W_0 + \sum_{i \le n} y_i k_i^\top,\quad"
    r" (I + \operatorname{tril}(\operatorname{diag}(\alpha) R K^\top, -1))\,Y = \operatorname{diag}(\alpha)(V - R W_0^\top),"
    r"\quad \alpha_i = (1 - e^{-\beta\kappa h})/\kappa",
    meaning="flow",
    applies=_contracts,
    judge=_wy,
    source="Bischof, Van Loan (1987); Yang, Wang, Zhang, Shen, Kim (2024)",
)
"""A whole series at once, from one triangular system: why Delta needs no loop over time."""
