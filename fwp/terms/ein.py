"""Products written as einops patterns: `ein("value key, key -> value", W, k)` is `W @ k`.

The pattern is read by einops' own parser. Its names are local, and each stands for exactly one axis of the operands.
"""

from __future__ import annotations

from typing import cast

from einops import EinopsError
from einops.parsing import ParsedExpression

from fwp.errors import AxisError
from fwp.kinds import explained
from fwp.terms.build import Number, as_term, multiply
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Node, Term

__all__ = ["ein"]


@explained
def ein(pattern: str, *operands: Term | Number) -> Node:
    """The product of the operands, summed over every pattern axis that is not right of the arrow.

    Raises:
        AxisError: the pattern is malformed, does not fit the operands, or would make one axis of two.
    """
    terms = [as_term(o) for o in operands]
    if pattern.count("->") != 1:
        raise _malformed(pattern, "exactly one arrow `->` is needed")
    left, right = pattern.split("->")
    sides = [_names(pattern, side) for side in left.split(",")]
    output = _names(pattern, right)
    if len(sides) != len(terms):
        raise AxisError(
            "the pattern does not have as many operands as were given",
            (repr(pattern), f"{len(sides)} operand{'s' if len(sides) > 1 else ''}"),
            ("given", ", ".join(map(repr, terms)) or "none"),
            help="write one comma-separated side for each operand; a scalar's side is empty",
        )
    axis_of: dict[str, str] = {}
    name_of: dict[str, str] = {}
    for names, term in zip(sides, terms, strict=True):
        if len(names) != len(term.axes):
            raise AxisError(
                f"pattern side {' '.join(names)!r} does not have as many axes as its operand",
                (repr(term), pretty_axes(term.axes)),
                ("pattern", repr(pattern)),
                help=f"write {' '.join(term.axes)!r}" if term.axes else "leave the side of a scalar empty",
            )
        for name, axis in zip(names, term.axes, strict=True):
            if axis_of.setdefault(name, axis) != axis:
                raise AxisError(
                    f"pattern axis {name!r} is bound to two different axes",
                    ("pattern", repr(pattern)),
                    ("before", f"{axis_of[name]!r}"),
                    (repr(term), f"{axis!r}, of {pretty_axes(term.axes)}"),
                    help=f'write two pattern axes, or `rename(…, {axis}="{axis_of[name]}")` if they are to be one',
                )
            if name_of.setdefault(axis, name) != name:
                raise AxisError(
                    f"pattern axes {name_of[axis]!r} and {name!r} are both axis {axis!r} of the declared variables",
                    ("pattern", repr(pattern)),
                    (repr(term), pretty_axes(term.axes)),
                    help=f'write one name for both, or `rename(…, {axis}="{axis}2")` for a second copy of the axis',
                )
    unknown = [name for name in output if name not in axis_of]
    if unknown:
        raise AxisError(
            f"pattern axis {unknown[0]!r} is right of the arrow but in no operand",
            ("pattern", repr(pattern)),
            help=f"use the axes of the operands: {pretty_axes(axis_of)}",
        )
    return multiply(terms, tuple(axis_of[name] for name in output))


def _names(pattern: str, side: str) -> list[str]:
    try:
        parsed = ParsedExpression(side.strip())
    except EinopsError as error:
        raise _malformed(pattern, str(error).replace("\n", ": ")) from None
    if parsed.has_ellipsis or parsed.has_non_unitary_anonymous_axes or parsed.has_composed_axes():
        raise _malformed(pattern, "batch axes, numbers and parentheses are never written in a rule")
    names = [str(name) for name in cast(list[object], parsed.flat_axes_order())]  # pyright: ignore[reportUnknownMemberType]
    if len(names) != len(side.split()):
        raise _malformed(pattern, "an axis of size 1 is never written in a rule")
    return names


def _malformed(pattern: str, why: str) -> AxisError:
    return AxisError(
        "this einops pattern cannot be read",
        ("pattern", repr(pattern)),
        ("because", why),
        help='write it as "value key, key -> value", every axis by its name',
    )
