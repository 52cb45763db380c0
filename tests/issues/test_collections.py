"""An estimator learns from all that it is given, in whatever it is held, and says what it cannot look at."""

import warnings
from typing import Any

import numpy as np
import pandas
import pytest
import torch

import fwp
from fwp.errors import DataError, FwpError, FwpWarning
from fwp.training.classifier import FastWeightClassifier
from fwp.training.collection import series_of
from fwp.training.given import collection_of
from fwp.training.regressor import FastWeightRegressor

EASY: dict[str, Any] = dict(
    width=8, heads=2, hidden=16, dropout=0.0, epochs=30, batch=60, learning_rate=3e-2, random_state=0
)
SMALL: dict[str, Any] = dict(width=8, heads=2, hidden=8, epochs=2, random_state=0)


def walks(seed: int, cases: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(cases, 2, 10)).cumsum(2)


X = walks(0)
Y = X[:, 0, -1]
SIDES = np.where(Y > 0, "up", "down")


def test_far_numbers_are_learnt_as_near_ones() -> None:
    test = walks(1)
    for offset in (0.0, 1e8):
        classifier = FastWeightClassifier(**EASY).fit(X + offset, SIDES)
        assert classifier.score(test + offset, np.where(test[:, 0, -1] > 0, "up", "down")) > 0.9
        regressor = FastWeightRegressor(**EASY).fit(X, Y + offset)
        found = regressor.predict(test)
        assert found.dtype == np.float64 and regressor.score(test, test[:, 0, -1] + offset) > 0.8


HIDDEN = np.random.default_rng(0).random(X.shape) < 0.2
MASKED = np.ma.masked_array(np.where(HIDDEN, -999, X), HIDDEN)


@pytest.mark.parametrize("given", [MASKED, list(MASKED), np.where(HIDDEN, np.nan, X).astype(object)])
def test_what_is_masked_is_missing(given: Any) -> None:
    assert np.array_equal(np.array(collection_of(given)), np.where(HIDDEN, np.nan, X), equal_nan=True)
    found = FastWeightClassifier(**SMALL).fit(given, SIDES).predict_proba(given)
    assert np.array_equal(
        found, FastWeightClassifier(**SMALL).fit(np.where(HIDDEN, np.nan, X), SIDES).predict_proba(given)
    )


@pytest.mark.parametrize(
    "given",
    [torch.tensor(X, requires_grad=True), X.astype(">f8"), X[:, :, ::-1][:, :, ::-1], X.tolist(), X.astype(object), list(torch.tensor(X)),
     [pandas.DataFrame(own) for own in X], [pandas.DataFrame(own, columns=pandas.date_range("2024", periods=10)) for own in X]],
)  # fmt: skip
def test_a_collection_is_the_same_however_it_is_held(given: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = collection_of(given)
    assert torch.equal(series_of(found).values, series_of(X).values)


def framed(times: Any) -> pandas.DataFrame:
    index = pandas.MultiIndex.from_tuples([(case, time) for case in range(60) for time in times(case)])
    return pandas.DataFrame(X.transpose(0, 2, 1).reshape(-1, 2), index, ["a", "b"])


def test_frames_with_even_times_are_learnt_from() -> None:
    wanted = FastWeightClassifier(**SMALL).fit(X, SIDES).predict_proba(X)
    for times in (
        lambda _: range(10),
        lambda case: case + 0.1 * np.arange(10),
        lambda _: pandas.date_range("2024", periods=10),
    ):
        found = FastWeightClassifier(**SMALL).fit(framed(times), SIDES).predict_proba(X)
        assert np.allclose(found, wanted, atol=1e-5)
    FastWeightClassifier(**SMALL).fit(framed(lambda _: range(10)).loc[5:], SIDES[5:])  # levels that no row has any more


UNEVEN = np.array([0, 1, 2, 3.5, 4, 5, 9, 10, 11, 12])


@pytest.mark.parametrize(
    "given",
    [
        framed(lambda _: UNEVEN), framed(lambda case: np.arange(10) * (1 + case % 2)),
        framed(lambda _: pandas.Timestamp("2024") + pandas.to_timedelta(UNEVEN, unit="h")),
        pandas.DataFrame(X[:, 0], columns=UNEVEN), [pandas.DataFrame(own, columns=UNEVEN) for own in X],
        fwp.series(X), None, "text", {"a": X}, [], X + 1j, X.astype(str), torch.tensor(X).to_sparse(),
    ],
)  # fmt: skip
def test_times_that_would_be_dropped_and_what_is_no_collection_are_refused(given: Any) -> None:
    with pytest.raises(DataError):
        FastWeightClassifier(**SMALL).fit(given, SIDES)


@pytest.mark.parametrize("y", [Y + 1j, np.ma.masked_array(Y, Y > 1)])
def test_so_are_targets(y: Any) -> None:
    with pytest.raises(DataError):
        FastWeightRegressor(**SMALL).fit(X, y)
    with pytest.raises(DataError):
        FastWeightClassifier(**SMALL).fit(X, y > 0 if isinstance(y, np.ma.MaskedArray) else y)


def looked_at(cases: Any) -> bool:
    """Whether a warning says that they look transposed."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        collection_of(cases)
    return any(
        issubclass(own.category, FwpWarning) and "more channels than time points" in str(own.message) for own in said
    )


def test_time_where_channels_should_stand_is_said() -> None:
    random = np.random.default_rng(0)
    noise = random.normal(size=(20, 12, 3))
    assert looked_at(noise) and looked_at(noise.cumsum(1)) and looked_at(list(noise)) and looked_at(noise[..., :1])
    sensors = 5 * random.normal(size=(20, 12, 1)) + 0.1 * random.normal(size=(20, 12, 10)).cumsum(2)
    lengths = [own[:, :size] for own, size in zip(noise.transpose(0, 2, 1), random.integers(2, 13, 20), strict=True)]
    for honest in (noise.transpose(0, 2, 1), sensors, lengths, X, X[:, :1], X[:, 0]):
        assert not looked_at(honest)
    with pytest.warns(FwpWarning, match="more channels than time points"):
        FastWeightClassifier(**SMALL).fit(noise, np.arange(20) % 2)


@pytest.mark.parametrize("name", ["width", "heads", "hidden", "epochs", "batch"])
def test_parts_of_a_whole_number_are_refused_and_numpys_are_taken(name: str) -> None:
    with pytest.raises(FwpError):
        FastWeightClassifier(**{**SMALL, name: 2.5}).fit(X, SIDES)
    FastWeightClassifier(**{**SMALL, name: np.int32(2), "dropout": np.float32(0.1)}).fit(X[:8], SIDES[:8])
