"""A plan in words, as a database explains its queries: structure, witnesses, step, scan, work, and why nothing else was taken."""

from __future__ import annotations

from typing import Literal, assert_never

from fwp.fields import VectorField
from fwp.solvers.budget import MAX_STEPS
from fwp.solvers.choices import check_choices
from fwp.solvers.plan import ORDER, Plan, Scan, human, plan
from fwp.solvers.situation import Situation, situation_of
from fwp.solvers.solve import Beginning, begin_with
from fwp.solvers.torchdiffeq import ATOL, RTOL
from fwp.terms.show import show
from fwp.terms.syntax import ONE, Node
from fwp.terms.typeset import unicode
from fwp.terms.witness import ConstantRate, GeneralRate, LowRank, OneSided, ReadOut, Structure, TwoSided, Write

__all__ = ["described", "explain"]


def explain(
    field: VectorField,
    *,
    method: str = "auto",
    steps: int = 1,
    scan: str = "auto",
    chunk: int | None = None,
    gradient: Literal["exact", "adjoint"] = "exact",
    backend: str = "auto",
    initial: Beginning = None,
    rtol: float = RTOL,
    atol: float = ATOL,
    max_steps: int = MAX_STEPS,
) -> str:
    """How `solve` goes about it, and why: structure, witnesses, step, scan, work, and what was not taken.

    Args:
        field: `net(series)` or `net @ path`.
        method, steps, scan, chunk, gradient, backend, initial, rtol, atol, max_steps: as of `solve`.

    Raises:
        SolveError: a choice that there is not, or that does not fit the rule.
        CompositionError: no field.
    """
    asked = check_choices(field, method, steps, scan, chunk, gradient, backend, rtol, atol, max_steps)
    if initial is not None:
        begin_with(field.initial(), initial)  # refuses what cannot be
    situation = situation_of(field)
    return described(situation, plan(situation, **asked.of_plan))


def described(situation: Situation, chosen: Plan) -> str:
    """The report of a plan, as text."""
    lines = ["structure", *(f"  {line}" for line in _structure(chosen.structure))]
    inside = "constant on each interval" if situation.constant else "changing inside an interval"
    lines.append(f"  slots {inside} of the control")
    size = f"{situation.heads} heads of {situation.outputs} × {situation.reads}"
    where = f"{situation.batch} series of {situation.intervals:,} intervals, {size}, {situation.dtype} on {situation.device}"
    lines += ["", f"plan for {where}"]
    facts = [("step", _step(chosen)), *_scan(chosen), ("gradient", _gradient(chosen))]
    facts.append(("work", f"{human(chosen.flops, 'flop')} forward beside the slow net, {human(chosen.bytes)} of slots"))
    width = max(len(name) for name, _ in facts)
    lines += [f"  {name:<{width}}  {text}" for name, text in facts]
    lines += ["", "not taken"]
    width = max((len(name) for name, _ in chosen.reasons), default=0)
    lines += [f"  {name:<{width}}  {text}" for name, text in chosen.reasons]
    return "\n".join(lines)


def _structure(structure: Structure | None) -> list[str]:
    match structure:
        case None:
            return ["several layers or coupled states: solved as they are"]
        case ConstantRate(rate, _, writes):
            return [f"constant in the state: dW/dt = {unicode(rate)}", *_writes(writes)]
        case LowRank(axis, decay, writes):
            kept = [] if decay is None else [f"decay  {unicode(decay)}"]
            rank = f"affine in the state, of rank {len(writes)}, read and written along {axis!r}"
            decays = "" if decay is None else "−decay W + "
            return [f"{rank}: dW/dt = {decays}Σ rate (value − W read) ⊗ write", *kept, *_writes(writes)]
        case OneSided(axis, _, generator, offset):
            own = [f"offset  {unicode(offset)}"] if offset is not None else []
            return [
                f"affine in the state, a full matrix along {axis!r}: dW/dt = W G + offset",
                f"G  {unicode(generator)}",
                *own,
            ]
        case TwoSided(linear, _):
            return [f"affine in the state, on both of its sides: {unicode(linear)} + …"]
        case ReadOut(axis, read, write, output, response, closed):
            form = "flow in closed form" if closed is not None else "no closed form known"
            return [
                f"read-out: not affine, but a function of {output} = W read alone, read and written along {axis!r}",
                f"dW/dt = ({unicode(response)}) ⊗ write, {form}",
                f"read  {unicode(read)}   write  {unicode(write)}",
            ]
        case GeneralRate(degree):
            return [f"none found: degree {degree:g} in the state"]
        case _:
            assert_never(structure)


def _writes(writes: tuple[Write, ...]) -> list[str]:
    def text(term: Node | None) -> str:
        return "–" if term is None else "1" if term == ONE else unicode(term) if len(show(term)) < 60 else show(term)

    return [
        f"rate  {text(w.rate)}   value  {text(w.value)}   read  {text(w.read)}   write  {text(w.write)}" for w in writes
    ]


def _step(chosen: Plan) -> str:
    if chosen.backend != "structured":
        return f"{chosen.method}, by {chosen.backend}"
    order = ORDER[chosen.method]
    each = f"{chosen.steps} in each interval" if chosen.steps > 1 else "one in each interval"
    return f"{chosen.method}, {each}" if order is None else f"{chosen.method}, order {order}, {each}"


def _scan(chosen: Plan) -> list[tuple[str, str]]:
    if chosen.backend != "structured":
        return []
    chunk = f", {chosen.chunk} steps in a chunk" if chosen.scan is Scan.CHUNKED else ""
    return [("scan", chosen.scan.value + chunk), ("segment", f"{chosen.segment:,} intervals at a time")]


def _gradient(chosen: Plan) -> str:
    if chosen.gradient == "adjoint":
        return "of a second equation solved backwards: not exact, and noise where the rule contracts"
    if chosen.backend != "structured":
        return "exact for the steps taken, all of which are kept"
    if chosen.recompute:
        return "exact for the steps taken; states kept between segments, slots and states inside computed again"
    return "exact for the steps taken; all slots kept"
