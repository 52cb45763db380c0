import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp.data import Labelled, series
from fwp.data.duplicates import first_of_each

NAN = float("nan")


def labelled(values, **parts) -> Labelled:
    made = series(torch.tensor(values), **parts)
    return Labelled(made, torch.zeros(len(made), dtype=torch.int64), ("all",))


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=3, max_size=3), min_size=1, max_size=30))
def test_what_is_kept_is_all_there_is_and_each_once(rows: list[list[float]]) -> None:
    data = labelled([[[value] for value in row] for row in rows])
    content = [str(row) for row in rows]
    assert first_of_each(data).tolist() == [row for row, own in enumerate(content) if own not in content[:row]]


def test_series_that_differ_in_any_part_are_both_kept() -> None:
    values = [[[1.0], [0.0]]] * 2
    assert first_of_each(labelled(values)).tolist() == [0]
    assert first_of_each(labelled([values[0], [[1.0], [1e-45]]])).tolist() == [0, 1]
    assert first_of_each(labelled(values, mask=torch.tensor([[[True], [True]], [[True], [False]]]))).tolist() == [0, 1]
    assert first_of_each(labelled(values, lengths=[2, 1])).tolist() == [0, 1]
    assert first_of_each(labelled(values, times=[[0, 1], [0, 2]])).tolist() == [0, 1]
    assert first_of_each(labelled(values, static=[[0.0], [1.0]])).tolist() == [0, 1]


def test_minus_zero_is_zero_and_what_lies_after_the_end_is_nothing() -> None:
    values = [[[1.0], [0.0], [7.0]], [[1.0], [-0.0], [8.0]]]
    assert first_of_each(labelled(values, lengths=[2, 2])).tolist() == [0]


def test_labels_are_not_compared() -> None:
    data = labelled([[[1.0]]] * 3)
    assert first_of_each(Labelled(data.series, torch.tensor([1, 0, 1]), ("a", "b"))).tolist() == [0]
