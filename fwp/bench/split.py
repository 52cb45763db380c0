"""Which series a model learns from, which choose its epoch, and which judge it: the protocols of the published tables.

Each is a value. What a seed draws depends on that seed alone, never on a global random state, and rows come sorted.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
import torch
from jaxtyping import Int64
from sklearn.model_selection import train_test_split
from torch import Tensor, from_numpy

from fwp.data.dataset import Dataset
from fwp.data.duplicates import first_of_each
from fwp.errors import DataError

__all__ = ["Split", "stratified"]

USUAL = 0.2
"""Share of the training series that is held back where nothing else is said."""

Parts = tuple[Int64[Tensor, "train"], Int64[Tensor, "valid"], Int64[Tensor, "test"]]


@dataclass(frozen=True)
class Split:
    """A way to part a data set into training, validation and test series; made by the functions below, one for each name."""

    name: Literal["archive", "stratified", "published", "fixed-1234", "unique"]
    validation: float | None = None
    """Of "archive" alone: the share of training series held back where the publisher has no validation part."""

    def __post_init__(self) -> None:
        share = self.validation
        if (share is None or not 0 < share < 1) if self.name == "archive" else share is not None:
            raise DataError(
                'only "archive" holds a share back, between 0 and 1',
                ("split", self.name),
                ("share", str(share)),
                help="use Split.archive(validation=0.2), or one of the others as it is",
            )

    @staticmethod
    def archive(validation: float = USUAL) -> "Split":
        """The publisher's parts; if none of them is for validation, this share of each class of the training part."""
        return Split("archive", validation)

    @staticmethod
    def stratified() -> "Split":
        """70, 15 and 15 % of each class, drawn by the seed."""
        return Split("stratified")

    @staticmethod
    def published() -> "Split":
        """70, 15 and 15 % of each class, drawn once, with random states 0 and 1 (Kidger et al., 2020; Irie et al., 2022).

        They drew from the order of their file system; this draws from that of the data set.
        """
        return Split("published")

    @staticmethod
    def fixed() -> "Split":
        """70, 15 and 15 % of all, drawn once, with random state 1234 (Rusch et al., 2022; Irie et al., 2022).

        Of EigenWorms' 259 series these are 181, 39 and 39.
        """
        return Split("fixed-1234")

    @staticmethod
    def unique() -> "Split":
        """70, 15 and 15 % of the series without repetitions, drawn by the seed (Walker et al., 2024).

        Of EigenWorms' 236 different series these are 165, 35 and 36.
        """
        return Split("unique")

    def label(self, seed: int) -> str:
        """What results call it: with the seed, where that decides which series are for the test, and with an unusual share."""
        if self.name in ("stratified", "unique"):
            return f"{self.name}-{seed}"
        return self.name if self.validation in (None, USUAL) else f"{self.name}-{self.validation:g}"

    def rows(self, dataset: Dataset, seed: int) -> Parts:
        """The training, validation and test series: three disjoint, sorted sets that are all series ("unique": all different).

        Raises:
            DataError: the publisher made no parts, or the classes are too small.
        """
        every = torch.arange(len(dataset))
        match self.name:
            case "archive":
                return _own(dataset, self.validation or 0.0, seed)
            case "stratified":
                return self._drawn(dataset, every, (seed, seed), by_class=True)
            case "published":
                return self._drawn(dataset, every, (0, 1), by_class=True)
            case "fixed-1234":
                return self._drawn(dataset, every, (1234, 1234), by_class=False)
            case "unique":
                return self._drawn(dataset, first_of_each(dataset.everything), (seed, seed), by_class=False)
            case _:
                assert_never(self.name)

    def _drawn(self, dataset: Dataset, rows: Int64[Tensor, "row"], states: tuple[int, int], *, by_class: bool) -> Parts:
        """70, 15 and 15 % of the rows; the states are those of the two draws."""
        labels = dataset.everything.labels.cpu().numpy()
        among = rows.numpy()
        try:
            train, rest = _halves(among, 0.7, labels if by_class else None, states[0])
            valid, test = _halves(rest, 0.5, labels if by_class else None, states[1])
        except ValueError as error:  # what scikit-learn raises where a class, or a part, would be too small
            sizes = Counter(labels[among].tolist())
            raise DataError(
                "the data set cannot be split this way",
                ("split", self.name),
                ("series", f"{len(among)} of {len(sizes)} classes, the smallest with {min(sizes.values())}"),
                ("because", str(error)),
                help="take another split, or leave small classes out",
            ) from error
        return _sorted(train), _sorted(valid), _sorted(test)


def _halves(rows: np.ndarray, share: float, labels: np.ndarray | None, state: int) -> tuple[np.ndarray, np.ndarray]:
    classes = None if labels is None else labels[rows]
    first, second = train_test_split(rows, train_size=share, random_state=state, stratify=classes)
    return np.asarray(first), np.asarray(second)


def _sorted(rows: np.ndarray) -> Tensor:
    return from_numpy(np.sort(rows))


def _own(dataset: Dataset, validation: float, seed: int) -> Parts:
    """The publisher's parts, with a validation part drawn from the training one if need be."""
    parts = {name: rows.sort().values for name, rows in dataset.parts.items()}
    together = torch.cat([torch.empty(0, dtype=torch.int64), *parts.values()]).sort().values
    if not {"train", "test"} <= parts.keys() or not torch.equal(together, torch.arange(len(dataset))):
        raise DataError(
            "the publisher did not part this data set into training and test series",
            ("series", str(len(dataset))),
            ("parts", ", ".join(f"{name} of {len(rows)}" for name, rows in parts.items()) or "none"),
            help="draw the parts, as Split.stratified() does",
        )
    train, test = parts["train"], parts["test"]
    if "valid" in parts:
        return train, parts["valid"], test
    kept, held = stratified(dataset.everything.labels[train], validation, seed)
    return train[kept], train[held], test


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
