"""The state of a training run as one safetensors file: tensors as they are, everything around them as json in its header."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from lightning.fabric.utilities.types import _PATH
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fwp.errors import FormatError
from fwp.files import sealed_tensors, unsealed_tensors, write_bytes
from fwp.models.files import parse_json

__all__ = ["SafetensorsIO", "load_tree", "save_tree"]


class SafetensorsIO(CheckpointIO):
    """How lightning writes and reads its checkpoints here: whole or not at all, and without pickle."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Replace the file in one step."""
        save_tree(Path(path), checkpoint)

    def load_checkpoint(
        self, path: _PATH, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """The checkpoint as it was saved; its tensors on the CPU."""
        return load_tree(Path(path))

    def remove_checkpoint(self, path: _PATH) -> None:
        """Delete the file if it is there."""
        Path(path).unlink(missing_ok=True)


def save_tree(path: Path, tree: Mapping[str, Any]) -> None:
    """Write nested dictionaries, lists, tuples, tensors, numbers and texts as one file, atomically.

    Raises:
        FwpError: the disk refused.
        TypeError: something else is in the tree.
    """
    tensors: dict[str, torch.Tensor] = {}

    def pack(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            name = str(len(tensors))
            tensors[name] = value.detach().cpu().contiguous().clone()  # safetensors refuses shared memory
            return {"tensor": name}
        if isinstance(value, Mapping):
            return {"dict": [[pack(key), pack(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return {type(value).__name__: [pack(item) for item in value]}
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": repr(value)}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TypeError(f"a training state holds a {type(value).__name__}, which has no place in json")

    tree_json = json.dumps(pack(tree))
    write_bytes(path, sealed_tensors(save(tensors), {"tree": tree_json})[0])


def load_tree(path: Path) -> dict[str, Any]:
    """The tree that `save_tree` wrote; its tensors on the CPU. One of an earlier version has no digest, and is taken as it is.

    Raises:
        FormatError: the file is damaged or was written by something else.
    """
    try:
        unsealed_tensors(path)
        with safe_open(path, framework="pt") as file:
            tree = parse_json((file.metadata() or {})["tree"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dictionary

        def unpack(value: Any) -> Any:
            match value:
                case {"tensor": str(name)}:
                    return tensors[name]
                case {"dict": list(pairs)}:
                    return {unpack(key): unpack(item) for key, item in pairs}
                case {"list": list(items)}:
                    return [unpack(item) for item in items]
                case {"tuple": list(items)}:
                    return tuple(unpack(item) for item in items)
                case {"float": str(text)}:
                    return float(text)
                case None | bool() | int() | float() | str():
                    return value
                case _:
                    raise ValueError(f"{str(value)[:80]} is no part of a state")

        state = unpack(tree)
        if not isinstance(state, dict):
            raise ValueError("the state is no dictionary")
        return state
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise FormatError(
            "the state of a run cannot be read",
            ("file", str(path)),
            ("because", f"{type(error).__name__}: {error}"),
            help="remove that file to train from the start",
        ) from error
