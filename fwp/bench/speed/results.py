"""Results as values, as json, and as what follows from them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import log
from typing import Any

from fwp.bench.machine import Limits, Machine
from fwp.bench.speed.gradients import Gradient
from fwp.bench.speed.measure import Measured, Spread, ratios
from fwp.bench.speed.workloads import Bar
from fwp.errors import FormatError
from fwp.models.files import decode

__all__ = ["Result", "Timed", "growth"]

VERSION = 1


@dataclass(frozen=True)
class Timed:
    """A workload and what was measured on it; `flops` are those of the slow net's products in one training step."""

    workload: str
    about: str
    batch: int
    windows: int
    flops: int
    bars: tuple[Bar, ...]
    contenders: tuple[Measured, ...]

    def __getitem__(self, contender: str) -> Measured:
        return next(c for c in self.contenders if c.contender == contender)

    def ratio(self, contender: str, against: str = "ours") -> Spread | None:
        """Seconds of the one over those of the other; None if one of them was not measured."""
        return ratios(self[contender], self[against])

    def judged(self) -> list[tuple[Bar, Spread | None, bool | None]]:
        """Each bar, the ratio that it is about, and whether it is met; None if a contender is missing."""
        found = [(bar, self.ratio(bar.contender, bar.against)) for bar in self.bars]
        return [(bar, spread, None if spread is None else bar.met(spread.middle)) for bar, spread in found]

    def summary(self) -> dict[str, Any]:
        """Medians, ratios to ours and bars, for readers of the json who do not want to compute."""
        return {
            "medians": {c.contender: c.medians() for c in self.contenders if not c.absent},
            "ratios": {c.contender: asdict(s) for c in self.contenders if (s := self.ratio(c.contender)) is not None},
            "bars": [
                {"contender": b.contender, "bar": str(b), "ratio": None if s is None else s.middle, "met": met}
                for b, s, met in self.judged()
            ],
        }


@dataclass(frozen=True)
class Result:
    """All of one suite in one run: its name, the machine, and either timed workloads or compared gradients."""

    what: str
    machine: Machine
    limits: Limits
    repeats: int
    budget: float
    timed: tuple[Timed, ...] = ()
    gradients: tuple[Gradient, ...] = ()

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.machine.name}-{self.what}.json"

    def to_json(self) -> dict[str, Any]:
        """The result as plain json, with a summary that follows from the rest."""
        return {
            "version": VERSION,
            **asdict(self),
            "summary": {t.workload: t.summary() for t in self.timed},
        }

    @staticmethod
    def from_json(data: Any) -> "Result":
        """The result that `to_json` wrote. Raises: FormatError."""
        match data:
            case {
                "version": version,
                "machine": machine,
                "limits": limits,
                "timed": list(timed),
                "gradients": list(compared),
            } if version == VERSION:
                rest = {name: data.get(name) for name in ("what", "repeats", "budget")}
                head = decode(_Head, rest, "result")
                return Result(
                    head.what,
                    decode(Machine, machine, "machine"),
                    decode(Limits, limits, "limits"),
                    head.repeats,
                    head.budget,
                    tuple(_timed(own) for own in timed),
                    tuple(decode(Gradient, own, "gradients") for own in compared),
                )
        raise FormatError(
            "this is no result of `fwp bench speed`",
            ("read", repr(data)[:200]),
            ("expected", f"version {VERSION}, with machine, limits, timed and gradients"),
            help="measure again",
        )


@dataclass(frozen=True)
class _Head:
    what: str
    repeats: int
    budget: float


@dataclass(frozen=True)
class _Bare:
    workload: str
    about: str
    batch: int
    windows: int
    flops: int


def _timed(data: Any) -> Timed:
    lists = {"bars": Bar, "contenders": Measured}
    if not isinstance(data, Mapping) or not all(isinstance(data.get(name), list) for name in lists):
        raise FormatError("a workload is not a mapping with bars and contenders", help="measure again")
    bare = decode(_Bare, {k: v for k, v in data.items() if k not in lists}, "timed")
    bars = tuple(decode(Bar, own, "bars") for own in data["bars"])
    return Timed(
        **vars(bare), bars=bars, contenders=tuple(decode(Measured, own, "contenders") for own in data["contenders"])
    )


def growth(result: Result, contender: str = "ours") -> float | None:
    """How the seconds grow with the length, as a power of it, between the two longest that were measured: 1 is linear."""
    known = {t.windows: t[contender].medians()["step"] for t in result.timed if not t[contender].absent}
    if len(known) < 2:
        return None
    (n, before), (m, after) = sorted(known.items())[-2:]
    return log(after / before) / log(m / n)
