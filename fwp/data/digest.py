"""What identifies data: the SHA-256 of every number that they hold."""

import hashlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from fwp.data.labelled import Labelled
from fwp.data.series import Series
from fwp.data.valued import Valued

__all__ = ["fingerprint", "tensors_digest"]


def fingerprint(data: Series | Labelled | Valued) -> str:
    """In hexadecimal: equal series with equal answers have the same, wherever they are kept and on whatever device."""
    series = data if isinstance(data, Series) else data.series
    tensors = {name: getattr(series, name) for name in ("values", "times", "mask", "lengths", "static")}
    names: tuple[str, ...] = ()
    match data:
        case Labelled():
            tensors["answers"], names = data.labels, data.classes
        case Valued():
            tensors["answers"], names = data.values, data.names
        case Series():
            pass
    found = tensors_digest({name: own for name, own in tensors.items() if own is not None})
    return hashlib.sha256("\0".join([found, *names]).encode()).hexdigest()


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Of names, types, shapes and numbers: safetensors itself does not notice a wrong bit."""
    state = hashlib.sha256()
    for name in sorted(tensors):
        own = tensors[name].detach().cpu()
        state.update(f"\0{name} {own.dtype} {tuple(own.shape)}\0".encode())
        plain = own.view(torch.int16) if own.dtype is torch.bfloat16 else own  # which numpy does not have
        state.update(np.ascontiguousarray(plain.numpy()).data)
    return state.hexdigest()
