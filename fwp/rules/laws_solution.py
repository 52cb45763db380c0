"""Laws of every rule, whatever its rate: what makes a family of states a flow, and what exchanging sides does to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fwp.rules.judged import NUMERICAL, equal, nothing_to_judge, quiet, round_off, structure_of, values
from fwp.rules.law import Array, Case, Finding, Law, Solver
from fwp.rules.rule import Rule
from fwp.terms.syntax import Node, Role, Variable, variables
from fwp.terms.witness import ConstantRate, LowRank, ReadOut, Structure

__all__ = ["duality", "euler_duality", "euler_identity", "euler_step", "identity", "semigroup"]

_Pairs = tuple[tuple[Variable, Variable], ...]


def _alone(rule: Rule) -> bool:
    """The rule reads no other state, and so has solutions without another rule."""
    return all(x.role is not Role.STATE or x == rule.of for x in variables(rule.rate))


def _two_sided(rule: Rule) -> bool:
    return _alone(rule) and len(rule.of.axes) == 2


@quiet
def _identity(rule: Rule, solver: Solver, case: Case) -> Finding:
    states = solver(rule)(case.state, case.slots, np.zeros_like(case.durations))
    still = np.broadcast_to(case.state, (len(case.durations) + 1, *case.state.shape))
    allowed = 1e-12 if round_off(rule) == NUMERICAL else 0.0  # what finds its knots in a polynomial rounds these too
    return equal(states, still, f"{rule.of.name} after no time and at the beginning", allowed)


identity = Law(
    name="identity",
    unicode="Φ₀(W) = W",
    latex=r"\Phi_0(W) = W",
    meaning="flow",
    applies=_alone,
    judge=_identity,
    source="the definition of a flow",
)
"""A step that takes no time changes nothing, in a closed form to the last bit: so padded knots count for nothing."""

euler_identity = replace(identity, name="Euler identity", meaning="euler", source="the definition of a step")
"""The same of Euler's steps."""


@quiet
def _semigroup(rule: Rule, solver: Solver, case: Case) -> Finding:
    flow = solver(rule)
    whole = flow(case.state, case.slots, case.durations)
    split: list[Array] = []
    for n, h in enumerate(
        case.durations
    ):  # each from where the whole step begins, or an unstable rule would tear them apart
        twice = {name: np.stack([slot[n]] * 2) for name, slot in case.slots.items()}
        split.append(flow(np.asarray(whole[n]), twice, np.array([0.3 * h, h - 0.3 * h]))[-1])
    return equal(np.stack(split), whole[1:], f"{rule.of.name} in two steps and in one", round_off(rule))


semigroup = Law(
    name="semigroup",
    unicode="Φₛ(Φₜ(W)) = Φₛ₊ₜ(W) while the slots stand still",
    latex=r"\Phi_s(\Phi_t(W)) = \Phi_{s+t}(W)",
    meaning="flow",
    applies=_alone,
    judge=_semigroup,
    source="the definition of a flow",
)
"""Two steps with the same slots are one."""


@quiet
def _duality(rule: Rule, solver: Solver, case: Case) -> Finding:
    if len(rule.of.axes) != 2:
        return nothing_to_judge(rule, "two sides to exchange")
    pairs = _pairs(structure_of(rule), rule.of)
    other = {a.name: b.name for a, b in pairs} | {b.name: a.name for a, b in pairs}
    turned = Rule(rule.rate, rule.of, read=rule.of).dual(pairs)  # a read-out may have slots that keep their sides
    slots = {other.get(name, name): slot for name, slot in case.slots.items()}
    ours = solver(rule)(case.state, case.slots, case.durations)
    theirs = solver(turned)(case.state.T.copy(), slots, case.durations)
    return equal(ours, theirs.swapaxes(1, 2), f"{rule.of.name} and the dual's transpose", round_off(rule))


def _pairs(found: Structure, of: Variable) -> _Pairs:
    """The slots that are read and written against each other, as k and v in Delta: these change places."""
    sides: tuple[Node | None, Node | None] = (None, None)
    match found:
        case LowRank(_, _, (write,)) | ConstantRate(_, _, (write,)):
            sides = write.write, write.value
        case ReadOut(_, _, write, _, _, closed) if closed is not None:
            sides = write, closed.offset
        case _:
            pass
    match sides:
        case (Variable() as one, Variable() as other) if one.role is other.role is Role.SLOT:
            straight = (one.declared, other.declared) in ((of.axes[:1], of.axes[1:]), (of.axes[1:], of.axes[:1]))
            return ((one, other),) if straight else ()
        case _:
            return ()


duality = Law(
    name="duality",
    unicode="Φ̃ₕ(Wᵀ; v, k) = Φₕ(W; k, v)ᵀ",
    latex=r"\tilde\Phi_h(W^\top; v, k) = \Phi_h(W; k, v)^\top",
    meaning="flow",
    applies=_two_sided,
    judge=_duality,
    source="Irie, Faccio, Schmidhuber (2022), eq. 21: Oja is Delta on the transpose",
)
"""The dual rule does to the transpose what the rule does: Oja is Delta with keys and values exchanged."""

euler_duality = replace(duality, name="Euler duality", meaning="euler")
"""The same of Euler's steps."""


@quiet
def _euler_step(rule: Rule, solver: Solver, case: Case) -> Finding:
    states = solver(rule)(case.state, case.slots, case.durations)
    rates = values(rule.rate, rule, case, states[:-1])
    steps = case.durations.reshape(-1, *[1] * case.state.ndim)
    return equal(states[1:], states[:-1] + steps * rates, f"{rule.of.name}⁺ and {rule.of.name} + h R", 1e-13)


euler_step = Law(
    name="Euler step",
    unicode="W⁺ = W + h R(W)",
    latex=r"W^+ = W + h\,R(W)",
    meaning="euler",
    applies=_alone,
    judge=_euler_step,
    source="Schlag, Irie, Schmidhuber (2021): the rule's meaning in discrete time",
)
"""The discrete-time meaning: of Hebb the linear Transformer, of Delta DeltaNet."""
