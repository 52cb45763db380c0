"""Printed terms are Python source that evaluates to the same value, in either spelling."""

import pytest
from hypothesis import example, given

from fwp.rules import ALL
from fwp.terms import Slot, State, ein, einops, ones, rename, show, tril
from fwp.testing.terms import NAMESPACE, W, terms

k, v, beta, A = (NAMESPACE[name] for name in ("k", "v", "beta", "A"))


def read(text: str):
    return eval(text, dict(NAMESPACE))


@pytest.mark.users
@given(terms())
@example(v)
@example(rename(W @ k, value="key") * rename(v, value="key2"))
@example(ein("o i -> i o", W))
@example(2 * ein("o, i -> i o", v, k))
@example(beta * ein("o, i -> i o", v, k))
@example(ein("o i -> i", W))
@example(ein("o i, o -> o", W, v))
@example((W @ k) * (W @ k))
@example(k * (k @ k))
@example((k @ k) * k)
@example((v @ W) @ k)
@example(v @ (W @ k))
@example(-(2 * k - 1 * k) / 3)
@example(ones("key") - (ones("key") - k))
@example(2 * (beta - 1))
@example((1 - beta) ** 2)
@example(tril("value", "value2") @ rename(v, value="value2"))
def test_both_spellings_round_trip(term) -> None:
    assert read(show(term)) == term
    assert read(einops(term)) == term


@pytest.mark.parametrize(
    "term, operators, pattern",
    [
        (beta * v * k, "β * v * k", 'ein(", value, key -> value key", β, v, k)'),
        (W @ k, "W @ k", 'ein("value key, key -> value", W, k)'),
        (v @ W @ k, "(v @ W) @ k", 'ein("key, key ->", ein("value, value key -> key", v, W), k)'),
        (v @ (W @ k), "v @ (W @ k)", 'ein("value, value ->", v, ein("value key, key -> value", W, k))'),
        (beta * (W @ k), "β * (W @ k)", 'ein(", value -> value", β, ein("value key, key -> value", W, k))'),
        (ein("o i -> i o", W), 'ein("value key -> key value", W)', 'ein("value key -> key value", W)'),
        (rename(W, value="value2"), 'rename(W, value="value2")', 'rename(W, value="value2")'),
        (k * (k - 1 * k), "k * (k - k)", 'ein("key, key -> key", k, k - k)'),
        (k - (k - k), "k - (k - k)", "k - (k - k)"),
        (ones("key"), 'ones("key")', 'ones("key")'),
        (1 - beta, "1 - β", "1 - β"),
    ],
)
def test_spelling(term, operators: str, pattern: str) -> None:
    assert (show(term), einops(term)) == (operators, pattern)
    assert read(operators) == read(pattern) == term


def test_repr_is_the_operators() -> None:
    assert repr(beta * (v - W @ k) * k) == "β * (v - W @ k) * k"


def test_greek_letters_are_printed_as_such_and_everything_else_as_it_is() -> None:
    assert show(Slot("mu") * Slot("alpha_2") * Slot("eta") * k) == "μ * alpha_2 * η * k"
    assert show(k * Slot("eta"), name=str) == "k * eta"


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("spelling", [show, einops])
def test_the_rules_round_trip(name: str, spelling) -> None:
    rule = ALL[name]
    names = {**NAMESPACE, **{x.name: x for x in rule.variables}}
    names |= {"β": names["beta"], "γ": names["gamma"], "θ": names.get("theta", State("theta", "value"))}
    for each in rule.rules:
        assert eval(spelling(each.rate), dict(names)) == each.rate
    assert eval(spelling(rule.read), dict(names)) == rule.read
