"""Series with a class each."""

from dataclasses import dataclass

from jaxtyping import Int64
from torch import Tensor

from fwp.data.series import Series

__all__ = ["Labelled"]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A batch of series, the number of each one's class, and the classes' names in that order."""

    series: Series
    labels: Int64[Tensor, "batch"]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, index: slice | Tensor) -> "Labelled":
        """The chosen samples."""
        return Labelled(self.series[index], self.labels[index], self.classes)
