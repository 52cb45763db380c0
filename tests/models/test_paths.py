"""Contributions through layers: they sum to the outputs, and follow nothing but the values."""

import pytest
import torch
from torch import Tensor

from fwp import FastWeights, Rule, controls
from fwp.controls import Control
from fwp.errors import CompositionError, SolveError
from fwp.fields import Projection, first_write, linear, parameter, sigmoid, tanh, zero
from fwp.models.paths import attribute_paths
from fwp.rules import ALL, W, beta, k, q, v, write, x
from tests.fields.nets import close

VALUES = linear("channel -> head value", x)
ADDED = Projection(v=VALUES, initial=first_write())
LENGTHS = torch.tensor([9, 4, 7, 1])


def layer_of(rule: Rule, layers: int = 2, projection: Projection = ADDED, **how) -> FastWeights:
    torch.manual_seed(0)
    return FastWeights(rule, 3, 8, layers, heads=2, projection=projection, dtype=torch.float64, **how).eval()


def values(batch: int = 4, time: int = 9) -> Tensor:
    return torch.randn(batch, time, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "control", "layers"),
    [
        ("delta", Control(controls.Kind.LINEAR, time=False), 1),
        ("delta", Control(controls.Kind.LINEAR, time=False), 3),
        ("leaky_delta", controls.hermite, 2),
        ("delta", controls.rectilinear, 2),
        ("oja", controls.linear, 1),
        ("hebb", controls.natural_cubic, 3),
    ],
)
def test_they_sum_to_the_outputs(name: str, control: Control, layers: int) -> None:
    """Of series of unequal lengths, with values that are missing."""
    layer, given = layer_of(ALL[name], layers, control=control), values()
    given[0, 3, 1] = torch.nan
    with torch.no_grad():
        outputs, _ = layer(given, lengths=LENGTHS)
        found = attribute_paths(layer, given, lengths=LENGTHS)
    assert found.initial.shape == (4, 9, layers, 8) and found.steps.shape[2] == found.times.shape[1] - 1
    assert close(found.total, outputs, 1e-12) and float(found.steps.sum(2).abs().max()) > 1e-6
    assert not found.constant[:, :, 0].any() and bool(found.constant[:, :, 1:].any()) == (layers > 1)


@pytest.mark.parametrize(
    "how", [{"method": "euler"}, {"method": "magnus4", "steps": 2}, {"method": "commutator_free4"}]
)
def test_by_any_method_of_its_own(how: dict) -> None:
    layer = layer_of(ALL["delta"], control=controls.hermite, **how)
    times = torch.rand(4, 9, generator=torch.Generator().manual_seed(2)).double().cumsum(1)
    outputs, _ = layer(values(), times=times)
    assert close(attribute_paths(layer, values(), times=times).total, outputs, 1e-12)


def test_a_path_is_what_the_layer_above_makes_of_a_share() -> None:
    """Where keys, queries and rates are constants nothing has to be held: a layer is affine in its input as it is."""
    still = Projection(
        k=parameter("head key"), q=parameter("head key"), beta=sigmoid(parameter("head")), v=VALUES, initial=zero
    )
    layer, below = layer_of(ALL["delta"], 2, still), layer_of(ALL["delta"], 1, still)
    above = FastWeights(ALL["delta"], 8, 8, heads=2, projection=still, dtype=torch.float64)
    with torch.no_grad():
        for name, parameter_ in layer.named_parameters():
            if "constant" in name:  # born at 0, where nothing would be written
                parameter_.normal_()
    state = layer.state_dict()
    below.load_state_dict({n: p for n, p in state.items() if n.startswith("nets.0")})
    above.load_state_dict({n.replace("nets.1", "nets.0"): p for n, p in state.items() if n.startswith("nets.1")})
    with torch.no_grad():
        found, lower = attribute_paths(layer, values()), attribute_paths(below, values())
        nothing = above(torch.zeros(4, 9, 8, dtype=torch.float64))[0]
        for step in range(found.steps.shape[2]):
            assert close(found.steps[:, :, step], above(lower.steps[:, :, step])[0] - nothing, 1e-12)
    assert float(found.steps.abs().max()) > 1e-3 and close(found.constant[:, :, 1], nothing, 1e-12)


def test_no_step_reaches_back() -> None:
    """What is contributed at a time point comes from before it, through all layers."""
    found = attribute_paths(layer_of(ALL["delta"], 3), values())
    point, step = torch.arange(9)[:, None], torch.arange(9)  # the first of the steps lasts no time
    assert not found.steps[:, step > point].any()


def test_refusals() -> None:
    given = values()
    with pytest.raises(CompositionError, match=r"not affine[^\n]*\n +slot v : tanh"):
        attribute_paths(layer_of(ALL["delta"], 2, Projection(v=tanh(VALUES))), given)
    with pytest.raises(CompositionError, match="not linear in one slot"):
        attribute_paths(layer_of(Rule((write * v - W @ k) * k)), given)
    with pytest.raises(SolveError, match=r"low rank alone\n +structure : OneSided"):
        attribute_paths(layer_of(ALL["gated_delta"]), given)
    with pytest.raises(SolveError, match="not affine in the state"):
        attribute_paths(layer_of(ALL["tanh_delta"]), given)
    with pytest.raises(CompositionError, match="not linear in the state"):
        attribute_paths(layer_of(Rule(beta * (v - W @ k) * k, read=W @ q + v)), given)
    training = layer_of(ALL["delta"], dropout=0.5).train()
    with pytest.raises(SolveError, match=r"layer\.eval"):
        attribute_paths(training, given)
    assert attribute_paths(training.eval(), given).total.shape == (4, 9, 8)
