"""Reading at every knot: the same as reading the states there, in any segments, and causal where the control is."""

import pytest
import torch

from fwp import controls
from fwp.fields import direct, increments_only, stack, suited
from fwp.rules import ALL
from fwp.solvers import plan as planning
from fwp.solvers import prepare, read_along, solve
from tests.fields.nets import TIMELESS, built, close, random_states, sized, some_series

RULES = ("hebb", "oja", "delta", "leaky_delta", "tanh_delta", "oja_subspace", "hebb_transposed")


def field_of(name: str, wiring=direct, control=controls.linear, **shape: int):
    torch.manual_seed(0)
    net = built(ALL[name], suited(wiring(), ALL[name]), control)
    return net(some_series(unequal=True, **shape))


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch):
    """Segments of a few steps, each computed again in backward."""
    monkeypatch.setattr("fwp.solvers.plan._CHUNK", 4)
    monkeypatch.setattr("fwp.solvers.plan._ROWS", 9)
    monkeypatch.setattr("fwp.solvers.plan._KEPT", 0)
    planning.plan.cache_clear()
    yield
    planning.plan.cache_clear()


@pytest.mark.parametrize("scan", ["auto", "sequential"])
@pytest.mark.parametrize("name", RULES)
@pytest.mark.usefixtures("small_segments")
def test_read_outs_are_those_of_the_states(name: str, scan: str) -> None:
    """With their gradients, where samples end at different knots and segments are shorter than a chunk."""
    field = field_of(name, time=20)
    parameters = [p for p in field.net.parameters() if p.requires_grad]
    whole = solve(field, "knots", scan="sequential").read()
    along = read_along(field, scan=scan)
    assert close(along, whole, 1e-12)
    ours, theirs = (torch.autograd.grad(o.square().sum(), parameters, allow_unused=True) for o in (along, whole))
    assert all(close(a, b, 1e-11) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None)


def test_through_a_kernel() -> None:
    field = field_of("tanh_delta", increments_only, TIMELESS, time=12)
    if not prepare(field):
        pytest.skip("there is no C compiler")
    assert close(read_along(field, scan="fused"), read_along(field, scan="sequential"), 1e-12)


def test_states_to_begin_with() -> None:
    field = field_of("delta")
    states = random_states(field.net, 3)
    assert close(read_along(field, initial=states), solve(field, "knots", initial=states).read(), 1e-12)


def test_layers_are_read_too() -> None:
    torch.manual_seed(0)
    spec = stack(ALL["delta"] @ direct(), ALL["delta"] @ direct())
    field = sized(spec @ controls.linear)(some_series())
    assert close(read_along(field), solve(field, "knots").read(), 0.0)


def test_a_read_out_knows_only_its_past() -> None:
    """On a linear path, whose keys are increments: what comes after a knot does not reach the read-out there."""
    data = some_series(time=8)
    torch.manual_seed(0)
    net = built(ALL["delta"], increments_only())
    before = read_along(net(data))
    data.values[:, 5:] += 1.0
    after = read_along(net(data))
    assert torch.equal(before[:, :5], after[:, :5]) and not torch.equal(before[:, 5:], after[:, 5:])
