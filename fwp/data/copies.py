"""Deep copies of what holds tensors: the same numbers, nothing shared, and no history.

torch refuses to copy a tensor that was computed from others, which is what weight_norm and pruning leave in a module between two
calls, and what a solver returns. Its copy is the numbers alone, as in a pickle; a hook that made it makes it again.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

__all__ = ["Copied", "copied"]

Value = TypeVar("Value")


def copied(value: Value, memo: dict[int, Any]) -> Value:
    """A deep copy, as `deepcopy(value, memo)`, of a module or of a nested container of tensors."""
    _remember(value, memo)
    return deepcopy(value, memo)


class Copied:
    """Whose deep copies are made so, whatever its attributes hold: plain values, tensors, modules."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        _remember(self if isinstance(self, nn.Module) else vars(self), memo)
        made = object.__new__(type(self))
        memo[id(self)] = made
        state: Any = deepcopy(self.__getstate__(), memo)
        if isinstance(made, nn.Module):
            made.__setstate__(state)
        else:
            vars(made).update(state)
        return made


def _remember(value: object, memo: dict[int, Any]) -> None:
    """Let `deepcopy` find a copy of each tensor that it would refuse."""
    for leaf in _leaves(value):
        if isinstance(leaf, Tensor) and not leaf.is_leaf and id(leaf) not in memo:
            memo[id(leaf)] = leaf.detach().clone()


def _leaves(value: object) -> Iterator[object]:
    if not isinstance(value, nn.Module):
        yield from tree_leaves(value)
        return
    for own in value.modules():
        yield from tree_leaves(vars(own))
