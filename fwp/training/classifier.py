"""`FastWeightClassifier`: which class a series is of, with the interface of scikit-learn, on aeon's collections of series."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from aeon.classification import BaseClassifier
from sklearn.utils.class_weight import compute_class_weight

from fwp.controls import Control
from fwp.data import Labelled
from fwp.fields import Projection
from fwp.models import Prediction
from fwp.rules import Rule, System
from fwp.training.collection import CollectionEstimator, series_of
from fwp.training.metric import Metric

__all__ = ["FastWeightClassifier"]


class FastWeightClassifier(CollectionEstimator, BaseClassifier):
    """Fast weights follow each series, and what they hold at its end says which class it is of.

    It takes aeon's collections: an array (case channel time), or (case time) for one channel, or a list of arrays
    (channel time) of unequal lengths. NaN is missing; the time points of a series are 0, 1, 2, … Channels are standardised by
    the training series. Series with times of their own, and recipes with more numbers, go through `fwp.training`.

    Equal parameters, data and `random_state` give equal predictions. `fwp.models.save(folder, classifier.model_)` keeps what
    was learnt, for `fwp.load` and `fwp predict`.

    Args:
        rule: a name in `fwp.rules.ALL`, or a rule of your own.
        projection: what feeds its slots, or the name of a wiring, as `fwp run --projection` takes it; default
            "keys-from-increments", with a linear map for each slot that it does not know.
        control: how the path between observations runs: "linear", "rectilinear", "natural-cubic", "hermite",
            "log-signature-<depth>-<step>", or a control.
        width: numbers in all heads' values together.
        heads: each has fast weights of its own.
        hidden: units of the feed-forward block after the read-out; 0 leaves it out.
        dropout: share of units dropped after the read-out and in the block.
        memory: the longest memory before training, in time points; heads are spread from 1 to this. 0 spreads none. Default:
            the mean length of the series.
        epochs: passes through the training series.
        batch: series in one step of the optimiser; default a fifth of them, from 4 to 64.
        learning_rate: the highest; it rises and falls over the whole training (one cycle, Adam).
        weight_decay: of matrices, decoupled from the gradient.
        class_weight: None, "balanced", or the weight of each class, as in scikit-learn.
        validation: share of the training series that is held back to choose the epoch by. With 0, or None for a classifier, all
            are learnt from, and the last epoch is kept.
        sizes: of axes of the rule that neither width nor heads determine.
        random_state: decides initial weights, order, dropout, and what is held back.
        device: where training takes place: "cpu", "auto" (a GPU if there is one), or what torch calls it. Predictions are made
            on the CPU.
        verbose: whether a line an epoch is shown on stderr.

    Attributes:
        model_: the trained model, as `fwp.load` gives one.
        metrics_: a row of metrics for each epoch, as `fwp.plots.learning_curve` takes them.
        epoch_: the epoch, from 1, whose weights were kept.
        classes_: the classes, sorted.

    Raises:
        FwpError: by `fit`: no rule of that name, a number outside its range, or no such device.
        CompositionError: by `fit`: no wiring of that name, or rule, projection and control do not compose.
        DataError: by `fit`: no control of that name; by all: infinite values.
        ValueError: what aeon and scikit-learn refuse: one class alone, other channels than before, too few to hold some back.
    """

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
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        validation: float | None = None,
        sizes: Mapping[str, int] | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.class_weight = class_weight
        super().__init__(
            rule=rule,
            projection=projection,
            control=control,
            width=width,
            heads=heads,
            hidden=hidden,
            dropout=dropout,
            memory=memory,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            validation=validation,
            sizes=sizes,
            random_state=random_state,
            device=device,
            verbose=verbose,
        )

    def _fit(self, X: list[np.ndarray], y: np.ndarray) -> "FastWeightClassifier":
        labels = np.searchsorted(self.classes_, y)
        weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        data = Labelled(series_of(X), torch.as_tensor(labels), tuple(map(str, self.classes_)))
        self._train(data, Metric.ACCURACY, 0.0, class_weights=tuple(map(float, weights)))
        return self

    def _predict(self, X: list[np.ndarray]) -> np.ndarray:
        return self.classes_[self._predict_proba(X).argmax(1)]

    def _predict_proba(self, X: list[np.ndarray]) -> np.ndarray:
        found = self.model_.predict(series_of(X))
        assert isinstance(found, Prediction)
        shares = found.probabilities.double().numpy()
        return shares / shares.sum(1, keepdims=True)  # to 1 in float64, as scikit-learn's measures ask
