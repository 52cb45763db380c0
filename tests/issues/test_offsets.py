"""Numbers and times far from 0 mean what they would mean near it, or it is said what was lost."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import fwp
from fwp.controls import Control, Kind, hermite, linear, log_signature
from fwp.data import Normaliser, Valued, collate, read_table
from fwp.errors import FwpError, FwpWarning
from fwp.models import Values
from fwp.rules import delta, hebb

FAR = 1.7e9
"""Seconds since 1970, in 2023."""
CONTROLS = [*map(Control, Kind), log_signature(2, 4)]
TIMES = torch.arange(30, dtype=torch.float64)


def drawn() -> torch.Tensor:
    return torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0))


def told_apart(numbers: torch.Tensor) -> bool:
    return bool((numbers.diff() > 0).all())


@pytest.mark.parametrize("control", CONTROLS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_seconds_since_1970_are_told_apart(control: Control, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net = (delta @ fwp.Projection() @ control).build(channels=3, width=8, dtype=dtype)
    values = drawn().to(dtype)
    near = fwp.solve(net(fwp.series(values, TIMES)))
    with pytest.warns(FwpWarning, match="counts from the beginning of each series"):
        field = net(fwp.series(values, TIMES + FAR))
    far = fwp.solve(field)
    assert torch.equal(near.final["W"], far.final["W"]) and torch.equal(near.read(), far.read())
    assert far.final["W"].any() and torch.equal(far.times, near.times + FAR), "times stay as they were given"


def test_a_series_counts_from_its_own_beginning_whatever_else_is_in_the_batch() -> None:
    near, far = fwp.series(drawn()[:1], TIMES + 5), fwp.series(drawn()[1:], TIMES + FAR)
    with pytest.warns(FwpWarning, match="1 of 2"):
        path = linear(collate([near, far]))
    assert path.start[:, 0].tolist() == [5, 0] and told_apart(path.pieces[0][1, :, 0])
    assert torch.equal(path[:1].coefficients, linear(near).coefficients)


def test_times_near_0_and_time_that_is_no_channel_bring_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = linear(fwp.series(drawn(), TIMES + 1000))
        assert path.start[:, 0].tolist() == [1000, 1000]
        Control(Kind.LINEAR, time=False)(fwp.series(drawn(), TIMES + FAR))


def test_steps_are_exact_in_a_layer_and_a_stream_that_cannot_be_kept_is_refused() -> None:
    torch.manual_seed(0)
    layer, values = fwp.FastWeights(delta, 3, 8), drawn()
    assert torch.equal(layer(values, times=TIMES + FAR)[0], layer(values, times=TIMES)[0])
    timed = fwp.FastWeights(delta, 3, 8, control=hermite)
    for part in (slice(None), slice(1)):
        with pytest.raises(FwpError, match="begins too far from 0"):
            timed(values[:, part], times=TIMES[part] + FAR)
    whole, _ = timed(values, times=TIMES + 100)
    first, state = timed(values[:, :10], times=TIMES[:10] + 100)
    rest, _ = timed(values[:, 10:], state, times=TIMES[10:] + 100)
    assert torch.allclose(torch.cat([first, rest], 1), whole, atol=1e-6)


def test_series_that_begin_years_apart_are_scaled_from_their_own_beginnings() -> None:
    starts = torch.arange(4, dtype=torch.float64)[:, None] * 3e7
    train = fwp.series(drawn()[:1].expand(4, -1, -1), FAR + starts + TIMES)
    normaliser = Normaliser.fit(train)
    scaled = normaliser.apply(train).times
    assert scaled.max() == 1 and torch.equal(scaled, (TIMES / 29).expand(4, -1))
    assert Normaliser.from_json(normaliser.to_json()) == normaliser
    near = fwp.series(drawn()[:1].expand(4, -1, -1), FAR + starts / 1e5 + TIMES)
    kept = Normaliser.fit(near)
    assert kept.origin == FAR and not kept.own and "own" not in kept.to_json(), "where they can be compared, they are"


def test_statistics_of_far_numbers_are_those_of_near_ones() -> None:
    values, static = drawn().double(), torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    near, far = fwp.series(values, static=static), fwp.series(values + 1e8, static=static + FAR)
    ours, theirs = (Normaliser.fit(own).apply(own) for own in (near, far))
    assert torch.allclose(ours.values, theirs.values, atol=1e-6) and torch.allclose(ours.static, theirs.static)


@pytest.mark.parametrize("size", [1e200, 1e-200, 1e308, 1.0])
def test_statistics_of_numbers_of_any_size(size: float) -> None:
    data = fwp.series(np.array([[0.25], [0.75]]) * size)
    assert Normaliser.fit(data).apply(data).values.flatten().tolist() == pytest.approx([-1, 1])


def test_numbers_are_read_in_float64() -> None:
    answer = Values(("y",), (1e8,), (2.0,))
    outputs = torch.tensor([[0.25], [-0.125]])
    assert answer.read(outputs).values.flatten().tolist() == [1e8 + 0.5, 1e8 - 0.25]
    assert Values(("y",), (1.0,), (2.0,)).read(outputs).values.dtype is torch.float32
    wanted = torch.tensor([[1e8 + 0.5]], dtype=torch.float64)
    assert answer.scaled(wanted).item() == 0.25


def test_a_constant_target_is_no_scale() -> None:
    from fwp.training import Metric, Recipe, begun

    data = Valued(fwp.series(drawn()), torch.full((2, 1), 0.1, dtype=torch.float64) + torch.tensor([[0.0], [1e-17]]))
    trained = begun(delta @ fwp.Projection() @ linear, data, Recipe(width=4, heads=1), Metric.R2)
    assert trained.answer.std == (1.0,)


@pytest.mark.parametrize(
    "given",
    [
        [[1e8 + 0.5], [1e8 + 0.25], [1e8]],
        np.array([[2**24], [2**24 + 1], [2**24 + 2]]),
        torch.tensor([[2**40], [2**40 + 1], [2**40 + 2]]),
        (np.arange(6).reshape(3, 2) + 10**9).astype(np.uint64),
    ],
    ids=["floats", "2**24", "2**40", "uint64"],
)  # fmt: skip
def test_numbers_that_float32_cannot_tell_apart_bring_a_warning(given: Any) -> None:
    with pytest.warns(FwpWarning, match="float32 cannot tell these numbers apart"):
        fwp.series(given)


def test_so_do_static_features_and_tables(tmp_path: Any) -> None:
    with pytest.warns(FwpWarning, match="static, channel 0"):
        fwp.series(drawn(), static=np.array([[FAR], [FAR + 1]]))
    file = tmp_path / "table.csv"
    file.write_text("series,time,channel,value\na,1,x,100000000.25\na,2,x,100000000.5\n")
    with pytest.warns(FwpWarning, match="cannot tell"):
        read_table(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_table(file, dtype=torch.float64).series.values.flatten().tolist() == [1e8 + 0.25, 1e8 + 0.5]


def test_harmless_roundings_bring_none() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fwp.series([[0.1], [0.1], [0.1]])
        fwp.series([[1e8], [0.0], [5.5]])
        fwp.series(drawn().double() + 1e3).to(dtype=torch.float32)
        fwp.series(np.full((3, 1), 0.1) + np.array([[0], [1e-17], [0]])).to(dtype=torch.float32)


def test_times_that_were_rounded_before_are_told() -> None:
    with pytest.warns(FwpWarning, match="rounded before they came here"):
        fwp.series(drawn(), (TIMES * 200 + FAR).float())
    with pytest.warns(FwpWarning, match="rounded before they came here"):
        fwp.series(drawn(), TIMES * 1000 + 1.7e18)  # nanoseconds, which float64 counts in steps of 256
    with pytest.raises(FwpError, match="give them as float64"):
        fwp.series(drawn(), (TIMES + FAR).float())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fwp.series(drawn(), (TIMES + 1000).float())
        fwp.series(drawn(), torch.rand(2, 30).cumsum(1))


def test_a_jump_of_one_time_is_not_a_series_that_is_far() -> None:
    """Two observations that happen to be close do not change what a time channel means."""
    times = torch.tensor([[100.0, 100.0 + 1e-7, *range(101, 129)]], dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert linear(fwp.series(drawn()[:1], times)).start[0, 0] == 100


def test_hebbs_rule_sees_seconds() -> None:
    torch.manual_seed(0)
    net = (hebb @ fwp.Projection() @ linear).build(channels=3, width=8)
    with pytest.warns(FwpWarning):
        read = fwp.read_along(net(fwp.series(drawn()[:, :9], TIMES[:9] + FAR)))
    assert torch.equal(read, fwp.read_along(net(fwp.series(drawn()[:, :9], TIMES[:9]))))
