"""Missing values, padding and causality: what a path may know, and what must not change it."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp.controls import Causality, Control, Kind, by_name, natural_cubic
from fwp.data import Series, collate, series
from fwp.errors import DataError
from fwp.testing.strategies import batches, controls, some_batch
from fwp.testing.terms import seeds
from tests.controls.compared import close, knots


@given(controls, batches())
def test_padding_changes_nothing(control, batch):
    together = control(batch)
    for sample in range(len(batch)):
        alone = control(collate([batch[sample]]))
        moving = alone.intervals
        assert close(together.coefficients[sample, :moving], alone.coefficients[0], 1e-13)
        assert torch.equal(together.steps[sample, :moving], alone.steps[0])
        assert torch.equal(together.times[sample, : moving + 1], alone.times[0])
        assert not together.steps[sample, moving:].any()
        assert (together.times[sample, moving:] == alone.times[0, -1]).all()
        padding = [piece[sample, moving:] for piece in together.pieces]
        assert close(padding[0], knots(alone)[0, -1].expand_as(padding[0]))
        assert not any(rest.any() for rest in padding[1:])


@given(controls, batches(), seeds)
def test_padded_and_missing_entries_are_never_read(control, batch, seed):
    noise = torch.randn(batch.values.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    other = dataclasses.replace(batch, values=torch.where(batch.mask, batch.values, noise))
    assert torch.equal(control(batch).coefficients, control(other).coefficients)


@given(controls, batches())
def test_a_path_passes_through_what_was_observed(control, batch):
    at_knots = knots(control(batch))[..., control.time :]
    if control.kind is Kind.RECTILINEAR:
        at_knots = at_knots[:, ::2]
    at_knots = at_knots[:, : batch.times.shape[1]]
    assert close(at_knots[batch.mask], batch.values[batch.mask])


@given(controls, batches())
def test_the_time_channel_is_the_time(control, batch):
    if control.time:
        path = control(batch)
        x, dx = path.nodes([0.0])
        assert torch.equal(x[:, :, 0, 0], path.times[:, :-1])
        assert torch.equal(dx[:, :, 0, 0], (path.times.diff(dim=1) > 0).double() / control.pace)


@given(controls, batches())
def test_the_time_advances_with_the_clock_or_stands_still(control, batch):
    path = control(batch)
    advance = path.times.diff(dim=1)
    assert ((control.pace * advance == path.steps) | (advance == 0)).all()
    assert len(path) == len(batch) and path.channels == control.channels(batch.channels)


@given(controls, batches(missing=0.9), seeds)
def test_fill_stands_before_the_first_observation(control, batch, seed):
    fill = torch.randn(batch.channels, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    start = control(batch, fill).at(0, 0.0)[0][:, control.time :]
    never = ~batch.mask.any(1)
    late = ~batch.mask[:, 0] & (never | (control.causality is not Causality.NONE))
    assert torch.equal(start[late], fill.expand_as(start)[late])
    for _, slope in (control(batch, fill).at(interval, 0.5) for interval in range(batch.times.shape[1] - 1)):
        assert not slope[:, control.time :][never].any()


@given(st.sampled_from([kind for kind in Kind if Control(kind).causality is not Causality.NONE]), batches(), st.data())
def test_the_future_does_not_change_the_past(kind, batch, data):
    """Everything after a time t is replaced: values, gaps, times and lengths."""
    control = Control(kind)
    time = batch.times.shape[1]
    now = data.draw(st.integers(0, time - 1))
    other = some_batch(data.draw(seeds), len(batch), time, batch.channels, 0.3)
    past = torch.arange(time) <= now
    gaps = other.times - other.times[:, now : now + 1]
    changed = series(
        torch.where(
            past[:, None],
            torch.where(batch.mask, batch.values, torch.nan),
            torch.where(other.mask, other.values, torch.nan),
        ),
        torch.where(past, batch.times, batch.times[:, now : now + 1] + gaps),
        lengths=torch.where(batch.lengths > now, data.draw(st.integers(now + 1, time)), batch.lengths),
    )
    for sample in range(len(batch)):
        before, after = (control(each[sample]) for each in (batch, changed))
        seen = min(now + 1, int(batch.lengths[sample]))
        if control.causality is Causality.INSTANT:  # on all of [.., t], intervals and all
            whole = 2 * (seen - 1)
            assert torch.equal(before.coefficients[:, :whole], after.coefficients[:, :whole])
            assert torch.equal(knots(before)[:, : whole + 1], knots(after)[:, : whole + 1])
            following = (before.coefficients[:, whole : whole + 1], after.coefficients[:, whole : whole + 1])
            if seen < min(before_length := int(batch.lengths[sample]), int(changed.lengths[sample])) and before_length:
                assert torch.equal(*following)  # until the next observation only the time moves
        else:
            assert torch.equal(knots(before)[:, :seen], knots(after)[:, :seen])


@given(seeds)
def test_the_natural_cubic_spline_sees_the_future(seed):
    batch = some_batch(seed, 3, 7, 2, 0.0)
    other = dataclasses.replace(batch, values=batch.values + (torch.arange(7) == 6)[:, None])
    assert not torch.equal(natural_cubic(batch).at(0, 0.5)[0], natural_cubic(other).at(0, 0.5)[0])


@pytest.mark.parametrize("kind", Kind)
def test_a_series_of_one_observation_stands_still(kind):
    path = Control(kind)(series([[[2.0, torch.nan]]], [[7.0]]))
    assert path.intervals >= 1 and not path.steps.any() and (path.times == 7).all()
    x, dx = path.at(0, 1.0)
    assert x.tolist() == [[7.0, 2.0, 0.0]] and not dx.any()


@pytest.mark.parametrize("kind", Kind)
def test_an_empty_selection_is_an_empty_path(kind):
    path = Control(kind)(some_batch(0, 2, 5, 3, 0.5)[:0])
    pieces = 4 if path.degree == 3 else 2
    assert path.coefficients.shape == (0, 8 if kind is Kind.RECTILINEAR else 4, 4 * pieces)


def test_samples_fitted_in_chunks_are_the_same(monkeypatch):
    batch = some_batch(0, 7, 5, 3, 0.5, unequal=True)
    for kind in Kind:
        whole = Control(kind)(batch)
        monkeypatch.setattr("fwp.controls.control.NUMBERS_AT_ONCE", 2 * 5 * 3)
        assert torch.equal(Control(kind)(batch).coefficients, whole.coefficients)
        monkeypatch.undo()


def test_fill_needs_one_number_a_channel():
    with pytest.raises(DataError, match="one number a channel"):
        by_name("linear")(some_batch(0, 2, 5, 3, 0.5), torch.zeros(4))


def test_float32_is_float64_rounded():
    batch: Series = some_batch(1, 5, 11, 3, 0.5)
    for kind in Kind:
        single = batch.to(dtype=torch.float32)
        path, reference = Control(kind)(single), Control(kind)(single.to(dtype=torch.float64))
        assert path.coefficients.dtype is torch.float32 and path.times.dtype is torch.float64
        assert torch.equal(path.coefficients, reference.coefficients.float())
