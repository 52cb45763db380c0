"""The type that numbers are computed in, whatever type they come in: the one place that decides it.

A state adds up what a whole series writes, and half precision has 8 or 11 bits: at a thousand writes the next is rounded away. So
series and parameters of half precision are computed with in float32, and what is read comes out in the caller's type.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

__all__ = ["HALF", "under_autocast", "undisturbed", "working"]

HALF = (torch.bfloat16, torch.float16)

_DEVICES = ("cpu", "cuda", "mps", "xpu")
"""Those whose operations `torch.autocast` can move to half precision."""

P = ParamSpec("P")
R = TypeVar("R")


def working(dtype: torch.dtype) -> torch.dtype:
    """The type to compute in: float32 for halves, any other as it is."""
    return torch.float32 if dtype in HALF else dtype


def under_autocast(tensor: Tensor) -> bool:
    """Whether `torch.autocast` is on where the tensor is."""
    return tensor.device.type in _DEVICES and torch.is_autocast_enabled(tensor.device.type)


def undisturbed(function: Callable[P, R]) -> Callable[P, R]:
    """The function, computed in the types of its tensors where `torch.autocast` would take products in half precision."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        devices = [device for device in _DEVICES if torch.is_autocast_enabled(device)]
        if not devices:
            return function(*args, **kwargs)
        with ExitStack() as stack:
            for device in devices:
                stack.enter_context(torch.autocast(device, enabled=False))
            return function(*args, **kwargs)

    return call
