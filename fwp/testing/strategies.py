"""What hypothesis draws for a rule: sizes, values in the domains of its slots, cases for laws; and series and controls.

Entries are eighths between −2 and 2, so that a counterexample shrinks to few and short numbers, zeros among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from fwp.controls import Control, Kind, log_signature
from fwp.data import Series, series
from fwp.rules import Rule, System
from fwp.rules.law import Case
from fwp.terms import DomainKind, Role, Variable, axis_classes, subterms, variables
from fwp.testing.numbers import Array, Values, in_domain, random_value
from fwp.testing.terms import Draw, seeds

__all__ = [
    "all_values",
    "axes_of",
    "batches",
    "cases",
    "controls",
    "random_values",
    "some_batch",
    "some_sizes",
    "value_of",
    "windows",
]


def axes_of(rule: Rule | System) -> tuple[frozenset[str], ...]:
    """The axes of a rule, its read-out included, in classes of equal size, by order of appearance."""
    terms = [t for each in rule.rules for t in (each.of, each.rate)] + [*rule.variables, rule.read]
    classes = axis_classes(node for term in terms for node in subterms(term))
    axes = dict.fromkeys(a for term in terms for node in subterms(term) for a in node.axes)
    known = {a: own for own in classes for a in own}
    return tuple(dict.fromkeys(known.get(a, frozenset({a})) for a in axes))


@st.composite
def some_sizes(draw: Draw, rule: Rule | System, largest: int = 3) -> dict[str, int]:
    """A size for every axis of the rule, from 1."""
    return {a: n for own in axes_of(rule) for n in (draw(st.integers(1, largest)),) for a in sorted(own)}


@st.composite
def value_of(draw: Draw, variable: Variable, shape: tuple[int, ...], cut: tuple[slice, ...] = ()) -> Array:
    """A value of the variable, over its declared axes and whatever stands before them.

    What is cut out of an array, rather than drawn in its own size, shrinks without disturbing what else is drawn.
    """
    low, high = (0, 8) if variable.domain.kind is DomainKind.UNIT else (-16, 16)
    eighths = draw(st.lists(st.integers(low, high), min_size=prod(shape), max_size=prod(shape)))
    numbers = np.asarray(np.array(eighths, dtype=np.float64).reshape(shape)[cut] / 8)  # of no axes numpy makes a scalar
    return numbers if variable.domain.kind is DomainKind.UNIT else in_domain(variable, numbers)


@st.composite
def all_values(draw: Draw, rule: Rule | System, largest: int = 3) -> tuple[dict[str, int], Values]:
    """A size for every axis, and a value for every variable of the rule and its read-out."""
    sizes = draw(some_sizes(rule, largest))
    return sizes, {x.name: draw(_sized(x, sizes, largest)) for x in rule.variables}


@st.composite
def cases(
    draw: Draw,
    rule: Rule,
    sizes: Mapping[str, int] | None = None,
    steps: int = 4,
    longest: float = 2.0,
) -> Case:
    """Where two solutions of the rule begin, and slots and signals that are constant on each of 1 to `steps` steps.

    Steps last up to `longest` units of time; some last none. Axes have sizes of 1 to 3, unless given.
    """
    largest = 3 if sizes is None else None
    size = draw(some_sizes(rule)) if sizes is None else sizes
    count = draw(st.integers(1, steps))
    # Any window of the steps may be the one that is kept: the one step that matters need not be the first.
    first = min(draw(st.integers(0, steps - 1)), steps - count)
    window = slice(first, first + count)
    slots = {
        x.name: draw(_sized(x, size, largest, window, steps)) for x in variables(rule.rate) if x.role is not Role.STATE
    }
    durations = draw(st.lists(st.integers(0, int(longest * 8)), min_size=steps, max_size=steps))
    one, other = draw(_sized(rule.of, size, largest)), draw(_sized(rule.of, size, largest))
    return Case(one, other, slots, np.array(durations[window], dtype=np.float64) / 8)


def _sized(
    x: Variable, sizes: Mapping[str, int], largest: int | None, window: slice | None = None, steps: int = 0
) -> st.SearchStrategy[Array]:
    """A value over its declared axes, behind a window of so many steps if one is given."""
    cut = tuple(slice(sizes[a]) for a in x.declared)
    room = tuple(sizes[a] if largest is None else largest for a in x.declared)
    return value_of(x, room, cut) if window is None else value_of(x, (steps, *room), (window, *cut))


def random_values(rule: Rule | System, sizes: Mapping[str, int], seed: int, *batch: int) -> Values:
    """Normal values in the domain of each variable, generic where those of `value_of` are simple."""
    generator = np.random.default_rng(seed)
    return {x.name: random_value(x, (*batch, *(sizes[a] for a in x.declared)), generator) for x in rule.variables}


controls = st.sampled_from(
    [Control(kind, time, pace) for kind in Kind for time in (True, False) for pace in (1.0, 2.5)]
)
"""Every kind of control but windows, with and without the time as a channel, at two paces."""

windows = st.builds(
    log_signature, st.sampled_from([1, 2]), st.integers(1, 4), st.booleans(), st.sampled_from([1.0, 2.5])
)
"""Log-signatures of windows."""


@st.composite
def batches(draw: Draw, missing: float | None = None, unequal: bool = True) -> Series:
    """Irregular times; the batch, time and channel sizes are different primes, the shortest length 1."""
    batch, time, channel = draw(st.permutations([2, 3, 5, 7]))[:3]
    gaps = draw(st.sampled_from([0.0, 0.4, 0.9])) if missing is None else missing
    return some_batch(draw(seeds), batch, time, channel, gaps, unequal)


def some_batch(seed: int, batch: int, time: int, channel: int, missing: float, unequal: bool = False) -> Series:
    """Series with times, lengths and gaps of their own; where any are missing, one channel was never observed."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    values = torch.randn(batch, time, channel, generator=generator, dtype=torch.float64)
    values = torch.where(rand(batch, time, channel) < missing, torch.nan, values)
    if missing:
        values[0, :, 0] = torch.nan
    times = (rand(batch, time) + 0.05).cumsum(1) + 10 * rand(batch, 1) - 5
    lengths = torch.randint(1, time + 1, (batch,), generator=generator) if unequal else None
    return series(values, times, lengths=lengths, static=rand(batch, 11))
