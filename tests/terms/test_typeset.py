"""Terms as mathematics: every rule as it appears on paper, read by a person and kept."""

from pathlib import Path

import pytest
from hypothesis import given

from fwp.rules import ALL
from fwp.terms import (
    Slot,
    as_term,
    ein,
    exp,
    eye,
    latex,
    ones,
    reciprocal,
    rename,
    softmax,
    sqrt,
    square,
    tanh,
    tril,
    unicode,
)
from fwp.testing.terms import NAMESPACE, W, terms
from tests import golden

k, v, w, beta, gamma, A, T, x = (NAMESPACE[name] for name in ("k", "v", "w", "beta", "gamma", "A", "T", "x"))
W2 = rename(W, value="value2")


def test_every_rule_as_it_was_read() -> None:
    lines = []
    for name, rule in ALL.items():
        lines.append(name)
        lines += [f"  d{r.of}/dt = {unicode(r.rate)}\n    {latex(r.rate)}" for r in rule.rules]
        lines.append(f"  read {unicode(rule.read)}\n    {latex(rule.read)}\n")
    golden.check(Path(__file__).parent / "typeset.txt", "\n".join(lines))


@pytest.mark.users
@pytest.mark.parametrize(
    "term, text, source",
    [
        (v * k, "v kᵀ", r"v k^{\top}"),
        (k * v, "k vᵀ", r"k v^{\top}"),
        (v * v, "v ⊙ v", r"v \odot v"),
        (v @ v, "vᵀ v", r"v^{\top} v"),
        (W @ k, "W k", "W k"),
        (v @ W, "Wᵀ v", r"W^{\top} v"),
        (v @ W @ k, "(Wᵀ v)ᵀ k", None),
        (v @ (W @ k), "vᵀ W k", None),
        (W @ W2, "W Wᵀ", r"W W^{\top}"),
        (ein("o i -> i o", W), "Wᵀ", r"W^{\top}"),
        (2 * W, "2 W", "2 W"),
        (-W / 2, "−1/2 W", r"-\tfrac{1}{2} W"),
        (v - W @ k, "v − W k", "v - W k"),
        (-(v - W @ k), "−(v − W k)", r"-\left(v - W k\right)"),
        (1 - beta, "1 − β", r"1 - \beta"),
        (beta * (1 - beta) * k, "β (1 − β) k", r"\beta \left(1 - \beta\right) k"),
        (as_term(0), "0", "0"),
        (square(v), "v²", "v^{2}"),
        (square(v - 2 * v), "(v − 2 v)²", r"\left(v - 2 v\right)^{2}"),
        (reciprocal(beta), "β⁻¹", r"\beta^{-1}"),
        (sqrt(beta + 1), "√(β + 1)", r"\sqrt{\beta + 1}"),
        (exp(-beta), "exp(−β)", r"\exp\left(-\beta\right)"),
        (softmax(k, "key"), "softmax(k)", r"\operatorname{softmax}\left(k\right)"),
        (softmax(W, "key"), "softmax_key(W)", r"\operatorname{softmax}_{key}\left(W\right)"),
        (tanh(v) * k, "tanh(v) kᵀ", r"\tanh\left(v\right) k^{\top}"),
        (eye("value", "value2"), "I", "I"),
        (tril("value", "value2") @ rename(v, value="value2"), "L v", "L v"),
        (ones("value") - v, "1 − v", r"\mathbf{1} - v"),
        (Slot("k2", "key") * Slot("eta"), None, r"\eta k_{2}"),
        (Slot("rate_in") * k, "rate_in k", r"\mathrm{rate\_in} k"),
        (T @ x, None, None),
    ],
)
def test_notation(term, text: str | None, source: str | None) -> None:
    assert text is None or unicode(term) == text
    assert source is None or latex(term) == source


@given(terms())
def test_every_term_can_be_typeset(term) -> None:
    """With balanced braces, and everything that is opened by \\left closed by \\right."""
    source = latex(term)
    assert source.count("{") == source.count("}")
    assert source.count(r"\left(") == source.count(r"\right)")
    assert unicode(term)
