"""A net under `torch.func.functional_call`, which puts tensors in the place of parameters for the length of one call.

A field outlives the call that made it, as do its solutions: without a net of its own it would go on with the net's own
parameters, and derivatives in the given ones would be 0.
"""

from typing import TypeVar

from torch import nn

__all__ = ["as_called"]

_Module = TypeVar("_Module", bound=nn.Module)


def as_called(module: _Module) -> _Module:
    """The module itself; where tensors stand for its parameters, another that keeps them."""
    if all(isinstance(own, nn.Parameter) for own in module.parameters()):  # pyright: ignore[reportUnnecessaryIsInstance]
        return module
    return _keeping(module, {})


def _keeping(module: _Module, made: dict[nn.Module, nn.Module]) -> _Module:
    if module not in made:
        made[module] = twin = module.__class__.__new__(module.__class__)
        own = module.__dict__
        inner: dict[str, nn.Module | None] = own["_modules"]
        twin.__dict__.update(own | {kind: dict(own[kind]) for kind in ("_parameters", "_buffers")})
        twin.__dict__["_modules"] = {name: child and _keeping(child, made) for name, child in inner.items()}
    return made[module]  # pyright: ignore[reportReturnType]
