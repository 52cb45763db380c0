"""Series with numbers that are to be estimated from them."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from fwp.data.numbers import numbers_of
from fwp.data.series import Series
from fwp.errors import DataError

__all__ = ["Valued"]


@dataclass(frozen=True, eq=False)
class Valued:
    """A batch of series, numbers for each (or for each of its time points), and the names of the quantities in that order.

    NaN is a number that is not known: nothing is learnt from it. What stands after a series' end is not looked at.

    Raises:
        DataError: numbers of other series, or of other time points; not one name a quantity; infinite numbers.
    """

    series: Series
    values: Float[Tensor, "batch *time value"]
    names: tuple[str, ...] = ("value",)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "values", numbers_of("values", self.values).tensor
        )  # arrays, too; refuses complex ones
        batch, time = self.series.times.shape
        if self.values.shape not in ((batch, len(self.names)), (batch, time, len(self.names))):
            raise DataError(
                "there is not a number of every quantity for each series, or for each of its time points",
                ("values", str(tuple(self.values.shape))),
                ("series", f"{batch} of {time} time points"),
                ("quantities", ", ".join(self.names)),
                help="values are (batch value) or (batch time value), with a name for every value",
            )
        if bool(self.values.isinf().any()):
            raise DataError(
                "a number to be estimated is infinite",
                ("series", str(int(self.values.isinf().flatten(1).any(1).nonzero()[0]))),
                help="NaN says that it is not known",
            )

    @property
    def every(self) -> bool:
        """Whether there are numbers for each time point."""
        return self.values.ndim == 3

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, index: slice | Tensor) -> "Valued":
        """The chosen samples."""
        return Valued(self.series[index], self.values[index], self.names)
