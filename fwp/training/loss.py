"""What training makes small: cross entropy of classes, squared error of numbers."""

from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from fwp.errors import FwpError

__all__ = ["Targets", "both_known", "loss_of", "weights_of"]

Targets = Int64[Tensor, "example"] | Float[Tensor, "example *time value"]
"""The numbers of the right classes, or the right numbers in the scale of the outputs, NaN where they are not known."""


def loss_of(
    outputs: Float[Tensor, "example *time output"],
    targets: Targets,
    smoothing: float = 0.0,
    weights: Float[Tensor, "class"] | None = None,
) -> Float[Tensor, ""]:
    """The mean loss of the examples.

    Args:
        outputs: one logit for two classes, one logit for each class, or numbers.
        targets: what is right. Of numbers the loss is the squared error, a mean over all that are known.
        smoothing: share of the target that is spread over all classes; of cross entropy alone, which is in nats.
        weights: of the examples of each class; of cross entropy alone.
    """
    if targets.is_floating_point():
        found, known = both_known(outputs, targets)
        return (found - known).square().sum() / max(1, len(known))
    if outputs.shape[-1] == 1:
        soft = targets.to(outputs.dtype) * (1 - smoothing) + smoothing / 2
        if weights is None:
            return binary_cross_entropy_with_logits(outputs[:, 0], soft)
        return weights[0] * binary_cross_entropy_with_logits(outputs[:, 0], soft, pos_weight=weights[1] / weights[0])
    return cross_entropy(outputs, targets, weights, label_smoothing=smoothing)


def both_known(
    outputs: Float[Tensor, "example *time value"], targets: Float[Tensor, "example *time value"]
) -> tuple[Float[Tensor, "known"], Float[Tensor, "known"]]:
    """Outputs and targets where there is a target."""
    known = ~targets.isnan()
    return outputs[known], targets[known]


def weights_of(
    choice: Literal["equal", "balanced"] | tuple[float, ...], labels: Int64[Tensor, "example"], classes: tuple[str, ...]
) -> Float[Tensor, "class"] | None:
    """The weight of each class: as given, or (balanced) so that all classes weigh the same; none where all examples do.

    Raises:
        FwpError: not one weight for each class.
    """
    match choice:
        case "equal":
            return None
        case "balanced":
            counts = torch.bincount(labels, minlength=len(classes)).clamp(min=1)
            return len(labels) / (len(classes) * counts.float())
        case _:
            if len(choice) != len(classes):
                raise FwpError(
                    "there is not one weight for each class",
                    ("class_weights", ", ".join(f"{weight:g}" for weight in choice)),
                    ("classes", ", ".join(classes)),
                    help='give as many weights as classes, or "balanced"',
                )
            return torch.tensor(choice)
