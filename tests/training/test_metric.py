"""The metrics, against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from fwp.training.loss import loss_of
from fwp.training.metric import Metric, measured


def test_accuracy_counts_the_likeliest_class() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.0], [3.0, 2.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.5]])
    assert measured(Metric.ACCURACY, logits, torch.tensor([1, 1, 2, 0])) == {"accuracy": 0.75}
    assert not Metric.ACCURACY.one_logit and Metric.AUC.one_logit


def test_the_area_is_that_of_scikit_learn_ties_included() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 500)
    logits = np.round(generator.normal(labels, 1.5), 1)
    found = measured(Metric.AUC, torch.tensor(logits)[:, None], torch.tensor(labels))
    assert found["auc"] == pytest.approx(roc_auc_score(labels, logits), abs=1e-6)
    assert found["average_precision"] == pytest.approx(average_precision_score(labels, logits), abs=1e-6)
    assert found["accuracy"] == np.mean((logits > 0) == (labels == 1))


def test_one_logit_is_the_difference_of_two() -> None:
    logits, labels = torch.randn(40, 2, dtype=torch.float64), torch.arange(40) % 2
    both, one = loss_of(logits, labels), loss_of(logits[:, 1:] - logits[:, :1], labels)
    assert both == pytest.approx(one.item(), abs=1e-12)
    smooth = [loss_of(own, labels, smoothing=0.2) for own in (logits, logits[:, 1:] - logits[:, :1])]
    assert smooth[0] == pytest.approx(smooth[1].item(), abs=1e-12)


def test_positives_weigh_what_the_recipe_says() -> None:
    logits, labels = torch.tensor([[0.5], [-1.0]]), torch.tensor([1, 0])
    single = [loss_of(logits[i : i + 1], labels[i : i + 1]).item() for i in range(2)]
    assert loss_of(logits, labels, weights=torch.tensor([1.0, 10.0])).item() == pytest.approx(
        (10 * single[0] + single[1]) / 2, rel=1e-6
    )
