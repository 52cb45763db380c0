"""Rules and systems as values: two spellings, equality, algebra, duality, printing, json."""

import pickle

import numpy as np
import pytest
from hypothesis import given

from fwp import ein
from fwp.errors import AxisError, CompositionError, FormatError
from fwp.rules import (
    ALL,
    Rule,
    System,
    W,
    beta,
    closed,
    delta,
    from_json,
    hebb,
    k,
    momentum_delta,
    oja,
    q,
    softmax_oja,
    tanh_delta,
    to_json,
    v,
)
from fwp.terms import Slot, State, evaluate, softmax, tanh, variables
from tests.strategies import NAMESPACE, error, rules, seeds, sizes, values

PRODUCT = ", value, key -> value key"
RECALL = "value key, key -> value"
PATTERNS = {
    "hebb": ein(PRODUCT, beta, v, k),
    "oja": ein(PRODUCT, beta, v, k - ein("value, value key -> key", v, W)),
    "delta": ein(PRODUCT, beta, v - ein(RECALL, W, k), k),
    "tanh_delta": ein(PRODUCT, beta, tanh(v - ein(RECALL, W, k)), k),
    "softmax_oja": ein(PRODUCT, beta, v, softmax(k - ein("value, value key -> key", v, W), "key")),
}


@pytest.mark.users
@pytest.mark.parametrize("rule", [hebb, oja, delta, tanh_delta, softmax_oja], ids=lambda r: r.name)
def test_two_spellings_of_one_value(rule: Rule) -> None:
    assert rule.rate == PATTERNS[rule.name]


def test_duality() -> None:
    assert delta.dual() == oja
    assert oja.dual() == delta
    assert hebb.dual() == hebb
    assert delta.dual() != delta


@given(rules())
def test_dual_is_an_involution(rule: Rule) -> None:
    assert rule.dual().dual() == rule


@given(rules(), seeds)
def test_dual_is_the_transpose(rule: Rule, seed: int) -> None:
    """R̃(W; k, v) = R(Wᵀ; v, k)ᵀ: with sides of equal size, so that both can be evaluated on the same numbers."""
    dual, used = rule.dual(pairs=()), variables(rule.rate)
    size = {a: 5 if a.startswith("channel") else 3 for a in sizes(rule.rate) | sizes(dual.rate)}
    generator = np.random.default_rng(seed)
    own = {x.name: generator.uniform(0.1, 1, size=[3 if a != "channel" else 5 for a in x.declared]) for x in used}
    turned = {x.name: own[x.name].T if x.declared == W.declared and x.role is W.role else own[x.name] for x in used}
    assert error(evaluate(dual.rate, turned, size), evaluate(rule.rate, own, size).T) < 1e-12


@given(rules(), rules(), seeds)
def test_rules_add(one: Rule, other: Rule, seed: int) -> None:
    both = one + other
    own, size = values(seed, one.rate, other.rate), sizes(one.rate, other.rate)
    expected = evaluate(one.rate, own, size) + evaluate(other.rate, own, size)
    assert error(evaluate(both.rate, own, size), expected) < 1e-12
    assert both == other + one


@given(rules(), seeds)
def test_rules_scale(rule: Rule, seed: int) -> None:
    own, size = values(seed, rule.rate), sizes(rule.rate)
    assert error(evaluate((rule * 3).rate, own, size), 3 * evaluate(rule.rate, own, size)) < 1e-12
    assert 2 * rule + rule == 3 * rule
    assert rule * 1 == rule


@given(rules())
def test_print_and_json_bring_a_rule_back(rule: Rule) -> None:
    assert eval(repr(rule), NAMESPACE | {"Rule": Rule, "q": q}) == rule
    assert from_json(to_json(rule)) == rule
    assert pickle.loads(pickle.dumps(rule)) == rule


@pytest.mark.parametrize("name", ALL)
def test_every_rule_travels(name: str) -> None:
    rule = ALL[name]
    back = from_json(to_json(rule))
    assert back == rule
    assert back.name == name
    assert hash(back) == hash(rule)
    assert rule != (hebb if name != "hebb" and rule != hebb else delta)


def test_equality_ignores_how_a_rule_is_written_and_named() -> None:
    assert Rule(k * v * beta, name="mine") == hebb
    assert Rule(beta * v * k - beta * (k @ W) * k) == delta
    assert Rule(beta * v * k, read=v @ W) != hebb
    assert len({hebb, Rule(k * beta * v), delta}) == 2


def test_axes_of_the_rate_take_the_order_of_the_state() -> None:
    assert Rule(k * v).rate.axes == ("value", "key")
    assert Rule(k * v).rate == ein("key, value -> value key", k, v)


def test_signature() -> None:
    assert delta.signature == {
        "W": "*#batch value key",
        "beta": "*#batch",
        "v": "*#batch value",
        "k": "*#batch key",
        "return": "*batch value key",
    }


def test_what_a_rule_refuses() -> None:
    with pytest.raises(AxisError, match="does not have the axes of the state"):
        Rule(beta * v)
    with pytest.raises(AxisError, match="a rule changes a state"):
        Rule(beta * v * k, of=k)
    with pytest.raises(AxisError, match="both named `k`"):
        Rule(beta * v * Slot("k", "value") * k)
    with pytest.raises(AxisError, match="two axes"):
        Rule(beta * k, of=State("w", "key")).dual()
    with pytest.raises(AxisError, match="different states"):
        hebb + Rule(beta * k, of=State("w", "key"))


def test_systems() -> None:
    assert momentum_delta == System(*momentum_delta.rules)
    assert momentum_delta != System(*momentum_delta.rules[::-1])
    with pytest.raises(AxisError, match="at least one rule"):
        System()
    with pytest.raises(AxisError, match="two rules"):
        System(hebb, delta)
    with pytest.raises(CompositionError, match="whose equation it does not have"):
        closed(momentum_delta.rules[0])
    with pytest.raises(AttributeError):
        momentum_delta.name = "other"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    "data", [None, [], {}, {"kind": "rule"}, to_json(delta) | {"kind": "ruler"}, to_json(delta) | {"rules": []}]
)
def test_json_of_no_rule(data: object) -> None:
    with pytest.raises(FormatError):
        from_json(data)
