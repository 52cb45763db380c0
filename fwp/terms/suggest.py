"""What to try when axes do not fit: plain set arithmetic on names and axes, so that it needs no term."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

__all__ = ["contraction_help", "ones_over", "pretty_axes"]


def pretty_axes(axes: Iterable[str]) -> str:
    """Axes as they are written in messages: `(value key)`."""
    return f"({' '.join(axes)})"


def ones_over(axes: Iterable[str]) -> str:
    """The constant that adds these axes: `ones("key")`."""
    quoted = ", ".join(f'"{axis}"' for axis in axes)
    return f"ones({quoted})"


def contraction_help(known: Sequence[tuple[str, Sequence[str]]], wanted: Sequence[str], got: Sequence[str]) -> str:
    """A contraction of the known variables that has the wanted axes; failing that, one with a vector yet to be named.

    `known` are (name, axes) pairs, `wanted` the axes that would fit, `got` the axes that do not.
    """
    for (left, left_axes), (right, right_axes) in permutations(known, 2):
        if set(left_axes) & set(right_axes) and set(left_axes) ^ set(right_axes) == set(wanted):
            return f"`{left} @ {right}` has axes {pretty_axes(wanted)}"
    for name, axes in known:
        rest = [a for a in axes if a not in wanted]
        if rest and len(axes) > len(rest) == len(axes) - len(wanted):
            letter = rest[0][0]
            return f"`{name} @ {letter}`, with {letter} : {pretty_axes(rest)}, has axes {pretty_axes(wanted)}"
    if set(got) < set(wanted):
        missing = [a for a in wanted if a not in got]
        return f"multiply {pretty_axes(got)} by a term over {pretty_axes(missing)}, such as {ones_over(missing)}"
    return f"bring both to {pretty_axes(wanted)}: sum an axis with `@`, add one with `*`, or `rename` one"
