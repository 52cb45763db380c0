"""A path: a piecewise polynomial in time for every sample of a batch, in torchcde's cubic layout.

It never looks at the data again, and refining it never changes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import pad

from fwp.errors import DataError

__all__ = ["Causality", "Path", "evaluate", "recentre"]


class Causality(Enum):
    """Which data x(t) may depend on."""

    INSTANT = "instant"
    """Those up to t."""
    OBSERVATION = "observation"
    """At a knot those up to it; inside an interval the next observation too."""
    NONE = "none"
    """All of them."""


@dataclass(frozen=True, eq=False)
class Path:
    """A batch of paths with equally many knots. On an interval, at clock offset τ from its left knot,

        x = a + b τ + (2c) τ²/2 + (3d) τ³/3,        x' = b + (2c) τ + (3d) τ².

    `coefficients` are [a, b, 2c, 3d] side by side, `steps` the intervals' lengths on the clock and `times` the real
    time at each knot. On every interval the real time either advances with the clock or stands still: there values jump
    (a rectilinear control) or nothing happens at all (padding: length 0).
    """

    coefficients: Float[Tensor, "batch interval four_channel"]
    steps: Float64[Tensor, "batch interval"]
    times: Float64[Tensor, "batch knot"]
    causality: Causality
    degree: int
    static: Float[Tensor, "batch feature"] | None = None

    def __len__(self) -> int:
        return len(self.coefficients)

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
        return self.coefficients.shape[2] // 4

    def __getitem__(self, index: int | slice | Tensor) -> "Path":
        """The chosen samples; one sample is still a batch, of one."""
        rows = [index] if isinstance(index, int) else index
        return replace(
            self,
            coefficients=self.coefficients[rows],
            steps=self.steps[rows],
            times=self.times[rows],
            static=None if self.static is None else self.static[rows],
        )

    def to(self, device: torch.device | str | int | None = None, dtype: torch.dtype | None = None) -> "Path":
        """The same path elsewhere; `dtype` is that of coefficients and static features, times stay float64."""
        return replace(
            self,
            coefficients=self.coefficients.to(device, dtype),
            steps=self.steps.to(device),
            times=self.times.to(device),
            static=None if self.static is None else self.static.to(device, dtype),
        )

    def between(self, first: int, last: int) -> "Path":
        """The same path from one knot to a later one."""
        return replace(
            self,
            coefficients=self.coefficients[:, first:last],
            steps=self.steps[:, first:last],
            times=self.times[:, first : last + 1],
        )

    def at(
        self, interval: int, fraction: float | Float[Tensor, ""] | Float[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch channel"], Float[Tensor, "batch channel"]]:
        """x and its derivative per clock unit on one interval, at a fraction of its length."""
        pieces = self.coefficients.select(1, interval).chunk(4, -1)  # `select` takes half the time of an index
        offset = (fraction * self.steps.select(1, interval)).to(pieces[0].dtype).unsqueeze(-1)
        return evaluate(pieces, offset, self.degree)

    def nodes(
        self, fractions: Sequence[float] | Float[Tensor, "node"]
    ) -> tuple[Float[Tensor, "batch interval node channel"], Float[Tensor, "batch interval node channel"]]:
        """x and its derivative per clock unit at those fractions of every interval, by one batched product."""
        fractions = torch.as_tensor(fractions, dtype=torch.float64, device=self.steps.device)
        tau = self.steps[..., None] * fractions
        zero, one = torch.zeros_like(tau), torch.ones_like(tau)
        value = torch.stack([one, tau, tau**2 / 2, tau**3 / 3], -1)
        slope = torch.stack([zero, one, tau, tau**2], -1)
        powers = torch.cat([value, slope], 2)[..., : self.degree + 1].to(self.coefficients.dtype)
        pieces = self.coefficients.unflatten(-1, (4, -1))[:, :, : self.degree + 1]
        x, dx = (powers @ pieces).chunk(2, 2)
        return x, dx

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
        rest = torch.cat([end, end.new_zeros(self.batch, 3 * self.channels)], -1)[:, None]
        pieces = torch.cat([self.coefficients, rest], 1).take_along_dim(parent[..., None], 1)
        offset = (merged[:, :-1] - self.times.gather(1, parent)).to(pieces.dtype)[..., None]
        # The clock runs with the time, plus, on arrival at a knot, what it ran while the time stood still.
        still = pad(self.steps - self.times.diff(dim=1), (1, times.shape[1]))
        refined = replace(
            self,
            coefficients=torch.cat(recentre(pieces.chunk(4, -1), offset), -1),
            steps=merged.diff(dim=1) + still.gather(1, order)[:, 1:],
            times=merged,
        )
        return refined, order.argsort(dim=1)[:, knots:]

    def _refuse_outside(self, times: Tensor) -> None:
        outside = ~((times >= self.times[:, :1]) & (times <= self.times[:, -1:]))
        if outside.is_meta or not bool(outside.any()):
            return
        sample, request = outside.nonzero()[0].tolist()
        raise DataError(
            "a requested time lies outside the path",
            (f"sample {sample}, request {request}", str(times[sample, request].item())),
            ("path", f"{self.times[sample, 0].item()} to {self.times[sample, -1].item()}"),
            help="ask for times between the first and the last observation of each sample",
        )


def evaluate(pieces: Sequence[Tensor], offset: Tensor, degree: int = 3) -> tuple[Tensor, Tensor]:
    """x and x' of the polynomials a, b, 2c, 3d at an offset; what is zero by their degree is left out of a line."""
    a, b, two_c, three_d = pieces
    if degree <= 1:  # solvers that go step by step ask for this at every stage
        return (a + offset * b if degree else a), b
    return (
        a + offset * (b + offset * (two_c / 2 + offset * three_d / 3)),
        b + offset * (two_c + offset * three_d),
    )


def recentre(pieces: Sequence[Tensor], offset: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The coefficients a, b, 2c, 3d of the same polynomials about the point `offset` further right."""
    _, _, two_c, three_d = pieces
    return *evaluate(pieces, offset), two_c + 2 * offset * three_d, three_d
