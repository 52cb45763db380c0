"""Where states are wanted: at any real times, for each sample its own; and nobody's padding or neighbours matter."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp import controls, solve
from fwp.controls import Control, Kind
from fwp.data import Series, collate, series
from fwp.errors import DataError, SolveError
from fwp.fields import direct, increments_only, keys_from_increments, ncde_wiring, plain, stack
from fwp.rules import ALL, delta, dx, momentum_delta, ncde, oja, tanh_delta
from fwp.solvers import METHODS
from fwp.solvers.torchdiffeq import Family
from tests.fields.nets import built, close, few, random_states, sized, some_series, suitable

CONTROLS = [Control(kind, time) for kind in Kind for time in (True, False)]
FIXED = [m for m, family in METHODS.items() if family is Family.FIXED]
seeds = st.integers(0, 2**32 - 1)


def padded(data: Series, more: int) -> Series:
    """The same series with more padding."""
    time = data.times.shape[1]
    repeat = torch.arange(time + more).clamp(max=time - 1)
    values, mask = data.values[:, repeat].clone(), data.mask[:, repeat].clone()
    values[:, time:], mask[:, time:] = 0, False
    return Series(values, data.times[:, repeat], mask, data.lengths, data.static)


@pytest.mark.users
@few
@given(
    st.sampled_from(CONTROLS), st.sampled_from(FIXED), st.sampled_from(["exact", "adjoint"]), st.integers(1, 3), seeds
)
def test_a_batch_is_its_members_one_by_one(control, method, gradient, steps, seed):
    torch.manual_seed(seed)
    net = built(delta, keys_from_increments(), control)
    data = some_series(batch=4, unequal=True, missing=0.3, seed=seed)
    with torch.no_grad():
        together = solve(net(data), method=method, gradient=gradient, steps=steps)
        for i in range(len(data)):
            length = int(data.lengths[i])
            own = Series(
                data.values[[i], :length], data.times[[i], :length], data.mask[[i], :length], data.lengths[[i]]
            )
            alone = solve(net(own), method=method, gradient=gradient, steps=steps)
            assert close(together.final["W"][[i]], alone.final["W"], 1e-12)
            assert close(together.read()[[i]], alone.read(), 1e-12)
            assert together.times[i] == alone.times[0] == data.times[i, length - 1]


@few
@given(
    st.sampled_from(CONTROLS),
    st.sampled_from(list(METHODS)),
    st.sampled_from(["exact", "adjoint"]),
    st.integers(1, 70),
    seeds,
)
def test_padding_changes_nothing(control, method, gradient, more, seed):
    torch.manual_seed(seed)
    if METHODS[method] in (Family.ADAPTIVE, Family.SCIPY):
        more = 1 + more % 3
    net = built(oja, direct(), control)
    data = some_series(time=4, unequal=True, missing=0.3, seed=seed)
    with torch.no_grad():
        ours, theirs = (
            solve(net(d), method=method, gradient=gradient, backend="torchdiffeq") for d in (data, padded(data, more))
        )
    assert close(theirs.final["W"], ours.final["W"], 1e-13) and close(theirs.read(), ours.read(), 1e-13)
    if METHODS[method] is Family.FIXED:
        assert torch.equal(theirs.final["W"], ours.final["W"]) and torch.equal(theirs.read(), ours.read())


@pytest.mark.parametrize("name", ALL)
def test_every_rule_stands_still_in_padding(name):
    net = built(ALL[name], suitable(name))
    data = some_series(time=4, unequal=True)
    states = {n: 0.3 * s for n, s in random_states(net, 3).items()}
    with torch.no_grad():
        solution = solve(net(padded(data, 3)), "knots", initial=states)
    for state in solution.states.values():
        for i, length in enumerate(data.lengths.tolist()):
            assert (state[i, length - 1 :] == state[i, length - 1]).all()


@few
@given(st.sampled_from(CONTROLS), st.integers(0, 2), seeds)
def test_times_at_observations_are_knots(control, channel, seed):
    """A request is one more knot, so that the same method may take other steps; a fine one agrees."""
    net = built(tanh_delta, direct(squash=False), control)
    data = some_series(seed=seed, missing=0.2)
    with torch.no_grad():
        asked = solve(net(data), data.times, steps=8)
        knots = solve(net(data), "knots", steps=8)
    at = slice(None, None, 2 if control.kind is Kind.RECTILINEAR else 1)
    assert close(asked.states["W"], knots.states["W"][:, at], 1e-12) and close(asked.read(), knots.read()[:, at], 1e-12)
    assert torch.equal(asked.times, data.times) and torch.equal(knots.times[:, at], data.times)


@few
@given(st.sampled_from(CONTROLS), seeds)
def test_each_sample_has_times_of_its_own_and_duplicates_agree(control, seed):
    generator = torch.Generator().manual_seed(seed)
    net = built(delta, plain(), control)
    data = some_series(seed=seed, unequal=True)
    first, last = data.times[:, :1], data.times[:, -1:]
    wanted = (first + (last - first) * torch.rand(3, 4, generator=generator, dtype=torch.float64)).clamp(first, last)
    wanted = torch.cat([wanted, wanted[:, :2], first, last], 1).sort(1).values
    accurate = {"method": "dopri8", "rtol": 1e-7, "atol": 1e-8}
    with torch.no_grad():
        found = solve(net(data), wanted, **accurate)
        alone = {i: solve(net(data), wanted[:, [i]], **accurate) for i in (4,)}
        end = solve(net(data), **accurate)
    assert torch.equal(found.times, wanted) and found.states["W"].shape == (3, 8, 2, 4, 5)
    for i, one in alone.items():  # with other knots and so with other steps
        assert close(found.states["W"][:, [i]], one.states["W"], 1e-5) and close(found.read()[:, [i]], one.read(), 1e-5)
    same = wanted[:, :-1] == wanted[:, 1:]
    before, after = found.states["W"][:, :-1][same], found.states["W"][:, 1:][same]
    assert same.sum() >= 6 and close(before, after, 1e-13)
    assert torch.equal(found.final["W"], found.states["W"][:, -1]) and close(found.final["W"], end.final["W"], 1e-5)


def test_times_may_be_one_for_all():
    net = built(delta, plain())
    data = series(torch.randn(3, 6, 3, dtype=torch.float64))
    wanted = torch.tensor([0.0, 1.5, 1.5, 5.0], dtype=torch.float64)
    with torch.no_grad():
        ours, theirs = solve(net(data), wanted), solve(net(data), wanted.expand(3, -1))
    assert torch.equal(ours.states["W"], theirs.states["W"]) and ours.times.shape == (3, 4)
    assert torch.equal(ours.states["W"][:, 0], net(data).initial()["W"])


def test_a_request_between_knots_restarts_the_step_there():
    """Euler's steps are from knot to knot, and a requested time is a knot."""
    net = built(delta, plain(), heads=1)
    data = series(torch.randn(1, 2, 3, dtype=torch.float64))
    field = net(data)
    with torch.no_grad():
        found = solve(field, torch.tensor([0.25], dtype=torch.float64), method="euler")
        W = field.initial()["W"]
        assert close(found.final["W"], W + 0.25 * field(0.0)({"W": W})["W"], 1e-15)
        end = solve(field, torch.tensor([0.25, 1.0], dtype=torch.float64), method="euler")
        W = found.final["W"]
        assert close(end.final["W"], W + 0.75 * field(0.25)({"W": W})["W"], 1e-15)


