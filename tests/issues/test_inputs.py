"""Whatever holds numbers is taken with all that it says, or refused in words that fit it; nothing of it is lost in silence."""

import datetime
import json
import warnings
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas
import pytest
import torch

import fwp
from fwp.controls import Control, hermite, log_signature
from fwp.data import Labelled, Valued, collate
from fwp.errors import DataError, FwpError, FwpWarning
from fwp.rules import delta

VALUES = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
HIDDEN = VALUES > 0.7
PLAIN = fwp.series(VALUES)
MASKED = np.ma.masked_array(np.where(HIDDEN, -999, VALUES), HIDDEN)


def same(found: fwp.Series, wanted: fwp.Series) -> None:
    for part in ("values", "times", "mask", "lengths"):
        assert torch.equal(getattr(found, part), getattr(wanted, part)), part


class Column:
    """A column of polars, as far as it is asked."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers

    def to_numpy(self) -> np.ndarray:
        return np.asarray(self.numbers)


class Frame:
    """A frame of polars, as far as it is asked: it is not installed where these tests run."""

    def __init__(self, **columns: Any) -> None:
        self.own, self.columns = columns, list(columns)

    def get_columns(self) -> list[Column]:
        return [Column(own) for own in self.own.values()]

    def __getitem__(self, name: str) -> Column:
        return Column(self.own[name])

    def __len__(self) -> int:
        return len(next(iter(self.own.values())))


Frame.__name__, Frame.__module__, Column.__module__ = "DataFrame", "polars.dataframe.frame", "polars.series.series"


@pytest.mark.parametrize(
    "given",
    [
        MASKED,
        list(MASKED),
        [list(own) for own in MASKED],
        MASKED.astype(object),
        torch.masked.masked_tensor(torch.tensor(MASKED.data), torch.tensor(~HIDDEN)),
    ],
    ids=["array", "list", "nested", "objects", "MaskedTensor"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The PyTorch API of MaskedTensors")
def test_what_is_masked_is_missing(given: Any) -> None:
    found = fwp.series(given)
    assert torch.equal(found.mask, torch.tensor(~HIDDEN)) and not found.values[~found.mask].any()
    assert torch.equal(found.values, torch.where(torch.tensor(HIDDEN), 0, torch.tensor(VALUES)))


def test_masked_items_are_missing_in_a_batch_and_in_whole_numbers() -> None:
    assert torch.equal(collate([own[None] for own in MASKED]).mask, torch.tensor(~HIDDEN))
    whole = fwp.series(np.ma.masked_array([[1], [-999], [3]], [[0], [1], [0]]))
    assert whole.mask.flatten().tolist() == [True, False, True] and whole.values.flatten().tolist() == [1, 0, 3]


@pytest.mark.parametrize(
    "part",
    [
        {"times": np.ma.masked_array(np.arange(5.0), np.arange(5) == 3)},
        {"lengths": np.ma.masked_array([3, 4], [True, False])},
        {"static": np.ma.masked_array([[3.0], [4]], [[True], [False]])},
        {"mask": np.ma.masked_array(VALUES > 0, HIDDEN)},
    ],
    ids=lambda part: next(iter(part)),
)
def test_nothing_else_may_be_masked(part: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        fwp.series(VALUES, **part)


def test_a_mask_that_hides_nothing_changes_nothing() -> None:
    times, lengths = np.ma.masked_array(np.arange(5.0)), np.ma.masked_array([5, 5])
    same(fwp.series(np.ma.masked_array(VALUES), times, lengths=lengths), PLAIN)


@pytest.mark.parametrize(
    "given",
    [
        VALUES.astype(">f4"),
        VALUES[:, ::-1][:, ::-1],
        np.asfortranarray(VALUES),
        np.moveaxis(np.ascontiguousarray(np.moveaxis(VALUES, 2, 0)), 0, 2),
        torch.tensor(VALUES).transpose(0, 1).contiguous().transpose(0, 1),
        list(VALUES),
        list(torch.tensor(VALUES)),
        VALUES.tolist(),
        [[[Decimal(repr(float(x))) for x in row] for row in own] for own in VALUES],
        [[[Fraction(float(x)) for x in row] for row in own] for own in VALUES],
        VALUES.astype(object),
        VALUES.astype(np.longdouble),
        [pandas.DataFrame(own) for own in VALUES],
        memoryview(VALUES),
    ],
    ids=["big endian", "negative strides", "fortran", "moved", "transposed", "arrays", "tensors", "lists",
         "decimals", "fractions", "objects", "long double", "frames", "memory"],
)  # fmt: skip
def test_numbers_are_the_same_however_they_are_held(given: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(fwp.series(given), PLAIN)


def test_a_read_only_array_is_taken_in_silence_and_never_written_to() -> None:
    given = VALUES.copy()
    given.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fwp.series(given)
    found.values.fill_(7)
    assert np.array_equal(given, VALUES)


@pytest.mark.parametrize(
    "kind", [bool, np.int8, np.uint8, np.uint16, np.uint32, np.uint64, np.int64, torch.uint16, torch.uint64, torch.int8]
)
def test_whole_numbers_and_truth_values_of_all_sizes(kind: Any) -> None:
    one = np.array([[0, 1], [1, 0], [1, 1]])
    given = torch.tensor(one).to(kind) if isinstance(kind, torch.dtype) else one.astype(kind)
    found = fwp.series(given)
    assert found.values.dtype is torch.float32 and found.values[0].tolist() == one.tolist()


@pytest.mark.parametrize("kind", [np.float16, np.float64, torch.bfloat16, torch.float16])
def test_floats_keep_their_type(kind: Any) -> None:
    given = torch.tensor(VALUES).to(kind) if isinstance(kind, torch.dtype) else VALUES.astype(kind)
    found = fwp.series(given)
    assert torch.equal(found.values, torch.as_tensor(given)) and found.values.dtype is torch.as_tensor(given).dtype


SECONDS = [0.0, 60.0, 61.5, 120.0, 86400.0]
DATES = np.datetime64("2024-01-31T12:00", "ns") + (np.array(SECONDS) * 1e9).astype("m8[ns]")
INDEX = pandas.DatetimeIndex(DATES)
PYTHON = INDEX.to_pydatetime().tolist()
ZONE = datetime.timezone(datetime.timedelta(hours=2))


@pytest.mark.parametrize(
    "times",
    [
        DATES, DATES.astype("M8[ms]"), INDEX, pandas.Series(INDEX), list(INDEX), PYTHON, INDEX.tz_localize("UTC"),
        INDEX.tz_localize("UTC").tz_convert("Asia/Tokyo"), list(INDEX.tz_localize("Europe/Berlin")),
        [own.replace(tzinfo=datetime.UTC).astimezone(ZONE) for own in PYTHON],
        DATES - DATES[0], INDEX - INDEX[0], [own - PYTHON[0] for own in PYTHON], np.stack([DATES, DATES]),
        pandas.Series(SECONDS), np.array(SECONDS)[::-1][::-1], np.array(SECONDS, ">f8"), tuple(SECONDS), np.array(SECONDS, object),
    ],
)  # fmt: skip
def test_times_are_the_same_however_they_are_held(times: Any) -> None:
    found = fwp.series(VALUES, times).times
    assert found.dtype is torch.float64 and found.tolist() == [SECONDS, SECONDS]


def test_dates_count_from_their_own_beginning_to_the_nanosecond() -> None:
    dates = np.stack([DATES, DATES + np.timedelta64(365, "D")])
    dates[0, 1] = dates[0, 0] + np.timedelta64(1, "ns")
    assert fwp.series(VALUES, dates).times.tolist() == [[0, 1e-9, *SECONDS[2:]], SECONDS]
    days = fwp.series(VALUES, [datetime.date(2024, 2, day) for day in (1, 2, 3, 4, 29)])
    assert days.times[0].tolist() == [0, 86400, 172800, 259200, 28 * 86400]
    months = np.array(["2024-01", "2024-02", "2024-03", "2024-04", "2024-05"], "M8[M]")
    assert fwp.series(VALUES, months).times[0].tolist() == [86400.0 * day for day in (0, 31, 60, 91, 121)]


def test_a_date_that_is_none_is_refused_unless_it_stands_after_the_end() -> None:
    dates = DATES.copy()
    dates[4] = np.datetime64("NaT")
    assert fwp.series(VALUES, dates, lengths=[4, 3]).times[0].tolist() == [*SECONDS[:4], 120]
    with pytest.raises(DataError, match="not a finite number"):
        fwp.series(VALUES, dates)


def test_dates_go_on_from_call_to_call() -> None:
    torch.manual_seed(0)
    layer, values = fwp.FastWeights(delta, 3, 8), torch.tensor(VALUES)
    wanted, _ = layer(values, times=SECONDS)
    first, state = layer(values[:, :2], times=DATES[:2])
    rest, _ = layer(values[:, 2:], state, times=INDEX[2:])
    assert torch.allclose(torch.cat([first, rest], 1), wanted, atol=1e-6)


def test_frames() -> None:
    frame = pandas.DataFrame(VALUES[0], columns=list("abc"))
    same(fwp.series(frame), PLAIN[0])
    same(fwp.series(frame, times=frame.index), PLAIN[0])
    same(fwp.series(Frame(**{name: frame[name] for name in "abc"})), PLAIN[0])
    same(collate([frame, frame[:3]]), collate([VALUES[0], VALUES[0, :3]]))
    same(fwp.series(frame.set_axis(INDEX)), fwp.series(VALUES[0], SECONDS))
    mixed = pandas.DataFrame(
        {"a": pandas.array([1, None, 3], "Int64"), "b": [True, False, True], "c": [0.5, np.nan, 1]}
    )
    found = fwp.series(mixed)
    assert found.values[0].tolist() == [[1, 1, 0.5], [0, 0, 0], [3, 1, 1]] and found.mask[0, 1].tolist() == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "given",
    [
        VALUES.astype(complex), torch.tensor(VALUES).to(torch.complex64), [[1j], [2]], np.array([[1j, 1]], object),
        VALUES.astype(str), [["a"], ["b"]], np.array([["a", 1]], object), None, {"a": 1}, {1.0}, "text", iter([1.0]),
        [[1.0], [None]], np.array([[None]]), DATES[:, None], [[2**53]], [[2**70], [1]], np.array([[2**53 + 1]]), np.array([[2**64 - 1]]),
        torch.tensor([[2**53 + 1]]), torch.tensor(VALUES).to_sparse(), torch.tensor(VALUES).to(torch.float8_e4m3fn),
        [torch.ones(2, 1), torch.ones(3, 1)], [np.ones((2, 1)), np.ones((3, 1))],
        pandas.DataFrame({"a": ["x", "y"]}), pandas.DataFrame({"a": INDEX}), pandas.DataFrame([[1, 2]], columns=["a", "a"]),
        pandas.DataFrame({"a": [1.0, 2]}, index=[0.0, 0.7]), pandas.DataFrame({"a": [1.0, 2]}, index=["x", "y"]),
        [pandas.DataFrame(VALUES[0]).set_axis(INDEX)] * 2, pandas.DataFrame({"a": pandas.Categorical(["u", "v"])}),
        np.array([(1.0, 2)], [("a", float), ("b", int)]), PLAIN,
    ],
    ids=lambda given: type(given).__name__,
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(given: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError):
            fwp.series(given)


@pytest.mark.parametrize(
    "part",
    [
        {"times": np.arange(5) + 1j}, {"times": 1_700_000_000_000_000_000 + np.arange(5) * 10**9}, {"times": list("abcde")},
        {"times": [PYTHON[0], *(own.replace(tzinfo=ZONE) for own in PYTHON[1:])]},
        {"mask": VALUES}, {"mask": np.where(HIDDEN, np.nan, 1)}, {"mask": HIDDEN + 1j}, {"mask": HIDDEN.astype(str)},
        {"lengths": [3.7, 5]}, {"lengths": [np.nan, 5]}, {"lengths": [3 + 1j, 5]}, {"static": [[1j], [2j]]}, {"static": [["a"], ["b"]]},
    ],
    ids=lambda part: str(part)[:40],
)  # fmt: skip
def test_so_are_parts(part: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        fwp.series(VALUES, **part)


@pytest.mark.parametrize("lengths", [[3.7, 4], np.array([np.nan, 4]), torch.tensor([2.5, 4]), [3 + 0.5j, 4]])
def test_a_layer_cuts_no_lengths(lengths: Any) -> None:
    with pytest.raises(FwpError):
        fwp.FastWeights(delta, 3, 8)(torch.tensor(VALUES), lengths=lengths)


@pytest.mark.parametrize("values", [torch.ones(2, 5, 3) * 1j, torch.ones(2, 5, 3).to(torch.float8_e5m2)])
def test_a_layer_does_not_advise_to_lose_something(values: torch.Tensor) -> None:
    with pytest.raises(DataError, match=r"channels: np.stack|tensor.float\(\)"):
        fwp.FastWeights(delta, 3, 8)(values)


def test_requested_times() -> None:
    field = (delta @ fwp.Projection() @ hermite).build(3, width=4)(PLAIN)
    wanted = fwp.solve(field, torch.tensor([1.0, 2.5], dtype=torch.float64)).states["W"]
    for times in ([1.0, 2.5], np.array([1, 2.5], ">f8"), pandas.Series([1, 2.5])):
        assert torch.equal(fwp.solve(field, times).states["W"], wanted)
    for times in (np.array([1 + 1j]), torch.tensor([1j]), np.ma.masked_array([1.0, 2], [True, False]), ["1"], [None]):
        with pytest.raises(FwpError):
            fwp.solve(field, times)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.array, torch.tensor])
def test_whole_numbers_of_other_libraries(kind: Any) -> None:
    layer = fwp.FastWeights(delta, kind(3), kind(8), kind(2), heads=kind(2), steps=kind(2))
    assert layer(torch.tensor(VALUES))[0].shape == (2, 5, 8)
    net = (delta @ fwp.Projection() @ hermite).build(kind(3), width=kind(8), heads=kind(2))
    assert json.loads(json.dumps(net.sizes)) == {"channel": 3, "head": 2, "width": 8}
    stats = fwp.solve(net(PLAIN), steps=kind(2), scan="chunked", chunk=kind(3)).stats
    assert stats.steps == 8 and type(stats.steps) is int
    windows = log_signature(kind(2), kind(4))
    assert windows == log_signature(2, 4) and Control.from_json(json.loads(json.dumps(windows.to_json()))) == windows
    from fwp.training import Recipe

    assert Recipe(width=kind(8)) == Recipe(width=8) and type(Recipe(width=kind(8)).width) is int


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, np.int64, np.array, torch.tensor])
def test_numbers_of_other_libraries(kind: Any) -> None:
    control = Control(hermite.kind, pace=kind(2))
    assert control == Control(hermite.kind, pace=2) and type(control.pace) in (int, float)
    assert Control.from_json(json.loads(json.dumps(control.to_json()))) == control
    assert fwp.FastWeights(delta, 3, 8, dropout=kind(0.5) if kind is not np.int64 else 0.5).dropout.p == 0.5
    from fwp.training import Recipe

    assert Recipe(learning_rate=kind(2)) == Recipe(learning_rate=2.0)


@pytest.mark.parametrize("pace", ["2", None, True, 2j, Decimal(2), np.array([1.0, 2])])
def test_a_pace_that_is_no_number(pace: Any) -> None:
    with pytest.raises(DataError, match="a pace is a positive, finite number"):
        Control(hermite.kind, pace=pace)


@pytest.mark.parametrize("depth", [2.5, "2", None, True])
def test_a_depth_that_is_no_whole_number(depth: Any) -> None:
    with pytest.raises(DataError, match="whole number"):
        log_signature(depth, 4)


def test_a_fill_is_numbers_however_they_are_held() -> None:
    gaps = fwp.series(np.where(np.arange(5)[:, None] < 2, np.nan, VALUES))
    wanted = hermite(gaps, torch.tensor([1.0, 2, 3])).coefficients
    for fill in ([1, 2, 3], np.array([1.0, 2, 3]), pandas.Series([1, 2, 3])):
        assert torch.equal(hermite(gaps, fill).coefficients, wanted)
    with pytest.raises(DataError):
        hermite(gaps, [1j, 2, 3])


def test_labels_and_numbers_to_be_found() -> None:
    labels = Labelled(PLAIN, np.array([1, 0]), ("a", "b")).labels
    assert labels.dtype is torch.int64 and labels.tolist() == [1, 0]
    for wrong in ([0.5, 1], [0, 2], [-1, 0], [0], [1j, 0], [None, 0], np.ma.masked_array([0, 1], [True, False])):
        with pytest.raises(DataError):
            Labelled(PLAIN, wrong, ("a", "b"))  # type: ignore[arg-type]
    values = Valued(PLAIN, np.ma.masked_array([[1.0], [-999]], [[False], [True]])).values
    assert values[0].item() == 1 and values[1].isnan()
    for wrong in ([[1j], [1]], [["1"], ["2"]], [[1.0]]):
        with pytest.raises(DataError):
            Valued(PLAIN, wrong)  # type: ignore[arg-type]


def test_gradients_reach_values_and_times_in_lists() -> None:
    values = [torch.randn(5, 3, requires_grad=True) for _ in range(2)]
    times = torch.arange(5.0, dtype=torch.float64, requires_grad=True)
    found = fwp.series(values, times)  # type: ignore[arg-type]
    assert all(own is not None for own in torch.autograd.grad(found.values.sum() + found.times.sum(), [*values, times]))


def test_other_types_for_a_series() -> None:
    with pytest.raises(DataError, match="holds floats"):
        PLAIN.to(dtype=torch.int64)
    with pytest.raises(DataError, match="too large for float16"):
        fwp.series([[1e6], [2.0]]).to(dtype=torch.float16)
    with pytest.warns(FwpWarning, match="cannot tell these numbers apart"):
        fwp.series(VALUES.astype(float) + 1e8).to(dtype=torch.float32)
