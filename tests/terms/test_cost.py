"""Operations and bytes, counted by hand for the standard rules."""

import pytest

from fwp.rules import ALL
from fwp.terms import Cost, Polynomial, as_term, cost, ein, eye, ones, rename, softmax, square, tanh
from fwp.testing.terms import NAMESPACE, W

k, v, beta, T, M = (NAMESPACE[name] for name in ("k", "v", "beta", "T", "M"))
n, m = 7, 5  # value, key


def counted(term) -> tuple[int, int]:
    found = cost(term)
    return found.flops({"value": n, "key": m}), found.bytes({"value": n, "key": m})


@pytest.mark.users
@pytest.mark.parametrize(
    "name, flops, moved",
    [
        # β·v, then the outer product with k
        ("hebb", n + n * m, (1 + 2 * n) + (n + m + n * m)),
        # W·k, v minus it, β times that, the outer product with k
        ("delta", 2 * n * m + n + n + n * m, (n * m + m + n) + 3 * n + (1 + 2 * n) + (n + m + n * m)),
        # v·W, k minus it, β·v, the outer product of the two
        ("oja", 2 * n * m + m + n + n * m, (n + n * m + m) + 3 * m + (1 + 2 * n) + (n + m + n * m)),
    ],
)
def test_standard_rules(name: str, flops: int, moved: int) -> None:
    assert counted(ALL[name].rules[0].rate) == (flops, 4 * moved)


@pytest.mark.parametrize(
    "term, flops, moved",
    [
        (v, 0, 0),
        (2 * v, n, 2 * n),
        (-v, 0, 0),
        (v + v, n, 3 * n),
        (v - v, n, 3 * n),
        (1 - beta, 1, 1 + 1 + 1),
        (v * v, n, 3 * n),
        (v @ v, 2 * n, 2 * n + 1),
        (W @ k, 2 * n * m, n * m + m + n),
        (ein("o i -> i o", W), 0, 0),
        (ein("o i -> o", W), n * m, n * m + n),
        (tanh(W), n * m, 2 * n * m),
        (softmax(W, "key"), n * m, 2 * n * m),
        (ones("value"), 0, n),
        (as_term(1), 0, 0),
        (W @ rename(W, value="value2"), 2 * n * n * m, 2 * n * m + n * n),
        (v @ W @ k, 2 * n * m + 2 * m, (n + n * m + m) + (2 * m + 1)),
    ],
)
def test_each_kind_of_node(term, flops: int, moved: int) -> None:
    sizes = {"value": n, "value2": n, "key": m}
    found = cost(term)
    assert (found.flops(sizes), found.bytes(sizes)) == (flops, 4 * moved)


def test_shared_subterms_are_counted_once() -> None:
    y = W @ k
    assert counted(y * y) == (2 * n * m + n, 4 * ((n * m + m + n) + 3 * n))
    assert counted(tanh(y) * y * k)[0] == 2 * n * m + n + n + n * m
    assert counted(square(y) + square(y))[0] == 2 * n * m + n + n


def test_a_contraction_comes_before_an_outer_product() -> None:
    """W k costs 2nm operations; multiplying out v kᵀ first would make n m more arrays."""
    assert counted(ein("o, o i, i -> o", v, W, k))[0] == 2 * n * m + n


def test_bytes_follow_the_precision() -> None:
    rate = ALL["delta"].rules[0].rate
    sizes = {"value": n, "key": m}
    assert cost(rate, itemsize=8).bytes(sizes) == 2 * cost(rate, itemsize=4).bytes(sizes)
    assert cost(rate, itemsize=8).flops == cost(rate).flops


def test_polynomials_print_in_the_axes_names() -> None:
    assert str(cost(ALL["delta"].rules[0].rate).flops) == "3·key·value + 2·value"
    assert str(cost(ALL["hebb"].rules[0].rate)) == "key·value + value flops, 4·key·value + 4·key + 12·value + 4 bytes"
    assert str(Polynomial()) == "0"
    assert str(Polynomial.volume(("b", "a", "a"), 3)) == "3·a·a·b"


def test_polynomials_add() -> None:
    one, other = Polynomial.volume(("a",), 2), Polynomial.volume(("a", "b"))
    assert one + other == other + one
    assert (one + other)({"a": 3, "b": 5}) == 6 + 15
    assert one + Polynomial() == one
    assert Polynomial.volume(("a",), 0) == Polynomial()
    assert Cost(one, other) == Cost(one, other)


@pytest.mark.parametrize("name", ALL)
def test_every_rule_has_a_cost(name: str) -> None:
    for rule in ALL[name].rules:
        found = cost(rule.rate)
        sizes = {a: 2 for axes, _ in (*found.flops.coefficients, *found.bytes.coefficients) for a in axes}
        assert found.flops(sizes) >= 0 and found.bytes(sizes) >= 0


def test_an_identity_is_an_array_too() -> None:
    assert counted(rename(eye("value", "key"), value="key", key="value")) == (0, 4 * n * m)
