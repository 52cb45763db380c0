"""The means along flows are those of the differential equations, at every size of e and z, and so are their derivatives."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from fwp.solvers.flows import NEAR, mean_softmax, mean_tanh, tanh_series

DOUBLE = torch.float64
RATES = [0.0, 1e-12, 1e-8, 1e-3, 0.9 * NEAR, 1.1 * NEAR, 0.95, 1.05, 3.0, 50.0]


def end(e: np.ndarray, z: float, rate: object) -> np.ndarray:
    found = solve_ivp(lambda _, y: -z * rate(y), (0, 1), e, method="DOP853", rtol=1e-13, atol=1e-14)  # type: ignore[operator]
    return found.y[:, -1]


def softmax(e: np.ndarray) -> np.ndarray:
    weights = np.exp(e - e.max())
    return weights / weights.sum()


@pytest.mark.parametrize("z", [-2.0, -0.5, 0.3, 1.0, 4.0])
def test_tanh_is_the_flow(z: float) -> None:
    e = np.array([-6.0, -1.0, -1e-3, 0.0, 0.2, 2.0, 20.0])
    found = mean_tanh(torch.tensor(e), torch.tensor(z, dtype=DOUBLE))
    assert np.abs(e - z * found.numpy() - end(e, z, np.tanh)).max() < 1e-12


@pytest.mark.parametrize("z", [0.01, 0.3, 1.0, 4.0, 30.0])
def test_softmax_is_the_flow(z: float) -> None:
    for e in (np.array([-1.0, 0.0, 0.5, 3.0]), np.zeros(5), np.array([2.0]), np.array([20.0, 0.0, -20.0])):
        found = mean_softmax(torch.tensor(e), torch.tensor(z, dtype=DOUBLE))
        assert np.abs(e - z * found.numpy() - end(e, z, softmax)).max() < 1e-12


def test_at_zero_they_are_the_rate() -> None:
    e, z = torch.randn(4, 5, dtype=DOUBLE), torch.zeros(4, dtype=DOUBLE)
    torch.testing.assert_close(mean_tanh(e, z[:, None]), e.tanh(), rtol=0, atol=1e-15)
    torch.testing.assert_close(mean_softmax(e, z), e.softmax(-1), rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extremes(dtype: torch.dtype) -> None:
    e = torch.tensor([0.0, 1e-30, -300.0, 1e4, -1e4], dtype=dtype)
    z = torch.tensor([-50.0, -3.0, 0.0, 1e-30, 0.5, 50.0, 1e3], dtype=dtype)[:, None]
    found = mean_tanh(e, z)
    assert found.isfinite().all()
    assert (found.abs() <= 1).all()
    assert (found[:, 0] == 0).all()
    torch.testing.assert_close(found[:5, 3], torch.ones(5, dtype=dtype))  # nothing slows a large error
    torch.testing.assert_close(found[6, 2], torch.tensor(-0.3, dtype=dtype))  # which 1000 units of it use up
    for own in (e, torch.zeros_like(e), torch.tensor([3e4, 1.0], dtype=dtype), e.mul(1e-2)):
        means = mean_softmax(own.expand(6, -1), z[1:, 0].abs())
        assert means.isfinite().all()
        assert (means >= 0).all()
        torch.testing.assert_close(means.sum(-1), torch.ones(6, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_softmax_converges(dtype: torch.dtype) -> None:
    """The steps of Newton suffice for what a rule can meet: the equation that defines the end holds to rounding."""
    for scale in (0.1, 1.0, 10.0, 100.0, 1000.0):
        for rows in (1, 2, 5, 20, 64):
            e = (torch.randn(200, rows, dtype=DOUBLE) * scale).to(dtype)
            z = torch.logspace(-8, 3.5, 200, dtype=dtype)
            moves = mean_softmax(e, z) * z[:, None]
            # softplus(s + e) = move: s is the same in every row, as far as a move tells it
            s = torch.where(moves > 1e-3, moves + torch.log(-torch.expm1(-moves)), torch.nan) - e
            spread = (s - s.nanmean(-1, keepdim=True)).abs().nan_to_num(0).amax(-1)
            size = 1 + e.abs().amax(-1) + z
            assert (spread / size).max() < (1e-4 if dtype == torch.float32 else 1e-11), (scale, rows)


@pytest.mark.parametrize("z", [*RATES, -0.5, -2.0])
def test_gradients_of_tanh(z: float) -> None:
    edges = torch.tensor([0.0, 1e-9, 1.0, 300.0, -300.0], dtype=DOUBLE)
    e = torch.cat([torch.randn(3, dtype=DOUBLE), edges]).requires_grad_()
    rate = torch.full((8,), z, dtype=DOUBLE, requires_grad=True)
    assert gradcheck(mean_tanh, (e, rate), atol=1e-7)
    assert gradgradcheck(mean_tanh, (e, rate), atol=1e-6)


@pytest.mark.parametrize("z", RATES)
def test_gradients_of_softmax(z: float) -> None:
    e = torch.randn(3, 4, dtype=DOUBLE)
    e[1], e[2] = e[1] * 10, 0
    rate = torch.full((3,), max(z, 1e-5), dtype=DOUBLE, requires_grad=True)  # differences must stay on its side of 0
    assert gradcheck(mean_softmax, (e.requires_grad_(), rate), atol=1e-7)
    assert gradgradcheck(mean_softmax, (e, rate), atol=1e-6)


def derivatives(function: object, e: Tensor, z: Tensor) -> list[Tensor]:
    """The mean, its first and its second derivatives."""
    e, z = e.clone().requires_grad_(), z.clone().requires_grad_()
    mean = function(e, z)  # type: ignore[operator]
    probe = torch.linspace(-1, 2, mean.numel(), dtype=mean.dtype).view_as(mean)
    first = torch.autograd.grad(mean, (e, z), probe, create_graph=True)
    second = [torch.autograd.grad(g.sum(), (e, z), retain_graph=True) for g in first]
    return [x.detach() for x in (mean, *first, *second[0], *second[1])]


def test_derivatives_meet_where_formulas_change() -> None:
    e = torch.tensor([-2.0, -0.3, 0.0, 0.7, 1.5, 6.0], dtype=DOUBLE)
    for border in (-1.0, -NEAR, 0.0, NEAR, 1.0):
        sides = [derivatives(mean_tanh, e, torch.full_like(e, border + side)) for side in (-1e-14, 0.0, 1e-14)]
        for at in zip(*sides, strict=True):
            torch.testing.assert_close(at[0], at[1], rtol=0, atol=1e-11)
            torch.testing.assert_close(at[2], at[1], rtol=0, atol=1e-11)


@pytest.mark.parametrize("z", [*RATES, 1e3])
def test_single_precision_is_double_rounded(z: float) -> None:
    e = torch.tensor([[-300.0, -2.0, -1e-3, 0.0, 0.4, 3.0, 20.0]])
    for function, rate in ((mean_tanh, torch.full((1, 1), z)), (mean_softmax, torch.full((1,), z))):
        exact = derivatives(function, e.double(), rate.double())
        for found, wanted in zip(derivatives(function, e, rate), exact, strict=True):
            torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-4)


def test_the_series_is_the_derivative() -> None:
    """Against differences of the mean itself, at the largest |z| that the series serves."""
    x, z, h = 0.6, 0.09, 1e-6
    e = torch.tensor(x, dtype=DOUBLE).atanh()
    up, down = (mean_tanh(e, torch.tensor(z + d, dtype=DOUBLE)) for d in (h, -h))
    series = sum(c * x ** (2 * i) * z**j for i, row in enumerate(tanh_series(14)) for j, c in enumerate(row))
    assert abs(float(up - down) / (2 * h) - x * (1 - x * x) * series) < 1e-9


def test_not_a_number_stays_one() -> None:
    bad, good = torch.tensor([torch.nan, 1.0]), torch.tensor([0.5, 0.5])
    assert mean_tanh(bad, good).isnan().tolist() == [True, False]
    assert mean_tanh(good, bad * 3).isnan().tolist() == [True, False]
    assert mean_softmax(bad, torch.tensor(0.5)).isnan().all()
    assert mean_softmax(good, torch.tensor(torch.nan)).isnan().all()


def test_mapped_and_broadcast() -> None:
    e, z = torch.randn(4, 3, dtype=DOUBLE), torch.rand(4, dtype=DOUBLE, requires_grad=True)
    one_by_one = torch.stack([mean_softmax(a, b) for a, b in zip(e, z, strict=True)])
    torch.testing.assert_close(torch.func.vmap(mean_softmax)(e, z), one_by_one)
    (grad,) = torch.autograd.grad(mean_tanh(e, z[:, None]).sum(), z)
    assert grad.shape == z.shape
