"""Data sets that take long to read, kept as one file each: read once, and again only when their sources have changed.

A file of the cache holds the tensors (safetensors), of the values those that were observed and of the mask one bit each. What
is damaged, from another version of this library, or where others may write, is made again; a cache that cannot be written
costs time and nothing else.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, ModuleType

import numpy as np
import torch
from torch import Tensor

from fwp.data.archive import sha256
from fwp.data.dataset import Dataset
from fwp.data.digest import tensors_digest
from fwp.data.extra import extra
from fwp.data.labelled import Labelled
from fwp.data.owned import keep, opened, own_cache
from fwp.data.series import Series
from fwp.errors import DataError, warn

__all__ = ["cached"]

VERSION = "1"
"""Of the layout of these files."""
ORDER = "part "
"""Before the name of a part, in the names of tensors."""


def cached(name: str, sources: Sequence[Path], make: Callable[[], Dataset]) -> Dataset:
    """What `make` reads from these files, or what it read from files of the same content before.

    The cache is the folder FWP_CACHE, else fwp in the user's own cache. The data set's `source` becomes the files' names and
    SHA-256, and then what `make` has put there.

    Args:
        name: of the data set and of the way to read it: another one whenever `make` changes its meaning.
        sources: all files that `make` depends on.
        make: reads them.

    Raises:
        DataError: a source cannot be read, or safetensors is missing; and whatever `make` raises.
    """
    sums = [_sum(source) for source in sources]
    key = hashlib.sha256("\0".join([VERSION, name, *sums]).encode()).hexdigest()
    file = f"{name}-{key[:32]}.safetensors"
    data = _load(file)
    if data is None:
        data = make()
        _store(file, data)
    told = [f"{source.name}, SHA-256 {found}" for source, found in zip(sources, sums, strict=True)]
    return replace(data, source="; ".join([*told, *filter(None, [data.source])]))


def _load(name: str) -> Dataset | None:
    """The data set in a file of the cache, or None if it is not there, not whole, or where others may write."""
    library = _safetensors()
    try:
        file = own_cache(make=False) / name
        os.close(opened(file))
        with library.safe_open(file, framework="pt") as found:
            names, digest = found.keys(), found.metadata()["digest"]
            tensors = {name: found.get_tensor(name).clone() for name in names}  # not of the file
        return _unpacked(tensors) if digest == tensors_digest(tensors) else None
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, MemoryError, library.SafetensorError):
        return None


def _store(name: str, data: Dataset) -> None:
    """Whoever else makes the same file writes the same bytes, and it is whole at any time."""
    library = _safetensors()
    tensors = _packed(data)
    try:
        place = own_cache(make=True)
        keep(place / name, library.torch.save(tensors, {"digest": tensors_digest(tensors)}))
    except (OSError, DataError, library.SafetensorError) as error:
        why = error.what if isinstance(error, DataError) else error
        where = os.environ.get("FWP_CACHE") or "the user's own cache"
        warn(
            f"a data set could not be kept in {where}, and will be read anew the next time",
            ("because", str(why)),
            help="name another folder with FWP_CACHE=…",
        )


def _packed(data: Dataset) -> dict[str, Tensor]:
    """All that a data set is, as tensors; what is none, as the bytes of a json."""
    series = data.everything.series
    about = {
        "shape": list(series.mask.shape),
        "classes": data.everything.classes,
        "parts": list(data.parts),
        "source": data.source,
    }
    tensors = {
        "about": torch.tensor(list(json.dumps(about).encode()), dtype=torch.uint8),
        "observed": series.values[series.mask],
        "mask": torch.from_numpy(np.packbits(series.mask.numpy())),
        "times": series.times.contiguous(),
        "lengths": series.lengths.contiguous(),
        "labels": data.everything.labels.contiguous(),
        **{ORDER + name: rows.contiguous() for name, rows in data.parts.items()},
    }
    if series.static is not None:
        tensors["static"] = series.static.contiguous()
    return tensors


def _unpacked(tensors: Mapping[str, Tensor]) -> Dataset:
    """What `_packed` has packed."""
    about = json.loads(tensors["about"].numpy().tobytes())
    shape = torch.Size(about["shape"])
    mask = np.unpackbits(tensors["mask"].numpy(), count=shape.numel()).view(np.bool_).reshape(shape)
    values = np.zeros(shape, tensors["observed"].numpy().dtype)
    values[mask] = tensors["observed"].numpy()
    series = Series(
        torch.from_numpy(values),
        tensors["times"],
        torch.from_numpy(mask),
        tensors["lengths"],
        tensors.get("static"),
    )
    parts = MappingProxyType({name: tensors[ORDER + name] for name in about["parts"]})
    return Dataset(Labelled(series, tensors["labels"], tuple(about["classes"])), parts, about["source"])


def _sum(source: Path) -> str:
    try:
        return sha256(source)
    except OSError as error:
        raise DataError(
            "a file of a data set cannot be read",
            ("file", str(source)),
            ("the system says", error.strerror or str(error)),
            help="fetch it again, or look at its rights",
        ) from error


def _safetensors() -> ModuleType:
    return extra("safetensors.torch", "the cache of data sets is written by safetensors")
