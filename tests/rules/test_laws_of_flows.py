"""Laws hold of right flows and fail of wrong ones: what runs, scipy's DOP853, Euler's steps, and each of them spoilt.

Without the hook that checks annotations, which would take minutes over thousands of small terms: test_laws runs with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from fwp.rules import ALL, LAWS, Case, Flow, Law, Rule, Solver, beta, delta, gamma, k, laws_of, v
from fwp.rules import laws as named
from fwp.terms import Slot, State, real, structure, tanh
from fwp.testing.flows import exact, reference, stepped
from tests.rules.test_laws import EXPECTED, drawn

pytestmark = pytest.mark.nohook

SHOWN = {
    named.quadrature: "hebb",
    named.superposition: "hebb",
    named.linear_growth: "hebb",
    named.euler_quadrature: "hebb",
    named.exact_affine_step: "leaky_delta",
    named.tanh_closed_form: "tanh_delta",
    named.softmax_closed_form: "softmax_oja",
    named.monotone_read_out: "tanh_delta",
    named.norm_law: "oja_neuron",
    named.sphere: "oja_neuron",
    named.subspace: "oja_subspace",
    named.orthonormal_rows: "oja_subspace",
}
"""A rule that has the law, where that is not Delta."""

SQUARE = dict.fromkeys(("key", "value"), 3)


def euler(rule: Rule) -> Flow:
    return stepped(rule, "euler")


def right(law: Law) -> Solver:
    return exact if law.meaning == "flow" else euler


def rule_of(law: Law) -> Rule:
    return ALL[SHOWN.get(law, "delta")]


@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in ("ncde", "nrde", "big_map")])
def test_every_law_of_every_rule_holds_of_what_runs(name: str) -> None:
    rule = ALL[name]
    for law in laws_of(rule):
        for seed in range(2):
            finding = law.judge(rule, right(law), drawn(rule, seed))
            assert finding.holds, (law.name, finding)


@pytest.mark.parametrize(
    "law", [law for law in LAWS if law.meaning == "flow" and law != named.identity], ids=lambda law: law.name
)
def test_laws_are_true_of_the_equation_itself(law: Law) -> None:
    """DOP853 knows nothing of closed forms, chunks or structure."""
    rule = rule_of(law)
    finding = law.judge(rule, reference, drawn(rule, 0))
    assert law.applies(rule) and finding.excess <= 1e-10, finding


def of_rule(change: Callable[[Rule], Rule]) -> Callable[[Solver], Solver]:
    """What solves another rule instead."""
    return lambda solver: lambda rule: solver(change(rule))


def of_states(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Solver], Solver]:
    """What spoils the states that it found."""
    return lambda solver: lambda rule: lambda *case: change(solver(rule)(*case))


def doubled(solver: Solver) -> Solver:
    return lambda rule: lambda state, slots, durations: solver(rule)(state, slots, 2 * durations)


def late(solver: Solver) -> Solver:
    """Slots of the step before."""

    def of(rule: Rule) -> Flow:
        return lambda state, slots, durations: solver(rule)(
            state, {name: np.roll(slot, 1, 0) for name, slot in slots.items()}, durations
        )

    return of


def lopsided(solver: Solver) -> Solver:
    """Right on one side of the state alone: what writes along keys is solved, what writes along values runs too long."""

    def of(rule: Rule) -> Flow:
        wrong = getattr(structure(rule.rate, rule.of), "axis", None) == "value"
        return (doubled(solver) if wrong else solver)(rule)

    return of


def drift(states: np.ndarray) -> np.ndarray:
    """A millionth more at every step, in the second entry alone."""
    spoilt = states.copy()
    spoilt.reshape(len(states), -1)[:, 1] += 1e-6 * np.arange(len(states))
    return spoilt


WRONG: Mapping[str, Callable[[Solver], Solver]] = {
    "flipped": of_rule(lambda rule: Rule(-rule.rate, rule.of)),
    "leaking": of_rule(lambda rule: Rule(rule.rate - rule.of, rule.of)),
    "turned": of_rule(lambda rule: Rule(rule.rate, rule.of, read=rule.of).dual(())),
    "doubled": doubled,
    "late": late,
    "lopsided": lopsided,
    "other meaning": lambda solver: euler if solver is exact else exact,
    "transposed": of_states(lambda states: states.swapaxes(1, 2)),
    "drifting": of_states(drift),
    "stuck": of_states(lambda states: np.repeat(states[:1], len(states), 0)),
    "not a number": of_states(lambda states: states * np.nan),
}

EVERYTHING = set(WRONG) - {"lopsided"}
CAUGHT: Mapping[Law, set[str]] = {
    named.identity: {"transposed", "drifting", "not a number"},
    named.semigroup: {"other meaning", "late", "transposed", "drifting", "not a number"},
    named.duality: {"lopsided", "drifting", "not a number"},
    named.quadrature: EVERYTHING - {"other meaning"},
    named.superposition: {"leaking", "transposed", "not a number"},
    named.linear_growth: {"doubled", "late", "not a number"},
    named.exact_step: EVERYTHING,
    named.exact_affine_step: EVERYTHING,
    named.error_contraction: EVERYTHING,
    named.non_expansiveness: {"flipped", "other meaning", "not a number"},
    named.growth_bound: {"flipped", "late", "other meaning", "not a number"},
    named.wy: EVERYTHING,
    named.tanh_closed_form: EVERYTHING,
    named.softmax_closed_form: EVERYTHING,
    named.monotone_read_out: {"flipped", "not a number"},
    named.norm_law: EVERYTHING - {"turned", "transposed", "flipped"},
    named.sphere: {"leaking", "other meaning", "drifting", "not a number"},
    named.subspace: {"leaking", "other meaning", "not a number"},
    named.orthonormal_rows: {"leaking", "drifting", "not a number"},
    named.euler_identity: {"transposed", "drifting", "not a number"},
    named.euler_step: EVERYTHING,
    named.euler_duality: {"lopsided", "drifting", "not a number"},
    named.euler_quadrature: EVERYTHING - {"other meaning"},
    named.euler_wy: EVERYTHING,
    named.euler_stability: EVERYTHING,
    named.euler_non_expansiveness: EVERYTHING - {"drifting"},
}
"""Which of the wrong flows a law notices, with three square states. What is left is right by that law: a flow at twice the pace
is still a semigroup. (Euler's Hebb is the flow's; flipped Oja escapes to infinity, and so is judged below.)"""


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_wrong_flow_is_noticed(law: Law) -> None:
    rule, noticed = rule_of(law), set()
    for name, spoil in WRONG.items():
        if name in CAUGHT[law]:
            solver = spoil(right(law))
            cases = [drawn(rule, seed, sizes=SQUARE) for seed in range(8)]
            if any(not law.judge(rule, solver, case).holds for case in cases):
                noticed.add(name)
    assert noticed == CAUGHT[law]


def test_a_wrong_flow_that_keeps_a_law_is_let_pass() -> None:
    """The lists above leave nothing out that these laws could notice: a flow at another pace, or of the dual, has them too."""
    for law in (named.semigroup, named.duality, named.non_expansiveness, named.superposition):
        rule = rule_of(law)
        for name in set(WRONG) - CAUGHT[law] - {"other meaning"}:
            cases = [drawn(rule, seed, sizes=SQUARE) for seed in range(3)]
            assert all(law.judge(rule, WRONG[name](right(law)), case).holds for case in cases), (law.name, name)


@pytest.mark.parametrize("name, law", [("oja_neuron", named.norm_law), ("oja_subspace", named.subspace)])
def test_oja_with_its_sign_flipped_leaves_the_sphere(name: str, law: Law) -> None:
    """From inside, where its flow exists for ever: towards zero, away from unit norm."""
    rule = ALL[name]
    case = drawn(rule, 0)
    inside = replace(case, state=0.1 * case.state)
    assert law.judge(rule, exact, inside).holds
    assert not law.judge(rule, WRONG["flipped"](exact), inside).holds


def steep(times: float) -> Case:
    """One step of Delta with hβκ = times."""
    slots = {"beta": np.ones(1), "k": np.array([[1.0, 1.0]]), "v": np.array([[0.5, -1.0, 2.0]])}
    state = np.arange(6.0).reshape(3, 2)
    return Case(state, state[::-1].copy(), slots, np.array([times / 2]))


@pytest.mark.parametrize("times, contracts", [(0.1, True), (1.0, True), (1.9, True), (2.1, False), (4.0, False)])
def test_euler_contracts_exactly_below_two(times: float, contracts: bool) -> None:
    """T13 and T5's step: beyond hβκ = 2 both errors and distances grow, so the flow's laws are false of Euler's steps there."""
    case = steep(times)
    assert named.euler_stability.judge(delta, euler, case).holds
    assert named.euler_non_expansiveness.judge(delta, euler, case).holds
    assert named.non_expansiveness.judge(delta, euler, case).holds == contracts
    before, after = (np.linalg.norm(case.slots["v"][0] - w @ case.slots["k"][0]) for w in states(euler, case))
    assert (after < before) == contracts
    one, other = states(euler, case), states(euler, replace(case, state=case.other))
    assert (np.linalg.norm(one[1] - other[1]) < np.linalg.norm(one[0] - other[0])) == contracts
    assert named.error_contraction.judge(delta, exact, case).holds


