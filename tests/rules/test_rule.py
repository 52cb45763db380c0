"""Rules as values: typed when written, equal up to ring laws, added and scaled."""

import copy
import pickle
from fractions import Fraction

import pytest
from hypothesis import given

from fwp.errors import AxisError
from fwp.rules import ALL, Rule, W, beta, delta, gamma, hebb, k, oja, q, v
from fwp.terms import Slot, State, evaluate, eye, ones, rename, tanh
from fwp.testing.numbers import error
from fwp.testing.terms import NAMESPACE, factors, rules, seeds, sizes, values

M, w = State("M", "value key"), State("w", "key")


def read(text: str):
    return eval(text, {**NAMESPACE, "Rule": Rule, "q": q})


@pytest.mark.users
@pytest.mark.parametrize(
    "text, same",
    [
        ("Rule(k * v * beta)", hebb),
        ("Rule(beta * v * k - beta * (W @ k) * k)", delta),
        ("Rule(beta * v * k - v @ W * v * beta)", oja),
        ("Rule(beta * k * (v - W @ k), read=W @ q)", delta),
        ("Rule(v * k, name='x')", Rule(v * k)),
    ],
)
def test_rules_are_equal_up_to_ring_laws_and_names(text: str, same: Rule) -> None:
    assert read(text) == same
    assert hash(read(text)) == hash(same)


@pytest.mark.parametrize(
    "one, other",
    [
        (hebb, delta),
        (delta, oja),
        (hebb, Rule(beta * v * k, read=W @ k)),
        (Rule(M, of=M), Rule(M)),
        (Rule(v * k), Rule(v * Slot("other", "key"))),
    ],
)
def test_rules_that_differ(one: Rule, other: Rule) -> None:
    assert one != other


def test_both_sides_are_brought_into_one_order() -> None:
    """v * k + k * v must never be a silent transpose."""
    assert Rule(k * v).rate.axes == ("value", "key")
    assert Rule(v * k + k * v) == Rule(2 * v * k)
    assert Rule(k * v - W).rate.axes == ("value", "key")


def test_the_read_out_is_a_term_of_any_axes() -> None:
    assert delta.read == W @ q
    assert Rule(k, of=w).read == w @ q
    assert Rule(v, of=State("b", "value")).read == State("b", "value")
    assert Rule(v * k, read=v @ W).read.axes == ("key",)
    assert Rule(v * k, read=tanh(W @ q)).read == tanh(W @ q)
    assert Rule(v * k, read=1).read.axes == ()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rule(v),
        lambda: Rule(beta),
        lambda: Rule(1),
        lambda: Rule(v * k, of=w),
        lambda: Rule(k, of=k),
        lambda: Rule(rename(W, value="value2") * v, of=rename(W, value="value2")),
        lambda: Rule(v * k * Slot("z", "channel")),
        lambda: Rule(v * Slot("W", "key")),
        lambda: Rule(v * k, read=Slot("k", "channel")),
    ],
)
def test_a_rate_has_the_axes_of_its_state(make) -> None:
    with pytest.raises(AxisError):
        make()


def test_a_rule_is_a_value() -> None:
    with pytest.raises(AttributeError):
        delta.rate = hebb.rate
    assert len({delta, hebb, Rule(beta * (v - W @ k) * k)}) == 2


@pytest.mark.parametrize("name", ALL)
def test_copies_and_pickles(name: str) -> None:
    rule = ALL[name]
    for other in (copy.copy(rule), copy.deepcopy(rule), pickle.loads(pickle.dumps(rule))):
        assert other == rule and other.name == rule.name and repr(other) == repr(rule)


@pytest.mark.parametrize("name", ALL)
def test_every_rule_knows_its_name(name: str) -> None:
    assert ALL[name].name == name
    assert ALL[name].renamed("other").name == "other"
    assert ALL[name].renamed("other") == ALL[name]


def test_the_table_of_rules_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        ALL["delta"] = hebb


def test_signature() -> None:
    assert dict(delta.signature) == {
        "W": "*#batch value key",
        "beta": "*#batch",
        "v": "*#batch value",
        "k": "*#batch key",
        "return": "*batch value key",
    }
    assert [x.name for x in delta.variables] == ["W", "beta", "v", "k", "q"]


@given(rules(), rules(), seeds)
def test_rules_add(one: Rule, other: Rule, seed: int) -> None:
    total = one + other
    arrays = values(seed, total.rate, one.rate, other.rate)
    parts = [evaluate(r.rate, arrays, sizes(one.rate, other.rate)) for r in (total, one, other)]
    assert error(parts[0], parts[1] + parts[2]) <= 1e-12
    assert total == other + one
    assert one + one == 2 * one


@given(rules(), factors, seeds)
def test_rules_scale(rule: Rule, factor: float, seed: int) -> None:
    arrays = values(seed, rule.rate)
    ours = evaluate((factor * rule).rate, arrays, sizes(rule.rate))
    assert error(ours, float(factor) * evaluate(rule.rate, arrays, sizes(rule.rate))) <= 1e-12
    assert factor * rule == rule * factor
    assert 2 * (factor * rule) == (2 * Fraction(factor)) * rule or isinstance(factor, float)


@given(rules(depth=2), rules(depth=2), rules(depth=2))
def test_addition_is_associative_and_scaling_distributes(one: Rule, two: Rule, three: Rule) -> None:
    assert (one + two) + three == one + (two + three)
    assert (one + two) * gamma == one * gamma + gamma * two
    assert one * (gamma + beta) == one * gamma + one * beta
    assert one + 0 * one == one


def test_delta_is_hebb_with_its_decay() -> None:
    assert delta == hebb + Rule(-beta * (W @ k) * k)
    assert hebb * gamma == gamma * hebb == Rule(gamma * beta * v * k)
    assert hebb - delta == Rule(beta * (W @ k) * k) == -(delta - hebb)
    assert hebb / 2 == hebb * 0.5 and hebb / gamma == Rule(beta * v * k / gamma)


def test_what_cannot_be_added() -> None:
    with pytest.raises(AxisError, match="cannot add rules"):
        hebb + Rule(M, of=M)
    with pytest.raises(AxisError, match="cannot add rules"):
        hebb + Rule(v * k, read=v @ W)
    with pytest.raises(AxisError):
        hebb * Slot("x", "channel")


@given(rules())
def test_repr_round_trips(rule: Rule) -> None:
    assert read(repr(rule)) == rule


@pytest.mark.parametrize("name", [name for name, rule in ALL.items() if isinstance(rule, Rule)])
def test_the_rules_round_trip(name: str) -> None:
    rule = ALL[name]
    names = {**NAMESPACE, "Rule": Rule, "eye": eye, "ones": ones, **{x.name: x for x in rule.variables}}
    assert eval(repr(rule), {**names, "β": beta, "γ": gamma}) == rule


def test_str_is_the_equation() -> None:
    assert str(delta) == "dW/dt = β (v − W k) kᵀ"
