"""What a solver returns: the states where they were asked for, how to read them, and what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float, Float64, Int64
from torch import Tensor

from fwp.data.copies import Copied
from fwp.fields import VectorField
from fwp.solvers.diagnosis import refuse_unread
from fwp.solvers.plan import Plan

__all__ = ["Solution", "Statistics"]


@dataclass(frozen=True)
class Statistics:
    """What a solve cost. Rejected steps are those that an adaptive method tried again with a smaller length."""

    method: str
    gradient: str
    evaluations: int
    steps: int
    rejected: int


@dataclass(frozen=True, eq=False)
class Solution(Copied):
    """The states of every sample at its requested times, or at its own end where none were requested.

    `states` are `(batch request head *axes)`, `times` the real times of the requests, `knots` their places on `field.path`.
    It pickles and copies with its field; the states of a copy are numbers alone, without the history that gradients follow.
    """

    field: VectorField
    states: Mapping[str, Float[Tensor, "batch request head ..."]]
    times: Float64[Tensor, "batch request"]
    knots: Int64[Tensor, "batch request"]
    stats: Statistics
    at_end: bool
    plan: Plan

    def __repr__(self) -> str:
        states = ", ".join(f"{name}: {tuple(state.shape)}" for name, state in self.states.items())
        return f"Solution({{{states}}}, {'at the end' if self.at_end else 'at requested times'}, {self.stats!r})"

    @property
    def final(self) -> dict[str, Float[Tensor, "batch head ..."]]:
        """The states at the last request: `(batch head *axes)`."""
        return {name: state[:, -1] for name, state in self.states.items()}

    def read(self) -> Float[Tensor, "batch *rest"]:
        """The read-out, with each sample's query at its own times.

        `(batch head *axes)` at the end, `(batch request head *axes)` where times were requested.

        Raises:
            SolveError: it is not finite, though the states are.
        """
        read = self.field.at_knots(self.knots).read(self.states)
        refuse_unread(self.field, read, self.knots)
        return read[:, 0] if self.at_end else read
