"""Renaming: what is free moves, what is bound steps aside, and two axes never become one."""

import numpy as np
import pytest
from hypothesis import assume, given

from fwp.errors import AxisError
from fwp.terms import Slot, Variable, equivalent, evaluate, eye, normal, rename, show, softmax, tanh
from fwp.testing.numbers import error
from fwp.testing.terms import NAMESPACE, W, seeds, sizes, stem, terms, values

k, v, A, w = (NAMESPACE[name] for name in ("k", "v", "A", "w"))


@pytest.mark.users
def test_a_second_copy_of_an_axis() -> None:
    copy = rename(W, value="value2")
    assert copy.axes == ("value2", "key")
    assert isinstance(copy, Variable) and copy.declared == ("value", "key")
    assert (W @ copy).axes == ("value", "value2")


def test_a_swap_is_done_all_at_once() -> None:
    swapped = rename(A, key="key2", key2="key")
    assert swapped.axes == ("key2", "key")
    given = np.arange(4.0).reshape(2, 2)
    assert (evaluate(swapped, {"A": given}) == given).all()
    assert (evaluate(A + swapped, {"A": given}) == given + given.T).all()


def test_a_bound_axis_steps_aside() -> None:
    """A @ k sums key and keeps key2; called key, the kept axis must not be caught by the sum."""
    moved = rename(A @ k, key2="key")
    arrays = {"A": np.arange(4.0).reshape(2, 2), "k": np.array([5.0, 7.0])}
    assert moved.axes == ("key",)
    assert (evaluate(moved, arrays) == arrays["k"] @ arrays["A"]).all()
    assert "key3" in show(moved)


def test_a_bound_axis_steps_aside_for_every_name_in_sight() -> None:
    matrix = Slot("B", "key2 key")
    term = matrix @ k
    arrays = {"B": np.arange(4.0).reshape(2, 2), "k": np.array([5.0, 7.0])}
    for name in ("key", "key3", "key4", "value"):
        assert (evaluate(rename(term, key2=name), arrays) == arrays["B"] @ arrays["k"]).all()


def test_a_renamed_output_can_be_fed_back() -> None:
    """value and key of different sizes: a bound axis is renamed within its own product only."""
    fed = rename(W @ k, value="key")
    arrays = {"W": np.arange(6.0).reshape(3, 2), "k": np.array([5.0, 7.0])}
    assert (evaluate(fed, arrays) == arrays["W"] @ arrays["k"]).all()


def test_the_axis_of_a_primitive_follows() -> None:
    moved = rename(softmax(W, "key"), key="key2")
    assert moved == softmax(rename(W, key="key2"), "key2")


def test_the_domain_of_a_variable_stays_with_its_declaration() -> None:
    p = NAMESPACE["p"]
    assert rename(p, key="key2").domain == p.domain


def test_nothing_to_do_is_the_same_value() -> None:
    assert rename(W) == rename(W, value="value") == W


def test_an_axis_may_have_any_name_of_an_axis() -> None:
    assert rename(Slot("z", "term"), term="axes").axes == ("axes",)
    assert rename(Slot("z", "self"), self="term").axes == ("term",)


@pytest.mark.parametrize("axes", [{"value": "key"}, {"value": "a", "key": "a"}])
def test_two_axes_never_become_one(axes: dict[str, str]) -> None:
    with pytest.raises(AxisError, match="one axis of two"):
        rename(W, **axes)


def test_only_its_own_free_axes_can_be_renamed() -> None:
    with pytest.raises(AxisError, match="does not have it"):
        rename(W @ k, key="key2")
    with pytest.raises(AxisError, match="does not have it"):
        rename(NAMESPACE["beta"], key="key2")


@given(terms(), seeds)
def test_renaming_changes_names_and_no_number(term, seed) -> None:
    assume(term.axes)
    names = {a: f"{stem(a)}{i + 7}" for i, a in enumerate(term.axes)}
    moved = rename(term, **names)
    assert moved.axes == tuple(names[a] for a in term.axes)
    arrays = values(seed, term)
    assert error(evaluate(moved, arrays, sizes(term, moved)), evaluate(term, arrays, sizes(term))) == 0


@given(terms())
def test_renaming_there_and_back_is_nothing(term) -> None:
    assume(term.axes)
    names = {a: f"{stem(a)}{i + 7}" for i, a in enumerate(term.axes)}
    back = rename(rename(term, **names), **{new: old for old, new in names.items()})
    assert normal(back) == normal(term)


def test_a_trace_is_written_with_the_identity() -> None:
    trace = A @ eye("key", "key2")
    assert evaluate(trace, {"A": np.diag([3.0, 4.0])}) == 7


def test_renaming_commutes_with_maps_and_sums() -> None:
    assert rename(tanh(w) + k, key="key2") == tanh(rename(w, key="key2")) + rename(k, key="key2")
    assert equivalent(rename(W @ k, value="value2"), rename(W, value="value2") @ k)
