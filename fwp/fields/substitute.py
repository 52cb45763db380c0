"""A module with other tensors for its parameters, as a value beside the module: nothing is put in place and taken back.

`torch.func.functional_call` exchanges the tensors of the module itself for the time of one call of `forward`; a net is asked for
slots, rates and read-outs, and a checkpointed segment asks once more when the call has long returned.
"""

from collections.abc import Callable, Collection
from typing import TypeVar, cast

from torch import Tensor, nn

__all__ = ["substitute"]

M = TypeVar("M", bound=nn.Module)


def substitute(module: M, tensor_for: Callable[[Tensor], Tensor], kept: Collection[nn.Module] = ()) -> M:
    """The module with another tensor for each parameter, asked for once where modules share it.

    Hooks and all else are shared with the module, and whole the submodules that are to be `kept`; buffers are those it has now.
    """
    modules: dict[int, nn.Module] = {id(own): own for own in kept}
    tensors: dict[int, Tensor] = {}

    def parameter(own: Tensor | None) -> Tensor | None:
        if own is None:
            return None
        if id(own) not in tensors:
            tensors[id(own)] = tensor_for(own)
        return tensors[id(own)]

    def copy(own: nn.Module | None) -> nn.Module | None:
        if own is None or id(own) in modules:
            return None if own is None else modules[id(own)]
        other = modules[id(own)] = own.__class__.__new__(own.__class__)
        other.__dict__.update(own.__dict__)
        other.__dict__["_parameters"] = {name: parameter(value) for name, value in own.__dict__["_parameters"].items()}
        other.__dict__["_buffers"] = dict(own.__dict__["_buffers"])
        other.__dict__["_modules"] = {name: copy(value) for name, value in own.__dict__["_modules"].items()}
        return other

    return cast(M, copy(module))
