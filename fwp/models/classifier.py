"""A classifier: fast weights are solved along the series, or a recurrence follows it, and the ends are told apart."""

from dataclasses import asdict, dataclass, replace
from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Float, Float64
from torch import Tensor, nn

from fwp.controls import Path
from fwp.data import Series
from fwp.errors import CompositionError, FwpError
from fwp.fields import Net
from fwp.models.recurrent import Recurrence
from fwp.solvers import Solution, solve

__all__ = ["Block", "Classifier", "Head", "Solver"]


@dataclass(frozen=True)
class Head:
    """What stands between the read-out of the fast weights and the logits.

    Raises:
        FwpError: a number outside its range.
    """

    classes: int
    """What may be told apart."""
    hidden: int = 256
    """Hidden units of the feed-forward block; 0 leaves the block out."""
    dropout: float = 0.0
    """Share of units dropped after the projection and inside the block."""
    projection: bool = True
    """Whether the heads' read-outs, side by side, first pass through a linear map."""
    logits: int | None = None
    """One a class unless given; two classes may share one, that of the second class."""

    def __post_init__(self) -> None:
        if self.classes < 1 or self.hidden < 0 or not 0 <= self.dropout < 1:
            raise FwpError(
                "a classifier's head cannot have these sizes",
                ("head", repr(self)),
                help="at least 1 class, no negative number of hidden units, dropout from 0 to less than 1",
            )
        if self.logits not in (None, self.classes) and (self.classes, self.logits) != (2, 1):
            raise FwpError(
                "a classifier has one logit a class, or one for two classes",
                ("classes", str(self.classes)),
                ("logits", str(self.logits)),
                help="leave `logits` out",
            )

    @property
    def outputs(self) -> int:
        """How many logits."""
        return self.classes if self.logits is None else self.logits

    @property
    def one_logit(self) -> bool:
        """Whether two classes share one logit."""
        return self.outputs < self.classes


@dataclass(frozen=True)
class Solver:
    """How the equation is solved: the options of `fwp.solve` that travel with a model."""

    method: str = "auto"
    steps: int = 1
    gradient: Literal["exact", "adjoint"] = "exact"
    backend: Literal["auto", "structured", "torchdiffeq", "torchcde"] = "auto"
    rtol: float = 1e-4
    atol: float = 1e-6


class Block(nn.Module):
    """z = o + FF(LN(o)), with FF = linear, ReLU, dropout, linear, dropout: the residual block of a Transformer."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, o: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The read-out, changed by what the block adds."""
        hidden = self.dropout(self.widen(self.norm(o)).relu())
        return o + self.dropout(self.narrow(hidden))


class Classifier(nn.Module):
    """Series to logits: solve, read, project, drop, pass the block, and map to classes (the read-out of the paper's code).

    Args:
        net: what `model.build` gives, of a `Model` or of a `Recurrent`.
        head: sizes of what follows the read-out.
        solver: how the equation is solved; a recurrence has none.
    """

    def __init__(self, net: Net | Recurrence, head: Head, solver: Solver = Solver()) -> None:
        super().__init__()
        self.net, self.head, self.solver = net, head, solver
        width = net.outputs
        self.projection = nn.Linear(width, width) if head.projection else nn.Identity()
        self.dropout = nn.Dropout(head.dropout)
        self.block = Block(width, head.hidden, head.dropout) if head.hidden else nn.Identity()
        self.classify = nn.Linear(width, head.outputs)

    def solve(
        self, inputs: Series | Path, times: Literal["knots"] | Float64[Tensor, "batch 1"] | None = None
    ) -> Solution:
        """The fast weights of each series at its end, or at all its knots; of a path, if it has been fitted before.

        Raises:
            CompositionError: there are none, but a recurrence.
        """
        if isinstance(self.net, Recurrence):
            raise CompositionError(
                "a recurrence has no equation to be solved",
                ("model", repr(self.net.model)),
                help="call the classifier, or take the states of `classifier.net.states(series)`",
            )
        field = self.net(inputs) if isinstance(inputs, Series) else self.net @ inputs
        return solve(field, times, **asdict(self.solver))

    def forward(
        self, inputs: Series | Path, ends: Float64[Tensor, "batch 1"] | None = None
    ) -> Float[Tensor, "batch logit"]:
        """The logits of each series.

        Args:
            inputs: series, or a path if they have been fitted before.
            ends: times at which the fast weights are taken, while the query is that of the path's end: as the published
                code does with series that it pads. Fast weights and query are of the end unless given.
        """
        reading = self._reading(inputs, ends)
        return self.classify(self.block(self.dropout(self.projection(reading))))

    def _reading(self, inputs: Series | Path, ends: Tensor | None) -> Float[Tensor, "batch width"]:
        """What is known of each series at its end."""
        if isinstance(self.net, Recurrence):
            return self.net(_observations(inputs, ends))
        reading = self.solve(inputs).read() if ends is None else self._read_late(inputs, ends)
        return rearrange(reading, "batch head ... -> batch (head ...)")

    def _read_late(self, inputs: Series | Path, ends: Tensor) -> Tensor:
        solution = self.solve(inputs, ends)
        last = torch.full_like(solution.knots, solution.field.path.intervals)
        return solution.field.at_knots(last).read(solution.states)[:, 0]


def _observations(inputs: Series | Path, ends: Float64[Tensor, "batch 1"] | None) -> Series:
    """The series, up to the given times: a recurrence asks nothing of what comes after the state that is read."""
    if not isinstance(inputs, Series):
        raise CompositionError(
            "a recurrence reads observations, not a path through them",
            ("given", f"a {type(inputs).__name__}"),
            help="pass the series",
        )
    if ends is None:
        return inputs
    return replace(inputs, lengths=inputs.lengths.minimum((inputs.times <= ends).sum(1)))
