import pytest
import torch

from fwp import solve
from fwp.errors import CompositionError
from fwp.plots import changes
from fwp.rules import (
    Rule,
    delta,
    erase_write,
    gated_delta,
    hebb,
    leaky_delta,
    momentum_delta,
    oja,
    softmax_oja,
    tanh_delta,
)
from tests.plots.nets import TIMES, solved

CASES = [
    (delta, "hermite", "auto", 1),
    (delta, "rectilinear", "auto", 1),
    (delta, "linear", "euler", 2),
    (delta, "natural-cubic", "magnus4", 1),
    (leaky_delta, "natural-cubic", "commutator_free4", 2),
    (hebb, "hermite", "auto", 1),
    (oja, "hermite", "auto", 1),
    (erase_write, "hermite", "auto", 1),
    (tanh_delta, "hermite", "auto", 1),
    (softmax_oja, "linear", "auto", 3),
]


@pytest.mark.parametrize(("rule", "control", "method", "steps"), CASES)
def test_what_is_written_less_what_is_erased_is_the_change(rule: Rule, control: str, method: str, steps: int) -> None:
    solution = solved(rule, control, method, steps)
    for sample, end in ((0, TIMES[-1]), (1, TIMES[5])):
        found = changes(solution, sample)
        states = solution.states["W"][sample].movedim(2 + rule.of.axes.index(found.axis), -1)
        ends = states[1:][solution.field.path.steps[sample] > 0]
        each, rest = divmod(len(found.times), len(ends))
        assert rest == 0 and found.times[-1] == end and bool((found.times.diff() >= 0).all())
        state = states[0]
        for i in range(len(found.times)):
            change = found.written[i] if found.erased is None else found.written[i] - found.erased[i]
            kept = 1 if found.kept is None else found.kept[i][:, None, None]
            state = kept * state + torch.einsum("hro, hrk -> hok", change, found.key[i])
            if (i + 1) % each == 0:
                assert torch.allclose(state, ends[i // each], rtol=1e-10, atol=1e-12)


def test_erasing_is_told_apart_where_the_rule_reads() -> None:
    found = changes(solved(delta))
    assert found.split and found.erased is not None and found.rate is not None and found.kept is None
    assert found.rate.min() > 0 and found.rate.max() < 2.5, "of rates below 1 and steps up to 1.5"
    assert changes(solved(hebb)).erased is None and changes(solved(hebb)).split
    kept = changes(solved(leaky_delta)).kept
    assert kept is not None and kept.min() > 0 and kept.max() < 1
    found = changes(solved(tanh_delta))
    assert (found.split, found.erased, found.rate) == (False, None, None)


def test_other_steps_have_no_key() -> None:
    with pytest.raises(CompositionError, match="not outer products") as caught:
        changes(solved(gated_delta))
    assert "OneSided" in str(caught.value)
    with pytest.raises(CompositionError, match="outer products"):
        changes(solved(delta, method="rk4"))
    for other in (solved(momentum_delta), solved(delta, layers=2)):
        with pytest.raises(CompositionError, match="structure") as caught:
            changes(other)
        assert "torchdiffeq" in str(caught.value)
    with pytest.raises(CompositionError, match="not at all knots"):
        changes(solve(solved(delta).field))
