"""The size of every axis of a layer, from those given to `build`: what is not said is derived, or asked for by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import fwp.fields.compose
from fwp.errors import SizeError, did_you_mean
from fwp.fields.initial import all_maps, reads_first
from fwp.fields.maps import FeedForward, Parameter, SlowMap
from fwp.terms.sizes import axis_classes
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Role, Variable

__all__ = ["axes_of", "check_given", "layer_sizes"]


def check_given(layers: Iterable[fwp.fields.compose.Layer], given: Mapping[str, int]) -> None:
    """Refuse sizes that are none, that of the first point, and those of axes that no layer has: `build(…, kee=4)`.

    Raises:
        SizeError: there is one.
    """
    known = {"channel", "head", "width"}
    for layer in layers:
        known |= set(axes_of(layer)).union(*_classes(layer))
        if "point" in given and reads_first(layer.projection.initial):
            raise SizeError(
                "the size of the first point follows from the channels and the control",
                ("point", str(given["point"])),
                help="leave it out",
            )
    for axis, size in given.items():
        if not isinstance(size, int) or isinstance(size, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise SizeError(f"the size of axis {axis!r} is no whole number", (axis, repr(size)), help="give an int")
        if size < 1:
            raise SizeError(f"axis {axis!r} cannot have this size", (axis, str(size)), help="give a size of 1 or more")
        if axis not in known:
            raise SizeError(
                f"a size was given for {axis!r}, an axis that the model does not have",
                (axis, str(size)),
                ("axes", pretty_axes(sorted(known))),
                help=did_you_mean(axis, known, f"leave out {axis}={size}, or correct the name"),
            )


def layer_sizes(layer: fwp.fields.compose.Layer, given: Mapping[str, int]) -> dict[str, int]:
    """Sizes of all axes that the rule and its projection name.

    `key` and `value` are width / heads and `hidden` is the width, unless given; axes that the rule makes equal share a size.

    Raises:
        SizeError: an axis has no size or two, or the width is not a multiple of the heads.
    """
    sizes = dict(given)
    classes = _classes(layer)
    needed = axes_of(layer)
    for axis in needed:
        if axis not in sizes:
            equal = next((c for c in classes if axis in c), frozenset({axis}))
            known = sorted(a for a in equal if a in given)
            sizes[axis] = given[known[0]] if known else _derived(axis, equal, given, layer)
    for equal in classes:
        found = sorted((a, sizes[a]) for a in equal if a in sizes)
        if len({n for _, n in found}) > 1:
            raise SizeError(
                "two axes that the rule makes equal have different sizes",
                *((f"{axis} = {size}", "given" if axis in given else "derived") for axis, size in found),
                help=f"give {pretty_axes(a for a, _ in found)} one size",
            )
    return sizes


def _classes(layer: fwp.fields.compose.Layer) -> tuple[frozenset[str], ...]:
    """Which axes the rule makes equal."""
    return axis_classes([t for r in layer.rule.rules for t in (r.of, r.rate)] + [layer.rule.read])


def axes_of(layer: fwp.fields.compose.Layer) -> dict[str, None]:
    """The axes of all variables and maps, in order of appearance."""
    axes = [a for variable in layer.rule.variables for a in variable.declared]
    projection = layer.projection
    maps = [projection.slot(s) for s in layer.rule.variables if s.role is Role.SLOT]
    for own in (*maps, *all_maps(projection.initial)):
        node: SlowMap | None = own
        while node is not None:
            axes += (*node.axes, node.hidden) if isinstance(node, FeedForward) else node.axes
            node = None if isinstance(node, Variable | Parameter) else node.of
    return dict.fromkeys(axes)


def _derived(axis: str, equal: frozenset[str], given: Mapping[str, int], layer: fwp.fields.compose.Layer) -> int:
    width, heads = given.get("width"), given["head"]
    if width is not None and equal & {"key", "value"}:
        if width % heads:
            raise SizeError(
                "the width is not a multiple of the number of heads",
                ("width", str(width)),
                ("heads", str(heads)),
                help=f"take width={width - width % heads or heads}, or give key=… and value=…",
            )
        return width // heads
    if width is not None and "hidden" in equal:
        return width
    raise SizeError(
        f"axis {axis!r} has no size",
        ("rule", repr(layer.rule)),
        ("given", ", ".join(f"{a}={n}" for a, n in given.items())),
        help=f"give it: build(…, {axis}=…)",
    )
