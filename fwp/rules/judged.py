"""What laws are judged with: a rule's witnesses on a case, as numbers, and findings made of two arrays."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np

from fwp.rules.law import Array, Case, Finding, Solver
from fwp.rules.rule import Rule
from fwp.terms.build import multiply
from fwp.terms.evaluate import evaluate
from fwp.terms.normal import Normal, connected, equivalent, normal, to_term
from fwp.terms.readout import never_negative
from fwp.terms.rename import fresh_axis, substitute_axes
from fwp.terms.structure import structure
from fwp.terms.syntax import Axes, Node, Variable
from fwp.terms.witness import ConstantRate, LowRank, OneSided, ReadOut, Structure

__all__ = [
    "NUMERICAL",
    "at_most",
    "equal",
    "flattened",
    "judge_distance",
    "larger",
    "matrices",
    "never_below_zero",
    "norms",
    "nothing_to_judge",
    "parallel",
    "phi1",
    "quiet",
    "round_off",
    "structure_of",
    "values",
]

NUMERICAL = 1e-8
"""What a solver that is told to keep ten digits leaves of a law, over the scale of the numbers, after some steps."""

_RATIONAL, _TRANSCENDENTAL = 1e-13, 1e-12
"""What rounding leaves of steps with a closed form: of vectors and scalars alone, and through matrix exponentials or maps."""


quiet = np.errstate(all="ignore")
"""For judges: what overflows or is not a number breaks the law, and needs no warning besides."""


@lru_cache(maxsize=256)
def _structure(rate: Node, state: Variable) -> Structure:
    return structure(rate, state)


def structure_of(rule: Rule) -> Structure:
    """How the rate depends on the state."""
    return _structure(rule.rate, rule.of)


def round_off(rule: Rule) -> float:
    """What may be left of an equation between solutions: rounding where steps have a closed form, else the solver's error."""
    match structure_of(rule):
        case ConstantRate() | LowRank():
            return _RATIONAL
        case OneSided():
            return _TRANSCENDENTAL
        case ReadOut(_, _, _, _, _, closed) if closed is not None:
            return _TRANSCENDENTAL
        case _:
            return NUMERICAL


def parallel(one: Node, other: Node) -> bool:
    """Two vectors over one axis are multiples of each other, whatever the slots: aᵢ bⱼ = aⱼ bᵢ."""
    (axis,) = one.axes
    copy = {axis: fresh_axis(axis, {axis})}
    return equivalent(
        multiply((one, substitute_axes(other, copy)), None), multiply((other, substitute_axes(one, copy)), None)
    )


def never_below_zero(*factors: Node) -> bool:
    """The product of terms, entry by entry, is never negative while slots are in their domains; not every such one is seen."""
    product = multiply(factors, None)
    if len(product.axes) > 1:
        return False
    for monomial, coefficient in normal(product).monomials:
        groups = connected(monomial, frozenset(product.axes))
        along = [f for g in groups if any(a in f.axes for f in g for a in product.axes) for f in g]
        scalars = [f for g in groups for f in g if f not in along]
        # apart, for a pair of equal groups is a square only where neither has a free axis
        for part, number, axes in ((along, Fraction(1), product.axes), (scalars, coefficient, ())):
            if not never_negative(to_term(Normal(axes, ((tuple(part), number),)), axes)):
                return False
    return True


def values(term: Node, rule: Rule, case: Case, states: Array | None = None) -> Array:
    """The term at every step, (step, *axes); of the state, if it has it, `states` holds one for each step."""
    arrays = dict(case.slots) if states is None else {**case.slots, rule.of.name: states}
    sizes = dict(zip(rule.of.axes, case.state.shape, strict=True))
    for slot in rule.variables:
        if slot.name in case.slots:
            sizes |= dict(zip(slot.declared, case.slots[slot.name].shape[1:], strict=True))
    each = ({name: array[n] for name, array in arrays.items()} for n in range(len(case.durations)))
    return np.stack([evaluate(term, numbers, sizes) for numbers in each])


def flattened(term: Node, outputs: Axes, rule: Rule, case: Case) -> Array:
    """A term over the output axes as (step, output)."""
    found = values(multiply((term,), outputs), rule, case)
    return found.reshape(len(found), -1)


def matrices(states: Array, rule: Rule, axis: str) -> Array:
    """States (knot, *axes) as (knot, output, read)."""
    moved = np.moveaxis(states, 1 + rule.of.axes.index(axis), -1)
    return moved.reshape(len(states), -1, moved.shape[-1])


def phi1(z: Array) -> Array:
    """(e^z − 1)/z, and 1 at 0."""
    small = np.abs(z) < 1e-300
    return np.where(small, 1.0, np.expm1(z) / np.where(small, 1.0, z))


def norms(states: Array) -> Array:
    """The Euclidean norm of all entries, (knot,)."""
    return np.sqrt((states.reshape(len(states), -1) ** 2).sum(1))


def larger(*arrays: Array) -> float:
    """The scale of numbers: the largest of them all, at least one."""
    return float(max(1.0, *(np.abs(a).max(initial=0.0) for a in arrays)))


def equal(ours: Array, theirs: Array, what: str, allowed: float, scale: float | None = None) -> Finding:
    """Two arrays over (step, …) that should be equal; `what` names them, as "W(h)" and "the closed form"."""
    if ours.shape != theirs.shape:
        return Finding(np.inf, allowed, f"{what}: shapes {ours.shape} and {theirs.shape}")
    apart = np.abs(ours - theirs)
    place = np.unravel_index(int(apart.argmax()), apart.shape)
    step, *entry = (int(i) for i in place)
    detail = f"{what}, entry {entry} at step {step}: {ours[place]:.9g} and {theirs[place]:.9g}"
    return Finding(float(apart.max()) / (larger(ours, theirs) if scale is None else scale), allowed, detail)


def at_most(ours: Array, bound: Array, what: str, allowed: float, scale: float | None = None) -> Finding:
    """Numbers over (step,) of which none should exceed its bound."""
    over = ours - bound
    place = int(over.argmax())
    detail = f"{what} at step {place}: {ours[place]:.9g} and at most {bound[place]:.9g}"
    excess = float(np.maximum(over.max(), 0.0))
    return Finding(excess / (larger(ours, bound) if scale is None else scale), allowed, detail)


def nothing_to_judge(rule: Rule, lacks: str) -> Finding:
    """What a law says of a rule that claims it without having what it speaks of."""
    return Finding(np.inf, 0.0, f"{rule} has no {lacks}")


@quiet
def judge_distance(rule: Rule, solver: Solver, case: Case) -> Finding:
    """Two solutions under the same slots never part."""
    flow = solver(rule)
    one, other = (flow(start, case.slots, case.durations) for start in (case.state, case.other))
    apart = norms(one - other)
    text = f"‖{rule.of.name}₁ − {rule.of.name}₂‖ after the step"
    return at_most(apart[1:], apart[:-1], text, round_off(rule), larger(one, other))
