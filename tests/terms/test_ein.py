"""einops patterns: local names, each for exactly one axis."""

import warnings

import pytest

from fwp.errors import AxisError
from fwp.terms import Product, ein, rename
from fwp.testing.terms import NAMESPACE, W

k, v, beta, A = (NAMESPACE[name] for name in ("k", "v", "beta", "A"))


@pytest.mark.users
@pytest.mark.parametrize(
    "pattern, operands, same",
    [
        ("value key, key -> value", (W, k), W @ k),
        ("o i, i -> o", (W, k), W @ k),
        ("key value, value -> key", (W, k), W @ k),
        ("o, o i -> i", (v, W), v @ W),
        (", value, key -> value key", (beta, v, k), beta * v * k),
        ("o, i -> o i", (v, k), v * k),
        ("i, o -> i o", (k, v), k * v),
        ("i, i ->", (k, k), k @ k),
        ("i, i -> i", (k, k), k * k),
        ("o i -> o i", (W,), W),
        ("o i, p i -> o p", (W, rename(W, value="value2")), W @ rename(W, value="value2")),
        ("i j, j -> i", (A, rename(k, key="key2")), A @ rename(k, key="key2")),
        (" o  i ,i->o ", (W, k), W @ k),
        ("->", (beta,), beta),
        (",->", (beta, beta), beta * beta),
        (", o -> o", (2, v), 2 * v),
        ("o, i -> o i", (2 * v, k), 2 * v * k),
        ("β, β ->", (k, k), k @ k),
    ],
)
def test_a_pattern_is_the_operators_in_other_words(pattern: str, operands: tuple, same: object) -> None:
    assert ein(pattern, *operands) == same


def test_the_axes_of_the_result_are_the_operands_own_in_the_order_of_the_pattern() -> None:
    assert ein("o i -> i o", W) == Product((W,), ("key", "value"))
    assert ein("o, i -> i o", v, k).axes == ("key", "value")


def test_a_sum_over_an_axis_is_a_product_of_one() -> None:
    assert ein("o i -> o", W) == Product((W,), ("value",))


@pytest.mark.parametrize(
    "pattern, operands, words",
    [
        ("o i, ii -> o", (W, k), "both axis 'key'"),
        ("o i, o -> o", (W, k), "bound to two different axes"),
        ("o o -> o", (W,), "cannot be read"),
        ("o i, i -> j", (W, k), "in no operand"),
        ("o i, i -> o o", (W, k), "cannot be read"),
        ("o i, i", (W, k), "exactly one arrow"),
        ("o i -> i -> o", (W,), "exactly one arrow"),
        ("o i -> o", (W, k), "as many operands"),
        ("o i, i -> o", (W,), "as many operands"),
        ("o, i -> o", (W, k), "as many axes"),
        ("o i j, i -> o", (W, k), "as many axes"),
        ("i -> i", (beta,), "as many axes"),
        ("... i, i -> ...", (W, k), "batch axes"),
        ("(o i), i -> o", (W, k), "batch axes"),
        ("o 1, o -> o", (W, v), "size 1"),
        ("o 2, o -> o", (W, v), "batch axes"),
        ("o_ i -> o_", (W,), "cannot be read"),
        ("o-i -> o", (W,), "cannot be read"),
        ("o () -> o", (W,), "size 1"),
        ("", (), "exactly one arrow"),
        ("->", (), "as many operands"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(pattern: str, operands: tuple, words: str) -> None:
    with pytest.raises(AxisError, match=words):
        ein(pattern, *operands)


def test_a_misspelt_axis_is_never_silently_summed() -> None:
    """einops issue 379: `out in, inn -> out` computes something else there."""
    with pytest.raises(AxisError, match="'i' and 'ii' are both axis 'key'"):
        ein("o i, ii -> o", W, k)


@pytest.mark.nohook
def test_an_operand_that_is_no_term_is_refused() -> None:
    with pytest.raises(AxisError, match="neither a term nor a number"):
        ein("o i, i -> o", W, [1.0, 2.0])


def test_patterns_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ein("value key, key -> value", W, k)
