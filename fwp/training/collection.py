"""What classifier and regressor share: aeon's collections become series, parameters a recipe, and training leaves a model."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from aeon.base import BaseCollectionEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from fwp.controls import Control, by_name
from fwp.data import Labelled, Series, collate
from fwp.data.plain import plain
from fwp.fields import Model, Projection, suited, wiring
from fwp.rules import Rule, System
from fwp.rules import by_name as rule_by_name
from fwp.training.given import collection_of, labels_of
from fwp.training.metric import Metric
from fwp.training.prepare import Data, begun
from fwp.training.recipe import Recipe
from fwp.training.surroundings import device_of
from fwp.training.train import train

__all__ = ["CollectionEstimator", "series_of"]

WIRING = "keys-from-increments"
"""The projection unless one is given, as in `fwp run`."""
BATCHES = 5
SMALLEST, LARGEST = 4, 64
"""A batch is a fifth of the series, so that a few of them make as many steps an epoch as many, between these sizes."""


def series_of(collection: Sequence[np.ndarray]) -> Series:
    """Series from aeon's list of arrays (channel time): times 0, 1, 2, …, NaN missing, float64 until they are scaled.

    Raises:
        DataError: nothing in it, infinite values, or series of different channels.
    """
    return collate((torch.tensor(case.T, dtype=torch.float64), None) for case in collection)


class CollectionEstimator(BaseCollectionEstimator):
    """A predictor with scikit-learn's interface; the parameters are those of `FastWeightClassifier`.

    Attributes:
        model_: the trained model, as `fwp.load` gives one.
        metrics_: a row of metrics for each epoch.
        epoch_: the epoch, from 1, whose weights were kept.
    """

    _tags: ClassVar = {
        "X_inner_type": "np-list",
        "algorithm_type": "deeplearning",
        "capability:missing_values": True,
        "capability:multivariate": True,
        "capability:unequal_length": True,
    }

    # Epochs and dropout were found by cross-validation among the training series of small sets that come with aeon: with 40
    # epochs and a dropout of 0.5, which suit JapaneseVowels, the 50 series of GunPoint are not learnt.
    def __init__(
        self,
        rule: str | Rule | System = "delta",
        projection: str | Projection | None = None,
        control: str | Control = "hermite",
        width: int = 64,
        heads: int = 16,
        hidden: int = 256,
        dropout: float = 0.2,
        memory: float | None = None,
        epochs: int = 100,
        batch: int | None = None,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.1,
        validation: float | None = None,
        sizes: Mapping[str, int] | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.rule = rule
        self.projection = projection
        self.control = control
        self.width = width
        self.heads = heads
        self.hidden = hidden
        self.dropout = dropout
        self.memory = memory
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation = validation
        self.sizes = sizes
        self.random_state = random_state
        self.device = device
        self.verbose = verbose
        super().__init__()

    def _preprocess_collection(self, X: Any, store_metadata: bool = True) -> Any:
        return super()._preprocess_collection(collection_of(X), store_metadata)

    def _check_y(self, y: Any, *args: Any, **more: Any) -> Any:
        return super()._check_y(labels_of(y), *args, **more)  # pyright: ignore[reportAttributeAccessIssue]  # of aeon's other base

    def _train(self, data: Data, metric: Metric, validation: float, **more: Any) -> None:
        """Train on the series.

        Args:
            data: what `fit` was given.
            metric: by which an epoch is chosen.
            validation: the share held back unless the user has said one.
            more: options of the recipe that one of the two estimators has alone.
        """
        seed = int(check_random_state(self.random_state).randint(2**31))
        own, held = _parts(data, validation if self.validation is None else self.validation, seed)
        steps = float(data.series.lengths.double().mean())
        recipe = Recipe(
            width=plain(self.width),
            heads=plain(self.heads),
            hidden=plain(self.hidden),
            dropout=self.dropout,
            memory=max(2.0, steps) if self.memory is None else self.memory,
            epochs=plain(self.epochs),
            patience=plain(self.epochs),
            batch=max(SMALLEST, min(LARGEST, len(own) // BATCHES)) if self.batch is None else plain(self.batch),
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            **more,
        )
        sizes = {axis: plain(size) for axis, size in (self.sizes or {}).items()}
        device = device_of(self.device)
        trained = begun(self._model(), own, recipe, metric, seed, sizes)
        fitted = train(trained, own, held, recipe, metric, seed, device=device, show=self.verbose)
        self.model_, self.metrics_, self.epoch_ = trained, fitted.metrics, fitted.epoch

    def _model(self) -> Model:
        """Rule, projection and control, those that are given by name looked up."""
        rule = rule_by_name(self.rule) if isinstance(self.rule, str) else self.rule
        control = by_name(self.control) if isinstance(self.control, str) else self.control
        if isinstance(self.projection, Projection):
            return rule @ self.projection @ control
        return rule @ suited(wiring(WIRING if self.projection is None else self.projection), rule) @ control

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, Any]:
        """Small enough for aeon's checks, which fit it many times."""
        return {"width": 8, "heads": 2, "hidden": 8, "epochs": 2}


def _parts(data: Data, share: float, seed: int) -> tuple[Data, Data | None]:
    """What is learnt from, and what is held back to choose the epoch by; of each class an equal share."""
    if not share:
        return data, None
    labels = data.labels.numpy() if isinstance(data, Labelled) else None
    parts = train_test_split(range(len(data)), test_size=share, stratify=labels, random_state=seed)
    own, held = (torch.tensor(sorted(part)) for part in parts)
    return data[own], data[held]