@few
@given(st.integers(0, 4), st.floats(0.05, 0.95), st.sampled_from(["rk4", "dopri5"]), seeds)
def test_a_time_between_observations_ends_the_series_there(observation, fraction, method, seed):
    """A rectilinear path at time t is that of the series known at t, whose last row says nothing new."""
    net = built(delta, plain(keys=dx), controls.rectilinear)
    data = some_series(time=6, seed=seed)
    now = data.times[:, observation] + fraction * data.times.diff(dim=1)[:, observation]
    values = torch.cat([data.values[:, : observation + 1], torch.full((3, 1, 3), torch.nan, dtype=torch.float64)], 1)
    known = series(values, torch.cat([data.times[:, : observation + 1], now[:, None]], 1))
    with torch.no_grad():
        asked, ended = solve(net(data), now[:, None], method=method), solve(net(known), method=method)
    bar = 1e-13 if method == "rk4" else 1e-3  # whose steps need not end alike
    assert close(asked.final["W"], ended.final["W"], bar)


def test_series_of_one_observation_stay_where_they_begin():
    net = built(delta, direct())
    for data in (some_series(time=1), some_series(time=5, unequal=True)):
        single = series(data.values, data.times, lengths=torch.ones_like(data.lengths))
        field = net(single)
        for method in METHODS:
            with torch.no_grad():
                assert close(solve(field, method=method).final["W"], field.initial()["W"], 1e-14)


def test_series_of_unequal_lengths_make_one_batch():
    net = built(delta, increments_only())
    items = [some_series(batch=1, time=n, seed=n) for n in (2, 9, 1, 5)]
    with torch.no_grad():
        together = solve(net(collate(items)))
        for i, item in enumerate(items):
            alone = solve(net(item))
            assert close(together.read()[[i]], alone.read(), 1e-13)


@few
@given(seeds, st.floats(-1e6, 1e6))
def test_the_origin_of_time_is_a_convention(seed, origin):
    net = built(delta, plain(), Control(Kind.HERMITE, time=False))
    data = some_series(seed=seed)
    with torch.no_grad():
        here, there = (solve(net(replace(data, times=data.times + t))).final["W"] for t in (0.0, origin))
    assert close(there, here, 1e-8)


