"""Deep copies of what holds tensors: the same numbers, nothing shared, and no history.

torch refuses to copy a tensor that was computed from others, which is what weight_norm and pruning leave in a module between two
calls, and what a solver returns. Its copy is the numbers alone, as in a pickle; a hook that made it makes it again.
"""

from copy import deepcopy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

__all__ = ["Copied", "copied"]

Value = TypeVar("Value")


def copied(value: Value, memo: dict[int, Any]) -> Value:
    """A deep copy, as `deepcopy(value, memo)`, of a module or of a nested container of tensors."""
    _remember(value, memo)
    with torch.no_grad():  # or the parameters of a script would be computed from those that they are copies of
        made = deepcopy(value, memo)
    for own, other in zip(_modules(value), _modules(made), strict=False):
        if any(isinstance(part, torch.jit.ScriptModule) for part in own.modules()):
            for parameter, copy in zip(own.parameters(), other.parameters(), strict=False):
                copy.requires_grad_(parameter.requires_grad)
    return made


class Copied:
    """Whose deep copies are made so, whatever its attributes hold: plain values, tensors, modules."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        made = object.__new__(type(self))
        memo[id(self)] = made
        state: Any = copied(self.__getstate__(), memo)
        if isinstance(made, nn.Module):
            made.__setstate__(state)
        else:
            vars(made).update(state)
        return made


def _remember(value: object, memo: dict[int, Any]) -> None:
    """Let `deepcopy` find a copy of each tensor that it would refuse."""
    parts = [vars(own) for module in _modules(value) for own in module.modules()]
    for leaf in tree_leaves([value, *parts]):
        if isinstance(leaf, Tensor) and not leaf.is_leaf and id(leaf) not in memo:
            memo[id(leaf)] = leaf.detach().clone()


def _modules(value: object) -> list[nn.Module]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, nn.Module)]
