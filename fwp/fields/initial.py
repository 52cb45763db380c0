"""How the states of a rule begin, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from fwp.fields.maps import SlowMap, as_map
from fwp.terms.declare import Signal

__all__ = ["FirstWrite", "Initial", "StatesFrom", "Zero", "first_write", "maps_of", "start", "static", "zero"]

static = Signal("static", "feature")
"""The features of a sample that do not change with time."""


@dataclass(frozen=True)
class Zero:
    """All states begin at zero."""


@dataclass(frozen=True)
class FirstWrite:
    """All states begin at what the rule would write into empty states at the first instant, for one unit of time.

    `slots` replace the projection's own maps for that one write (pairs of slot name and map).
    """

    slots: tuple[tuple[str, SlowMap], ...]


@dataclass(frozen=True)
class StatesFrom:
    """States begin at the given maps of the first instant (pairs of state name and map), the others at zero."""

    states: tuple[tuple[str, SlowMap], ...]


Initial = Zero | FirstWrite | StatesFrom
zero = Zero()


def first_write(**slots: SlowMap) -> FirstWrite:
    """W(t₀) = the rate of the empty states at x(t₀), as in the published models; `slots` for maps of their own there."""
    return FirstWrite(_by_name(slots))


def start(**states: SlowMap) -> StatesFrom:
    """Begin each named state at a map of x(t₀), dx(t₀) or static: `start(z=linear("channel -> hidden", x))`."""
    return StatesFrom(_by_name(states))


def maps_of(initial: Initial) -> tuple[tuple[str, SlowMap], ...]:
    """The maps that only the beginning uses, by the slot or state that they are for."""
    match initial:
        case Zero():
            return ()
        case FirstWrite(own) | StatesFrom(own):
            return own
        case _:
            assert_never(initial)


def _by_name(maps: Mapping[str, SlowMap]) -> tuple[tuple[str, SlowMap], ...]:
    return tuple((name, as_map(m)) for name, m in sorted(maps.items()))
