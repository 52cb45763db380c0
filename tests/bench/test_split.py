import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp.bench.split import stratified
from fwp.errors import DataError


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