def states(solver: Solver, case: Case) -> np.ndarray:
    return solver(delta)(case.state, case.slots, case.durations)


def test_the_growth_bound_is_sharp() -> None:
    """Where W k = v/2 weights grow as fast as they can: at twice the pace, too fast."""
    key, value = np.array([[1.0, 1.0]]), np.array([[0.5, -1.0, 2.0]])
    start = value.T @ key / 4
    case = Case(start, start, {"beta": np.ones(1), "k": key, "v": value}, np.array([1e-3]))
    assert named.growth_bound.judge(delta, exact, case).holds
    assert not named.growth_bound.judge(delta, doubled(exact), case).holds


def test_an_euler_step_that_shrinks_where_it_should_grow_is_noticed() -> None:
    """The claim is an equivalence: a step that is too careful beyond 2 is no Euler step either."""
    careful: Solver = lambda rule: lambda state, slots, durations: euler(rule)(state, slots, durations / 2)  # noqa: E731
    assert not named.euler_stability.judge(delta, careful, steep(3.0)).holds


@pytest.mark.parametrize("zero", ["state", "key", "value", "rate", "duration"])
@pytest.mark.parametrize(
    "name", ["hebb", "oja", "delta", "tanh_delta", "softmax_oja", "leaky_delta", "oja_neuron", "oja_subspace"]
)
def test_nothing_is_divided_by_zero(name: str, zero: str) -> None:
    rule = ALL[name]
    case = drawn(rule, 0, 2, sizes={"key": 1, "value": 2})
    if zero == "state":
        case = replace(case, state=0 * case.state, other=0 * case.other)
    elif zero == "duration":
        case = replace(case, durations=0 * case.durations)
    else:
        slot = {"key": "k", "value": "v", "rate": "beta"}[zero]
        case = replace(case, slots={n: 0 * s if n == slot else s for n, s in case.slots.items()})
    for law in laws_of(rule):
        assert law.judge(rule, right(law), case).holds, law.name


