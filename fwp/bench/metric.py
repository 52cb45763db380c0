"""What a task measures its models by."""

from enum import Enum
from typing import assert_never

from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

__all__ = ["Metric", "likelihood", "measured"]


class Metric(Enum):
    """The number that results are compared by: larger is better, 1 is perfect."""

    ACCURACY = "accuracy"
    """Share of series whose likeliest class is right."""
    AUC = "auc"
    """Area under the receiver operating characteristic of two classes: how often a positive is ranked above a negative."""

    @property
    def one_logit(self) -> bool:
        """Whether models give one logit, for the second of two classes, instead of one for each class."""
        return self is Metric.AUC


def likelihood(logits: Float[Tensor, "example 1"]) -> Float64[Tensor, "example"]:
    """The probability of the second of two classes, from the one logit that they share.

    Measures are given this, not the logit: torchmetrics takes logits for probabilities wherever all happen to lie in [0, 1].
    """
    return logits[:, 0].double().sigmoid()


def measured(
    metric: Metric, scores: Float[Tensor, "example score"], labels: Int64[Tensor, "example"]
) -> dict[str, float]:
    """The metric and what goes with it, by name.

    Args:
        metric: which.
        scores: logits of every class, or one for the second of two classes, positive if that is likelier.
        labels: the numbers of the right classes.
    """
    match metric:
        case Metric.ACCURACY:
            return {"accuracy": _share(scores.argmax(-1) == labels)}
        case Metric.AUC:
            score = likelihood(scores)
            return {
                "auc": binary_auroc(score, labels).item(),
                "average_precision": binary_average_precision(score, labels).item(),
                "accuracy": _share((score > 0.5) == (labels == 1)),
            }
        case _:
            assert_never(metric)


def _share(right: Tensor) -> float:
    return right.double().mean().item()
