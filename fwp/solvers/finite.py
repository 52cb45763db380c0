"""Whether what is handed out is made of numbers: asked once, where a result is whole, and never inside a loop over time."""

import torch
from torch import Tensor

from fwp.data.transforms import behind

__all__ = ["all_finite"]


def all_finite(*tensors: Tensor) -> bool:
    """No entry is NaN or infinite; of several tensors on a GPU the host waits once. In a compiled graph nobody can ask: True."""
    if torch.compiler.is_compiling() or not tensors:
        return True
    return bool(torch.stack([torch.isfinite(behind(tensor)).all() for tensor in tensors]).all())