def test_states_of_one_axis_and_of_three() -> None:
    neuron, tensor = State("n", "key"), State("tensor", "value channel key")
    target, values = Slot("target", domain=real), Slot("values", "value channel")
    for rule in (
        Rule(beta * (target - neuron @ k) * k, of=neuron),
        Rule(beta * (values - tensor @ k) * k, of=tensor),
        Rule(beta * (values - tensor @ k) * k - gamma * tensor, of=tensor),
        Rule(beta * tanh(values - tensor @ k) * k, of=tensor),
        Rule(values * k, of=tensor),
        Rule(-gamma * State("level", ""), of=State("level", "")),
    ):
        for law in laws_of(rule):
            assert law.judge(rule, right(law), drawn(rule, 2)).holds, law.name


def test_the_order_of_the_states_axes_does_not_matter() -> None:
    """A state declared keys first is judged as itself, not as its transpose."""
    turned = State("T", "key value")
    for rule in (
        Rule(beta * (v - k @ turned) * k, of=turned),
        Rule(beta * (k @ turned) * (k - turned @ (k @ turned)), of=turned),
        Rule(beta * (Slot("p", "key") - turned @ v) * v, of=turned),
    ):
        assert len(laws_of(rule)) > 8 or "subspace" in {law.name for law in laws_of(rule)}
        for law in laws_of(rule):
            assert law.judge(rule, right(law), drawn(rule, 1)).holds, law.name
