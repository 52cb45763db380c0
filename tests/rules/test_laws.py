"""Which laws a rule has by its structure, what its author may claim, and that structure implies nothing false."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwp.errors import FwpError
from fwp.rules import ALL, LAWS, Case, Rule, W, beta, delta, erase, gamma, hebb, k, laws_of, oja, tanh_delta, v
from fwp.rules import laws as named
from fwp.terms import (
    Node,
    Role,
    Slot,
    State,
    evaluate,
    exp,
    log,
    nonnegative,
    normalize,
    ones,
    real,
    relu,
    rename,
    sigmoid,
    softmax,
    softplus,
    sqrt,
    square,
    structure,
    tanh,
    variables,
)
from fwp.terms.build import align
from fwp.terms.witness import LowRank
from fwp.testing.flows import exact, stepped
from fwp.testing.numbers import random_value
from fwp.testing.terms import seeds
from tests.terms.test_structure_laws import low_ranks, read_outs

A = State("A", "right left")
a, b, eta = Slot("a", "left"), Slot("b", "right"), Slot("eta", domain=nonnegative)
any_rate, g, gate = Slot("any_rate", domain=real), Slot("g", "value"), Slot("gate", "value", nonnegative)
k2, v2 = Slot("k2", "key"), Slot("v2", "value")
u = W @ k

EVERY_RULE = {"identity", "semigroup", "Euler identity", "Euler step"}
MATRIX = EVERY_RULE | {"duality", "Euler duality"}
ONE_PRODUCT = MATRIX | {"exact step", "Euler WY identity", "Euler stability"}
CONTRACTION = {"error contraction", "WY identity"}
DELTA = ONE_PRODUCT | CONTRACTION | {"non-expansiveness", "growth bound", "Euler non-expansiveness"}
HEBB = MATRIX | {"quadrature", "superposition", "linear growth", "Euler quadrature"}
NEURON = EVERY_RULE | {"norm law", "sphere"}
SUBSPACE = MATRIX | {"subspace", "orthonormal rows"}

EXPECTED = {
    "hebb": HEBB,
    "hebb_transposed": HEBB,
    "oja": DELTA,
    "delta": DELTA,
    "anti_hebb": DELTA,
    "classic_hebb": ONE_PRODUCT | {"Euler non-expansiveness"},
    "erase_write": ONE_PRODUCT | CONTRACTION,
    "leaky_delta": MATRIX | {"exact affine step", "non-expansiveness", "growth bound"},
    "gated_delta": MATRIX | {"exact affine step"},
    "tanh_delta": MATRIX | {"tanh closed form", "monotone read-out"},
    "softmax_oja": MATRIX | {"softmax closed form", "monotone read-out"},
    "softmax_oja_transposed": MATRIX | {"softmax closed form", "monotone read-out"},
    "oja_neuron": NEURON,
    "oja_subspace": SUBSPACE,
    "sanger": MATRIX,
    "big_map": MATRIX,
    "ncde": EVERY_RULE,
    "nrde": EVERY_RULE,
    "gru_ode": EVERY_RULE,
}


def names(rule: Rule) -> set[str]:
    return {law.name for law in laws_of(rule)}


@pytest.mark.users
@pytest.mark.parametrize("name", [name for name, rule in ALL.items() if isinstance(rule, Rule)])
def test_the_laws_of_the_rules_of_the_literature(name: str) -> None:
    assert names(ALL[name]) == EXPECTED[name]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(beta * v * k - beta * (W @ k) * k),
        Rule(eta * (b - A @ a) * a, of=A),
        Rule(a * (b - A @ a) * eta / 3, of=A, name="something else", read=A),
        Rule((a - b @ A) * eta * b, of=A),
        Rule(sigmoid(any_rate) * eta * (v - W @ k) * k),
        Rule(square(any_rate) * (v - W @ k) * k),
        Rule(any_rate * (v - any_rate * (W @ k)) * k),
        Rule(beta * (v + g - W @ (k - k2)) * (k - k2)),
        Rule(2 * (v - W @ k) * k),
    ],
)
def test_what_is_delta_in_disguise_has_its_laws(rule: Rule) -> None:
    assert names(rule) >= DELTA - {"growth bound", "Euler non-expansiveness"}
    assert names(rule) <= DELTA


def test_a_rate_of_any_sign_promises_less() -> None:
    """Domains are hypotheses: nothing contracts by a rate that may be negative."""
    lost = CONTRACTION | {"non-expansiveness", "growth bound"}
    assert names(Rule(any_rate * (v - W @ k) * k)) == DELTA - lost
    assert names(Rule(-beta * (v - W @ k) * k)) == DELTA - lost
    assert names(Rule(beta * any_rate * (v - W @ k) * k)) == DELTA - lost


def test_sums_and_decays() -> None:
    two = beta * (v - W @ k) * k + eta * (v2 - W @ k2) * k2
    kept = MATRIX | {"exact affine step", "non-expansiveness", "growth bound"}
    assert names(Rule(two)) == names(Rule(two - gamma * W)) == kept
    assert names(Rule(two - any_rate * W)) == MATRIX | {"exact affine step"}
    assert names(Rule(two + gamma * W)) == MATRIX | {"exact affine step"}
    assert "non-expansiveness" in names(Rule(v * k - gamma * W))
    assert "growth bound" not in names(Rule(v * k - gamma * W))
    assert "non-expansiveness" not in names(Rule(beta * (v - W @ k) * k + any_rate * (v2 - W @ k2) * k2))


@pytest.mark.parametrize(
    "response",
    [
        tanh(v - u),
        beta * tanh(v - 2 * u) + sigmoid(g - u),
        tanh(v - u) - gamma * u,
        gate * softplus(v - gate * u),
        -beta * relu(u - v),
        relu(v - tanh(u)) + v2,
        exp(g - u),
        beta * softmax(v - eta * u, "value"),
        softmax(v - u, "value") + tanh(v - u),
        any_rate * any_rate * tanh(v - u),
        g * tanh(v - g * u),
    ],
)
def test_monotone_responses(response: Node) -> None:
    assert "monotone read-out" in names(Rule(response * k))


@pytest.mark.parametrize(
    "rate",
    [
        tanh(v + u) * k,
        -tanh(v - u) * k,
        any_rate * tanh(v - u) * k,
        tanh(v - any_rate * u) * k,
        g * tanh(v - u) * k,
        tanh(v - u) * k2,
        tanh(v - W @ (erase * k)) * k,
        log(v - u) * k,
        sqrt(v - u) * k,
        g * softmax(v - u, "value") * k,
        gate * softmax(v - u, "value") * k,
        softmax(tanh(v - u), "value") * k,
        softmax(v - gate * u, "value") * k,
        normalize(v - u, "value") * k,
        square(v - u) * k,
        tanh(v - u) * tanh(v - u) * k,
        sigmoid(u @ v) * tanh(v - u) * k,
        tanh(v - u * (u @ v)) * k,
        g * (g @ ones("value")) * tanh(v - u) * k,
        g * (g @ v2) * tanh(v - u) * k,
    ],
)
def test_responses_of_which_monotony_is_not_known(rate: Node) -> None:
    assert "monotone read-out" not in names(Rule(rate))


def test_reading_along_a_multiple_of_the_key() -> None:
    assert "monotone read-out" in names(Rule(beta * tanh(v - W @ k) * (eta * k)))
    assert "monotone read-out" not in names(Rule(beta * tanh(v - W @ k) * (any_rate * k)))
    assert "non-expansiveness" in names(Rule(any_rate * (v - any_rate * (W @ k)) * k))
    assert "non-expansiveness" not in names(Rule((v - W @ (erase * k)) * k))


x = Slot("x", "right")
n = State("n", "right")
T = State("T", "right left")
s = n @ x
out = x @ T


@pytest.mark.parametrize(
    "rule, expected",
    [
        (Rule(eta * beta * s * (x - s * n), of=n), NEURON),
        (Rule(s * x - s * s * n, of=n, read=n), NEURON),
        (Rule(3 * sigmoid(any_rate) * (s * x - square(s) * n), of=n), NEURON),
        (Rule(eta * out * (x - T @ out), of=T), SUBSPACE),
        (Rule(out * x - out * (T @ out), of=T), SUBSPACE),
        (Rule(-s * (x - s * n), of=n), EVERY_RULE),
        (Rule(any_rate * s * (x - s * n), of=n), EVERY_RULE),
        (Rule(s * (x - 2 * s * n), of=n), EVERY_RULE),
        (Rule(s * x - square(s) * n - gamma * n, of=n), EVERY_RULE),
        (Rule(b @ n * (x - s * n), of=n), EVERY_RULE),
        (Rule(out * (x + T @ out), of=T), MATRIX),
        (Rule(any_rate * out * (x - T @ out), of=T), MATRIX),
    ],
)
def test_oja_in_disguise(rule: Rule, expected: set[str]) -> None:
    assert names(rule) == expected


def test_laws_of_states_of_any_axes() -> None:
    """Widrow's and Hoff's neuron; a tensor of weights; and what cannot be solved alone, of which nothing is said."""
    neuron = Rule(beta * (any_rate - n @ x) * x, of=n)
    assert names(neuron) == (DELTA - MATRIX) | EVERY_RULE
    tensor = State("tensor", "value channel key")
    values = Slot("values", "value channel")
    assert names(Rule(beta * (values - tensor @ k) * k, of=tensor)) == (DELTA - MATRIX) | EVERY_RULE
    assert "monotone read-out" in names(Rule(beta * tanh(values - tensor @ k) * k, of=tensor))
    pairs, own = State("pairs", "value value2 key"), Slot("own", "value value2")
    assert "monotone read-out" in names(Rule(tanh(own - pairs @ k) * k, of=pairs))
    assert "monotone read-out" not in names(Rule(g * rename(g, value="value2") * tanh(own - pairs @ k) * k, of=pairs))
    assert names(Rule(-gamma * State("level", ""), of=State("level", ""))) == EVERY_RULE
    assert laws_of(Rule(State("M", "value key"))) == laws_of(Rule(W * (State("n", "key") @ k))) == ()


def drawn(rule: Rule, seed: int, steps: int = 3, sizes: dict[str, int] | None = None) -> Case:
    """Normal numbers in the domains of the slots, every axis of another size."""
    generator = np.random.default_rng(seed)
    known = sizes or {"key": 3, "value": 4, "left": 3, "right": 2, "channel": 2, "hidden": 3, "inner": 4}

    def some(*shape: str) -> tuple[int, ...]:
        return tuple(known[axis.rstrip("0123456789")] for axis in shape)

    slots = {
        a.name: random_value(a, (steps, *some(*a.declared)), generator)
        for a in variables(rule.rate)
        if a.role is not Role.STATE
    }
    one, other = (np.asarray(generator.normal(size=some(*rule.of.axes))) for _ in range(2))
    return Case(one, other, slots, generator.uniform(0.1, 1.5, steps))


def parting(rule: Rule, seed: int) -> float:
    """⟨W₁ − W₂, R(W₁) − R(W₂)⟩ over the size of its terms: positive where two solutions part."""
    case = drawn(rule, seed, 1)
    held = {name: slot[0] for name, slot in case.slots.items()}
    sizes = {"key": 3, "key2": 3, "value": 4, "value2": 4}
    one, other = (evaluate(rule.rate, {**held, "W": w}, sizes) for w in (case.state, case.other))
    apart = case.state - case.other
    return float(
        (apart * (one - other)).sum() / max(1.0, np.abs(apart).max() * max(np.abs(one).max(), np.abs(other).max()))
    )


@pytest.mark.nohook  # terms are drawn and rewritten: see tests/conftest.py
@settings(max_examples=max(10, settings().max_examples // 2))
@given(st.one_of(low_ranks().map(lambda drawn: drawn[0]), read_outs()), seeds)
def test_what_is_said_never_to_part_does_not(rate: Node, seed: int) -> None:
    """Sound for random rates, whatever is said of them: a false promise would show in the rate itself."""
    rule = Rule(align(rate, W.axes))
    found = structure(rule.rate, W)
    match found:
        case LowRank():
            promised = named.non_expansiveness.applies(rule)
            if named.error_contraction.applies(rule):
                assert decay(found, rule, seed) >= 0
        case _:
            promised = named.monotone_read_out.applies(rule)
    assert not promised or parting(rule, seed) <= 1e-12


def decay(found: LowRank, rule: Rule, seed: int) -> float:
    (write,) = found.writes
    held = {name: slot[0] for name, slot in drawn(rule, seed, 1).slots.items()}
    rate, read, wrote = (evaluate(t, held, {"key": 3, "value": 4}) for t in (write.rate, write.read, write.write))
    return float(rate * (read @ wrote))


def test_the_law_above_is_not_empty() -> None:
    promising = [delta, oja, tanh_delta, Rule(beta * softmax(v - u, "value") * k)]
    assert all(names(r) & {"non-expansiveness", "monotone read-out"} for r in promising)
    wrong = [Rule(-delta.rate), Rule(any_rate * (v - W @ k) * k), Rule(g * tanh(v - u) * k)]
    assert all(max(parting(r, seed) for seed in range(50)) > 1e-3 for r in wrong)


def test_statements_are_complete() -> None:
    assert len({law.name for law in LAWS}) == len(LAWS) == len({id(law) for law in LAWS})
    for law in LAWS:
        assert law.unicode and law.latex and law.source and law.latex.count("{") == law.latex.count("}")
        assert law.meaning in ("flow", "euler") and (law.meaning == "euler") == law.name.startswith("Euler")
    assert [law for law in LAWS if law not in map(vars(named).get, named.__all__)] == []


@pytest.mark.parametrize("laws", [["growth bound"], "growth bound", named.growth_bound, 3, [named.growth_bound, None]])
def test_what_is_claimed_is_a_list_of_laws(laws: Any) -> None:
    with pytest.raises(FwpError, match=r"(?s)list of laws.*from fwp.rules.laws import"):
        Rule(delta.rate, laws=laws)


def test_a_rule_keeps_what_its_author_claims() -> None:
    own = Rule(delta.rate, name="own", laws=[named.growth_bound, named.semigroup])
    assert own.laws == (named.growth_bound, named.semigroup) and delta.laws == ()
    assert own.renamed("other").laws == own.laws
    assert own == delta and hash(own) == hash(delta) and repr(own) == repr(delta)
    assert own.dual().laws == (own + hebb).laws == (2 * own).laws == ()
    assert pickle.loads(pickle.dumps(own)).laws == copy.deepcopy(own).laws == own.laws
    assert all(pickle.loads(pickle.dumps(law)) == law for law in LAWS)


@pytest.mark.parametrize(
    "rule, law",
    [
        (Rule(-oja.rate), named.error_contraction),
        (Rule(-oja.rate), named.non_expansiveness),
        (Rule(any_rate * (v - W @ k) * k), named.error_contraction),
        (Rule((v - W @ (erase * k)) * k), named.non_expansiveness),
        (Rule(g * tanh(v - u) * k), named.monotone_read_out),
        (hebb, named.growth_bound),
        (Rule(-delta.rate), named.linear_growth),
        (delta, named.superposition),
        (delta, named.quadrature),
        (Rule(delta.rate - gamma * W), named.error_contraction),
        (tanh_delta, named.exact_step),
        (tanh_delta, named.softmax_closed_form),
        (Rule(tanh(v - u) * k2), named.monotone_read_out),
        (oja, named.orthonormal_rows),
        (oja, named.sphere),
        (oja, named.subspace),
        (Rule(any_rate * s * (x - 2 * s * n), of=n), named.norm_law),
        (ALL["gru_ode"], named.duality),
        (hebb, named.euler_stability),
        (ALL["erase_write"], named.euler_non_expansiveness),
    ],
)
def test_a_claim_that_is_false_is_found_out(rule: Rule, law) -> None:
    """T17 among them: with a value of its own Oja keeps neither the sphere nor orthonormal rows."""
    assert law not in laws_of(rule)
    solver = exact if law.meaning == "flow" else lambda own: stepped(own, "euler")
    findings = (law.judge(rule, solver, drawn(rule, seed)) for seed in range(20))
    broken = next((finding for finding in findings if not finding.holds), None)
    assert broken is not None and broken.detail


@pytest.mark.parametrize("name", ["hebb", "delta", "leaky_delta", "tanh_delta", "softmax_oja"])
def test_its_laws_hold(name: str) -> None:
    """One case each; what runs, what is right and what is wrong are told apart in test_laws_of_flows."""
    for law in laws_of(ALL[name]):
        solver = exact if law.meaning == "flow" else lambda own: stepped(own, "euler")
        assert law.judge(ALL[name], solver, drawn(ALL[name], 0, 2)).holds, law.name


def test_what_a_rule_has_no_words_for() -> None:
    finding = named.error_contraction.judge(ALL["gru_ode"], exact, drawn(ALL["gru_ode"], 0))
    assert not finding.holds and "has no single error v − W k" in finding.detail
