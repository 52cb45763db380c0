"""The operators and the einops spelling of a rule are one and the same value."""

import pytest

from fwp.rules import ALL, W, beta, k, q, v
from fwp.rules.published import q_value
from fwp.terms import ein, show, softmax, tanh

RATES = {
    "hebb": ein(", value, key -> value key", beta, v, k),
    "oja": ein(", o, i -> o i", beta, v, k - ein("o, o i -> i", v, W)),
    "delta": ein(", o, i -> o i", beta, v - ein("o i, i -> o", W, k), k),
    "tanh_delta": ein(", o, i -> o i", beta, tanh(v - ein("o i, i -> o", W, k)), k),
    "softmax_oja": ein(", o, i -> o i", beta, v, softmax(k - ein("o, o i -> i", v, W), "key")),
    "hebb_transposed": ein(", o, i -> o i", beta, v, k),
    "softmax_oja_transposed": ein(", o, i -> o i", beta, v, softmax(k - ein("o, o i -> i", v, W), "key")),
}
READS = {name: ein("o, o i -> i", q_value, W) if "transposed" in name else ein("o i, i -> o", W, q) for name in RATES}


@pytest.mark.users
@pytest.mark.parametrize("name", RATES)
def test_both_spellings_are_one_value(name: str) -> None:
    rule = ALL[name]
    assert rule.rate == RATES[name]
    assert rule.read == READS[name]
    assert show(RATES[name]) == show(rule.rate)


def test_every_standard_and_published_rule_is_spelled() -> None:
    from fwp.rules import published, standard

    names = [n for module in (published, standard) for n in module.__all__]
    assert set(RATES) == {n for n in names if n in ALL}
