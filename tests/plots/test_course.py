import pytest
import torch

from fwp.errors import CompositionError
from fwp.plots import course, queries
from fwp.rules import Rule, W, delta, hebb_transposed, k, momentum_delta, oja, oja_neuron, q
from tests.plots.nets import TIMES, solved


@pytest.mark.parametrize("control", ["hermite", "rectilinear", "natural-cubic"])
def test_a_course_has_each_time_once_and_no_padding(control: str) -> None:
    solution = solved(delta, control)
    found = course(solution, 1)
    assert found.times.tolist() == TIMES[:6].tolist() and found.axes == ("value", "key")
    assert torch.equal(found.states[-1], solution.final["W"][1]), "of knots at one time the last"
    assert torch.equal(found.states[0], solution.states["W"][1, 0]) or control == "rectilinear"


@pytest.mark.parametrize("rule", [delta, oja, hebb_transposed, momentum_delta], ids=lambda rule: rule.name)
def test_the_states_times_the_queries_are_the_read_out(rule: Rule) -> None:
    solution = solved(rule)
    for sample in (0, 1):
        found, asked = course(solution, sample), queries(solution, sample)
        states = found.states if asked.axis == found.axes[-1] else found.states.mT
        read = torch.einsum("thok, thk -> tho", states, asked.vectors)
        count = len(found.times)
        assert torch.allclose(read[: count - 1], solution.read()[sample, : count - 1], rtol=1e-12)
        assert torch.allclose(read[-1], solution.read()[sample, -1], rtol=1e-12)
    assert queries(solution).axis == ("value" if rule is hebb_transposed else "key")


def test_other_read_outs_have_no_queries() -> None:
    for rule in (Rule(delta.rate, read=W @ (q - k)), Rule(delta.rate, read=q), oja_neuron):
        with pytest.raises(CompositionError, match="times one vector that the slow net supplies"):
            queries(solved(rule))
    solution = solved(delta, layers=2)
    with pytest.raises(CompositionError, match="several layers"):
        queries(solution)
    assert torch.equal(course(solution).states, solution.states["layer2.W"][0]), "the last layer"
