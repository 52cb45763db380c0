"""A classifier: a net of fast weights is solved along the series, read at its end, and the reading told apart."""

from dataclasses import asdict, dataclass
from math import prod
from typing import Literal

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from fwp.controls import Path
from fwp.data import Series
from fwp.errors import FwpError
from fwp.fields import Net
from fwp.solvers import Solution, solve

__all__ = ["Block", "Classifier", "Head", "Solver"]


@dataclass(frozen=True)
class Head:
    """What stands between the read-out of the fast weights and the logits.

    Raises:
        FwpError: a number outside its range.
    """

    classes: int
    """Logits."""
    hidden: int = 256
    """Hidden units of the feed-forward block; 0 leaves the block out."""
    dropout: float = 0.0
    """Share of units dropped after the projection and inside the block."""
    projection: bool = True
    """Whether the heads' read-outs, side by side, first pass through a linear map."""

    def __post_init__(self) -> None:
        if self.classes < 1 or self.hidden < 0 or not 0 <= self.dropout < 1:
            raise FwpError(
                "a classifier's head cannot have these sizes",
                ("head", repr(self)),
                help="at least 1 class, no negative number of hidden units, dropout from 0 to less than 1",
            )


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
        net: what `model.build` gives.
        head: sizes of what follows the read-out.
        solver: how the equation is solved.
    """

    def __init__(self, net: Net, head: Head, solver: Solver = Solver()) -> None:
        super().__init__()
        self.net, self.head, self.solver = net, head, solver
        width = read_width(net)
        self.projection = nn.Linear(width, width) if head.projection else nn.Identity()
        self.dropout = nn.Dropout(head.dropout)
        self.block = Block(width, head.hidden, head.dropout) if head.hidden else nn.Identity()
        self.classify = nn.Linear(width, head.classes)

    def solve(self, inputs: Series | Path, times: Literal["knots"] | None = None) -> Solution:
        """The fast weights of each series at its end, or at all its knots; of a path, if it has been fitted before."""
        field = self.net(inputs) if isinstance(inputs, Series) else self.net @ inputs
        return solve(field, times, **asdict(self.solver))

    def forward(self, inputs: Series | Path) -> Float[Tensor, "batch class"]:
        """The logits of each series."""
        reading = rearrange(self.solve(inputs).read(), "batch head ... -> batch (head ...)")
        return self.classify(self.block(self.dropout(self.projection(reading))))


def read_width(net: Net) -> int:
    """How many numbers all heads' read-outs are together."""
    sizes: dict[str, int] = net.layers[-1].sizes  # pyright: ignore[reportAssignmentType]  # torch knows no element types
    return sizes["head"] * prod(sizes[axis] for axis in net.model.spec.layers[-1].rule.read.axes)
