"""`FastWeightRegressor`: a number of each series, with the interface of scikit-learn, on aeon's collections of series."""

import numpy as np
from aeon.regression import BaseRegressor

from fwp.data import Valued
from fwp.data.numbers import numbers_of
from fwp.models import Estimate
from fwp.training.collection import CollectionEstimator, series_of
from fwp.training.metric import Metric

__all__ = ["FastWeightRegressor"]


class FastWeightRegressor(CollectionEstimator, BaseRegressor):
    """Fast weights follow each series, and what they hold at its end gives a number: least squares, of standardised targets.

    Collections, parameters, attributes and errors are those of `fwp.FastWeightClassifier`, but for what belongs to classes:
    there is no `class_weight`, and no `classes_`.

    Unless `validation` says otherwise, a fifth of ten series or more is held back, and the epoch chosen by the share of its
    variance that is explained: small sets of noisy numbers are soon learnt by heart.
    """

    def _fit(self, X: list[np.ndarray], y: np.ndarray) -> "FastWeightRegressor":
        values = numbers_of("y", y).tensor.double()[:, None]
        self._train(Valued(series_of(X), values), Metric.R2, 0.2 if len(X) >= 10 else 0.0)
        return self

    def _predict(self, X: list[np.ndarray]) -> np.ndarray:
        found = self.model_.predict(series_of(X))
        assert isinstance(found, Estimate)
        return found.values[:, 0].double().numpy()
