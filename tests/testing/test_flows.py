"""Flows: the reference shares nothing with the solvers, and they agree; what a rule's variables are called makes no difference."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from scipy.linalg import expm

from fwp.rules import ALL, Rule, W, beta, delta, gamma, k, v
from fwp.rules.law import Case, Flow
from fwp.solvers.plan import Scan
from fwp.terms import Slot, State
from fwp.testing import cases
from fwp.testing.flows import exact, free, integrated, method_of, reference, scans_of, sizes_of, stepped
from fwp.testing.numbers import error
from tests.fields.nets import few

pytestmark = pytest.mark.nohook  # scipy asks for a rate thousands of times
SIZES = {"value": 3, "key": 2}


def run(flow: Flow, case: Case) -> np.ndarray:
    return flow(case.state, case.slots, case.durations)


@few
@given(cases(delta, SIZES, longest=1.0))
def test_delta_is_its_formula(case: Case) -> None:
    """T3, written out."""
    state, states = case.state, [case.state]
    for i, h in enumerate(case.durations):
        key, value, rate = (case.slots[name][i] for name in ("k", "v", "beta"))
        κ = key @ key
        α = (1 - np.exp(-rate * κ * h)) / κ if κ else 0.0
        state = state + α * np.outer(value - state @ key, key)
        states.append(state)
    for flow, bar in ((exact(delta), 1e-13), (reference(delta), 1e-11), (integrated(delta), 1e-8)):
        assert error(run(flow, case), np.stack(states)) < bar


@few
@given(cases(ALL["gated_delta"], SIZES, longest=1.0))
def test_the_reference_is_the_exponential(case: Case) -> None:
    """Affine: the last row of exp(h [[G, 0], [B, 0]]) on (W, 1)."""
    states = [case.state]
    for i, h in enumerate(case.durations):
        key, value, rate, forget = (case.slots[name][i] for name in ("k", "v", "beta", "forget"))
        whole = np.zeros((5, 5))
        whole[:2, :2] = -rate * np.outer(key, key) - np.diag(forget)
        whole[2:, :2] = rate * np.outer(value, key)
        states.append((np.hstack([states[-1], np.eye(3)]) @ expm(h * whole))[:, :2])
    for flow in (exact, reference):
        assert error(run(flow(ALL["gated_delta"]), case), np.stack(states)) < 1e-9


@pytest.mark.parametrize("name", ["oja_neuron", "oja_subspace", "sanger", "ncde"])
def test_what_has_no_exact_step_is_integrated(name: str) -> None:
    rule = ALL[name]
    assert isinstance(rule, Rule) and method_of(rule) == "rk4"

    @few
    @given(cases(rule, steps=2, longest=1.0))
    def agrees(case: Case) -> None:
        assert error(run(exact(rule), case), run(reference(rule), case)) < 1e-7

    agrees()


@pytest.mark.parametrize("flow", [exact(delta), stepped(delta, "euler"), reference(delta), integrated(delta)])
def test_states_begin_with_the_first_and_stand_still_where_no_time_passes(flow: Flow) -> None:
    slots = {"beta": np.array([0.5, 1.0]), "k": np.ones((2, 2)), "v": np.ones((2, 3))}
    state = 2 + np.arange(6.0).reshape(3, 2)
    states = flow(state, slots, np.array([0.0, 1.0]))
    assert states.shape == (3, 3, 2) and (states[:2] == state).all() and not (states[2] == state).any()
    none = flow(state, {name: slot[:0] for name, slot in slots.items()}, np.zeros(0))
    assert (none == state[None]).all()


def test_no_scan_changes_its_arguments() -> None:
    slots = {"beta": np.array([0.5]), "k": np.ones((1, 2)), "v": np.ones((1, 3))}
    state = np.zeros((3, 2))
    for flow in (exact(delta), reference(delta), integrated(delta)):
        flow(state, slots, np.ones(1))
    assert not state.any() and (slots["k"] == 1).all()


def test_the_reference_stops_where_a_solution_escapes() -> None:
    """w' = w³ from 2 is infinite at t = 1/8; and a rate that is no number would never be left."""
    w = State("w", "key")
    cubic = Rule((w @ w) * w, of=w)
    early = reference(cubic)(np.array([2.0]), {}, np.array([0.1]))
    assert error(early[-1], [2 / np.sqrt(1 - 8 * 0.1)]) < 1e-10
    with pytest.raises(ArithmeticError):
        reference(cubic)(np.array([2.0]), {}, np.array([0.2]))
    with pytest.raises(ArithmeticError, match="not finite"):
        reference(Rule(-gamma * W))(np.ones((1, 1)), {"gamma": np.array([np.nan])}, np.ones(1))


def test_scans_are_those_of_the_plan() -> None:
    sizes = {**SIZES, "hidden": 2, "channel": 3, "inner": 2}
    torch_only = [by for by in scans_of(delta, "exact", sizes) if by is not Scan.FUSED]
    assert torch_only == [Scan.SEQUENTIAL, Scan.CHUNKED, Scan.ASSOCIATIVE]
    assert scans_of(ALL["gated_delta"], "exact", sizes) == (Scan.SEQUENTIAL, Scan.ASSOCIATIVE)
    assert scans_of(ALL["sanger"], "rk4", sizes) == (Scan.SEQUENTIAL,)


def test_axes_and_slots_may_be_called_as_those_of_a_model() -> None:
    """`channel` and `head` mean something to a net; a slot over them is as good as any."""
    u = State("u", "channel")
    rule = Rule(Slot("rate") * (Slot("x0", "channel") - u), of=u)
    slots = {"rate": np.array([0.5]), "x0": np.array([[1.0, 2.0, 3.0]])}
    states = integrated(rule)(np.zeros(3), slots, np.array([2.0]))
    assert error(states[-1], (1 - np.exp(-1)) * slots["x0"][0]) < 1e-8
    assert free(rule).of.axes == ("own_channel",)


@pytest.mark.parametrize("rule", [delta, Rule(beta * (v - W @ k) * k - gamma * W)])
def test_sizes_come_from_the_arrays(rule: Rule) -> None:
    slots = {"k": np.ones((4, 2)), "v": np.ones((4, 3)), "beta": np.ones(4), "gamma": np.ones(4)}
    assert sizes_of(rule, np.ones((3, 2)), slots) == SIZES


@pytest.mark.parametrize("by", [Scan.CHUNKED, Scan.ASSOCIATIVE])
def test_a_scan_is_a_way_to_the_same_states(by: Scan) -> None:
    @few
    @given(cases(ALL["leaky_delta"]))
    def agrees(case: Case) -> None:
        flows: list[Callable[..., np.ndarray]] = [
            stepped(ALL["leaky_delta"], "exact", each) for each in (by, Scan.SEQUENTIAL)
        ]
        assert error(run(flows[0], case), run(flows[1], case)) < 1e-12

    agrees()
