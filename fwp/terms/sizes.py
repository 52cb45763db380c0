"""The size of every axis of a term, from the shapes of its variables: an axis name means one size throughout a term."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fwp.errors import SizeError
from fwp.kinds import explained
from fwp.terms.fold import subterms
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Constant, ConstantKind, Node, Variable

__all__ = ["axis_classes", "axis_sizes"]


@explained
def axis_sizes(
    terms: Sequence[Node], shapes: Mapping[str, Sequence[int]], given: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Sizes by axis name; `shapes` are those of the variables' own axes, `given` are sizes known from elsewhere.

    Raises:
        SizeError: a variable without a shape or with the wrong number of axes, an axis with two sizes or with none.
    """
    nodes = [n for term in terms for n in subterms(term)]
    sizes: dict[str, int] = {}
    origin: dict[str, str] = {}

    def put(axis: str, size: int, whence: str) -> None:
        if sizes.setdefault(axis, size) != size:
            raise SizeError(
                f"axis {axis!r} has two sizes",
                (f"{axis} = {sizes[axis]}", f"from {origin[axis]}"),
                (f"{axis} = {size}", f"from {whence}"),
                ("in", repr(terms[0])),
                help=f"give both tensors the same size along {axis!r}, or `rename` one axis",
            )
        origin.setdefault(axis, whence)

    for axis, size in (given or {}).items():
        put(axis, size, f"the given {axis}={size}")
    for node in nodes:
        if isinstance(node, Variable):
            shape = _shape(node, shapes)
            for axis, size in zip(node.axes, shape, strict=True):
                put(axis, size, f"`{node.name}` of shape {shape} read as {pretty_axes(node.declared)}")
    square = [n for n in nodes if isinstance(n, Constant) and n.kind is not ConstantKind.ONES]
    for _ in square:  # one pass can hand a size along one link of a chain of equal axes
        for node in square:
            for one, other in (node.axes, node.axes[::-1]):
                if one in sizes:
                    put(other, sizes[one], f"`{node!r}`, whose axes have equal size")
    for node in nodes:
        for axis in node.axes:
            if axis not in sizes:
                raise SizeError(
                    f"the size of axis {axis!r} is not known",
                    ("in", repr(node)),
                    ("known", ", ".join(f"{a}={n}" for a, n in sizes.items()) or "none"),
                    help=f"give it: sizes={{{axis!r}: …}}",
                )
    return sizes


@explained
def axis_classes(terms: Iterable[Node]) -> tuple[frozenset[str], ...]:
    """Which axes must have equal sizes, whatever the shapes: those of renamed variables, of `eye` and of `tril`."""
    classes: dict[str, frozenset[str]] = {}
    for node in (n for term in terms for n in subterms(term)):
        pairs: list[tuple[str, str]] = []
        if isinstance(node, Variable):
            pairs = list(zip(node.declared, node.axes, strict=True))
        elif isinstance(node, Constant):
            equal = node.axes[:1] * len(node.axes) if node.kind is not ConstantKind.ONES else node.axes
            pairs = list(zip(node.axes, equal, strict=True))
        for one, other in pairs:
            merged = classes.get(one, frozenset({one})) | classes.get(other, frozenset({other}))
            classes.update(dict.fromkeys(merged, merged))
    return tuple(dict.fromkeys(classes.values()))


def _shape(variable: Variable, shapes: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    if variable.name not in shapes:
        raise SizeError(
            f"no value was given for `{variable.name}`",
            ("axes", pretty_axes(variable.declared)),
            ("given", ", ".join(shapes) or "none"),
            help=f"pass {variable.name}=…",
        )
    shape = tuple(int(n) for n in shapes[variable.name])
    if len(shape) != len(variable.declared):
        raise SizeError(
            f"`{variable.name}` does not have its declared axes",
            ("declared", pretty_axes(variable.declared)),
            ("shape", str(shape)),
            help=f"pass one dimension for each of {pretty_axes(variable.declared)}, in that order",
        )
    return shape
