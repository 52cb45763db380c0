"""Laws of rates that see their state only through W k, by a map such as tanh or softmax: closed forms and monotony."""

from __future__ import annotations

import numpy as np

from fwp.rules.judged import (
    equal,
    flattened,
    judge_distance,
    matrices,
    never_below_zero,
    nothing_to_judge,
    parallel,
    quiet,
    structure_of,
    values,
)
from fwp.rules.law import Array, Case, Finding, Law, Solver
from fwp.rules.rule import Rule
from fwp.terms.build import multiply, scale
from fwp.terms.declare import ones
from fwp.terms.degree import degree
from fwp.terms.normal import Normal, equivalent, normal, to_term
from fwp.terms.primitive import Monotone, Primitive
from fwp.terms.syntax import ONE, Map, Node, Variable
from fwp.terms.witness import ReadOut

__all__ = ["monotone_read_out", "softmax_closed_form", "tanh_closed_form"]

_PARTIAL = (Primitive.LOG, Primitive.SQRT)
"""Monotone where they are defined, but a solution may leave that place, or reach its border in finite time."""


def _monotone(rule: Rule) -> bool:
    match structure_of(rule):
        case ReadOut(_, read, write, output, response, _):
            one_way = equivalent(read, write) or (parallel(read, write) and never_below_zero(read @ write))
            return one_way and _falls(response, ONE, output)
        case _:
            return False


def _falls(term: Node, factor: Node, u: Variable) -> bool:
    """u ↦ −factor · term(u) is a monotone operator; not every such term is seen.

    Every summand is: an entry of it falls where that entry of u rises, or it is a softmax of what falls.
    """
    for monomial, coefficient in normal(term).monomials:
        seen = [f for f in monomial if degree(f, u)]
        if not seen:
            continue
        if len(seen) > 1 or {*seen[0].axes} != {*u.declared}:
            return False
        rest = tuple(f for f in monomial if f != seen[0])
        kept = tuple(a for a in u.declared if any(a in f.axes for f in rest))
        weight = multiply((factor, to_term(Normal(tuple(sorted(kept)), ((rest, coefficient),)), kept)), None)
        if not _falls_in(seen[0], weight, u):
            return False
    return True


def _falls_in(seen: Node, weight: Node, u: Variable) -> bool:
    match seen:
        case Variable():
            return seen == u and never_below_zero(scale(-1, weight))
        case Map(Primitive.SOFTMAX, over, inner, _):
            return u.declared == (over,) and not weight.axes and _is_multiple(inner, u) and _falls(inner, weight, u)
        case Map(primitive, None, inner, _):
            rises = primitive.facts.monotone in (Monotone.STRICTLY, Monotone.WEAKLY) and primitive not in _PARTIAL
            return rises and _falls(inner, weight, u)
        case _:
            return False


def _is_multiple(term: Node, u: Variable) -> bool:
    """The term is a scalar times u, and something without u."""
    monomials = [m for m, _ in normal(term).monomials if any(degree(f, u) for f in m)]
    return all(m.count(u) == 1 and not any({*f.axes} & {*u.declared} for f in m if f != u) for m in monomials)


monotone_read_out = Law(
    name="monotone read-out",
    unicode="‖W₁(t) − W₂(t)‖ never grows under the same slots: ⟨f(e₁) − f(e₂), e₁ − e₂⟩ ≥ 0",
    latex=r"\tfrac{d}{dt}\|W_1 - W_2\|^2 = -2\beta\,\langle f(e_1) - f(e_2),\, e_1 - e_2\rangle \le 0",
    meaning="flow",
    applies=_monotone,
    judge=judge_distance,
    source="f is increasing, or the gradient of a convex function",
)
"""Two solutions never part though the rate is not affine: of tanh(v − W k) kᵀ as of (v − W k) kᵀ."""


def _has(rule: Rule, primitive: Primitive) -> bool:
    match structure_of(rule):
        case ReadOut(_, _, _, _, _, closed):
            return closed is not None and closed.primitive is primitive
        case _:
            return False


def _has_tanh(rule: Rule) -> bool:
    return _has(rule, Primitive.TANH)


def _has_softmax(rule: Rule) -> bool:
    return _has(rule, Primitive.SOFTMAX)


