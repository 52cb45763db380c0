"""The scale of the training series, and nothing of any other."""

import json

import pytest
import torch

from fwp.data import Normaliser, collate, series
from fwp.errors import DataError, FormatError

NAN = float("nan")


def drawn(seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    values = 3 + 5 * torch.randn(7, 11, 3, generator=generator)
    values[torch.rand(7, 11, 3, generator=generator) < 0.4] = NAN
    values[..., 1] = 0.1
    values[..., 2] = NAN
    lengths = torch.randint(2, 12, (7,), generator=generator)
    static = torch.tensor([2.0, 1.0]) + torch.tensor([3.0, 0.0]) * torch.randn(7, 1, generator=generator)
    return series(values, 100 + torch.rand(7, 11, generator=generator).cumsum(1), lengths=lengths, static=static)


def test_training_series_get_mean_0_deviation_1_and_the_longest_lasts_1():
    train = drawn()
    normaliser = Normaliser.fit(train)
    scaled = normaliser.apply(train)
    observed = scaled.values[..., 0][scaled.mask[..., 0]].double()
    assert abs(observed.mean()) < 1e-6 and abs(observed.std(correction=0) - 1) < 1e-6
    assert scaled.times.min() == 0 and (scaled.times[:, -1] - scaled.times[:, 0]).max() == pytest.approx(1, abs=1e-15)
    assert not scaled.values[~scaled.mask].any() and torch.equal(scaled.mask, train.mask)
    assert scaled.values.dtype is train.values.dtype


def test_a_constant_channel_keeps_its_scale_and_a_channel_never_observed_its_place():
    normaliser = Normaliser.fit(drawn())
    assert normaliser.std[1:] == (1.0, 1.0) and normaliser.mean[2] == 0.0
    assert normaliser.mean[1] == pytest.approx(0.1, abs=1e-8)


def test_static_features_are_scaled_likewise_and_a_constant_one_keeps_its_scale():
    train = drawn()
    normaliser = Normaliser.fit(train)
    static = normaliser.apply(train).static
    assert static is not None and static.dtype is torch.float32
    assert abs(static[:, 0].mean()) < 1e-6 and static[:, 0].std(correction=0) == pytest.approx(1, abs=1e-6)
    assert normaliser.static_std[1] == 1 and not static[:, 1].any()


def test_padding_does_not_count():
    train = drawn()
    assert train.static is not None
    mean = train.static.mean(0).tolist()
    missing = series([[NAN] * 3] * 50, [[100.5 + 1e-4 * i for i in range(50)]], static=mean)
    found, expected = Normaliser.fit(collate([train, missing])), Normaliser.fit(train)
    for name in ("mean", "std", "origin", "span"):
        assert getattr(found, name) == getattr(expected, name)


def test_one_observation_spans_no_time():
    assert Normaliser.fit(series([[2.0]], [7.0])) == Normaliser((2.0,), (1.0,), 7.0, 1.0)


def test_other_channels_are_refused():
    with pytest.raises(DataError, match=r"(?s)other channels.*2 channels.*3 channels"):
        Normaliser.fit(drawn()).apply(series(torch.ones(5, 2)))
    with pytest.raises(DataError, match=r"(?s)other static features.*0 static features.*2 static features"):
        Normaliser.fit(drawn()).apply(series(torch.ones(5, 3)))


def test_json_round_trips():
    normaliser = Normaliser.fit(drawn())
    assert Normaliser.from_json(json.loads(json.dumps(normaliser.to_json()))) == normaliser
    assert Normaliser.from_json(GOOD).to_json() == GOOD


GOOD = {"mean": [0.0, 1], "std": [1.0, 2.0], "origin": 0.0, "span": 3}


@pytest.mark.parametrize(
    "data",
    [None, [], {}, *(GOOD | part for part in (
        {"more": 1}, {"mean": [0.0]}, {"mean": [], "std": []}, {"span": 0}, {"std": [1.0, -1.0]}, {"std": [1.0, NAN]},
        {"static_mean": [0.0]}, {"static_mean": [0.0], "static_std": [0.0]}, {"origin": "0"}, {"mean": [0.0, True]}, {"mean": [0.0, [1.0]]}, {"span": 1e400},
    ))],
)  # fmt: skip
def test_other_json_is_refused(data):
    assert Normaliser.from_json(GOOD)
    with pytest.raises(FormatError, match="this is no normaliser"):
        Normaliser.from_json(data)
