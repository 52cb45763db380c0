"""Timing: all contenders in one process, in turns, so that what slows the machine for a while slows all of them."""

import gc
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from fwp.bench.speed.contenders import Step

__all__ = ["Measured", "Reading", "Spread", "absent", "alternate", "ratios", "timed"]


@dataclass(frozen=True)
class Reading:
    """Seconds of one step, and how many pages of memory the system first had to hand out for it (minor faults)."""

    forward: float
    backward: float
    faults: int

    @property
    def seconds(self) -> float:
        """Of the whole step."""
        return self.forward + self.backward


@dataclass(frozen=True)
class Measured:
    """All readings of one contender, the rounds in order, or why there are none (`absent`, else empty).

    The first call is kept apart: it compiles, imports and warms up. `peak` is the most resident memory that one step adds
    in a process of its own, in bytes.
    """

    contender: str
    absent: str
    first: float | None
    forward: tuple[float, ...]
    backward: tuple[float, ...]
    faults: tuple[int, ...]
    peak: int | None

    @property
    def seconds(self) -> tuple[float, ...]:
        """Of whole steps, the rounds in order."""
        return tuple(f + b for f, b in zip(self.forward, self.backward, strict=True))

    def medians(self) -> dict[str, float]:
        """Median seconds forward, backward and of whole steps; the last is not the sum of the others."""
        parts = {"forward": self.forward, "backward": self.backward, "step": self.seconds}
        return {name: median(values) for name, values in parts.items() if values}


@dataclass(frozen=True)
class Spread:
    """A ratio by the median over rounds, and the smallest and largest that any round gave."""

    middle: float
    least: float
    most: float


def absent(contender: str, reason: str) -> Measured:
    """Nothing was measured, and why."""
    return Measured(contender, reason, None, (), (), (), None)


def timed(step: Step) -> Reading:
    """One training step, from no gradients to all of them."""
    for leaf in step.leaves:
        leaf.grad = None
    faults = _faults()
    begun = perf_counter()
    loss = step.loss()
    turned = perf_counter()
    loss.backward()
    ended = perf_counter()
    return Reading(turned - begun, ended - turned, _faults() - faults)


def alternate(
    steps: Mapping[str, Step],
    repeats: int,
    budget: float,
    peaks: Mapping[str, int | None],
    time: Callable[[Step], Reading] = timed,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Measured]:
    """One warm-up of each, then rounds in which each takes one step, in the given order.

    Args:
        steps: by contender.
        repeats: rounds.
        budget: seconds for all rounds. Each contender may use an equal share: a slow one takes part in as many of the
            first rounds as fit into its share by its first call, and always in one.
        peaks: what each adds to the resident memory, in bytes, where known.
        time: what takes one step and reads the clock.
        say: is told what begins.
    """
    gc.collect()
    say("first step of each")
    first = {name: time(step) for name, step in steps.items()}
    share = budget / max(len(steps), 1)
    counts = {name: max(1, min(repeats, int(share / max(own.seconds, 1e-9)))) for name, own in first.items()}
    readings: dict[str, list[Reading]] = {name: [] for name in steps}
    rounds = max(counts.values(), default=0)
    for turn in range(rounds):
        say(f"round {turn + 1} of {rounds}")
        for name, step in steps.items():
            if turn < counts[name]:
                readings[name].append(time(step))
    return {
        name: Measured(
            name,
            "",
            first[name].seconds,
            tuple(r.forward for r in own),
            tuple(r.backward for r in own),
            tuple(r.faults for r in own),
            peaks.get(name),
        )
        for name, own in readings.items()
    }


def ratios(contender: Measured, against: Measured) -> Spread | None:
    """Seconds of the one over those of the other, round by round over the rounds that both took; None if there are none."""
    each = [a / b for a, b in zip(contender.seconds, against.seconds, strict=False)]
    return Spread(median(each), min(each), max(each)) if each else None


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
