"""The values of a structure's witnesses: terms in the slots, lowered once, evaluated for all nodes of all steps at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from jaxtyping import Float
from torch import Tensor

from fwp.lowering import lower
from fwp.terms.build import align, scale
from fwp.terms.declare import ones
from fwp.terms.domain import real
from fwp.terms.syntax import Axes, Node, Role, Variable

__all__ = ["UNREAD", "Sides", "Values", "evaluator", "nothing"]

UNREAD = Variable("unread", (), Role.SLOT, real, ())
"""What stands for the slots of a rule that has none: of it numbers have their type and device, and nothing else."""

Values = Callable[[Mapping[str, Tensor], Sequence[int]], dict[str, Tensor]]
"""From the slots `(batch time node head *axes)` and the first three of these sizes to the values of named terms."""


@dataclass(frozen=True)
class Sides:
    """How a state becomes the matrix that scans work on: one axis is read, all others are its outputs, in order."""

    axes: Axes
    axis: str | None
    sizes: tuple[int, ...]

    @property
    def outer(self) -> Axes:
        """The axes that are not read."""
        return tuple(a for a in self.axes if a != self.axis)

    @property
    def inner(self) -> Axes:
        """The axis that is read, if the state has any."""
        return () if self.axis is None else (self.axis,)

    @property
    def outputs(self) -> int:
        """Rows of the matrix."""
        return prod(n for a, n in zip(self.axes, self.sizes, strict=True) if a != self.axis)

    @property
    def reads(self) -> int:
        """Columns of the matrix."""
        return prod(n for a, n in zip(self.axes, self.sizes, strict=True) if a == self.axis)

    def matrix(self, state: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """`(… *axes)` as `(… output read)`."""
        lead = state.shape[: state.ndim - len(self.axes)]
        if self.axis is not None:
            state = state.movedim(self.axes.index(self.axis) - len(self.axes), -1)
        return state.reshape(*lead, self.outputs, self.reads)

    def state(self, matrix: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """`(… output read)` as `(… *axes)`."""
        lead = matrix.shape[:-2]
        if self.axis is None:
            return matrix.reshape(*lead, *self.sizes)
        place = self.axes.index(self.axis)
        others = [n for i, n in enumerate(self.sizes) if i != place]
        return matrix.reshape(*lead, *others, self.sizes[place]).movedim(-1, place - len(self.axes))


def nothing(axes: Axes) -> Node:
    """The term 0 over these axes."""
    return scale(0, ones(*axes))


def evaluator(
    terms: Mapping[str, tuple[Node | None, Axes]], arguments: Sequence[Variable], sizes: Mapping[str, int]
) -> Values:
    """Lowers terms, each with the axes in which its value is wanted, to one function of the slots; None is left out.

    Values are laid out in full, `(batch time node head *axes)`, without copying what is the same along an axis.
    """
    chosen = {name: (align(term, axes), axes) for name, (term, axes) in terms.items() if term is not None}
    own = tuple(arguments) or (UNREAD,)
    lowered = lower(*(term for term, _ in chosen.values()), arguments=own, sizes=sizes)
    shapes = [[sizes[a] for a in axes] for _, axes in chosen.values()]

    def values(slots: Mapping[str, Tensor], lead: Sequence[int]) -> dict[str, Tensor]:
        found = lowered.function(**{a.name: slots[a.name] for a in own})
        each: tuple[Tensor, ...] = found if isinstance(found, tuple) else (found,)
        whole = (*lead, sizes["head"])
        return {name: v.expand(*whole, *shape) for name, v, shape in zip(chosen, each, shapes, strict=True)}

    return values
