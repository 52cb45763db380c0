"""The facts of each primitive, against numpy, scipy and finite differences."""

import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from fwp.terms import DomainKind, Primitive
from fwp.terms.primitive import Monotone
from fwp.testing.numbers import error
from fwp.testing.terms import seeds

INDEPENDENT = {
    Primitive.SIGMOID: lambda x, axis: scipy.special.expit(x),
    Primitive.TANH: lambda x, axis: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
    Primitive.SOFTPLUS: lambda x, axis: np.log1p(np.exp(x)),
    Primitive.RELU: lambda x, axis: np.where(x > 0, x, 0),
    Primitive.EXP: lambda x, axis: np.vectorize(math.exp)(x),
    Primitive.LOG: lambda x, axis: np.vectorize(math.log)(x),
    Primitive.SQRT: lambda x, axis: x**0.5,
    Primitive.SQUARE: lambda x, axis: x**2.0,
    Primitive.RECIPROCAL: lambda x, axis: x**-1.0,
    Primitive.SOFTMAX: lambda x, axis: scipy.special.softmax(x, axis=axis),
    Primitive.NORMALIZE: lambda x, axis: x / np.linalg.norm(x, axis=axis, keepdims=True),
}
POSITIVE = {Primitive.LOG, Primitive.SQRT}
AWAY_FROM_ZERO = {Primitive.RECIPROCAL, Primitive.RELU, Primitive.NORMALIZE}


def arguments(primitive: Primitive, seed: int) -> np.ndarray:
    """A matrix in the primitive's domain of definition, away from where it has no derivative."""
    x = 2 * np.random.default_rng(seed).normal(size=(3, 5))
    if primitive in POSITIVE | AWAY_FROM_ZERO:
        x = np.copysign(np.abs(x) + 0.1, x)
    return np.abs(x) if primitive in POSITIVE else x


def test_every_primitive_is_tested() -> None:
    assert set(INDEPENDENT) == set(Primitive)


@pytest.mark.users
@pytest.mark.parametrize("primitive", Primitive, ids=lambda p: p.name.lower())
@given(seed=seeds, axis=st.integers(0, 1))
def test_meaning(primitive: Primitive, seed: int, axis: int) -> None:
    x = arguments(primitive, seed)
    assert error(primitive.facts.meaning(x, axis), INDEPENDENT[primitive](x, axis)) <= 1e-14


@pytest.mark.parametrize("primitive", Primitive, ids=lambda p: p.name.lower())
@given(seed=seeds, axis=st.integers(0, 1))
def test_tangent(primitive: Primitive, seed: int, axis: int) -> None:
    """Central differences, fourth order."""
    x, h = arguments(primitive, seed), 1e-3
    dx = np.random.default_rng(seed + 1).normal(size=x.shape) / 10

    def at(c: float) -> np.ndarray:
        return INDEPENDENT[primitive](x + c * h * dx, axis)

    reference = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
    assert error(primitive.facts.tangent(x, dx, axis), reference) <= 1e-8


@pytest.mark.parametrize("primitive", Primitive, ids=lambda p: p.name.lower())
@given(seed=seeds, axis=st.integers(0, 1))
def test_range(primitive: Primitive, seed: int, axis: int) -> None:
    y = np.asarray(primitive.facts.meaning(arguments(primitive, seed), axis))
    match primitive.facts.range:
        case DomainKind.REAL:
            assert np.isfinite(y).all()
        case DomainKind.NONNEGATIVE:
            assert (y >= 0).all()
        case DomainKind.UNIT:
            assert ((y >= 0) & (y <= 1)).all()
        case DomainKind.SIMPLEX:
            assert (y >= 0).all() and np.allclose(y.sum(axis), 1, rtol=0, atol=1e-14)
        case DomainKind.SPHERE:
            assert np.allclose((y * y).sum(axis), 1, rtol=0, atol=1e-14)


@pytest.mark.parametrize("primitive", Primitive, ids=lambda p: p.name.lower())
@given(seed=seeds, axis=st.integers(0, 1))
def test_monotonicity(primitive: Primitive, seed: int, axis: int) -> None:
    one, other = arguments(primitive, seed), arguments(primitive, seed + 1)
    f, g = (np.asarray(primitive.facts.meaning(x, axis)) for x in (one, other))
    match primitive.facts.monotone:
        case Monotone.STRICTLY:
            assert (np.sign(f - g) == np.sign(one - other)).all()
        case Monotone.WEAKLY:
            assert ((f - g) * (one - other) >= 0).all()
        case Monotone.GRADIENT:
            assert (((f - g) * (one - other)).sum(axis) >= -1e-14).all()
        case Monotone.NO:
            pass


@pytest.mark.parametrize("primitive", Primitive, ids=lambda p: p.name.lower())
def test_what_is_called_not_monotone_is_not(primitive: Primitive) -> None:
    if primitive.facts.monotone is Monotone.NO:
        x = np.array([-3.0, -2.0, 2.0, 3.0])
        steps = np.diff(primitive.facts.meaning(x, 0))
        assert (steps > 0).any() and (steps < 0).any()


@pytest.mark.parametrize("primitive", Primitive, ids=lambda p: p.name.lower())
def test_numbers_without_axes(primitive: Primitive) -> None:
    if not primitive.facts.over_axis:
        for x in (0.7, 2.5):
            assert primitive.facts.meaning(np.asarray(x), 0) == pytest.approx(INDEPENDENT[primitive](np.asarray(x), 0))


@pytest.mark.parametrize("x", [-1e4, -745.0, -40.0, 0.0, 40.0, 745.0, 1e4])
def test_far_out_nothing_overflows(x: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        at = np.asarray([x, 0.0])
        assert Primitive.SIGMOID.facts.meaning(at, 0)[0] == pytest.approx(scipy.special.expit(x), abs=1e-300)
        assert Primitive.SOFTPLUS.facts.meaning(at, 0)[0] == pytest.approx(max(x, 0.0), abs=1e-15) or abs(x) < 100
        assert np.isfinite(Primitive.SOFTMAX.facts.meaning(at, 0)).all()
        assert np.isfinite(Primitive.TANH.facts.tangent(at, at, 0)).all()
        assert np.isfinite(Primitive.SIGMOID.facts.tangent(at, at, 0)).all()


def test_signs_are_distinct() -> None:
    assert len({p.facts.unicode for p in Primitive}) == len({p.facts.latex for p in Primitive}) == len(Primitive)