@few
@given(st.sampled_from(["ncde", "hebb"]), st.sampled_from([0.5, 3.0]), seeds)
def test_a_field_linear_in_dx_knows_no_speed(rule, factor, seed):
    """T18: the solution of a controlled equation is that of the path, however fast it is run through."""
    projection = ncde_wiring() if rule == "ncde" else plain(values=dx)
    net = built(ALL[rule], projection, Control(Kind.HERMITE, time=False))
    path = net.model.control(some_series(seed=seed))
    a, b, two_c, three_d = path.coefficients.chunk(4, -1)
    slower = replace(
        path,
        coefficients=torch.cat([a, b / factor, two_c / factor**2, three_d / factor**3], -1),
        steps=path.steps * factor,
        times=path.times * factor,
    )
    quadratic = built(delta, plain(keys=dx), Control(Kind.HERMITE, time=False))
    with torch.no_grad():
        states = random_states(net, 3)
        ours, theirs = (solve(net @ p, steps=4, initial=states).final for p in (path, slower))
        assert all(close(theirs[n], ours[n], 1e-12) for n in ours)
        other = [solve(quadratic @ p, steps=4).final["W"] for p in (path, slower)]
        assert not close(*other, 1e-3)


def test_several_states_and_layers_come_back_by_name():
    for model in (
        momentum_delta @ suitable("momentum_delta"),
        stack(delta @ plain(), momentum_delta @ suitable("momentum_delta")),
    ):
        net = sized(model @ controls.linear)
        with torch.no_grad():
            found = solve(net(some_series()), "knots")
        assert set(found.states) == set(found.final) == {n for own in net.state_names for n in own}
        assert all(s.shape[:3] == (3, 6, 2) for s in found.states.values()) and found.read().shape == (3, 6, 2, 4)


F64 = torch.float64
BAD_TIMES = {
    "before the path": (torch.tensor([-1.0, 2.0], dtype=F64), DataError, "outside the path"),
    "after the path": (torch.tensor([1.0, 9.0], dtype=F64), DataError, "outside the path"),
    "not a number": (torch.tensor([1.0, float("nan")], dtype=F64), DataError, "outside the path"),
    "unsorted": (torch.tensor([2.0, 1.0], dtype=F64), SolveError, "ascending order"),
    "unsorted for one": (torch.tensor([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0]], dtype=F64), SolveError, "ascending order"),
    "none": (torch.zeros(0, dtype=F64), SolveError, "must be given"),
    "for too few samples": (torch.ones(2, 2, dtype=F64), SolveError, r"(?s)one row.*3"),
}


@pytest.mark.parametrize("times, error, match", BAD_TIMES.values(), ids=BAD_TIMES)
def test_times_that_cannot_be_are_refused(times, error, match):
    field = built(delta, plain())(series(torch.randn(3, 6, 3, dtype=F64)))
    with pytest.raises(error, match=match):
        solve(field, times)


@pytest.mark.nohook  # annotations say that times are a tensor
@pytest.mark.parametrize("times", [[0.0, 1.0], torch.tensor([0, 1]), torch.tensor([0.0, 1.0]).numpy()],
                         ids=["list", "whole numbers", "numpy"])  # fmt: skip
def test_times_are_read_as_numbers_where_that_is_clear(times):
    field = built(delta, plain())(series(torch.randn(3, 6, 3, dtype=F64)))
    wanted = torch.tensor([0.0, 1.0], dtype=F64)
    assert torch.equal(solve(field, times).states["W"], solve(field, wanted).states["W"])


@pytest.mark.nohook
@pytest.mark.parametrize("times", ["all", ["soon"], 3.0, object()])
def test_what_is_no_time_is_refused(times):
    field = built(delta, plain())(series(torch.randn(3, 6, 3, dtype=F64)))
    with pytest.raises(SolveError, match=r"these are no times|one row for all"):
        solve(field, times)


@pytest.mark.nohook
@pytest.mark.parametrize("initial", [np.zeros((3, 2, 4, 5)), {"W": 0.0}, "zeros"])
def test_what_is_no_state_is_refused(initial):
    field = built(delta, plain())(series(torch.randn(3, 6, 3, dtype=F64)))
    with pytest.raises(SolveError, match="neither a tensor nor tensors by name"):
        solve(field, initial=initial)


@pytest.mark.parametrize("states", [{"V": torch.zeros(3, 2, 4, 5)}, {"W": torch.zeros(3, 2, 5, 4)}, {"W": torch.zeros(2, 2, 4, 5)}],
                         ids=["of another name", "of another shape", "of another batch"])  # fmt: skip
def test_states_to_begin_with_fit_the_net(states):
    field = built(delta, plain())(some_series())
    with pytest.raises(SolveError, match="begin with"):
        solve(field, initial={n: s.double() for n, s in states.items()})


def test_some_states_to_begin_with_leave_the_others():
    net = built(momentum_delta, suitable("momentum_delta"))
    field, states = net(some_series()), random_states(net, 3)
    found = solve(field, "knots", initial={"M": states["M"]})
    assert torch.equal(found.states["M"][:, 0], states["M"]) and torch.equal(
        found.states["W"][:, 0], field.initial()["W"]
    )
    assert ncde is ALL["ncde"]
