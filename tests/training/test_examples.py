"""Batches in parts of similar length say the same of every example as each example by itself."""

import torch

from fwp.controls import Path, linear
from fwp.data import Series, series
from fwp.fields import keys_from_increments
from fwp.models import Head, Predictor
from fwp.rules import delta
from fwp.training.examples import GROUPS, Examples, batches


def drawn(lengths: list[int]) -> Series:
    values = torch.randn(len(lengths), max(lengths), 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return series(values, lengths=lengths)


def test_parts_hold_every_example_once_with_its_label_and_no_more_padding_than_needed() -> None:
    lengths = [9, 2, 5, 9, 3, 3, 7, 4, 8, 2]
    given = drawn(lengths)
    for inputs in (given, linear(given)):
        examples = Examples(inputs, torch.arange(10))
        parts = examples.__getitems__(list(range(10)))
        assert sorted(torch.cat([part.targets for part in parts]).tolist()) == list(range(10))
        assert len(parts) == GROUPS
        for part in parts:
            longest = max(lengths[i] for i in part.targets.tolist())
            found = part.inputs.intervals + 1 if isinstance(part.inputs, Path) else part.inputs.times.shape[1]
            assert found == longest


def test_examples_of_one_length_make_one_part() -> None:
    parts = Examples(drawn([4] * 6), torch.arange(6)).__getitems__([3, 1])
    assert [part.targets.tolist() for part in parts] == [[3, 1]]


def test_logits_do_not_depend_on_the_parts() -> None:
    given = drawn([9, 2, 5, 9, 3, 3, 7, 4, 8, 1])
    net = (delta @ keys_from_increments() @ linear).build(3, width=8, heads=2, dtype=torch.float64)
    predictor = Predictor(net, Head(2, 8)).double().eval()
    examples = Examples(linear(given), torch.arange(10))
    for batch in batches(examples, 10):
        for part in batch:
            alone = torch.cat([predictor(given[int(i)]) for i in part.targets])
            assert torch.allclose(predictor(part.inputs), alone, rtol=0, atol=1e-12)


def test_where_states_are_read_before_the_end_nothing_is_cut_off() -> None:
    given = drawn([9, 2, 5])
    parts = Examples(linear(given), torch.arange(3), given.times[:, -1:]).__getitems__([1, 2])
    assert len(parts) == 1 and isinstance(parts[0].inputs, Path) and parts[0].inputs.intervals == 8
    assert parts[0].ends is not None and parts[0].ends[:, 0].tolist() == [1.0, 4.0]
