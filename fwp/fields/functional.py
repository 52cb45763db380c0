"""A net under `torch.func.functional_call`, which puts tensors in the place of parameters for the length of one call.

A field outlives the call that made it, as do its solutions: without a net of its own it would go on with the net's own
parameters, and derivatives in the given ones would be 0.
"""

from typing import TypeVar

from torch import nn

from fwp.fields.substitute import substitute

__all__ = ["as_called"]

_Module = TypeVar("_Module", bound=nn.Module)


def as_called(module: _Module) -> _Module:
    """The module itself; where tensors stand for its parameters, another that keeps them."""
    if all(isinstance(own, nn.Parameter) for own in module.parameters()):  # pyright: ignore[reportUnnecessaryIsInstance]
        return module
    return substitute(module, lambda own: own)
