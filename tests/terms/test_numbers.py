"""Numbers are terms without axes; they are gathered, exact, and print as written."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp.errors import AxisError
from fwp.terms import Scale, as_term, ein, evaluate, show
from fwp.testing.terms import NAMESPACE, factors


def read(text: str):
    return eval(text, {**NAMESPACE, "np": np, "Fraction": Fraction})


@pytest.mark.users
@pytest.mark.parametrize(
    "text, shown",
    [
        ("1 - beta", "1 - β"),
        ("beta - 1", "β - 1"),
        ("-v", "-v"),
        ("--v", "v"),
        ("+v", "v"),
        ("v / 2", "v / 2"),
        ("2 * v", "2 * v"),
        ("v * 2", "2 * v"),
        ("0.1 * v", "v / 10"),
        ("2 * v / 3", "2 * v / 3"),
        ("-v / 2", "-v / 2"),
        ("v - v / 2", "v - v / 2"),
        ("v ** 2", "square(v)"),
        ("v ** 1", "v"),
        ("beta ** 3", "β * β * β"),
        ("0 + W", "W"),
        ("W + 0", "W"),
        ("W - 0", "W"),
        ("0 - W", "-W"),
        ("sum([W, W])", "W + W"),
        ("sum([])", "0"),
        ("1 + beta + 2", "3 + β"),
        ("1 + beta - 1", "β"),
        ("2 * (3 * v)", "6 * v"),
        ("(2 * v) * (3 * k)", "6 * v * k"),
        ("1 * v", "v"),
        ("0 * v", "0 * v"),
        ("0.5 * beta + 1", "β / 2 + 1"),
        ("Fraction(2, 3) * v", "2 * v / 3"),
        ("np.float64(0.5) * v", "v / 2"),
        ("v * np.float32(0.5)", "v / 2"),
        ("np.float32(0.5) * v", "v / 2"),
        ("np.int64(3) * v", "3 * v"),
        ("1 / beta", "reciprocal(β)"),
        ("v / beta", "v * reciprocal(β)"),
        ("v / (2 * beta)", "v * reciprocal(2 * β)"),
    ],
)
def test_numbers_are_gathered(text: str, shown: str) -> None:
    term = as_term(read(text))
    assert show(term) == shown
    assert as_term(read(shown.replace("β", "beta"))) == term


@given(factors, factors)
def test_a_number_is_exact(one: float, other: float) -> None:
    """Up to the one reading of a float that is a short fraction, such as 0.1."""
    v = NAMESPACE["v"]
    term = one * (other * v)
    factor = term.factor if isinstance(term, Scale) else Fraction(1)
    assert float(factor) == pytest.approx(one * other, rel=1e-15, abs=0)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives(number: float) -> None:
    v = NAMESPACE["v"]
    assert (evaluate(number * v, {"v": np.ones(3)}) == number).all()


def test_a_scalar_expression_with_numbers_means_what_it_says() -> None:
    beta = NAMESPACE["beta"]
    assert evaluate(1 - 2 * beta / 3 + beta**2, {"beta": 0.6}) == pytest.approx(1 - 0.4 + 0.36)


@pytest.mark.nohook
@pytest.mark.parametrize("make", [np.ones, torch.ones])
def test_arrays_are_no_numbers(make) -> None:
    """From neither side, and not entry by entry either."""
    v = NAMESPACE["v"]
    for wrong in (
        lambda: make(3) * v,
        lambda: v * make(3),
        lambda: make(3) + v,
        lambda: v @ make(3),
        lambda: make(3) @ v,
    ):
        with pytest.raises(AxisError, match=r"neither a term nor a number|torch's functions take tensors"):
            wrong()
    with pytest.raises(AxisError):
        ein("i -> i", make(3))
