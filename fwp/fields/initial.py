"""How the states of a rule begin, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from fwp.fields.maps import SlowMap, as_map, source
from fwp.kinds import explained
from fwp.terms.declare import Signal

__all__ = [
    "FirstWrite",
    "Initial",
    "StatesFrom",
    "Zero",
    "all_maps",
    "first",
    "first_write",
    "maps_of",
    "reads_first",
    "start",
    "static",
    "unsaid",
    "zero",
]

static = Signal("static", "feature")
"""The features of a sample that do not change with time."""

first = Signal("first", "point")
"""The first point x(t₀) as it stands in the series, the time in front where the control adds it: for beginnings alone.

It differs from x where the control's x is something else than a point, such as the log-signature of a window.
"""


@dataclass(frozen=True)
class Zero:
    """All states begin at zero. Where nobody asked for it, those that would stay there begin at learned values instead."""

    asked: bool = True


@dataclass(frozen=True)
class FirstWrite:
    """All states begin at what the rule would write into empty states at the first instant, for one unit of time.

    `slots` replace the projection's own maps for that one write (pairs of slot name and map). `at`, if given, stands there
    for the signal x and for its increment: a map with the axis "channel" alone.
    """

    slots: tuple[tuple[str, SlowMap], ...]
    at: SlowMap | None = None


@dataclass(frozen=True)
class StatesFrom:
    """States begin at the given maps of the first instant (pairs of state name and map), the others at zero."""

    states: tuple[tuple[str, SlowMap], ...]


Initial = Zero | FirstWrite | StatesFrom
zero = Zero()
unsaid = Zero(asked=False)
"""Where nobody says how states begin."""


@explained
def first_write(at: SlowMap | None = None, **slots: SlowMap) -> FirstWrite:
    """W(t₀) = the rate of the empty states at x(t₀), as in the published models; `slots` for maps of their own there.

    `at` is what the slow net sees there in place of x and dx: `first_write(at=linear("point -> channel", first))` encodes
    the first point, as the published EigenWorms models do.
    """
    return FirstWrite(_by_name(slots), None if at is None else as_map(at))


@explained
def start(**states: SlowMap) -> StatesFrom:
    """Begin each named state at a map of x(t₀), dx(t₀), first or static: `start(z=linear("channel -> hidden", x))`."""
    return StatesFrom(_by_name(states))


def maps_of(initial: Initial) -> tuple[tuple[str, SlowMap], ...]:
    """The maps that only the beginning uses, by the slot or state that they are for."""
    match initial:
        case Zero():
            return ()
        case FirstWrite(own, _) | StatesFrom(own):
            return own
        case _:
            assert_never(initial)


def all_maps(initial: Initial) -> tuple[SlowMap, ...]:
    """All maps that only the beginning uses, that of the signal there included."""
    at = initial.at if isinstance(initial, FirstWrite) else None
    return (*(own for _, own in maps_of(initial)), *(() if at is None else (at,)))


def reads_first(initial: Initial) -> bool:
    """Whether a beginning depends on the first point as it stands in the series."""
    return any(source(own) == first for own in all_maps(initial))


def _by_name(maps: Mapping[str, SlowMap]) -> tuple[tuple[str, SlowMap], ...]:
    return tuple((name, as_map(m)) for name, m in sorted(maps.items()))
