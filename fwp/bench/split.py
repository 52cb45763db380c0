"""Which training examples are held back for validation: a share of every class, drawn by the seed."""

import numpy as np
from jaxtyping import Int64
from torch import Tensor, from_numpy

from fwp.errors import DataError

__all__ = ["stratified"]


def stratified(
    labels: Int64[Tensor, "example"], share: float, seed: int
) -> tuple[Int64[Tensor, "kept"], Int64[Tensor, "held"]]:
    """Two sorted, disjoint sets of rows that are all rows together: those to train on, and `share` of every class.

    A class gives the nearest whole number, but never its last example.

    Raises:
        DataError: no class is large enough to give one.
    """
    classes = labels.cpu().numpy()
    random = np.random.default_rng(seed)
    held = np.zeros(len(classes), dtype=bool)
    for label in np.unique(classes):
        members = random.permutation(np.flatnonzero(classes == label))
        held[members[: min(round(share * len(members)), len(members) - 1)]] = True
    if not held.any():
        raise DataError(
            "the classes are too small to hold examples back for validation",
            ("examples", f"{len(classes)} of {len(np.unique(classes))} classes"),
            ("share held back", f"{share:g} of each class"),
            help="hold back a larger share",
        )
    return from_numpy(np.flatnonzero(~held)), from_numpy(np.flatnonzero(held))
