"""A data set as it was published: all its labelled series, and the parts that its publisher made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from jaxtyping import Int64
from torch import Tensor

from fwp.data.labelled import Labelled

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled series in an order that no file system decides; a split into parts is a choice of rows.

    `parts` are the publisher's own: "train" and "test", or "train", "valid" and "test", or none. `source` says from which
    files the series come, each with its SHA-256.
    """

    everything: Labelled
    parts: Mapping[str, Int64[Tensor, "rows"]] = field(default_factory=lambda: MappingProxyType({}))
    source: str = ""

    def __len__(self) -> int:
        return len(self.everything)
