"""What is handed out is made of numbers: wherever `solve` refuses NaN and infinities, everything that stands on it does."""

from importlib import import_module

import pytest
import torch
from torch import nn

import fwp
from fwp.controls import Control, Kind
from fwp.data import Normaliser, series
from fwp.errors import SolveError
from fwp.fields import Projection, direct, external, linear, parameter, start, suited
from fwp.models import Predictor, Trained
from fwp.models.answer import Classes
from fwp.models.predictor import Head
from fwp.models.recurrent import Recurrent
from fwp.rules import Rule, System, W, beta, delta, hebb, k, tanh_delta, v, x
from fwp.terms import Slot, State, nonnegative

up, M = Slot("up", domain=nonnegative), State("M", "value key")
grows = Rule(beta * v * k + 4 * up * W, name="grows")
"""It grows some hundredfold in two units of time: beyond float32 after some 50 steps."""
coupled = System(Rule(v * k + 4 * M), Rule(4 * up * W, of=M))
QUICK = Control(Kind.LINEAR, time=False)


def field(rule=grows, time=120, projection=None):
    net = (rule @ (projection or suited(direct(), rule)) @ QUICK).build(3, width=8, heads=2)
    return net(series(torch.randn(2, time, 3)))


def poisoned(module: nn.Module, name: str) -> nn.Module:
    with torch.no_grad():
        module.get_parameter(name).view(-1)[0] = torch.nan
    return module


OUTLETS = {
    "solve": lambda: fwp.solve(field()),
    "read_along": lambda: fwp.read_along(field()),
    "read_along by rk4": lambda: fwp.read_along(field(), method="rk4"),
    "read_along by torchdiffeq": lambda: fwp.read_along(field(), method="rk4", backend="torchdiffeq"),
    "read_along of a system": lambda: fwp.read_along(field(coupled, 120)),
    "read_along with gradients in segments": lambda: fwp.read_along(field(time=6_000)),
    "observe": lambda: fwp.observe(field(), fwp.Observable("error", v - W @ k)),
    "an integral": lambda: fwp.observe(field(), fwp.Observable("error", v - W @ k, integral=True)),
    "attribute": lambda: fwp.attribute(field()),
    "attribute values": lambda: fwp.attribute(field(), of="values"),
    "a layer": lambda: fwp.FastWeights(grows, 3, 8)(torch.randn(2, 120, 3)),
    "two layers": lambda: fwp.FastWeights(grows, 3, 8, layers=2)(torch.randn(2, 120, 3)),
    "a layer of a system": lambda: fwp.FastWeights(coupled, 3, 8)(torch.randn(1, 120, 3)),
    "attribution through layers": lambda: fwp.attribute_paths(fwp.FastWeights(grows, 3, 8), torch.randn(1, 120, 3)),
    "a predictor": lambda: Predictor(field().net, Head(2))(series(torch.randn(2, 120, 3))),
    "a predictor at every time point": lambda: Predictor(field().net, Head(2, every=True))(
        series(torch.randn(2, 120, 3))
    ),
}


@pytest.mark.parametrize("outlet", OUTLETS)
def test_states_that_overflow_are_refused(outlet):
    with pytest.raises(SolveError, match="the states are not finite at knot"):
        OUTLETS[outlet]()


def test_a_stream_is_refused_in_the_call_in_which_it_overflows():
    layer = fwp.FastWeights(grows, 3, 8)
    state, calls = None, 0
    with pytest.raises(SolveError, match="the states are not finite"):
        while calls < 50:
            outputs, state = layer(torch.randn(2, 20, 3), state)
            calls += 1
            assert outputs.isfinite().all() and all(w.isfinite().all() for own in state.weights for w in own.values())
    assert calls > 0


def test_a_state_that_is_not_finite_begins_nothing():
    layer = fwp.FastWeights(delta, 3, 8)
    _, state = layer(torch.randn(2, 5, 3))
    broken = state._replace(weights=tuple({n: w * torch.nan for n, w in own.items()} for own in state.weights))
    with pytest.raises(SolveError, match="the states to begin with are not finite"):
        layer(torch.randn(2, 5, 3), broken)
    with pytest.raises(SolveError, match="the states to begin with are not finite"):
        fwp.read_along(field(delta, 5), initial=torch.full((2, 2, 4, 4), torch.inf))


def test_where_it_began_is_said_as_solve_says_it():
    given = field()
    told = []
    for call in (fwp.solve, fwp.read_along):
        with pytest.raises(SolveError) as caught:
            call(given)
        told.append(str(caught.value))
    assert told[0] == told[1]


@pytest.mark.parametrize("rule", [delta, tanh_delta])
@pytest.mark.parametrize("name", ["k_linear.weight", "q_linear.bias"])
def test_parameters_that_are_not_finite_reach_nobody(rule, name):
    layer = fwp.FastWeights(rule, 3, 8)
    poisoned(layer, f"nets.0.layers.0.slow.steps.{name}")
    with pytest.raises(SolveError):
        layer(torch.randn(2, 5, 3))
    with pytest.raises(SolveError):
        fwp.solve(layer.nets[0](series(torch.randn(2, 5, 3)))).read()


class Nothing(nn.Module):
    def forward(self, source):
        return torch.full((*source.shape[:-1], 4), torch.nan)


def test_a_query_that_is_no_number_is_not_read():
    given = field(hebb, 5, Projection(q=external(Nothing(), x, "key")))
    with pytest.raises(SolveError, match="the states are finite, but what is read of them is not"):
        fwp.solve(given).read()
    with pytest.raises(SolveError, match="the states are finite, but what is read of them is not"):
        fwp.read_along(given)


def test_an_observable_without_a_value_is_refused():
    with pytest.raises(SolveError, match="the observable `inverse` is not"):
        fwp.observe(field(hebb, 5, Projection(k=parameter("key"))), fwp.Observable("inverse", 1 / (k @ k)))


@pytest.mark.parametrize("recurrent", [False, True])
def test_predictions_are_numbers(recurrent):
    net = Recurrent("gru").build(3, 8) if recurrent else field().net
    data = series(torch.randn(4, 5, 3))
    trained = Trained(Predictor(net, Head(2)), Normaliser.fit(data), Classes(("a", "b")))
    assert trained.predict(data).probabilities.isfinite().all()
    poisoned(trained.predictor, "output.weight")
    with pytest.raises(SolveError, match="the outputs of the model are not finite") as caught:
        trained.predict(data)
    assert "output.weight" in str(caught.value)


def test_long_series_are_asked_for_few_of_their_states_at_a_time(monkeypatch):
    """A complaint about a series of a million knots must not hold a million states."""
    module = import_module("fwp.solvers.solve")
    asked = []
    own = module.integrate_structured
    monkeypatch.setattr(
        module, "integrate_structured", lambda f, s, knots, *o: asked.append(len(knots)) or own(f, s, knots, *o)
    )
    with pytest.raises(SolveError, match="the states are not finite at knot"):
        fwp.read_along(field(time=2_500))
    assert asked and max(asked) < 60


def test_finite_outputs_are_what_they_were():
    layer = fwp.FastWeights(delta, 3, 8, projection=Projection(k=linear("channel -> head key", x), initial=start()))
    outputs, _ = layer(torch.randn(2, 30, 3))
    outputs.square().sum().backward()
    assert outputs.isfinite().all() and all(p.grad is None or p.grad.isfinite().all() for p in layer.parameters())
