"""Every constructor infers its axes, and refuses what has none; written as source text, so that a test's name is the term."""

import pytest

from fwp.errors import AxisError, DomainError
from fwp.terms import (
    Domain,
    DomainKind,
    Increment,
    Product,
    Role,
    Signal,
    Slot,
    State,
    Sum,
    Variable,
    real,
    unit,
    variables,
)
from fwp.testing.terms import NAMESPACE, W


def read(text: str):
    return eval(text, dict(NAMESPACE))


@pytest.mark.users
@pytest.mark.parametrize(
    "text, axes",
    [
        ("W", "value key"),
        ("beta", ""),
        ("v * k", "value key"),
        ("k * v", "key value"),
        ("k * k", "key"),
        ("beta * v", "value"),
        ("W * k", "value key"),
        ("W * v", "value key"),
        ("k * W", "key value"),
        ("W @ k", "value"),
        ("k @ W", "value"),
        ("v @ W", "key"),
        ("W @ M", ""),
        ("v @ W @ k", ""),
        ("W @ rename(W, value='value2')", "value value2"),
        ("T @ W", "channel"),
        ("T @ x", "value key"),
        ("A @ k", "key2"),
        ("A @ rename(k, key='key2')", "key"),
        ("W + v * k", "value key"),
        ("v * k + k * v", "value key"),
        ("k * v + v * k", "key value"),
        ("v * k - W", "value key"),
        ("-W", "value key"),
        ("2 * W", "value key"),
        ("2 * ein('o, i -> i o', v, k)", "key value"),
        ("beta * ein('o, i -> i o', v, k)", "key value"),
        ("W / 2", "value key"),
        ("W / beta", "value key"),
        ("1 / beta", ""),
        ("1 - beta", ""),
        ("v / v", "value"),
        ("W ** 2", "value key"),
        ("k ** 3", "key"),
        ("tanh(W @ k)", "value"),
        ("softmax(W, 'key')", "value key"),
        ("normalize(k * v, 'value')", "key value"),
        ("ones('value', 'key')", "value key"),
        ("ones()", ""),
        ("eye('key', 'key2') @ k", "key2"),
        ("tril('value', 'value2')", "value value2"),
        ("rename(W, value='key', key='value')", "key value"),
        ("rename(W @ k, value='key')", "key"),
        ("ein('o i, i -> o', W, k)", "value"),
        ("ein('o i -> i o', W)", "key value"),
        ("ein('o, i -> i o', v, k)", "key value"),
        ("ein('o i ->', W)", ""),
        ("ein(', i -> i', beta, k)", "key"),
    ],
)
def test_axes_are_inferred(text: str, axes: str) -> None:
    assert " ".join(read(text).axes) == axes


@pytest.mark.parametrize(
    "text",
    [
        "v + k",
        "W - v",
        "1 + v",
        "v - 1",
        "v @ k",
        "beta @ k",
        "W @ 2",
        "2 @ W",
        "v / 0",
        "k ** 0",
        "k ** -1",
        "k ** 0.5",
        "k ** beta",
        "k ** True",
        "k * None",
        "k + 'k'",
        "k * [1, 2]",
        "k * True",
        "k * (1 + 2j)",
        "k * float('inf')",
        "float('nan') * k",
        "softmax(k, 'value')",
        "softmax(beta, 'key')",
        pytest.param("softmax(k, None)", marks=pytest.mark.nohook),
        pytest.param("tanh('k')", marks=pytest.mark.nohook),
        "eye('value', 'value')",
        "tril('a', 'a')",
        "ones('')",
        "ones('_a')",
        "ones('a_')",
        "ones('a b')",
        "ones('class')",
        "ones('a', 'a')",
        "rename(W, value='key')",
        "rename(W, val='key')",
        "rename(k, key='')",
        "ein('o i, i -> o', W, v)",
    ],
)
def test_what_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(AxisError):
        read(text)


@pytest.mark.parametrize("name", ["2k", "a b", "", "class", "k-1", "ﬁ"])
def test_a_variable_is_named_by_an_identifier(name: str) -> None:
    with pytest.raises(AxisError, match="identifier"):
        Variable(name, (), Role.SLOT, unit, ())


def test_names_are_read_as_python_reads_them() -> None:
    """The micro sign of a keyboard is the Greek letter to Python, wherever an identifier is written."""
    assert Slot("\u00b5") == Slot("\u03bc")


@pytest.mark.parametrize("axes", ["key key", "_key", "key_", "1", "key-2", "lambda"])
def test_a_slot_has_axes_with_names_of_their_own(axes: str) -> None:
    with pytest.raises(AxisError):
        Slot("z", axes)


def test_declarations() -> None:
    assert State("W", "value key") == W
    assert (Slot("beta").domain, Slot("k", "key").domain, Slot("b", "key", unit).domain) == (unit, real, unit)
    assert Signal("x").declared == Increment("dx").declared == ("channel",)
    assert {State("a", "").role, Slot("a").role, Signal("a").role, Increment("a").role} == set(Role)


def test_a_domain_speaks_of_an_axis_that_the_variable_has() -> None:
    with pytest.raises(AxisError):
        Slot("p", "key", Domain(DomainKind.SIMPLEX, "value"))
    with pytest.raises(DomainError):
        Domain(DomainKind.SIMPLEX)
    with pytest.raises(DomainError):
        Domain(DomainKind.UNIT, "key")


def test_domains_are_ordered_by_inclusion() -> None:
    kinds = {
        kind: Domain(kind, "key" if kind in (DomainKind.SIMPLEX, DomainKind.SPHERE) else None) for kind in DomainKind
    }
    inside = {
        (one.value, other.value) for one, a in kinds.items() for other, b in kinds.items() if one != other and a <= b
    }
    assert inside == {
        ("nonnegative", "real"),
        ("unit", "nonnegative"),
        ("unit", "real"),
        ("simplex", "unit"),
        ("simplex", "nonnegative"),
        ("simplex", "real"),
        ("sphere", "real"),
    }
    assert all(a <= a for a in kinds.values())
    assert not Domain(DomainKind.SIMPLEX, "key") <= Domain(DomainKind.SIMPLEX, "value")


def test_a_term_is_a_value() -> None:
    term = read("beta * (v - W @ k) * k")
    assert term == read("beta * (v - W @ k) * k")
    assert hash(term) == hash(read("beta * (v - W @ k) * k"))
    assert term != read("beta * (v - W @ k) * w")
    with pytest.raises(AttributeError):
        term.axes = ("key",)


def test_variables_in_order_of_appearance_and_as_declared() -> None:
    assert [x.name for x in variables(read("beta * (v - W @ k) * k"), read("k * w"))] == ["beta", "v", "W", "k", "w"]
    assert variables(read("rename(W, value='value2')")) == (W,)


def test_one_name_cannot_mean_two_variables() -> None:
    with pytest.raises(AxisError, match="two different variables"):
        variables(Slot("z", "key") * Slot("z", "value"))


def test_nodes_check_themselves() -> None:
    """json builds them without the operators."""
    v, k = read("v"), read("k")
    with pytest.raises(AxisError):
        Product((v,), ("value", "key"))
    with pytest.raises(AxisError):
        Sum((v, k), ("value",))
    with pytest.raises(AxisError):
        Sum((), ())
