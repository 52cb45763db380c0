"""Patterns of a projection, `channel -> head key`: read by einops, and refused where they say what a map cannot do."""

from __future__ import annotations

from typing import cast

from einops import EinopsError
from einops.parsing import ParsedExpression

from fwp.errors import AxisError
from fwp.terms.syntax import Axes

__all__ = ["arrow", "names_of"]


def arrow(pattern: str) -> tuple[Axes, Axes]:
    """The axes on either side of a pattern's arrow. Raises: AxisError: there is no such pattern."""
    if not isinstance(pattern, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _no_pattern(pattern)
    if pattern.count("->") != 1:
        raise AxisError("a pattern has one arrow", ("pattern", repr(pattern)), help='write "channel -> head key"')
    left, right = pattern.split("->")
    return names_of(left, pattern), names_of(right, pattern)


def _no_pattern(given: object) -> AxisError:
    return AxisError(
        f"a pattern is a text, and this is a {type(given).__name__}",
        ("pattern", repr(given)),
        help='write axes by name: "channel -> head key"',
    )


def names_of(side: str, pattern: str) -> Axes:
    """The axes that one side of a pattern names, as einops reads them. Raises: AxisError: it cannot be read."""
    if not isinstance(side, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
        raise _no_pattern(side)
    try:
        parsed = ParsedExpression(side.strip())
    except EinopsError as error:
        because = str(error).replace("\n", ": ")
        raise AxisError(
            "this pattern cannot be read",
            ("pattern", repr(pattern)),
            ("because", because),
            help='write axes by name: "channel -> head key"',
        ) from None
    names = tuple(str(a) for a in cast(list[object], parsed.flat_axes_order())) if not parsed.has_ellipsis else ()  # pyright: ignore[reportUnknownMemberType]
    if names != tuple(side.split()):
        raise AxisError(
            "batch axes, numbers and parentheses are never written in a projection",
            ("pattern", repr(pattern)),
            help='write axes by name: "channel -> head key"',
        )
    return names
