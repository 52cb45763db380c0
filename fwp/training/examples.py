"""Examples as a trainer takes them: already fitted paths or series, batch by batch, cut to what each batch needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from fwp.controls import Path
from fwp.controls.knots import arrivals
from fwp.data import Series
from fwp.training.loss import Targets

__all__ = ["Batch", "Examples", "batches"]

GROUPS = 4
"""Parts of similar length that a batch is cut into. With series of 3 to 72 hours (Sepsis) a step then takes 0.6 of the time."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some examples of similar length, what is right of them, and the times at which states are read, if not the last."""

    inputs: Path | Series
    targets: Targets
    ends: Float64[Tensor, "example 1"] | None = None

    def to(self, device: torch.device) -> "Batch":
        """The same batch elsewhere."""
        return Batch(
            self.inputs.to(device), self.targets.to(device), None if self.ends is None else self.ends.to(device)
        )


class Examples(Dataset[list[Batch]]):
    """Paths or series and what is right of them: a batch is one indexing, since paths are fitted before training.

    `stride` is how many knots of a path there are from one time point to the next.
    """

    def __init__(
        self,
        inputs: Path | Series,
        targets: Targets,
        ends: Float64[Tensor, "example 1"] | None = None,
        stride: int = 1,
    ) -> None:
        self.inputs, self.targets, self.ends, self.stride = inputs, targets, ends, stride
        self.lengths = arrivals(inputs)[:, -1] + 1 if isinstance(inputs, Path) else inputs.lengths
        if ends is not None:  # what comes after the ends is wanted too
            self.lengths = torch.full_like(self.lengths, int(self.lengths.max()))

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> list[Batch]:
        """One example, as a batch of one."""
        return self.__getitems__([index])

    def __getitems__(self, rows: list[int]) -> list[Batch]:
        """A batch, in parts of similar length: what torch's loader asks for."""
        return list(self.parts(torch.tensor(rows)))

    def parts(self, rows: Int64[Tensor, "example"]) -> Iterator[Batch]:
        """The chosen examples, the shortest first where lengths differ."""
        lengths = self.lengths[rows]
        if int(lengths.min()) == int(lengths.max()):
            yield self._cut(rows)
            return
        for group in rows[lengths.argsort(stable=True)].chunk(GROUPS):
            yield self._cut(group)

    def _cut(self, rows: Tensor) -> Batch:
        length = max(1, int(self.lengths[rows].max()))
        inputs = self.inputs  # cut first, which copies nothing
        short = inputs.between(0, length) if isinstance(inputs, Path) else inputs.shortened(length)
        knots = length // self.stride + 1 if isinstance(inputs, Path) else length
        return Batch(short[rows], self._right(rows, knots), None if self.ends is None else self.ends[rows])

    def _right(self, rows: Tensor, time: int) -> Targets:
        """What is right of the chosen examples; of numbers for every time point those of this many.

        A path through a single point has a second knot, for which no number is known.
        """
        targets = self.targets[rows]
        if targets.ndim < 3:
            return targets
        return pad(targets[:, :time], (0, 0, 0, max(0, time - targets.shape[1])), value=torch.nan)


def batches(
    examples: Examples, size: int, order: DistributedSampler[Any] | None = None, drop_last: bool = False
) -> DataLoader[Any]:
    """All examples, in batches: as they stand, or in an order."""
    return DataLoader(examples, size, sampler=order, collate_fn=_whole, drop_last=drop_last)


def _whole(batch: Any) -> list[Batch]:
    """`Examples` gives batches already."""
    return batch