def _closed_form(rule: Rule, solver: Solver, case: Case, primitive: Primitive) -> Finding:
    found = structure_of(rule)
    if not isinstance(found, ReadOut) or found.closed is None or found.closed.primitive is not primitive:
        return nothing_to_judge(rule, f"response {primitive.name.lower()}(v − W k) with a closed form")
    closed, outputs = found.closed, found.output.declared
    rate, slope = (
        flattened(multiply((t, ones(*outputs)), outputs), outputs, rule, case) for t in (closed.rate, closed.slope)
    )
    offset = 0.0 if closed.offset is None else flattened(closed.offset, outputs, rule, case)
    read, write = values(found.read, rule, case), values(found.write, rule, case)
    states = matrices(solver(rule)(case.state, case.slots, case.durations), rule, found.axis)
    error = offset + slope * np.einsum("nij,nj->ni", states[:-1], read)
    z = -slope * rate * ((read * write).sum(1) * case.durations)[:, None]
    mean = _mean_tanh(error, z) if primitive is Primitive.TANH else np.stack([*map(_mean_softmax, error, z[:, 0])])
    moved = (rate * case.durations[:, None] * mean)[:, :, None] * write[:, None, :]
    return equal(states[1:], states[:-1] + moved, f"{rule.of.name}(h) and the closed form", 1e-12)


def _mean_tanh(e: Array, z: Array) -> Array:
    """The mean of tanh along e' = −z tanh(e) over a unit of time; for small z an integral, as a difference loses digits."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    near = np.abs(z) < 0.5
    slow = np.where(near, z, 0.0)
    integral = sum(
        (0.5 * w * np.tanh(_tanh_flow(e, 0.5 * (1 + x) * slow)) for x, w in zip(nodes, weights, strict=True)), 0 * e
    )
    return np.where(near, integral, (e - _tanh_flow(e, z)) / np.where(near, 1.0, z))


def _tanh_flow(e: Array, z: Array) -> Array:
    """asinh(e^{−z} sinh e), by logarithms, which overflow nowhere."""
    size = np.abs(e)
    with np.errstate(divide="ignore"):  # the logarithm of 0 is −∞, of which all below makes 0 again
        log_sinh = size + np.log(-np.expm1(-2 * size) / 2) - z
    return np.sign(e) * np.logaddexp(log_sinh, 0.5 * np.logaddexp(2 * log_sinh, 0.0))


def _mean_softmax(e: Array, z: float) -> Array:
    """The mean of softmax along e' = −z softmax(e) over a unit of time: eᵢ falls by softplus(s + eᵢ), all by z in sum."""
    if z < 1e-300:
        weights = np.exp(e - e.max())
        return weights / weights.sum()
    few, many = (
        y + np.log(-np.expm1(-y)) - e.max() for y in (z / len(e), z)
    )  # were all entries the largest, or it alone
    for _ in range(100):
        middle = (few + many) / 2
        few, many = (few, middle) if np.logaddexp(0.0, middle + e).sum() > z else (middle, many)
    moves = np.logaddexp(0.0, (few + many) / 2 + e)
    return moves / moves.sum()


@quiet
def _tanh_form(rule: Rule, solver: Solver, case: Case) -> Finding:
    return _closed_form(rule, solver, case, Primitive.TANH)


@quiet
def _softmax_form(rule: Rule, solver: Solver, case: Case) -> Finding:
    return _closed_form(rule, solver, case, Primitive.SOFTMAX)


tanh_closed_form = Law(
    name="tanh closed form",
    unicode="e(t) = asinh(e^{−βκt} sinh e(0)), W(t) = W(0) + (e(0) − e(t)) kᵀ/κ, e = v − W k",
    latex=r"e(t) = \operatorname{asinh}(e^{-\beta\kappa t} \sinh e(0)),\quad W(t) = W(0) + (e(0) - e(t))\,k^\top/\kappa",
    meaning="flow",
    applies=_has_tanh,
    judge=_tanh_form,
    source="(sinh e)' = −βκ sinh e",
)
"""The flow of β tanh(v − W k) kᵀ while the slots stand still."""

softmax_closed_form = Law(
    name="softmax closed form",
    unicode="e^{−eᵢ(t)} = e^{−eᵢ(0)} + τ, Σ e(t) = Σ e(0) − ct, W(t) = W(0) + v (e(0) − e(t))ᵀ/|v|², e = k − Wᵀv, c = β|v|²",
    latex=r"e^{-e_i(t)} = e^{-e_i(0)} + \tau,\quad \textstyle\sum_i e_i(t) = \sum_i e_i(0) - ct,\quad"
    r" W(t) = W(0) + v\,(e(0) - e(t))^\top/|v|^2,\quad c = \beta|v|^2",
    meaning="flow",
    applies=_has_softmax,
    judge=_softmax_form,
    source="(e^{−eᵢ})' is the same for all i",
)
"""The flow of β v softmax(k − Wᵀv)ᵀ while the slots stand still; τ is where the sum law holds."""
