"""Exchanging the sides: oja is the dual of delta, and the dual of a dual is the rule."""

import numpy as np
import pytest
from hypothesis import example, given

from fwp.errors import AxisError
from fwp.rules import Rule, System, W, anti_hebb, beta, classic_hebb, delta, hebb, k, oja, softmax_oja, tanh_delta, v
from fwp.terms import Role, Slot, evaluate, rename, simplex, softmax, tanh
from fwp.testing.numbers import error
from fwp.testing.terms import rules, seeds, sizes, values


@pytest.mark.users
def test_oja_is_the_dual_of_delta() -> None:
    assert delta.dual() == oja
    assert oja.dual() == delta
    assert hebb.dual() == hebb
    assert delta.dual().name == "delta_dual"


def test_duals_of_the_published_rules() -> None:
    assert tanh_delta.dual() == Rule(beta * v * tanh(k - v @ W))
    assert softmax_oja.dual() == Rule(beta * softmax(v - W @ k, "value") * k)


def test_only_a_matrix_has_two_sides() -> None:
    from fwp.rules import oja_neuron

    with pytest.raises(AxisError, match="two sides"):
        oja_neuron.dual()


def test_a_slot_of_its_own_changes_sides() -> None:
    forget = Slot("forget", "key", simplex("key"))
    dual = Rule(forget * W).dual()
    assert dual == Rule(Slot("forget", "value", simplex("value")) * W)
    assert dual.dual() == Rule(forget * W)


def test_other_pairs_may_be_exchanged() -> None:
    a, b = Slot("a", "key"), Slot("b", "value")
    assert Rule(b * a + v * k).dual(((a, b),)) == Rule(b * a + Slot("v", "key") * Slot("k", "value"))


@given(rules())
@example(Rule(beta * (k * v - W)))
@example(Rule(rename(W @ rename(W, value="value2") @ rename(W, value="value2", key="key2"), key2="key")))
@example(Rule(tanh(k * v + W) * v))
def test_dual_is_an_involution(rule: Rule) -> None:
    assert rule.dual().dual() == rule


@given(rules(), seeds)
@example(Rule(beta * (k * v - W)), 0)
@example(Rule(tanh(k * v + W) * v), 0)
@example(delta + classic_hebb + 2 * anti_hebb, 0)
def test_the_dual_is_the_rule_on_the_transpose(rule: Rule, seed: int) -> None:
    """R̃(W; k, v) = R(Wᵀ; v, k)ᵀ."""
    arrays, dual = values(seed, rule.rate), rule.dual()
    turned = {}
    for x in rule.variables:
        if x.name in arrays:
            partner = {"k": "v", "v": "k"}.get(x.name, x.name)
            both = x.role is Role.STATE and len(x.declared) == 2
            turned[partner] = arrays[x.name].T if both else arrays[x.name]
    known = sizes(rule.rate)
    swapped = {"value": "key", "key": "value"}
    given_sizes = {swapped.get(a, a): n for a, n in known.items()}
    ours = evaluate(dual.rate, turned, given_sizes)
    assert error(ours, np.swapaxes(evaluate(rule.rate, arrays, known), 0, 1)) <= 1e-12


@given(rules(), rules())
def test_the_dual_of_a_sum_is_the_sum_of_the_duals(one: Rule, other: Rule) -> None:
    assert (one + other).dual() == one.dual() + other.dual()
    assert (3 * one).dual() == 3 * one.dual()


def test_a_system_has_no_dual() -> None:
    assert not hasattr(System(delta), "dual")
