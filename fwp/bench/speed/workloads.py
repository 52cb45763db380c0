"""What is timed: models of the paper's tasks at their published sizes, on synthetic series of those tasks' shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.controls import Control, Path, natural_cubic
from fwp.controls.control import Kind
from fwp.data import series
from fwp.fields import Net, Projection, first_write, keys_from_increments, linear, sigmoid, softmax
from fwp.fields.wirings import encoder
from fwp.rules import Rule, delta, dx, tanh_delta

__all__ = ["GRADIENTS", "SUITES", "WINDOWED", "Bar", "Case", "Workload", "named", "smooth", "windowed"]

REMEMBERS = 0.98
"""The share of itself that a smooth series carries from one time point to the next."""

E = encoder("encoder", dx)

WINDOWED = Projection(
    k=softmax(linear("width -> head key", E), "key"),
    v=linear("width -> head value", E),
    beta=sigmoid(linear("width -> head", E)),
    q=softmax(linear("width -> head key", E), "key"),
    default=E,
    initial=first_write(),
)
"""The published EigenWorms model ("direct", values not squashed) fed with windows: the increment of a linear path without time
is constant on each window, as a log-signature of depth 1 is."""

WINDOWS = Control(Kind.LINEAR, time=False)


@dataclass(frozen=True)
class Bar:
    """What must hold of the seconds of one contender over those of another, by the median over rounds."""

    contender: str
    against: str
    relation: Literal["at least", "at most"]
    ratio: float

    def met(self, ratio: float) -> bool:
        """Whether it holds."""
        return ratio >= self.ratio if self.relation == "at least" else ratio <= self.ratio

    def __str__(self) -> str:
        return f"{self.relation} {self.ratio:g} × {self.against}"


@dataclass(frozen=True)
class Workload:
    """A model with its sizes, the shape of its series, and who is timed on it."""

    name: str
    about: str
    rule: Rule
    projection: Projection
    control: Control
    batch: int
    windows: int
    channels: int
    width: int
    heads: int
    contenders: tuple[str, ...]
    integrated: bool = False
    """Whether the increments of the series are smooth and of unit size, rather than the series themselves."""
    bars: tuple[Bar, ...] = ()

    def small(self) -> "Workload":
        """The same in a size that takes milliseconds, longer where the workload is: whether everything runs, not how fast."""
        windows = min(self.windows, 4 + len(str(self.windows)))
        return replace(self, about=f"tiny, for {self.name}", batch=2, windows=windows, width=8, heads=2, bars=())

    def among(self, contenders: Sequence[str]) -> "Workload":
        """With these contenders alone, as far as it has them, and the bars between them; with all if none are named."""
        if not contenders:
            return self
        bars = tuple(b for b in self.bars if {b.contender, b.against} <= set(contenders))
        return replace(self, contenders=tuple(c for c in self.contenders if c in contenders), bars=bars)

    def build(self, dtype: torch.dtype = torch.float32) -> "Case":
        """Weights and data, the same at every call and in every process."""
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            model = self.rule @ self.projection @ self.control
            net = model.build(channels=self.channels, width=self.width, heads=self.heads)
            values = smooth(self.batch, self.windows + 1, self.channels)
        path = self.control(series(values.cumsum(1) if self.integrated else values))
        return Case(self, net.to(dtype), path.to(dtype=dtype))


@dataclass(frozen=True, eq=False)
class Case:
    """A workload with its weights and its data, the path fitted: that is done once, before training."""

    workload: Workload
    net: Net
    path: Path

    @property
    def flops(self) -> int:
        """Of the slow net's matrix products in one training step, if it meets every window once: forward, and twice backward."""
        named = {name: p for name, p in self.net.named_parameters() if name.endswith(".weight") and p.ndim > 1}
        numbers = sum(p.numel() for name, p in named.items() if ".q_" not in name)  # the query is read once
        return 3 * 2 * numbers * self.workload.batch * self.workload.windows


