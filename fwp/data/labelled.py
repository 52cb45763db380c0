"""Series with a class each."""

from dataclasses import dataclass

from jaxtyping import Int64
from torch import Tensor

from fwp.data.numbers import whole_of
from fwp.data.series import Series
from fwp.errors import DataError
from fwp.kinds import explained

__all__ = ["Labelled"]


@explained
@dataclass(frozen=True, eq=False)
class Labelled:
    """A batch of series, the number of each one's class, and the classes' names in that order.

    Raises:
        DataError: not one whole number for each series, or one that is no class's.
    """

    series: Series
    labels: Int64[Tensor, "batch"]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        labels = whole_of("labels", self.labels, self._refuse)
        object.__setattr__(self, "labels", labels)
        if labels.shape != (len(self.series),):
            raise DataError(
                "there is not one class for each series",
                ("labels", str(tuple(labels.shape))),
                ("series", str(len(self.series))),
                help="give the number of each one's class",
            )
        self._refuse((labels < 0) | (labels >= len(self.classes)), labels)

    def _refuse(self, bad: Tensor, given: Tensor) -> None:
        if not bool(bad.any()):
            return
        at, given = int(bad.flatten().nonzero()[0]), given.flatten()
        raise DataError(
            "a label is not the number of a class",
            (f"series {at}", f"{given[at].item():g}"),
            ("classes", f"0 to {len(self.classes) - 1}: {', '.join(self.classes)}"[:200]),
            help="give each series the place of its class among the names",
        )

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, index: slice | Tensor) -> "Labelled":
        """The chosen samples."""
        return Labelled(self.series[index], self.labels[index], self.classes)
