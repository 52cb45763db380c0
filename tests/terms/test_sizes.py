"""An axis name means one size throughout a term; who disagrees is told who says what."""

import numpy as np
import pytest

from fwp.errors import SizeError
from fwp.terms import axis_classes, axis_sizes, differentiate, evaluate, eye, ones, rename, tril
from fwp.testing.terms import NAMESPACE, W

k, v, A, beta = (NAMESPACE[name] for name in ("k", "v", "A", "beta"))


@pytest.mark.users
def test_sizes_come_from_shapes() -> None:
    term = beta * (v - W @ k) * k
    assert axis_sizes([term], {"W": (3, 2), "k": (2,), "v": (3,), "beta": ()}) == {"value": 3, "key": 2}


def test_an_axis_borne_under_another_name_has_the_size_it_has() -> None:
    assert axis_sizes([rename(W, value="a", key="b")], {"W": (3, 2)}) == {"a": 3, "b": 2}


def test_constants_hand_sizes_on() -> None:
    chain = eye("value", "a") @ tril("a", "b") @ eye("b", "c")
    assert axis_sizes([v, chain], {"v": (3,)}) == {"value": 3, "a": 3, "b": 3, "c": 3}


def test_given_sizes_serve_constants() -> None:
    assert evaluate(ones("value"), {}, {"value": 4}).shape == (4,)
    assert evaluate(eye("value", "value2") @ v, {"v": np.ones(3)}).shape == (3,)


@pytest.mark.parametrize(
    "term, shapes, given, words",
    [
        (W @ k, {"W": (3, 2)}, {}, "no value was given for `k`"),
        (W @ k, {"W": (3, 2), "k": (5,)}, {}, "'key' has two sizes"),
        (W @ k, {"W": (3, 2, 1), "k": (2,)}, {}, "does not have its declared axes"),
        (W @ k, {"W": (3,), "k": (2,)}, {}, "does not have its declared axes"),
        (W, {"W": (3, 2)}, {"value": 4}, "'value' has two sizes"),
        (ones("value"), {}, {}, "is not known"),
        (v + ones("value"), {"v": (3,)}, {"value": 2}, "two sizes"),
        (tril("value", "key") * W, {"W": (3, 2)}, {}, "two sizes"),
        (A @ eye("key", "key2"), {"A": (2, 3)}, {}, "two sizes"),
        (W @ rename(W, value="value2"), {"W": (3, 2)}, {"value2": 4}, "two sizes"),
    ],
)
def test_what_does_not_agree(term, shapes, given, words: str) -> None:
    with pytest.raises(SizeError, match=words):
        axis_sizes([term], shapes, given)


def test_evaluate_and_differentiate_check_shapes() -> None:
    with pytest.raises(SizeError):
        evaluate(W @ k, {"W": np.ones((3, 2)), "k": np.ones(3)})
    with pytest.raises(SizeError):
        differentiate(2 * k, {"k": np.ones(3)}, {"k": np.ones(())})
    with pytest.raises(SizeError):
        differentiate(W @ k, {"W": np.ones((3, 2)), "k": np.ones(2)}, {"k": np.ones(3)})


def test_axes_of_equal_size() -> None:
    def classes(*terms) -> set[frozenset[str]]:
        return {c for c in axis_classes(terms) if len(c) > 1}

    assert classes(W @ k) == set()
    assert classes(rename(W, value="value2")) == {frozenset({"value", "value2"})}
    assert classes(eye("a", "b"), tril("b", "c")) == {frozenset("abc")}
    assert classes(ones("a", "b")) == set()
    assert {c for c in axis_classes([W]) if len(c) == 1} == {frozenset({"value"}), frozenset({"key"})}
