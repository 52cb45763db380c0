"""What a task measures its models by."""

from enum import Enum
from typing import assert_never

from jaxtyping import Float, Float64
from torch import Tensor
from torchmetrics.functional import r2_score
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from fwp.training.loss import Targets, both_known

__all__ = ["Metric", "likelihood", "measured"]


class Metric(Enum):
    """The number that results are compared by: larger is better, 1 is perfect."""

    ACCURACY = "accuracy"
    """Share of series whose likeliest class is right."""
    AUC = "auc"
    """Area under the receiver operating characteristic of two classes: how often a positive is ranked above a negative."""
    R2 = "r2"
    """Share of the variance of numbers that is explained (coefficient of determination), a mean over the quantities."""

    @property
    def of_classes(self) -> bool:
        """Whether it measures which class is found, and not numbers."""
        return self is not Metric.R2

    @property
    def one_logit(self) -> bool:
        """Whether models give one logit, for the second of two classes, instead of one for each class."""
        return self is Metric.AUC


def likelihood(logits: Float[Tensor, "example 1"]) -> Float64[Tensor, "example"]:
    """The probability of the second of two classes, from the one logit that they share.

    Measures are given this, not the logit: torchmetrics takes logits for probabilities wherever all happen to lie in [0, 1].
    """
    return logits[:, 0].double().sigmoid()


def measured(metric: Metric, scores: Float[Tensor, "example *time score"], targets: Targets) -> dict[str, float]:
    """The metric and what goes with it, by name.

    Args:
        metric: which.
        scores: logits of every class, or one for the second of two classes, positive if that is likelier; or numbers.
        targets: the numbers of the right classes, or the right numbers.
    """
    match metric:
        case Metric.ACCURACY:
            return {"accuracy": _share(scores.argmax(-1) == targets)}
        case Metric.AUC:
            score = likelihood(scores)
            return {
                "auc": binary_auroc(score, targets).item(),
                "average_precision": binary_average_precision(score, targets).item(),
                "accuracy": _share((score > 0.5) == (targets == 1)),
            }
        case Metric.R2:
            scores, targets = scores.double(), targets.double()
            columns = zip(scores.split(1, -1), targets.split(1, -1), strict=True)
            shares = [r2_score(*both_known(score, target)).item() for score, target in columns]
            found, known = both_known(scores, targets)
            return {"r2": sum(shares) / len(shares), "rmse": (found - known).square().mean().sqrt().item()}
        case _:
            assert_never(metric)


def _share(right: Tensor) -> float:
    return right.double().mean().item()
