"""A pace is another unit of the clock, and nothing else: the time channel, the times and the start stay the series' own."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp.controls import Control, Kind, linear
from fwp.testing.strategies import batches, controls, some_batch, windows
from tests.controls.compared import close

paces = st.sampled_from([0.1, 3.0, 1e4])
kinds = st.sampled_from(Kind)


@given(kinds, batches(), paces)
def test_a_pace_is_a_series_in_other_units(kind, batch, pace):
    """Without the time as a channel a path at pace p is that of the series whose times are p times as long."""
    ours, theirs = Control(kind, False, pace)(batch), Control(kind, False)(replace(batch, times=pace * batch.times))
    wanted = batch.times.mean(1, keepdim=True).clamp(batch.times[:, :1], batch.times[:, -1:])
    asked = (pace * wanted).clamp(pace * batch.times[:, :1], pace * batch.times[:, -1:])
    for mine, other in ((ours, theirs), (ours.with_knots(wanted)[0], theirs.with_knots(asked)[0])):
        assert close(mine.steps, other.steps, 1e-12) and close(pace * mine.times, other.times, 1e-12)
        for a, b in zip(mine.nodes([0.0, 0.3, 1.0]), other.nodes([0.0, 0.3, 1.0]), strict=True):
            assert close(a, b, 1e-9)


@given(kinds, batches(), paces, st.booleans())
def test_a_pace_changes_derivatives_and_no_values(kind, batch, pace, time):
    (x, dx), (same, slower) = (Control(kind, time, p)(batch).nodes([0.0, 0.3, 1.0]) for p in (1.0, pace))
    assert close(same, x, 1e-12) and close(pace * slower, dx, 1e-9)


@given(batches(), st.sampled_from([1.0, 0.1, 3.0]))
def test_the_clock_runs_with_the_time_at_its_pace(batch, pace):
    path = Control(linear.kind, pace=pace)(batch)
    assert torch.equal(path.steps, pace * batch.times.diff(dim=1)) and torch.equal(path.times, batch.times)


@given(controls | windows, batches())
def test_a_path_knows_where_its_series_starts(control, batch):
    path = control(batch)
    start = path.start
    assert start.shape == (len(batch), control.points(batch.channels))
    if control.time:
        assert torch.equal(start[:, 0], batch.times[:, 0])
    first = batch.mask[:, 0]
    assert torch.equal(start[:, control.time :][first], batch.values[:, 0][first])
    rows = torch.arange(len(batch)).flip(0)
    wanted = batch.times[:, -1:]
    refined, _ = path.with_knots(wanted)
    later = refined.between(path.intervals // 2, path.intervals + 1)
    for same in (refined, later, later.with_knots(wanted)[0], later.between(0, 1)):
        assert torch.equal(same.start, start)
    assert torch.equal(path[rows].start, start[rows]) and torch.equal(later[-1].start, start[-1:])
    assert path.to(dtype=torch.float32).start.dtype is later.to(dtype=torch.float32).start.dtype is torch.float32


@pytest.mark.parametrize("kind", Kind)
def test_paths_keep_the_pieces_of_their_degree(kind):
    path = Control(kind)(some_batch(0, 3, 5, 2, 0.0))
    assert path.coefficients.shape[2] == path.channels * len(path.pieces) == 3 * (2 if path.degree == 1 else 4)