def smooth(batch: int, count: int, channels: int) -> Float[Tensor, "batch count channels"]:
    """Gaussian series of unit size in which each time point remembers the one before it (AR(1)), from their first point on."""
    z = torch.randn(batch, count, channels) * (1 - REMEMBERS**2) ** 0.5
    z[:, 0] /= (1 - REMEMBERS**2) ** 0.5
    shift = 1
    while shift < count and REMEMBERS**shift > 1e-9:  # each pass doubles how far back a point has summed
        z = torch.cat([z[:, :shift], z[:, shift:] + REMEMBERS**shift * z[:, :-shift]], 1)
        shift *= 2
    return z


OURS = ("ours", "torchdiffeq-exact", "torchdiffeq-adjoint")
EVERYONE = (*OURS, "plain-exact", "plain-adjoint", "plain-loop", "torch-slices", "torch-slices-eighth")
NEAR_PLAIN = (
    Bar("torchdiffeq-exact", "plain-exact", "at most", 1.3),
    Bar("torchdiffeq-adjoint", "plain-adjoint", "at most", 1.3),
)
FASTER = (Bar("torchdiffeq-adjoint", "ours", "at least", 10.0),)


def windowed(
    name: str,
    about: str,
    rule: Rule,
    batch: int,
    windows: int,
    contenders: tuple[str, ...],
    bars: tuple[Bar, ...] = (),
) -> Workload:
    """The published EigenWorms model at its published sizes, with another rule, batch or length."""
    return Workload(
        name, about, rule, WINDOWED, WINDOWS, batch, windows, 7, 128, 16, contenders, integrated=True, bars=bars
    )


def _length(windows: int) -> Workload:
    about = f"the EigenWorms model, one series of {windows:,} windows"
    return windowed(f"length-{windows}", about, tanh_delta, 1, windows, (*OURS, "plain-loop", "torch-slices-eighth"))


def _short(windows: int) -> Workload:
    about = f"the EigenWorms model, 32 series of {windows} windows"
    bars = (Bar("ours", "plain-loop", "at most", 1.1),)
    return windowed(f"short-{windows}", about, tanh_delta, 32, windows, ("ours", "plain-loop"), bars)


_EIGENWORMS = "32 series × 4,495 windows, 16 heads of 8 × 8, "

SUITES: Mapping[str, tuple[Workload, ...]] = {
    "eigenworms": (
        windowed(
            "eigenworms",
            _EIGENWORMS + "tanh-Delta: the published EigenWorms model",
            tanh_delta,
            32,
            4495,
            EVERYONE,
            (Bar("torchdiffeq-adjoint", "ours", "at least", 30.0), *NEAR_PLAIN),
        ),
    ),
    "eigenworms-delta": (
        windowed(
            "eigenworms-delta",
            _EIGENWORMS + "linear Delta",
            delta,
            32,
            4495,
            ("ours", "ours-chunked", *EVERYONE[1:]),
            NEAR_PLAIN,
        ),
    ),
    "speech": (
        Workload(
            "speech",
            "256 series × 161 knots, natural cubic, 4 heads of 20 × 20: the published Speech Commands Delta CDE",
            delta,
            keys_from_increments(),
            natural_cubic,
            *(256, 160, 20, 80, 4),
            OURS,
            bars=FASTER,
        ),
    ),
    "sepsis": (
        Workload(
            "sepsis",
            "256 series × 72 knots, natural cubic, 32 heads of 5 × 5, value norm: the published Sepsis Delta CDE, but its start",
            delta,
            keys_from_increments(value_norm=True),
            natural_cubic,
            *(256, 71, 34, 160, 32),
            OURS,
            bars=FASTER,
        ),
    ),
    "length": tuple(_length(n) for n in (10**3, 10**4, 10**5, 10**6)),
    "short": tuple(_short(n) for n in (7, 20, 50, 100)),
}
"""Workloads by the word that `fwp bench speed --only` knows them by."""


GRADIENTS = tuple(
    windowed(
        f"gradients-{n}",
        f"the EigenWorms model, 2 series of {n:,} windows",
        tanh_delta,
        2,
        n,
        (*OURS, "ours-sequential"),
    )
    for n in (50, 200, 1000, 4495)
)
"""Where gradients are compared with those of the same steps in float64."""


def named(name: str) -> Workload:
    """The workload of that name, wherever it stands."""
    return next(w for suite in (*SUITES.values(), GRADIENTS) for w in suite if w.name == name)
