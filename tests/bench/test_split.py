"""Splits part every data set without overlap, by the seed alone, and with the sizes of the published protocols."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp.bench.split import Split, stratified
from fwp.data import Labelled, series
from fwp.data.dataset import Dataset
from fwp.errors import DataError

DRAWN = [Split.stratified(), Split.published(), Split.fixed(), Split.unique()]


def dataset(labels: list[int], copies: int = 0, **parts: list[int]) -> Dataset:
    """Series that are all different, but for the last ones, which are copies of the first."""
    values = torch.arange(float(len(labels)))
    values[len(labels) - copies :] = values[:copies]
    names = tuple(str(label) for label in range(max(labels) + 1))
    own = {name: torch.tensor(rows, dtype=torch.int64) for name, rows in parts.items()}
    return Dataset(Labelled(series(values[:, None, None]), torch.tensor(labels), names), own)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.floats(0.05, 0.9), st.integers(0, 99))
def test_a_split_takes_its_share_of_every_class(labels: list[int], share: float, seed: int) -> None:
    rows = torch.tensor(labels)
    try:
        kept, held = stratified(rows, share, seed)
    except DataError:
        assert all(round(share * labels.count(c)) == 0 or labels.count(c) == 1 for c in labels)
        return
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(labels)))
    for c in set(labels):
        assert (rows[held] == c).sum() == min(round(share * labels.count(c)), labels.count(c) - 1)


def test_the_seed_alone_decides() -> None:
    labels = torch.arange(90) % 9
    first, again, other = (stratified(labels, 0.2, seed)[1] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    with pytest.raises(DataError, match="too small"):
        stratified(torch.arange(5), 0.2, 0)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=200), st.integers(0, 2**32 - 1), st.sampled_from(DRAWN))
def test_drawn_parts_are_disjoint_sorted_and_everything(labels: list[int], seed: int, split: Split) -> None:
    copies = len(labels) // 4
    data = dataset(labels, copies)
    try:
        parts = split.rows(data, seed)
    except DataError:
        assert split.name in ("stratified", "published") and min(labels.count(c) for c in set(labels)) < 7
        return
    different = len(labels) - (copies if split == Split.unique() else 0)
    assert sorted(torch.cat(parts).tolist()) == list(range(different))
    for rows, share in zip(parts, (0.7, 0.15, 0.15), strict=True):
        assert rows.tolist() == sorted(rows.tolist()) and abs(len(rows) - share * different) <= 1
        if split.name in ("stratified", "published"):
            found = data.everything.labels[rows].tolist()
            assert all(abs(found.count(c) - share * labels.count(c)) < 2 for c in set(labels))


@pytest.mark.parametrize("split", [Split.archive(), *DRAWN], ids=lambda split: split.name)
def test_no_global_random_state_moves_a_split_and_the_seed_moves_those_that_it_names(split: Split) -> None:
    data = dataset([0, 1] * 50, train=list(range(0, 100, 2)), test=list(range(1, 100, 2)))
    numpys, torchs = np.random.get_state(), torch.get_rng_state()
    first, other = split.rows(data, 0), split.rows(data, 1)
    assert np.array_equal(np.random.get_state()[1], numpys[1]) and torch.equal(torch.get_rng_state(), torchs)
    np.random.seed(5)
    torch.manual_seed(5)
    assert all(map(torch.equal, first, split.rows(data, 0)))
    assert torch.equal(first[2], other[2]) == (split.label(0) == split.label(1))


def test_eigenworms_has_the_published_sizes() -> None:
    worms = dataset([row % 5 for row in range(259)], copies=23)
    assert [len(rows) for rows in Split.fixed().rows(worms, 3)] == [181, 39, 39]
    assert [len(rows) for rows in Split.unique().rows(worms, 3)] == [165, 35, 36]


def test_the_fixed_split_is_that_of_lem() -> None:
    """As src/eigenWorms/data.py of tk-rusch/LEM draws it, by the size of the test part."""
    from sklearn.model_selection import train_test_split

    train, rest = train_test_split(list(range(259)), test_size=0.3, random_state=1234)
    valid, test = train_test_split(rest, test_size=0.5, random_state=1234)
    found = Split.fixed().rows(dataset([0] * 259), 0)
    assert [rows.tolist() for rows in found] == [sorted(train), sorted(valid), sorted(test)]


def test_speech_has_the_published_sizes() -> None:
    parts = Split.published().rows(dataset([row % 10 for row in range(34_975)]), 0)
    assert [len(rows) for rows in parts] == [24_482, 5_246, 5_247]


def test_the_publishers_parts_are_taken_as_they_are() -> None:
    data = dataset([0, 1] * 5, test=[9, 0, 4], valid=[2, 1], train=[3, 5, 8, 7, 6])
    for seed in (0, 1):
        parts = Split.archive().rows(data, seed)
        assert [rows.tolist() for rows in parts] == [[3, 5, 6, 7, 8], [1, 2], [0, 4, 9]]


def test_without_a_validation_part_a_share_of_each_class_is_held_back() -> None:
    data = dataset([0] * 40 + [1] * 60, train=list(range(20, 70)), test=[*range(20), *range(70, 100)])
    train, valid, test = Split.archive(validation=0.5).rows(data, 7)
    kept, held = stratified(data.everything.labels[20:70], 0.5, 7)
    assert torch.equal(train, kept + 20) and torch.equal(valid, held + 20)
    assert test.tolist() == [*range(20), *range(70, 100)]
    assert data.everything.labels[valid].bincount().tolist() == [10, 15]


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"train": [0, 1, 2, 3]},
        {"train": [0, 1], "test": [2]},
        {"train": [0, 1, 2], "test": [2, 3]},
        {"train": [0, 1, 2], "test": [3, 4]},
    ],
    ids=["none", "no test", "not all", "overlapping", "beyond the end"],
)
def test_a_data_set_that_is_not_parted_is_refused(parts: dict[str, list[int]]) -> None:
    with pytest.raises(DataError, match="did not part"):
        Split.archive().rows(dataset([0, 0, 1, 1], **parts), 0)


@pytest.mark.parametrize("split", [Split.stratified(), Split.published()], ids=lambda split: split.name)
def test_classes_too_small_to_part_are_refused(split: Split) -> None:
    with pytest.raises(DataError, match=r"(?s)cannot be split.*31 of 2 classes, the smallest with 1.*because"):
        split.rows(dataset([0] * 30 + [1]), 0)


@pytest.mark.parametrize("split", [Split.fixed(), Split.unique()], ids=lambda split: split.name)
def test_too_few_series_are_refused(split: Split) -> None:
    with pytest.raises(DataError, match="cannot be split"):
        split.rows(dataset([0, 1]), 0)


def test_a_split_is_a_value_with_a_name_for_results() -> None:
    assert {Split.archive(), Split.archive(0.2), Split.archive(validation=0.3)} == {Split.archive(), Split.archive(0.3)}
    assert str(Split.fixed()) == "Split(name='fixed-1234', validation=None)"
    labels = [split.label(3) for split in (Split.archive(), *DRAWN)]
    assert labels == ["archive", "stratified-3", "published", "fixed-1234", "unique-3"]
    assert Split.archive(0.5).label(0) == "archive-0.5", "another split is another run"


@pytest.mark.parametrize("name, share", [("archive", None), ("archive", 0.0), ("archive", 1.0), ("unique", 0.2)])
def test_a_share_where_there_is_none_or_outside_its_range_is_refused(name, share) -> None:
    with pytest.raises(DataError, match="holds a share back"):
        Split(name, share)
