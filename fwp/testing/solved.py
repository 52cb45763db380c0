"""Checks of how a rule of one state is solved: gradients of steps, scans against each other and against scipy, and laws.

Each returns what was tried, in a few words; it raises Broken or Outside.
"""

from __future__ import annotations

from math import isfinite

import numpy as np
import torch
from hypothesis import assume, reject
from hypothesis import strategies as st
from torch import Tensor

from fwp.errors import SolveError
from fwp.rules import Rule
from fwp.rules.law import Case, Flow, Law
from fwp.solvers.discretise import Shape, discretise, slots_of
from fwp.solvers.plan import Scan
from fwp.solvers.walk import scan
from fwp.terms import evaluate
from fwp.testing.attempt import Outside, attempt, listed
from fwp.testing.flows import exact, integrated, method_of, reference, scans_of, sizes_of, stepped, structure_of
from fwp.testing.numbers import Values
from fwp.testing.static import differences, generic, obstacle, sizes_tried
from fwp.testing.strategies import cases

__all__ = ["kept", "scans", "step_gradients"]

_SCANS_AGREE = 1e-12
_EXACT = 1e-11
_INTEGRATED = 1e-7
"""What dopri8 with tolerances of 1e-10 may leave."""


def alone(rule: Rule) -> None:
    """Refuse a rule that cannot be solved alone.

    Raises:
        Outside: it reads a state whose equation it does not have.
    """
    why = obstacle(rule)
    if why is not None:
        raise Outside(why)


def step_gradients(rule: Rule, examples: int = 4) -> str:
    """The derivatives of two steps by the plan's method, in the state and all slots, against differences."""
    alone(rule)
    method = method_of(rule)
    names = [a.name for a in slots_of(rule)]

    def judge(drawn: tuple[dict[str, int], Values]) -> str | None:
        sizes, values = drawn
        own = discretise(structure_of(rule), Shape(rule, (*sizes.items(), ("head", 1))), method, True)
        length = torch.tensor([[0.25, 0.5]], dtype=torch.float64)

        def states(state: Tensor, *slots: Tensor) -> Tensor:
            nodes = {
                name: torch.stack([slot, slot / 2])[None, :, None, None]
                for name, slot in zip(names, slots, strict=True)
            }
            return scan(
                own.steps(nodes, length), own.sides.matrix(state[None, None]), [own.count * 2], Scan.SEQUENTIAL, 1
            )

        leaves = [torch.from_numpy(values[name]).requires_grad_() for name in (rule.of.name, *names)]
        return differences(states, leaves, [rule.of.name, *names])

    attempt(generic(rule), judge, lambda own: listed(*own), examples)
    return f"{method} steps"


def scans(rule: Rule, examples: int | None = None) -> str:
    """All scans that the rule's steps can run through against one step after the other, and these against scipy's DOP853."""
    alone(rule)
    method = method_of(rule)
    seen: set[Scan] = set()

    def judge(case: Case) -> str | None:
        _solvable(rule, case)
        run = case.state, case.slots, case.durations
        sizes = sizes_of(rule, case.state, case.slots)
        for each in dict.fromkeys((method, "euler")):
            sequential = stepped(rule, each)(*run)
            for by in scans_of(rule, each, sizes)[1:]:
                seen.add(by)
                complaint = _apart(
                    f"{each} steps, {by.value} scan", stepped(rule, each, by)(*run), sequential, _SCANS_AGREE
                )
                if complaint is not None:
                    return f"{complaint} one step after the other"
        meant = _by_scipy(rule, case)
        if method == "exact":
            name, ours, bar = "exact steps", stepped(rule, "exact")(*run), _EXACT
        else:
            name, ours, bar = "solve by dopri8", integrated(rule)(*run), _INTEGRATED
        complaint = _apart(name, ours, meant, bar)
        return None if complaint is None else f"{complaint} DOP853"

    own = st.sampled_from(sizes_tried(rule)[::-1]).flatmap(lambda sizes: cases(rule, sizes, 5, 1.0))
    count = examples or (10 if method == "exact" else 5)
    attempt(own, judge, lambda case: shown(rule, case), count)
    names = ", ".join(by.value for by in Scan if by in seen)
    return f"{f'sequential = {names}; ' if names else ''}{'exact' if method == 'exact' else 'dopri8'} = DOP853"


def kept(rule: Rule, law: Law, examples: int | None = None) -> str:
    """One law, on the steps and scans that run."""
    alone(rule)
    meaning = "euler" if law.meaning == "euler" else "flow"
    quick = meaning == "euler" or method_of(rule) == "exact"

    def solver(rule: Rule) -> Flow:
        return stepped(rule, "euler") if meaning == "euler" else exact(rule)

    def judge(case: Case) -> str | None:
        _solvable(rule, case)
        try:
            finding = law.judge(rule, solver, case)
        except SolveError:  # it escapes to infinity before the end
            assume(False)
        if finding.holds:
            return None
        if not isfinite(finding.excess):
            _by_scipy(rule, case)
        excess = f"{finding.excess:.3g}" if isfinite(finding.excess) else "no finite number"
        return f"{law.unicode}\nis broken by {excess}, where round-off explains {finding.allowed:.3g}\n{finding.detail}"

    attempt(cases(rule), judge, lambda case: shown(rule, case), examples or (25 if quick else 10))
    return law.unicode


def _by_scipy(rule: Rule, case: Case) -> np.ndarray:
    """The solution by scipy; an example is refused where it leaves the numbers that a computer has, as by growing e^1000-fold."""
    try:
        return reference(rule)(case.state, case.slots, case.durations)
    except ArithmeticError:
        reject()


def shown(rule: Rule, case: Case) -> str:
    """A case as a person reads it, slots of all steps one after the other."""
    arrays = {
        rule.of.name: case.state,
        f"another {rule.of.name}": case.other,
        **case.slots,
        "durations": case.durations,
    }
    return listed(sizes_of(rule, case.state, case.slots), arrays)


def _solvable(rule: Rule, case: Case) -> None:
    """Refuse an example where the rate is not a number, as where a key of zero is normalised."""
    sizes = sizes_of(rule, case.state, case.slots)
    with np.errstate(all="ignore"):
        for state in (case.state, case.other):
            for i in range(len(case.durations)):
                held = {name: slot[i] for name, slot in case.slots.items()}
                assume(np.isfinite(evaluate(rule.rate, {**held, rule.of.name: state}, sizes)).all())


def _apart(name: str, ours: np.ndarray, meant: np.ndarray, bar: float) -> str | None:
    """The complaint about the entry of states over (knot, *axes) where two flows are farthest apart."""
    apart = np.abs(ours - meant)
    scale = max(1.0, float(np.abs(meant).max(initial=0)))
    if apart.max(initial=0) <= bar * scale:
        return None
    knot, *place = map(int, np.unravel_index(int(np.nan_to_num(apart, nan=np.inf).argmax()), apart.shape))
    at = (knot, *place)
    return f"{name}: entry {tuple(place)} after {knot} steps is {ours[at]:.15g}, not {meant[at]:.15g} as by"
