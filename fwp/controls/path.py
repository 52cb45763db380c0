"""A path: a piecewise polynomial on the clock for every sample of a batch, in torchcde's cubic layout.

It never looks at the data again, and refining it never changes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import pad

from fwp.data.copies import Copied
from fwp.data.transforms import first_true
from fwp.errors import DataError
from fwp.kinds import explained

__all__ = ["Causality", "Path", "evaluate", "pieces_of", "recentre"]


class Causality(Enum):
    """Which data x(t) may depend on."""

    INSTANT = "instant"
    """Those up to t."""
    OBSERVATION = "observation"
    """At a knot those up to it; inside an interval the next observation too."""
    NONE = "none"
    """All of them."""


@dataclass(frozen=True, eq=False)
class Path(Copied):
    """A batch of paths with equally many knots. On an interval, at clock offset τ from its left knot,

        x = a + b τ + (2c) τ²/2 + (3d) τ³/3,        x' = b + (2c) τ + (3d) τ².

    `coefficients` are [a, b, 2c, 3d] side by side, [a, b] up to degree 1; of degree 0 x = a and x' = b stand still, each
    as it is given. `steps` are the intervals' lengths on the clock and `times` the real time at each knot. On every
    interval the real time either advances evenly with the clock or stands still: there values jump (a rectilinear
    control) or nothing happens at all (padding: length 0).
    """

    coefficients: Float[Tensor, "batch interval pieces_channel"]
    steps: Float64[Tensor, "batch interval"]
    times: Float64[Tensor, "batch knot"]
    causality: Causality
    degree: int
    static: Float[Tensor, "batch feature"] | None = None
    first: Float[Tensor, "batch point"] | None = None
    """The series' first point, where it is not what x begins with."""

    def __len__(self) -> int:
        return len(self.coefficients)

    def __repr__(self) -> str:
        shape = f"batch={self.batch}, interval={self.intervals}, channel={self.channels}, degree={self.degree}"
        return f"Path({shape}, {str(self.coefficients.dtype).removeprefix('torch.')} on {self.coefficients.device})"

    @property
    def batch(self) -> int:
        """How many samples."""
        return self.coefficients.shape[0]

    @property
    def intervals(self) -> int:
        """How many intervals, padding included."""
        return self.coefficients.shape[1]

    @property
    def channels(self) -> int:
        """How many channels of x, the time included where the control adds it."""
        return self.coefficients.shape[2] // pieces_of(self.degree)

    @property
    def start(self) -> Float[Tensor, "batch point"]:
        """The series' own first point, the time in front where the control adds it, whatever x is and wherever it was cut."""
        return self.coefficients[:, 0, : self.channels] if self.first is None else self.first

    @property
    def pieces(self) -> tuple[Float[Tensor, "batch interval channel"], ...]:
        """a, b, and above degree 1 also 2c, 3d."""
        return self.coefficients.chunk(pieces_of(self.degree), -1)

    def __getitem__(self, index: int | slice | Tensor) -> "Path":
        """The chosen samples; one sample is still a batch, of one."""
        rows = [index] if isinstance(index, int) else index
        return replace(
            self,
            coefficients=self.coefficients[rows],
            steps=self.steps[rows],
            times=self.times[rows],
            static=None if self.static is None else self.static[rows],
            first=None if self.first is None else self.first[rows],
        )

    def to(self, device: torch.device | str | int | None = None, dtype: torch.dtype | None = None) -> "Path":
        """The same path elsewhere; `dtype` is that of coefficients and static features, times stay float64."""
        return replace(
            self,
            coefficients=self.coefficients.to(device, dtype),
            steps=self.steps.to(device),
            times=self.times.to(device),
            static=None if self.static is None else self.static.to(device, dtype),
            first=None if self.first is None else self.first.to(device, dtype),
        )

    def between(self, first: int, last: int) -> "Path":
        """The same path from one knot to a later one; its `start` stays that of the whole."""
        return replace(
            self,
            coefficients=self.coefficients[:, first:last],
            steps=self.steps[:, first:last],
            times=self.times[:, first : last + 1],
            first=self.start,
        )

    def at(
        self, interval: int, fraction: float | Float[Tensor, ""] | Float[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch channel"], Float[Tensor, "batch channel"]]:
        """x and its derivative per clock unit on one interval, at a fraction of its length."""
        # `select` takes half the time of an index.
        pieces = self.coefficients.select(1, interval).chunk(pieces_of(self.degree), -1)
        offset = (fraction * self.steps.select(1, interval)).to(pieces[0].dtype).unsqueeze(-1)
        return evaluate(pieces, offset, self.degree)

    def nodes(
        self, fractions: Sequence[float] | Float[Tensor, "node"]
    ) -> tuple[Float[Tensor, "batch interval node channel"], Float[Tensor, "batch interval node channel"]]:
        """x and its derivative per clock unit at those fractions of every interval, by one batched product."""
        fractions = torch.as_tensor(fractions, dtype=torch.float64, device=self.steps.device)
        if self.degree == 0:
            x, dx = (piece.unsqueeze(2).expand(-1, -1, len(fractions), -1) for piece in self.pieces)
            return x, dx
        tau = self.steps[..., None] * fractions
        zero, one = torch.zeros_like(tau), torch.ones_like(tau)
        value = torch.stack([one, tau, tau**2 / 2, tau**3 / 3], -1)
        slope = torch.stack([zero, one, tau, tau**2], -1)
        powers = torch.cat([value, slope], 2)[..., : self.degree + 1].to(self.coefficients.dtype)
        pieces = self.coefficients.unflatten(-1, (pieces_of(self.degree), -1))[:, :, : self.degree + 1]
        x, dx = (powers @ pieces).chunk(2, 2)
        return x, dx

    @explained
    def with_knots(self, times: Float64[Tensor, "batch request"]) -> tuple["Path", Int64[Tensor, "batch request"]]:
        """The same path with a knot at each requested real time, and the place of each request among the knots.

        A request at an observation's time stands after the observation, jump included. Equal times make intervals of
        length 0, so that every sample has equally many knots again.

        Raises:
            DataError: a request before the first or after the last knot of its sample, or NaN.
        """
        self._refuse_outside(times)
        knots = self.times.shape[1]
        # A stable sort puts a request behind all knots of its time; the one right before it is the parent, whose
        # polynomial goes on. The last knot has no interval of its own and gets one that stays where the path ends.
        merged, order = torch.cat([self.times, times], 1).sort(dim=1, stable=True)
        here = torch.arange(knots, device=self.times.device).expand(self.batch, -1)
        behind = torch.searchsorted(self.times.contiguous(), times.contiguous(), right=True) - 1
        parent = torch.cat([here, behind], 1).gather(1, order)[:, :-1]
        end, _ = self.at(-1, 1.0)
        rest = torch.cat([end, end.new_zeros(self.batch, self.coefficients.shape[2] - self.channels)], -1)[:, None]
        pieces = torch.cat([self.coefficients, rest], 1).take_along_dim(parent[..., None], 1)
        # The clock runs with the time, as fast as in the parent, plus, on arrival at a knot, what it ran while the time
        # stood still.
        span = self.times.diff(dim=1)
        moves = span > 0
        pace = pad(torch.where(moves, self.steps / torch.where(moves, span, 1), 0), (0, 1)).gather(1, parent)
        still = pad(torch.where(moves, 0, self.steps), (1, times.shape[1]))
        offset = ((merged[:, :-1] - self.times.gather(1, parent)) * pace).to(pieces.dtype)[..., None]
        refined = replace(
            self,
            coefficients=torch.cat(recentre(pieces.chunk(pieces_of(self.degree), -1), offset, self.degree), -1),
            steps=merged.diff(dim=1) * pace + still.gather(1, order)[:, 1:],
            times=merged,
        )
        return refined, order.argsort(dim=1)[:, knots:]

    def _refuse_outside(self, times: Tensor) -> None:
        outside = ~((times >= self.times[:, :1]) & (times <= self.times[:, -1:]))
        if (at := first_true(outside)) is None:
            return
        sample, request = at.tolist()
        raise DataError(
            "a requested time lies outside the path",
            (f"sample {sample}, request {request}", str(times[sample, request].item())),
            ("path", f"{self.times[sample, 0].item()} to {self.times[sample, -1].item()}"),
            help="ask for times between the first and the last observation of each sample",
        )


def pieces_of(degree: int) -> int:
    """How many of a, b, 2c, 3d polynomials of a degree have."""
    return 2 if degree <= 1 else 4


def evaluate(pieces: Sequence[Tensor], offset: Tensor, degree: int) -> tuple[Tensor, Tensor]:
    """x and x' of the polynomials at an offset."""
    a, b, *rest = pieces
    if not rest:  # solvers that go step by step ask for this at every stage
        return (a + offset * b if degree else a), b
    two_c, three_d = rest
    return (
        a + offset * (b + offset * (two_c / 2 + offset * three_d / 3)),
        b + offset * (two_c + offset * three_d),
    )


def recentre(pieces: Sequence[Tensor], offset: Tensor, degree: int) -> tuple[Tensor, ...]:
    """The pieces of the same polynomials about the point `offset` further right."""
    x, dx = evaluate(pieces, offset, degree)
    if len(pieces) == 2:
        return x, dx
    _, _, two_c, three_d = pieces
    return x, dx, two_c + 2 * offset * three_d, three_d
