"""Requested times become knots, and the path stays the path."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fwp.controls import Path, linear, rectilinear
from fwp.controls.knots import at_knots
from fwp.data import Series, collate, series
from fwp.errors import DataError
from fwp.testing.strategies import batches, controls, some_batch
from fwp.testing.terms import seeds
from tests.controls.compared import close, knots


@st.composite
def requests(draw, batch: Series) -> Tensor:
    """For each sample its own times, unsorted: anywhere, at observations, at both ends, and twice the same."""
    generator = torch.Generator().manual_seed(draw(seeds))
    first, last = batch.times[:, :1], batch.times[:, -1:]
    anywhere = first + (last - first) * torch.rand(len(batch), 3, generator=generator, dtype=torch.float64)
    some = torch.randint(0, batch.times.shape[1], (len(batch), 2), generator=generator)
    wanted = torch.cat([anywhere.clamp(first, last), batch.times.gather(1, some), first, last, anywhere[:, :1]], 1)
    return wanted[:, draw(st.permutations(range(wanted.shape[1])))].clamp(first, last)


def by_clock(path: Path, clock: Tensor) -> tuple[Tensor, Tensor]:
    """x and x' at clock positions (batch position), found by walking."""
    ends = path.steps.cumsum(1)
    interval = torch.searchsorted(ends.contiguous(), clock, right=True).clamp(max=path.intervals - 1)
    fraction = (clock - (ends - path.steps).gather(1, interval)) / path.steps.gather(1, interval)
    pairs = [
        [path[sample].at(int(interval[sample, j]), float(fraction[sample, j])) for j in range(clock.shape[1])]
        for sample in range(len(path))
    ]
    return tuple(torch.stack([torch.cat([pair[i] for pair in row]) for row in pairs]) for i in (0, 1))


@given(controls, st.data())
def test_refining_changes_nothing(control, data):
    batch = data.draw(batches(unequal=data.draw(st.booleans())))
    batch = batch[batch.lengths > 1]
    if not len(batch):
        return
    path = control(batch)
    refined, _ = path.with_knots(data.draw(requests(batch)))
    again, _ = refined.with_knots(data.draw(requests(batch)))
    total = path.steps.sum(1, keepdim=True)
    clock = total * torch.linspace(0.013, 0.987, 17, dtype=torch.float64)
    for finer in (refined, again):
        assert finer.intervals == path.intervals + (8 if finer is refined else 16)
        assert (finer.steps >= 0).all() and (finer.times.diff(dim=1) >= 0).all()
        assert close(finer.steps.sum(1, keepdim=True), total, 1e-13)
        assert finer.degree == path.degree and finer.causality is path.causality and finer.static is path.static
        for ours, theirs in zip(by_clock(finer, clock), by_clock(path, clock), strict=True):
            assert close(ours, theirs)


@given(controls, st.data())
def test_each_request_stands_at_its_time(control, data):
    batch = data.draw(batches())
    path = control(batch)
    wanted = data.draw(requests(batch))
    refined, index = path.with_knots(wanted)
    assert torch.equal(refined.times.gather(1, index), wanted)
    assert all(len(set(row.tolist())) == wanted.shape[1] for row in index)
    if control.time:
        assert close(knots(refined)[..., 0].gather(1, index), wanted)


@given(batches(missing=0.0, unequal=False))
def test_a_request_at_an_observation_stands_after_it(batch):
    for control in (rectilinear, linear):
        refined, index = control(batch).with_knots(batch.times)
        at_requests = knots(refined).take_along_dim(index[..., None], 1)
        assert close(at_requests[..., 1:], batch.values)


@given(controls, batches())
def test_a_sample_is_read_at_its_own_end(control, batch):
    path = control(batch)
    x, dx = at_knots(path, torch.full((len(batch), 1), path.intervals))
    for sample in range(len(batch)):
        alone = control(collate([batch[sample]]))
        end, slope = alone.at(-1, 1.0)
        assert close(x[sample], end, 1e-13) and close(dx[sample], slope, 1e-13)


def test_a_request_between_observations_cuts_the_part_where_the_time_moves():
    path = rectilinear(series([[[1.0], [5.0]]], [[0.0, 4.0]]))
    refined, index = path.with_knots(torch.tensor([[1.0, 4.0]], dtype=torch.float64))
    assert refined.times.tolist() == [[0, 1, 4, 4, 4]] and refined.steps.tolist() == [[1, 3, 4, 0]]
    assert knots(refined).tolist() == [[[0, 1], [1, 1], [4, 1], [4, 5], [4, 5]]] and index.tolist() == [[1, 4]]


@pytest.mark.parametrize("time", [-0.1, 4.1, float("nan"), float("inf")])
def test_a_request_outside_the_path_is_refused(time):
    path = linear(series(torch.ones(3, 5, 2)))
    wanted = torch.full((3, 2), 1.0, dtype=torch.float64)
    wanted[2, 1] = time
    with pytest.raises(DataError, match=r"(?s)outside the path.*sample 2, request 1.*0\.0 to 4\.0"):
        path.with_knots(wanted)


def test_paths_are_chosen_and_moved_like_tensors():
    path = linear(some_batch(0, 5, 7, 3, 0.2))
    assert torch.equal(path[torch.tensor([4, 0])].coefficients, path.coefficients[[4, 0]])
    assert len(path[1:3]) == 2 and len(path[-1]) == 1 and torch.equal(path[-1].static, path.static[4:])
    moved = path.to("cpu", torch.float32)
    assert moved.coefficients.dtype is moved.static.dtype is torch.float32 and moved.times.dtype is torch.float64
