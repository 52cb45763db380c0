"""What the outputs of a predictor mean: which of several classes, or numbers in a unit of their own."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from fwp.errors import FormatError, FwpError

__all__ = ["Answer", "Classes", "Estimate", "Prediction", "Values", "answer_from_json", "answer_to_json"]


FINE = 1e-3
"""Share of their deviation to which numbers are given at least."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """Which class each of a batch of series is of."""

    probabilities: Float[Tensor, "batch class"]
    classes: tuple[str, ...]

    @property
    def best(self) -> Int64[Tensor, "batch"]:
        """The number of the likeliest class of each series."""
        return self.probabilities.argmax(-1)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the likeliest class of each series."""
        return tuple(self.classes[i] for i in self.best.tolist())


@dataclass(frozen=True, eq=False)
class Estimate:
    """Numbers for each of a batch of series, in the units of the training data: at its end, or at each of its time points."""

    values: Float[Tensor, "batch *time value"]
    quantities: tuple[str, ...]


@dataclass(frozen=True)
class Classes:
    """One of several classes, which are told apart by one logit each; two may share that of the second.

    Raises:
        FwpError: no class, or one logit for more or fewer than two.
    """

    names: tuple[str, ...]
    one_logit: bool = False

    def __post_init__(self) -> None:
        if not self.names or (self.one_logit and len(self.names) != 2):
            raise FwpError(
                "there is one logit a class, or one for two classes",
                ("classes", ", ".join(self.names) or "none"),
                ("one_logit", str(self.one_logit)),
                help="name every class; leave `one_logit` out unless they are two",
            )

    @property
    def outputs(self) -> int:
        """How many logits."""
        return 1 if self.one_logit else len(self.names)

    def read(self, outputs: Float[Tensor, "batch output"]) -> Prediction:
        """What these logits say."""
        logits = torch.cat([torch.zeros_like(outputs), outputs], -1) if self.one_logit else outputs
        return Prediction(logits.softmax(-1), self.names)


@dataclass(frozen=True)
class Values:
    """Numbers of a mean and a deviation (those of the training examples), in whose scale the outputs are.

    Raises:
        FwpError: no quantity, or not one mean and one positive deviation for each.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.names or not len(self.names) == len(self.mean) == len(self.std) or min(self.std) <= 0:
            raise FwpError(
                "every quantity has a mean and a positive deviation",
                ("quantities", ", ".join(self.names) or "none"),
                ("mean", str(self.mean)),
                ("deviation", str(self.std)),
                help="give one of each for every name",
            )

    @property
    def outputs(self) -> int:
        """How many numbers."""
        return len(self.names)

    def scaled(self, values: Float[Tensor, "batch *time value"]) -> Float[Tensor, "batch *time value"]:
        """Numbers in their own units, as outputs should be; computed in float64, where digits are still there."""
        mean, std = (values.new_tensor(own, dtype=torch.float64) for own in (self.mean, self.std))
        return ((values - mean) / std).to(values.dtype)

    def read(self, outputs: Float[Tensor, "batch *time value"]) -> Estimate:
        """What these outputs say: in their own type, or in float64 where that type has no digits for it (near 10^8, say)."""
        mean, std = (outputs.new_tensor(own, dtype=torch.float64) for own in (self.mean, self.std))
        fine = all(
            torch.finfo(outputs.dtype).eps * abs(m) <= FINE * s for m, s in zip(self.mean, self.std, strict=True)
        )
        return Estimate((outputs * std + mean).to(outputs.dtype if fine else torch.float64), self.names)


Answer = Classes | Values


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """The answer as plain json."""
    return {"kind": type(answer).__name__, **asdict(answer)}


def answer_from_json(data: Any) -> Answer:
    """What `answer_to_json` wrote. Raises: FormatError, or FwpError where names and numbers do not go together."""
    match data:
        case {"kind": "Classes", "names": list(names), "one_logit": bool(one)} if _all(names, str):
            return Classes(tuple(names), one)
        case {"kind": "Values", "names": list(names), "mean": list(mean), "std": list(std)} if _all(
            names, str
        ) and _all((*mean, *std), float):
            return Values(tuple(names), tuple(mean), tuple(std))
    raise FormatError(
        "`answer` is not what this version of the library writes",
        ("expected", "kind Classes or Values, and what goes with it"),
        ("found", repr(data)[:80]),
        help="load it with the version that wrote it, or train again",
    )


def _all(values: Iterable[Any], kind: type) -> bool:
    """Whether they are of that kind, and numbers are finite."""
    return all(type(value) is kind and (kind is str or isfinite(value)) for value in values)
