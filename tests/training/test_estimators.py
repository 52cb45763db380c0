"""The estimators, as users of scikit-learn and aeon meet them."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from aeon.pipeline import make_pipeline
from aeon.testing.estimator_checking import parametrize_with_checks
from aeon.transformations.collection import Normalizer
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline as make_sklearn_pipeline

import fwp
from fwp.errors import CompositionError, DataError, FwpError
from fwp.fields import linear
from fwp.models import load, save
from fwp.rules import ALL, W, beta, delta, k, v, x
from fwp.training.classifier import FastWeightClassifier
from fwp.training.regressor import FastWeightRegressor

SMALL: dict[str, Any] = dict(width=8, heads=2, hidden=8, epochs=3, batch=12, random_state=0)
EASY: dict[str, Any] = dict(
    width=8, heads=2, hidden=16, dropout=0.0, epochs=30, batch=60, learning_rate=3e-2, random_state=0
)
ESTIMATORS = pytest.mark.parametrize("kind", [FastWeightClassifier, FastWeightRegressor])


def collection(cases: int = 16, seed: int = 0) -> list[np.ndarray]:
    """Walks of two channels and of 5, 8 or 12 steps."""
    random = np.random.default_rng(seed)
    return [random.normal(size=(2, length)).cumsum(1) for length in random.choice([5, 8, 12], cases)]


def ends(cases: list[np.ndarray]) -> np.ndarray:
    """A number that both estimators can be taught: where the first channel ends."""
    return np.array([case[0, -1] for case in cases])


def sides(cases: list[np.ndarray]) -> np.ndarray:
    """The same as a class."""
    return np.where(ends(cases) > 0, "up", "down")


def target(kind: type, cases: list[np.ndarray]) -> np.ndarray:
    return sides(cases) if kind is FastWeightClassifier else ends(cases)


def answers(estimator: Any, cases: Any) -> np.ndarray:
    return (estimator.predict_proba if isinstance(estimator, FastWeightClassifier) else estimator.predict)(cases)


@pytest.mark.nohook  # what the hook wraps a constructor in takes any arguments, which aeon refuses
@parametrize_with_checks([FastWeightClassifier, FastWeightRegressor])
def test_aeons_own_check(check: Callable[[], None]) -> None:
    check()


def test_a_class_is_learnt_of_unequal_series() -> None:
    train, test = collection(60), collection(60, 1)
    classifier = FastWeightClassifier(**EASY).fit(train, sides(train))
    assert classifier.score(test, sides(test)) > 0.9
    shares = classifier.predict_proba(test)
    assert shares.dtype == np.float64 and np.abs(shares.sum(1) - 1).max() < 1e-15
    assert log_loss(sides(test), shares) < 0.4
    assert list(classifier.classes_) == ["down", "up"] and len(classifier.metrics_) == classifier.epoch_ == 30


def test_a_number_is_learnt_of_unequal_series_in_its_own_units() -> None:
    train, test = collection(60), collection(60, 1)
    regressor = FastWeightRegressor(**EASY).fit(train, 1e4 + 100 * ends(train))
    assert regressor.score(test, 1e4 + 100 * ends(test)) > 0.8


def test_labels_are_given_back_as_they_came() -> None:
    cases = collection()
    for labels in (np.array([10, 2])[(ends(cases) > 0).astype(int)], ends(cases) > 0, sides(cases).astype(object)):
        found = FastWeightClassifier(**SMALL).fit(cases, labels).predict(cases)
        assert found.dtype == labels.dtype and set(found) <= set(labels)


@ESTIMATORS
def test_an_array_and_a_list_are_the_same_collection(kind: type) -> None:
    cases = [case[:, :5] for case in collection()]
    y = target(kind, cases)
    listed, stacked = kind(**SMALL).fit(cases, y), kind(**SMALL).fit(np.stack(cases), y)
    assert np.array_equal(answers(listed, cases), answers(stacked, np.stack(cases)))


@ESTIMATORS
def test_a_missing_value_is_one_that_was_not_observed(kind: type) -> None:
    cases = collection()
    y = target(kind, cases)
    holes = [np.where(np.arange(case.shape[1]) == 2, np.nan, case) for case in cases]
    estimator = kind(**SMALL).fit(holes, y)
    found = answers(estimator, holes)
    assert np.isfinite(found).all()
    assert not np.array_equal(found, answers(estimator, cases))


@ESTIMATORS
def test_the_random_state_decides_all(kind: type) -> None:
    cases = collection()
    y = target(kind, cases)
    before = torch.get_rng_state(), torch.get_num_threads()
    states = 3, 3, 4, None, None
    found = [answers(kind(**{**SMALL, "random_state": state}).fit(cases, y), cases) for state in states]
    assert np.array_equal(found[0], found[1])
    assert not any(np.array_equal(a, b) for a, b in combinations(found[1:], 2))
    assert torch.equal(before[0], torch.get_rng_state()) and before[1] == torch.get_num_threads()


@ESTIMATORS
@pytest.mark.users
def test_pickles_and_copies_predict_the_same_bits(kind: type) -> None:
    cases = collection()
    mine = fwp.Rule(beta * (v - W @ k) * k - fwp.Slot("decay") * W, name="mine")
    estimator = kind(**{**SMALL, "rule": mine}).fit(cases, target(kind, cases))
    again = pickle.loads(pickle.dumps(estimator))
    assert np.array_equal(answers(again, cases), answers(estimator, cases))
    assert again.rule == mine and again.metrics_ == estimator.metrics_
    fresh = clone(estimator)
    assert fresh.get_params() == estimator.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(cases)


@ESTIMATORS
def test_what_was_learnt_is_kept_as_any_model(kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cases = collection()
    estimator = kind(**SMALL).fit(cases, target(kind, cases))
    assert not list(tmp_path.iterdir()), "fitting writes no files"
    save(tmp_path / "model", estimator.model_)
    expected = answers(estimator, cases)
    estimator.model_ = load(tmp_path / "model")
    assert np.array_equal(answers(estimator, cases), expected)


@pytest.mark.nohook  # which knows no integers of numpy
@ESTIMATORS
def test_cross_validation_and_search(kind: type) -> None:
    cases = collection()
    y = target(kind, cases)
    assert np.isfinite(cross_val_score(kind(**SMALL), cases, y, cv=2, error_score="raise")).all()
    search = GridSearchCV(kind(**SMALL), {"rule": ["hebb", delta], "width": np.array([8])}, cv=2, error_score="raise")
    search.fit(np.stack([case[:, :5] for case in cases]), y)
    assert search.best_params_["rule"] in ("hebb", delta) and np.isfinite(search.cv_results_["mean_test_score"]).all()


@ESTIMATORS
@pytest.mark.parametrize("pipeline", [make_pipeline, make_sklearn_pipeline])
def test_pipelines(kind: type, pipeline: Callable[..., Any]) -> None:
    cases = [case[:, :5] for case in collection()]
    both = pipeline(Normalizer(), kind(**SMALL)).fit(np.stack(cases), target(kind, cases))
    scaled = Normalizer().fit_transform(np.stack(cases))
    alone = kind(**SMALL).fit(scaled, target(kind, cases))
    assert np.array_equal(both.predict(np.stack(cases)), alone.predict(scaled))


def test_the_epoch_is_chosen_on_what_is_held_back() -> None:
    cases = collection(24)
    classifier = FastWeightClassifier(**{**SMALL, "validation": 0.25, "epochs": 4}).fit(cases, sides(cases))
    found = [row["valid_accuracy"] for row in classifier.metrics_]
    assert found[classifier.epoch_ - 1] == max(found)
    assert all(share * 6 == pytest.approx(round(share * 6)) for share in found), "of six series"


def test_a_fifth_is_held_back_for_numbers_unless_they_are_few_or_it_is_given() -> None:
    cases = collection(10)
    for count, given, held in ((10, None, True), (9, None, False), (10, 0.0, False), (9, 0.4, True)):
        regressor = FastWeightRegressor(**SMALL, validation=given).fit(cases[:count], ends(cases[:count]))
        assert ("valid_r2" in regressor.metrics_[0]) is held
    assert "valid_accuracy" not in FastWeightClassifier(**SMALL).fit(cases, np.arange(10) % 2).metrics_[0]


def test_weights_of_classes_are_those_of_scikit_learn() -> None:
    cases = collection(60)
    rare = np.where(np.arange(60) < 6, "rare", "usual")  # nothing in the series says which
    plain, balanced, given = (
        FastWeightClassifier(**{**SMALL, "epochs": 10, "batch": 60, "learning_rate": 3e-2, "class_weight": weight}).fit(
            cases, rare
        )
        for weight in (None, "balanced", {"rare": 60 / (2 * 6), "usual": 60 / (2 * 54)})
    )
    rare_shares = [own.predict_proba(cases)[:, 0].mean() for own in (plain, balanced)]
    assert rare_shares[0] < 0.3 < 0.4 < rare_shares[1]
    assert np.array_equal(balanced.predict_proba(cases), given.predict_proba(cases))
    with pytest.raises(ValueError, match="rare"):
        FastWeightClassifier(**SMALL, class_weight={"seldom": 2.0, "usual": 1.0}).fit(cases, rare)


def test_batch_and_memory_are_those_of_the_series_unless_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, float]] = []

    def train(_: Any, data: Any, held: Any, recipe: Any, *__: Any, **___: Any) -> Any:
        seen.append((recipe.batch, recipe.memory))
        raise InterruptedError

    monkeypatch.setattr("fwp.training.collection.train", train)
    for cases, given in ((10, {}), (100, {}), (400, {}), (100, {"batch": 7, "memory": 0.0})):
        series = [np.arange(9.0)[None, : 3 + 2 * (i % 2)] for i in range(cases)]
        with pytest.raises(InterruptedError):
            FastWeightRegressor(**given).fit(series, np.arange(cases) / 2)
    assert seen == [(4, 4.0), (16, 4.0), (64, 4.0), (7, 0.0)]


@pytest.mark.parametrize("rule", ["momentum_delta", "oja_subspace", "tanh_delta"])
def test_other_rules_train_by_their_names(rule: str) -> None:
    cases = collection(12)
    regressor = FastWeightRegressor(**{**SMALL, "rule": rule, "control": "linear"}).fit(cases, ends(cases))
    assert regressor.model_.predictor.net.model.spec.layers[0].rule == ALL[rule]
    assert np.isfinite(regressor.predict(cases)).all()


def test_sizes_of_other_axes_are_given() -> None:
    cases = collection(12)
    own: dict[str, Any] = {**SMALL, "rule": "ncde", "projection": "ncde"}
    with pytest.raises(FwpError, match="inner"):
        FastWeightRegressor(**own).fit(cases, ends(cases))
    regressor = FastWeightRegressor(**own, sizes={"hidden": 4, "inner": 5}).fit(cases, ends(cases))
    assert pickle.loads(pickle.dumps(regressor.model_)).predictor.net.sizes["inner"] == 5


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"rule": "detla"}, FwpError, "did you mean delta?"),
        ({"rule": "mine"}, FwpError, "is a value, Rule"),
        ({"control": "cubic"}, FwpError, "natural-cubic"),
        ({"projection": "v2"}, CompositionError, "keys-from-increments"),
        ({"projection": fwp.Projection(speed=linear("channel -> head", x))}, CompositionError, "speed"),
        ({"epochs": 0}, FwpError, "at least 1"),
        ({"device": "abacus"}, FwpError, "abacus"),
        ({"validation": 1.5}, ValueError, "test_size"),
    ],
)
def test_what_is_wrong_is_said(wrong: dict[str, Any], error: type[Exception], says: str) -> None:
    cases = collection(8)
    estimator = FastWeightClassifier(**{**SMALL, **wrong})
    assert estimator.get_params()[next(iter(wrong))] is next(iter(wrong.values())), "no logic before fitting"
    with pytest.raises(error, match=says):
        estimator.fit(cases, np.arange(8) % 2)


def test_series_that_cannot_be_are_refused() -> None:
    cases = collection(8)
    classifier = FastWeightClassifier(**SMALL).fit(cases, np.arange(8) % 2)
    with pytest.raises(ValueError, match="number of channels"):
        classifier.predict([case[:1] for case in cases])
    with pytest.raises(DataError, match="infinite"):
        classifier.predict([np.full((2, 3), np.inf)])
    with pytest.raises(ValueError, match="at least 2 unique labels"):
        FastWeightClassifier(**SMALL).fit(cases, np.zeros(8))


def test_progress_is_shown_when_it_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    cases = collection(8)
    FastWeightRegressor(**SMALL).fit(cases, ends(cases))
    quiet = capfd.readouterr()
    FastWeightRegressor(**SMALL, verbose=True).fit(cases, ends(cases))
    assert quiet.out == quiet.err == "" and "epoch 3/3" in capfd.readouterr().err


def test_the_estimators_are_names_of_the_library() -> None:
    assert fwp.FastWeightClassifier is FastWeightClassifier and fwp.FastWeightRegressor is FastWeightRegressor
    assert {"FastWeightClassifier", "FastWeightRegressor", "Rule"} <= set(dir(fwp))
    with pytest.raises(AttributeError, match="FastWeightClusterer"):
        fwp.FastWeightClusterer  # type: ignore[attr-defined]  # noqa: B018


BARE = """
import sys
import fwp
loaded = {"aeon", "lightning", "sklearn"} & {name.partition(".")[0] for name in sys.modules}
assert not loaded, loaded
from fwp import *
sys.modules["aeon"] = None
try:
    fwp.FastWeightClassifier
except fwp.FwpError as error:
    print(error)
"""


def test_importing_the_library_asks_nothing_of_the_extra_and_says_where_it_is_missing() -> None:
    done = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "FastWeightClassifier" in done.stdout and "aeon" in done.stdout and "fwp[bench]" in done.stdout
