"""What a series is, and what is refused at its door."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp.controls import hermite
from fwp.data import Series, collate, series
from fwp.errors import DataError

NAN, INF = float("nan"), float("inf")


def test_one_line_says_what_it_is():
    data = series(torch.zeros(2, 5, 3), static=torch.zeros(2, 4))
    assert repr(data) == "Series(batch=2, time=5, channel=3, feature=4, float32 on cpu)"
    assert repr(hermite(data)) == "Path(batch=2, interval=4, channel=4, degree=3, float32 on cpu)"


def test_defaults():
    one = series([[1, 2], [3, 4], [5, 6]])
    assert one.values.shape == (1, 3, 2) and one.values.dtype is torch.float32
    assert one.times.tolist() == [[0, 1, 2]] and one.times.dtype is torch.float64
    assert one.mask.all() and one.lengths.tolist() == [3] and one.static is None
    assert (len(one), one.batch, one.channels) == (1, 1, 2)


def test_nan_means_missing_and_the_mask_adds_to_it():
    one = series(np.array([[1.0, NAN], [3.0, 4.0]]), [0.5, 0.7], mask=[[False, True], [True, True]], static=[9.0])
    assert one.mask.tolist() == [[[False, False], [True, True]]]
    assert one.values.tolist() == [[[0, 0], [3, 4]]] and one.values.dtype is torch.float64
    assert one.static is not None and one.static.tolist() == [[9]]


def test_what_lies_after_a_sample_is_ignored_and_its_last_time_repeats():
    many = series([[[1.0], [INF], [NAN]], [[1.0], [2.0], [3.0]]], [[4.0, NAN, 1.0], [0.0, 1.0, 2.0]], lengths=[1, 3])
    assert many.times.tolist() == [[4, 4, 4], [0, 1, 2]] and many.values[0].tolist() == [[1], [0], [0]]
    assert many.mask[..., 0].tolist() == [[True, False, False], [True, True, True]]


def test_a_channel_never_observed_is_normal():
    assert not series([[NAN], [NAN]]).mask.any()


GOOD = torch.arange(3 * 5 * 2.0).reshape(3, 5, 2)


def altered(at: tuple[int, ...], value: float) -> torch.Tensor:
    values = GOOD.clone()
    values[at] = value
    return values


@pytest.mark.parametrize(
    "arguments, words",
    [
        (([[[1.0, 2.0]], [[1.0]]],), "rows of equal length.*`collate`"),
        ((["a", "b"],), "not numbers"),
        ((torch.ones(5),), "one channel alone is `values"),
        ((torch.ones(1, 2, 3, 4),), "4 axes"),
        ((torch.ones(0, 5, 2),), "0 samples, 5 time points"),
        ((torch.ones(3, 0, 2),), "0 time points"),
        ((torch.ones(0, 2),), "1 samples, 0 time points"),
        ((torch.ones(3, 5, 0),), "0 channels"),
        ((altered((2, 3, 1), -INF),), "infinite.*sample 2, position 3, channel 1 : -inf"),
        ((GOOD, [0, 1, NAN, 3, 4]), "not a finite number.*sample 0, position 2 : nan"),
        ((GOOD, [[0, 1, 2, 3, 4]] * 2 + [[0, 1, 2, 3, INF]]), "sample 2, position 4 : inf"),
        ((GOOD, [[0, 1, 2, 3, 4]] * 2 + [[0, 1, 3, 2, 4]]), "increase.*sample 2, position 2 : 3.0.*position 3 : 2.0"),
        ((GOOD, [0, 1, 1, 2, 3]), "increase.*sample 0, position 1 : 1.0.*position 2 : 1.0"),
        ((GOOD, [0, 1, 2, 3]), r"shape of the times.*\(3, 4\).*\(3, 5\)"),
        ((GOOD, torch.ones(3, 5, 1)), r"shape of the times.*\(3, 5, 1\)"),
        ((GOOD, [[0, 1], [0]]), "rows of equal length.*times : "),
        ((GOOD[0], [["a", "b"]]), "not numbers.*times : "),
        ((GOOD, None, [[True], [True, False]]), "rows of equal length.*mask : "),
        ((GOOD[0], None, [[True], [True, False]]), "rows of equal length.*mask : "),
        ((GOOD, None, None, ["a", "b", "c"]), "not numbers.*lengths : "),
        ((GOOD, None, None, None, [[1.0], [None], [2.0]]), "not numbers.*static : "),
        ((GOOD, None, torch.ones(3, 5)), r"shape of the mask.*\(3, 5\).*\(3, 5, 2\)"),
        ((GOOD, None, None, [5, 5]), r"shape of the lengths.*\(2\,\).*\(3\)"),
        ((GOOD, None, None, [5, 0, 5]), "length.*sample 1 : length 0.*5 time points"),
        ((GOOD, None, None, [5, 5, 6]), "sample 2 : length 6"),
        ((GOOD, None, None, None, torch.ones(2, 7)), r"shape of the static.*\(2, 7\).*\(3, any\)"),
        ((GOOD, None, None, None, [[1.0], [NAN], [1.0]]), "static feature.*sample 1, feature 0 : nan"),
    ],
)
def test_what_cannot_be_a_series_is_refused(arguments, words):
    with pytest.raises(DataError, match="(?s)" + words):
        series(*arguments)


def test_one_sample_may_say_its_length_alone():
    assert series(GOOD[0], lengths=3).lengths.tolist() == series(GOOD[0], lengths=[3]).lengths.tolist() == [3]
    with pytest.raises(DataError, match="shape of the lengths"):
        series(GOOD, lengths=3)


def test_infinite_values_that_nobody_observed_do_not_matter():
    mask = torch.ones(3, 5, 2)
    mask[2, 3, 1] = 0
    assert series(altered((2, 3, 1), INF), mask=mask).values.isfinite().all()


def test_gradients_reach_the_values():
    values = torch.tensor([[1.0], [NAN], [3.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(series(values).values.sum(), values)
    assert gradient.tolist() == [[1], [0], [1]]


def test_on_the_meta_device_only_shapes_are_checked():
    there = series(torch.empty(3, 5, 2, device="meta"), torch.empty(3, 5, device="meta"), static=torch.empty(3, 7))
    assert all(part.is_meta for part in (there.values, there.times, there.mask, there.lengths, there.static))
    with pytest.raises(DataError):
        series(torch.empty(3, 5, 2, device="meta"), torch.empty(3, 4, device="meta"))


def test_samples_are_chosen_and_moved_like_tensors():
    batch = series(GOOD, lengths=[5, 2, 1], static=[[0.0], [1.0], [2.0]])
    for index in (slice(1, 3), torch.tensor([1, 2])):
        assert batch[index].lengths.tolist() == [2, 1] and batch[index].static.tolist() == [[1], [2]]
    assert batch[-1].values.tolist() == batch.values[2:].tolist() and len(batch[0]) == 1 and len(batch[:0]) == 0
    moved = batch.to("cpu", torch.float64)
    assert moved.values.dtype is moved.static.dtype is torch.float64 and moved.lengths.dtype is torch.int64
    assert batch.to("meta").times.dtype is torch.float64 and batch.to("meta").mask.dtype is torch.bool


@given(st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_collating_pads_and_choosing_undoes_it(lengths):
    generator = torch.Generator().manual_seed(sum(lengths))
    items = [
        series(
            torch.randn(n, 3, generator=generator), torch.rand(n, generator=generator).cumsum(0) + 0.1 * torch.arange(n)
        )
        for n in lengths
    ]
    batch = collate(items)
    assert batch.lengths.tolist() == lengths and batch.times.shape[1] == max(lengths)
    for sample, item in enumerate(items):
        same(collate([batch[sample]]), item)
    same(collate([batch, batch[0]]), collate([*items, items[0]]))
    same(batch, collate([(item.values[0], item.times[0]) for item in items]))
    same(batch, series(batch.values, batch.times, batch.mask, batch.lengths))


def test_values_alone_are_collated():
    for items in ([GOOD[0], GOOD[1, :2]], [GOOD[0].numpy(), GOOD[1, :2].numpy()]):
        batch = collate(items)
        assert batch.lengths.tolist() == [5, 2]
        same(batch, collate([(values, None) for values in items]))


@pytest.mark.nohook
@pytest.mark.parametrize("item", [[GOOD[0], None], (GOOD[0],), {"values": GOOD[0]}, None])
def test_what_is_no_item_is_refused(item):
    with pytest.raises(DataError, match=r"(?s)neither a series nor a pair.*item +: 1"):
        collate([series(GOOD), item])


def same(ours: Series, theirs: Series) -> None:
    for part in ("values", "times", "mask", "lengths"):
        assert torch.equal(getattr(ours, part), getattr(theirs, part)), part


@pytest.mark.parametrize(
    "items, words",
    [
        ([], "nothing to collate"),
        ([(GOOD[0], None), (GOOD[0, :, :1], None)], "item 0.*2 channels.*item 1.*1 channels"),
        ([series(GOOD), series(GOOD, static=torch.ones(3, 7))], "0 static features.*item 1.*7 static features"),
        ([series(GOOD), series(GOOD.double())], "torch.float32.*torch.float64"),
        ([(GOOD[0], None), (GOOD[1], [0, 1, 1, 2, 3])], "increase.*item.*: 1.*position 1"),
    ],
)
def test_what_does_not_make_a_batch_is_refused(items, words):
    with pytest.raises(DataError, match="(?s)" + words):
        collate(items)
