"""A predictor: fast weights are solved along the series, or a recurrence follows it, and what is read becomes outputs."""

from dataclasses import asdict, dataclass, replace
from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Float, Float64
from torch import Tensor, nn

from fwp.controls import LogSignature, Path
from fwp.data import Series
from fwp.errors import CompositionError, FwpError
from fwp.fields import Net, VectorField
from fwp.models.recurrent import Recurrence
from fwp.models.stream import stride_of
from fwp.solvers import Solution, read_along, solve
from fwp.solvers.budget import MAX_STEPS
from fwp.solvers.choices import choices_of
from fwp.solvers.torchdiffeq import ATOL, RTOL

__all__ = ["Block", "Head", "Predictor", "Solver"]


@dataclass(frozen=True)
class Head:
    """What stands between the read-out of the fast weights and the outputs.

    Raises:
        FwpError: a number outside its range.
    """

    outputs: int
    """Logits of classes, or numbers that are estimated."""
    hidden: int = 256
    """Hidden units of the feed-forward block; 0 leaves the block out."""
    dropout: float = 0.0
    """Share of units dropped after the projection and inside the block."""
    projection: bool = True
    """Whether the heads' read-outs, side by side, first pass through a linear map."""
    every: bool = False
    """Whether there are outputs at every time point, each from what is read there, and not at the end alone."""

    def __post_init__(self) -> None:
        if self.outputs < 1 or self.hidden < 0 or not 0 <= self.dropout < 1:
            raise FwpError(
                "a predictor's head cannot have these sizes",
                ("head", repr(self)),
                help="at least 1 output, no negative number of hidden units, dropout from 0 to less than 1",
            )


@dataclass(frozen=True)
class Solver:
    """How the equation is solved: the options of `fwp.solve` that travel with a model.

    Raises:
        SolveError: an unknown name, what is no number or none that could be meant, or one of which the method makes no use.
    """

    method: str = "auto"
    steps: int = 1
    gradient: Literal["exact", "adjoint"] = "exact"
    backend: Literal["auto", "structured", "torchdiffeq", "torchcde"] = "auto"
    rtol: float = RTOL
    atol: float = ATOL
    max_steps: int = MAX_STEPS

    def __post_init__(self) -> None:
        own = choices_of(
            self.method, self.steps, "auto", None, self.gradient, self.backend, self.rtol, self.atol, self.max_steps
        )
        for name in ("method", "steps", "gradient", "backend", "rtol", "atol", "max_steps"):
            object.__setattr__(self, name, getattr(own, name))


class Block(nn.Module):
    """z = o + FF(LN(o)), with FF = linear, ReLU, dropout, linear, dropout: the residual block of a Transformer."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, o: Float[Tensor, "batch *time width"]) -> Float[Tensor, "batch *time width"]:
        """The read-out, changed by what the block adds."""
        hidden = self.dropout(self.widen(self.norm(o)).relu())
        return o + self.dropout(self.narrow(hidden))


class Predictor(nn.Module):
    """Series to outputs: solve, read, project, drop, pass the block, and map to outputs (the read-out of the paper's code).

    Args:
        net: what `model.build` gives, of a `Model` or of a `Recurrent`.
        head: sizes of what follows the read-out.
        solver: how the equation is solved; a recurrence has none.

    Raises:
        CompositionError: outputs at every time point are wanted of windows of many of them.
    """

    def __init__(self, net: Net | Recurrence, head: Head, solver: Solver = Solver()) -> None:
        super().__init__()
        if head.every and isinstance(net, Net) and isinstance(net.model.control.kind, LogSignature):
            raise CompositionError(
                "there is no output at every time point where a log-signature stands for many of them",
                ("control", repr(net.model.control)),
                ("head", repr(head)),
                help="take linear, rectilinear or hermite",
            )
        self.net, self.head, self.solver = net, head, solver
        width = net.outputs
        self.projection = nn.Linear(width, width) if head.projection else nn.Identity()
        self.dropout = nn.Dropout(head.dropout)
        self.block = Block(width, head.hidden, head.dropout) if head.hidden else nn.Identity()
        self.output = nn.Linear(width, head.outputs)

    def solve(
        self, inputs: Series | Path, times: Literal["knots"] | Float64[Tensor, "batch 1"] | None = None
    ) -> Solution:
        """The fast weights of each series at its end, or at all its knots; of a path, if it has been fitted before.

        Raises:
            CompositionError: there are none, but a recurrence.
        """
        return solve(self._field(inputs), times, **asdict(self.solver))

    def forward(
        self, inputs: Series | Path, ends: Float64[Tensor, "batch 1"] | None = None
    ) -> Float[Tensor, "batch *time output"]:
        """The outputs of each series: at its end, or at every time point; what stands after its end means nothing.

        Args:
            inputs: series, or a path if they have been fitted before.
            ends: times at which the fast weights are taken, while the query is that of the path's end: as the published
                code does with series that it pads. Fast weights and query are of the end unless given. A head with outputs
                at every time point takes them as they are.
        """
        reading = self._readings(inputs) if self.head.every else self._reading(inputs, ends)
        return self.output(self.block(self.dropout(self.projection(reading))))

    def _field(self, inputs: Series | Path) -> VectorField:
        if isinstance(self.net, Recurrence):
            raise CompositionError(
                "a recurrence has no equation to be solved",
                ("model", repr(self.net.model)),
                help="call the predictor, or take the states of `predictor.net.states(series)`",
            )
        return self.net(inputs) if isinstance(inputs, Series) else self.net @ inputs

    def _readings(self, inputs: Series | Path) -> Float[Tensor, "batch time width"]:
        """What is known of each series at each of its time points."""
        if isinstance(self.net, Recurrence):
            return self.net.states(_observations(inputs, None))
        readings = read_along(self._field(inputs), **asdict(self.solver))
        return rearrange(readings, "batch knot ... -> batch knot (...)")[:, :: stride_of(self.net.model.control)]

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
