"""Windows of log-signatures: what stands on each, how long it lasts, and what it may know."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from fwp.controls import Causality, Control, Kind, LogSignature, by_name, linear, log_signature
from fwp.controls.knots import at_knots
from fwp.data import Series, collate, series
from fwp.errors import DataError, FormatError
from fwp.testing.strategies import batches, some_batch, windows
from fwp.testing.terms import seeds
from tests.controls import signatures
from tests.controls.compared import close


def filled(sample: Series, fill: float = 0.0) -> np.ndarray:
    """The time and the values of one sample, carried forward, by a loop."""
    last, rows = np.full(sample.channels, fill), []
    for t, values, mask in zip(sample.times[0], sample.values[0].numpy(), sample.mask[0].numpy(), strict=True):
        last = np.where(mask, values, last)
        rows.append([float(t), *last])
    return np.array(rows)


@given(windows, batches())
def test_each_window_is_the_log_signature_of_its_points(control, batch):
    path, step = control(batch), control.kind.step
    x, dx = path.nodes([0.0, 0.5, 1.0])
    for sample in range(len(batch)):
        length = int(batch.lengths[sample])
        points = filled(batch[sample])[:length, 0 if control.time else 1 :]
        starts = range(0, length - 1, step)
        expected = np.zeros((path.intervals, path.channels))
        for i, start in enumerate(starts):
            expected[i] = signatures.log_signature(points[start : start + step + 1], control.kind.depth)
        expected = torch.from_numpy(expected)[:, None].expand(-1, 3, -1)
        assert close(x[sample], expected, 1e-12) and close(control.pace * dx[sample], expected, 1e-12)
        assert path.steps[sample].tolist() == [control.pace if i < len(starts) else 0.0 for i in range(path.intervals)]
        ends = [min(step * i, length - 1) for i in range(path.intervals + 1)]
        assert torch.equal(path.times[sample], batch.times[sample, ends])


@given(windows, batches())
def test_a_sample_is_its_own_windows_whatever_else_is_in_the_batch(control, batch):
    together = control(batch)
    for sample in range(len(batch)):
        alone = control(collate([batch[sample]]))
        assert close(together.coefficients[sample, : alone.intervals], alone.coefficients[0], 1e-13)
        assert torch.equal(together.steps[sample, : alone.intervals], alone.steps[0])
        assert torch.equal(together.start[[sample]], alone.start)
        assert not together.steps[sample, alone.intervals :].any()
        assert not together.coefficients[sample, alone.intervals :].any()
        end = at_knots(together[sample], torch.tensor([[together.intervals]]))
        assert all(close(ours[:, 0], theirs, 1e-13) for ours, theirs in zip(end, alone.at(-1, 1.0), strict=True))


@given(windows, batches(), seeds, st.integers(0, 6))
def test_a_window_knows_no_more_than_its_own_points(control, batch, seed, window):
    end = min((window + 1) * control.kind.step, batch.times.shape[1] - 1)
    noise = torch.randn(batch.values.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    later = torch.arange(batch.times.shape[1]) > end
    other = dataclasses.replace(
        batch,
        values=torch.where(later[:, None] | ~batch.mask, noise, batch.values),
        times=batch.times + 0.3 * later,
    )
    ours, theirs = control(batch), control(other)
    assert torch.equal(ours.coefficients[:, : window + 1], theirs.coefficients[:, : window + 1])
    assert control.causality is Causality.OBSERVATION


@given(windows, batches(), seeds)
def test_requested_times_cut_windows_and_change_nothing_on_them(control, batch, seed):
    batch = batch[batch.lengths > 1]
    if not len(batch):
        return
    path = control(batch)
    share = torch.rand(len(batch), 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    first, last = batch.times[:, :1], batch.times[:, -1:]
    wanted = torch.cat([(first + share * (last - first)).clamp(first, last), first, last], 1)
    refined, index = path.with_knots(wanted)
    assert torch.equal(refined.times.gather(1, index), wanted) and refined.degree == 0
    assert close(refined.steps.sum(1), path.steps.sum(1), 1e-12)
    middle = (refined.times[:, 1:] + refined.times[:, :-1]) / 2
    parent = (torch.searchsorted(path.times.contiguous(), middle, right=True) - 1).clamp(max=path.intervals - 1)
    moves = refined.times.diff(dim=1) > 1e-9
    own = path.coefficients.take_along_dim(parent[..., None], 1)
    assert torch.equal(refined.coefficients[moves], own[moves])
    share = refined.times.diff(dim=1) / path.times.diff(dim=1).gather(1, parent)
    assert close(refined.steps[moves], (control.pace * share)[moves], 1e-12)


def test_a_request_at_a_windows_end_is_read_in_that_window():
    path = log_signature(1, 2)(some_batch(0, 2, 7, 3, 0.0))
    refined, index = path.with_knots(path.times[:, 1:])
    for asked, known in zip(at_knots(refined, index), path.nodes([0.5]), strict=True):
        assert torch.equal(asked, known[:, :, 0])


@given(seeds)
def test_depth_one_of_single_unit_steps_is_the_derivative_of_the_line(seed):
    batch = some_batch(seed, 3, 6, 2, 0.3)
    batch = dataclasses.replace(batch, times=torch.arange(6.0, dtype=torch.float64).expand(3, -1))
    windows, lines = log_signature(1, 1)(batch), linear(batch)
    assert torch.equal(windows.nodes([0.5])[1], lines.nodes([0.5])[1]) and torch.equal(windows.steps, lines.steps)


@pytest.mark.parametrize("depth", [1, 2])
def test_windows_are_differentiable_in_values_and_fill(depth):
    batch = some_batch(3, 3, 6, 2, 0.4, unequal=True)

    def coefficients(values, fill):
        kept = torch.where(batch.mask, values, 0)
        path = log_signature(depth, 2, pace=1.5)(Series(kept, batch.times, batch.mask, batch.lengths), fill)
        return path.with_knots(batch.times.mean(1, keepdim=True))[0].coefficients, path.start

    inputs = (batch.values.requires_grad_(), torch.randn(2, dtype=torch.float64, requires_grad=True))
    assert gradcheck(coefficients, inputs, eps=1e-4, atol=1e-9, rtol=1e-9)  # quadratic in both: no step is too large
    assert gradgradcheck(coefficients, inputs)


@pytest.mark.parametrize("time_points", [1, 5])
def test_windows_are_cut_on_the_meta_device(time_points):
    batch = some_batch(0, 3, time_points, 2, 0.5)
    path, there = log_signature(2, 3)(batch), log_signature(2, 3)(batch.to("meta"))
    for name in ("coefficients", "steps", "times", "start"):
        assert getattr(there, name).is_meta and getattr(there, name).shape == getattr(path, name).shape
    refined, _ = there.with_knots(torch.empty(3, 4, dtype=torch.float64, device="meta"))
    assert refined.intervals == path.intervals + 4 and there.nodes([0.5])[0].shape == path.nodes([0.5])[0].shape


def test_a_series_of_one_observation_stands_still():
    path = log_signature(2, 4)(series([[[2.0, torch.nan]]], [[7.0]]))
    assert path.intervals == 1 and not path.steps.any() and path.times.tolist() == [[7, 7]]
    assert not path.coefficients.any() and path.start.tolist() == [[7.0, 2.0, 0.0]]


def test_an_empty_selection_is_an_empty_path():
    path = log_signature(2, 4)(some_batch(0, 2, 6, 3, 0.5)[:0])
    assert path.coefficients.shape == (0, 2, 2 * 10) and path.start.shape == (0, 4)


def test_samples_cut_in_chunks_are_the_same(monkeypatch):
    batch, control = some_batch(0, 7, 5, 3, 0.5, unequal=True), log_signature(2, 3)
    whole = control(batch)
    monkeypatch.setattr("fwp.controls.control.NUMBERS_AT_ONCE", 2 * 5 * 3)
    assert torch.equal(control(batch).coefficients, whole.coefficients)


def test_float32_is_float64_rounded():
    single = some_batch(1, 5, 11, 3, 0.5).to(dtype=torch.float32)
    control = log_signature(2, 4)
    path, reference = control(single, torch.zeros(3).double()), control(single.to(dtype=torch.float64))
    assert path.coefficients.dtype is path.start.dtype is torch.float32 and path.steps.dtype is torch.float64
    assert torch.equal(path.coefficients, reference.coefficients.float())


def test_fill_stands_before_the_first_observation():
    path = log_signature(1, 2)(series([[[torch.nan], [3.0], [4.0]]]), torch.tensor([5.0]))
    assert path.start.tolist() == [[0.0, 5.0]] and path.at(0, 0.0)[0].tolist() == [[2.0, -1.0]]


@given(windows)
def test_windows_travel_as_json(control):
    assert Control.from_json(control.to_json()) == control
    assert by_name(control.name) == log_signature(control.kind.depth, control.kind.step)
    divided = dataclasses.replace(control, kind=dataclasses.replace(control.kind, scale=(0.5, 2.0)))
    assert Control.from_json(divided.to_json()) == divided


def test_words_are_divided_by_their_scale():
    data, scale = some_batch(0, 3, 7, 2, 0.1), (0.5, 2.0, 4.0, 0.1, 3.0, 1.0)
    whole = log_signature(2, 2)(data)
    assert whole.channels == 6, "two channels and the time"
    divided = log_signature(2, 2, scale=scale)(data)
    for own, raw in zip(divided.pieces, whole.pieces, strict=True):
        assert close(own * torch.tensor(scale, dtype=own.dtype), raw)
    assert torch.equal(divided.start, whole.start), "the first point is the series' own"
    with pytest.raises(DataError, match=r"(?s)2 numbers.*6 words"):
        log_signature(2, 2, scale=(1.0, 2.0))(data)


NO_CONTROLS = [
    {"depth": 0},
    {"step": 0},
    {"depth": 1.5},
    {"depth": True},
    {"step": "4"},
    {"more": 1},
    {"scale": [1.0, 0.0]},
    {"scale": 2.0},
    {"kind": "linear"},
]


@pytest.mark.parametrize("change", NO_CONTROLS)
def test_other_json_is_refused(change):
    with pytest.raises(FormatError, match="this is no control"):
        Control.from_json(log_signature().to_json() | change)


def test_names():
    assert log_signature().name == "log-signature-1-4" and by_name("log-signature-2-10") == log_signature(2, 10)
    assert repr(log_signature(2)) == "log_signature(depth=2, step=4)"
    assert repr(log_signature(1, 3, scale=(0.5,))) == "log_signature(depth=1, step=3, scale=(0.5,))"
    assert repr(log_signature(1, 3, False, 10)) == "log_signature(depth=1, step=3, time=False, pace=10)"
    assert log_signature(2, 3) == Control(LogSignature(2, 3)) and log_signature().degree == 0
    assert not isinstance(log_signature().kind, Kind)


@pytest.mark.parametrize("name", ["log-signature", "log-signature-2", "log-signature-0-4", "log-signature-2-٤"])
def test_other_names_are_refused(name):
    with pytest.raises(DataError, match="hermite, log-signature-DEPTH-STEP"):
        by_name(name)


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"step": 0}, {"pace": 0.0}, {"scale": (-1.0,)}])
def test_windows_that_cannot_be_are_refused(wrong):
    with pytest.raises(DataError, match=r"at least 1|positive, finite"):
        log_signature(**wrong)
