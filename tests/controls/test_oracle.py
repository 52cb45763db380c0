"""torchcde says what the coefficients are, wherever it knows the case: one time grid for the batch."""

import pytest
import torch
import torchcde
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fwp.controls import Path, hermite, linear, natural_cubic, rectilinear
from fwp.data import Series, series
from fwp.testing.strategies import some_batch
from fwp.testing.terms import seeds
from tests.controls.compared import close, knots

sizes = st.permutations([2, 3, 5, 7, 11]).map(lambda order: order[:3])


def shared_grid(seed: int, batch: int, time: int, channel: int, missing: float) -> tuple[Series, Tensor, Tensor]:
    """A batch on the grid of its first sample: as ours, and as torchcde's x (time as channel 0) and t."""
    drawn = some_batch(seed, batch, time, channel, missing)
    t = drawn.times[0]
    values = torch.where(drawn.mask, drawn.values, torch.nan)
    return series(values, t), torch.cat([t[None, :, None].expand(batch, -1, 1), values], -1), t


def filled(x: Tensor) -> Tensor:
    """Carried forward, 0 before the first: what our causal controls say of missing values."""
    start = torch.where(x[:, :1].isnan(), 0, x[:, :1])
    return torchcde.misc.forward_fill(torch.cat([start, x[:, 1:]], 1))


@given(seeds, sizes)
def test_natural_cubic_through_complete_data(seed, size):
    batch, x, t = shared_grid(seed, *size, missing=0.0)
    assert close(natural_cubic(batch).coefficients, torchcde.natural_cubic_coeffs(x, t))


@given(seeds, sizes, st.sampled_from([0.2, 0.5, 0.9]))
def test_natural_cubic_through_missing_data(seed, size, missing):
    batch, x, t = shared_grid(seed, *size, missing)
    assert close(natural_cubic(batch).coefficients, torchcde.natural_cubic_coeffs(x, t))


@given(seeds, sizes, st.sampled_from([0.0, 0.5, 0.9]))
def test_hermite_with_backward_differences(seed, size, missing):
    batch, x, t = shared_grid(seed, *size, missing)
    reference = torchcde.hermite_cubic_coefficients_with_backward_differences(filled(x), t)
    assert close(hermite(batch).coefficients, reference)


@given(seeds, sizes, st.sampled_from([0.0, 0.5, 0.9]))
def test_linear(seed, size, missing):
    batch, x, t = shared_grid(seed, *size, missing)
    path = linear(batch)
    spline = torchcde.LinearInterpolation(torchcde.linear_interpolation_coeffs(filled(x), t), t)
    assert close(knots(path), spline._coeffs)
    assert close(path.pieces[1], spline._derivs)


@given(seeds, sizes, st.sampled_from([0.0, 0.5, 0.9]))
def test_rectilinear_on_its_own_clock(seed, size, missing):
    batch, x, _ = shared_grid(seed, *size, missing)
    path = rectilinear(batch)
    clock = torch.cat([torch.zeros(1), path.steps[0].cumsum(0)])
    x[:, :1] = filled(x[:, :1])
    spline = torchcde.LinearInterpolation(torchcde.linear_interpolation_coeffs(x, rectilinear=0), clock)
    assert close(knots(path), spline._coeffs)
    assert close(path.pieces[1], spline._derivs)
    agree_in_between(path, spline, seed)


@pytest.mark.parametrize("control", [natural_cubic, hermite], ids=lambda control: control.name)
@given(seed=seeds, size=sizes)
def test_cubics_in_between(control, seed, size):
    batch, _, t = shared_grid(seed, *size, missing=0.5)
    path = control(batch)
    agree_in_between(path, torchcde.CubicSpline(path.coefficients, t), seed)


@given(seed=seeds, size=sizes)
def test_lines_in_between(seed, size):
    batch, x, t = shared_grid(seed, *size, missing=0.0)
    agree_in_between(linear(batch), torchcde.LinearInterpolation(x, t), seed)


def agree_in_between(path: Path, spline: torchcde.CubicSpline | torchcde.LinearInterpolation, seed: int) -> None:
    """`at` and `nodes` say what torchcde says at random times."""
    start = spline.grid_points[0]
    fractions = torch.rand(4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 0.98 + 0.01
    x, dx = path.nodes(fractions)
    assert x.shape == (path.batch, path.intervals, 4, path.channels)
    for interval in range(path.intervals):
        left = start + path.steps[0, :interval].sum()
        for node, fraction in enumerate(fractions):
            time = left + fraction * path.steps[0, interval]
            here, slope = path.at(interval, fraction)
            for ours in (here, x[:, interval, node]):
                assert close(ours, spline.evaluate(time))
            for ours in (slope, dx[:, interval, node]):
                assert close(ours, spline.derivative(time))
