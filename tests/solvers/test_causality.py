"""What has not been observed yet changes nothing: E10 of theorems.md, for every method, bit for bit."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp import controls, solve
from fwp.controls import Causality, Control, Kind
from fwp.data import Series
from fwp.fields import direct, first_write, increments_only, keys_from_increments, keys_from_signal, plain, zero
from fwp.rules import delta, dx, hebb, oja, softmax_oja, tanh_delta
from fwp.solvers import METHODS
from fwp.solvers.torchdiffeq import Family
from tests.fields.nets import built, close, few, some_series
from tests.solvers.reference import choices

CAUSAL = [
    Control(kind, time) for kind in Kind for time in (True, False) if Control(kind).causality is not Causality.NONE
]
QUICK = ["euler", "midpoint", "heun3", "rk4", "dopri5", "explicit_adams"]

PAIRS = {
    "direct": (delta, direct()),
    "eq. 24": (oja, plain(values=dx)),
    "dx only": (tanh_delta, increments_only()),
    "v2": (delta, keys_from_increments()),
    "v1": (softmax_oja, keys_from_signal()),
    "keys from dx": (hebb, plain(keys=dx)),
}


def changed_after(data: Series, knot: int) -> Series:
    """Other values and other times, all after the observation at `knot`; the numbers of knots stay."""
    values, times = data.values.clone(), data.times.clone()
    values[:, knot + 1 :] = values[:, knot + 1 :].sin() * 3 + 1
    times[:, knot + 1 :] += 0.37
    return replace(data, values=values, times=times)


def place(control: Control, observation: int) -> int:
    """The knot that stands right after an observation."""
    return 2 * observation if control.kind is Kind.RECTILINEAR else observation


@pytest.mark.users
@pytest.mark.parametrize("gradient", ["exact", "adjoint"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("method", METHODS)
def test_no_method_reads_the_next_interval_at_a_knot(method, dtype, gradient):
    """Keys from a piecewise constant derivative; 70 knots in all, so that torchdiffeq is called more than once."""
    net = built(delta, plain(keys=dx), heads=1, key=2, value=2).to(dtype=dtype)
    data = some_series(batch=2, time=70).to(dtype=dtype)
    slow = METHODS[method] in (Family.ADAPTIVE, Family.SCIPY)
    knot = 3 if slow else 66
    data = data if not slow else Series(data.values[:, :7], data.times[:, :7], data.mask[:, :7], data.lengths - 63)
    with torch.no_grad():
        ours, theirs = (
            solve(net(d), "knots", gradient=gradient, **choices(method, 1, 1e-3))
            for d in (data, changed_after(data, knot))
        )
    assert torch.equal(ours.states["W"][:, : knot + 1], theirs.states["W"][:, : knot + 1])
    assert not torch.equal(ours.states["W"][:, knot + 1], theirs.states["W"][:, knot + 1])
    assert torch.equal(ours.read()[:, 1 : knot + 1], theirs.read()[:, 1 : knot + 1])


@few
@given(
    st.sampled_from(CAUSAL),
    st.sampled_from(QUICK),
    st.sampled_from(["exact", "adjoint"]),
    st.sampled_from(list(PAIRS)),
    st.integers(0, 5),
    st.sampled_from([0.0, 0.4]),
    st.integers(0, 2**32 - 1),
)
def test_states_and_read_outs_know_only_what_was_observed(control, method, gradient, pair, observation, missing, seed):
    rule, projection = PAIRS[pair]
    torch.manual_seed(seed)
    net = built(rule, projection, control)
    data = some_series(time=7, missing=missing, seed=seed)
    with torch.no_grad():
        ours, theirs = (
            solve(net(d), "knots", method=method, gradient=gradient) for d in (data, changed_after(data, observation))
        )
    knot = place(control, observation)
    begins_causally = projection.initial == zero or projection == direct()
    first = 0 if begins_causally else 1  # a first write from dx(t₀) knows the first interval, as the published ones do
    assert torch.equal(ours.states["W"][:, first : knot + 1], theirs.states["W"][:, first : knot + 1])
    assert torch.equal(ours.read()[:, 1 : knot + 1], theirs.read()[:, 1 : knot + 1])


@few
@given(st.sampled_from(["rk4", "dopri5"]), st.floats(0, 1), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_a_rectilinear_path_is_causal_at_every_instant(method, fraction, observation, seed):
    """Between two observations the state knows the last one, and that no other has come yet."""
    net = built(delta, plain(keys=dx), controls.rectilinear)
    data = some_series(time=6, seed=seed)
    before, after = data.times[:, observation], data.times[:, observation + 1]
    wanted = torch.minimum(before + fraction * (after - before), after - 1e-9)[:, None]
    with torch.no_grad():
        ours, theirs = (solve(net(d), wanted, method=method) for d in (data, changed_values(data, observation)))
    assert torch.equal(ours.states["W"], theirs.states["W"])
    assert torch.equal(ours.read(), theirs.read())


def changed_values(data: Series, observation: int) -> Series:
    return replace(changed_after(data, observation), times=data.times)


@pytest.mark.parametrize("method", ["rk4", "dopri5"])
def test_between_observations_a_line_knows_the_next_one(method):
    """Causality OBSERVATION says no more than it means: half way to a knot its value shows."""
    net = built(delta, plain(keys=dx))
    data = some_series()
    half = (data.times[:, 2:3] + data.times[:, 3:4]) / 2
    with torch.no_grad():
        ours, theirs = (solve(net(d), half, method=method) for d in (data, changed_values(data, 2)))
    assert not torch.equal(ours.states["W"], theirs.states["W"])


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_a_natural_cubic_spline_knows_the_future(method):
    net = built(delta, plain(keys=dx), controls.natural_cubic)
    data = some_series()
    with torch.no_grad():
        ours, theirs = (solve(net(d), "knots", method=method).states["W"][:, 2] for d in (data, changed_after(data, 2)))
    assert not torch.equal(ours, theirs)


def test_a_beginning_from_x_is_causal_and_one_from_dx_is_not():
    data = some_series()
    for projection, causal in [(direct(), True), (keys_from_increments(initial=first_write()), False)]:
        net = built(delta, projection)
        first = [net(d).initial()["W"] for d in (data, changed_after(data, 0))]
        assert torch.equal(*first) == causal


@few
@given(st.sampled_from(CAUSAL), st.sampled_from(QUICK), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_a_prefix_is_solved_like_the_whole(control, method, last, seed):
    """States and read-outs at an observation are those of the series that ends there."""
    torch.manual_seed(seed)
    net = built(delta, direct(), control)
    data = some_series(time=6, seed=seed, missing=0.3)
    end = last + 1
    prefix = Series(data.values[:, :end], data.times[:, :end], data.mask[:, :end], torch.full_like(data.lengths, end))
    with torch.no_grad():
        whole, part = (
            solve(net(data), "knots", method=method, backend="torchdiffeq"),
            solve(net(prefix), method=method, backend="torchdiffeq"),
        )
    knot = place(control, last)
    assert torch.equal(whole.states["W"][:, knot], part.final["W"])
    assert close(whole.read()[:, knot], part.read(), 1e-14)  # which sums in another order
