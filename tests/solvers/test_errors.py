"""When a solve fails: where, which sample, the norms there, and what to try."""

import re
from math import inf, nan

import pytest
import torch

from fwp import Rule, controls, solve
from fwp.errors import CompositionError, SolveError
from fwp.fields import Projection, external, plain, stack
from fwp.rules import W, classic_hebb, delta, dx, k, momentum_delta, tanh_delta, v, x
from fwp.solvers import METHODS
from fwp.solvers.torchdiffeq import Family
from fwp.terms import Slot, real, square
from fwp.testing.flows import constant_path
from tests.fields.nets import TIMELESS, built, by_hand, close, random_states, sized, some_series

gain = Slot("gain", domain=real)
growing = Rule(gain * W)
exploding = Rule(gain * square(W))
"""A finite escape time: w' = g w², w(t) = w₀/(1 − g w₀ t)."""


def field_of(rule: Rule, gains: list[list[float]]):
    """One number a sample and interval, standing still in between."""
    net, _ = by_hand(rule, {"key": 2, "value": 3})
    values = torch.zeros(len(gains), len(gains[0]), net.sizes["channel"], dtype=torch.float64)
    values[..., 0] = torch.tensor(gains, dtype=torch.float64)
    return net @ constant_path(values, torch.ones(values.shape[:2], dtype=torch.float64))


def ones(samples: int) -> dict[str, torch.Tensor]:
    return {"W": torch.ones(samples, 1, 3, 2, dtype=torch.float64)}


def complaint(field, **options) -> dict[str, str]:
    with pytest.raises(SolveError) as caught:
        solve(field, **options)
    facts = {name.strip(): fact for name, fact in re.findall(r"^ {4}(.+?) +: (.+)$", str(caught.value), re.MULTILINE)}
    return facts | {"what": caught.value.what, "help": caught.value.help}


@pytest.mark.users
@pytest.mark.parametrize("gradient", ["exact", "adjoint"])
@pytest.mark.parametrize("method", [m for m, family in METHODS.items() if family is Family.FIXED])
def test_states_that_overflow_are_reported_where_they_do(method, gradient):
    """Only sample 1 grows, by more than a hundred digits from knot to knot, beginning at knot 2."""
    field = field_of(growing, [[0.0] * 6, [0.0, 0.0, 1e140, 1e140, 1e140, 1e140], [0.0] * 6])
    said = complaint(field, method=method, gradient=gradient, initial=ones(3))
    assert "sample 1 of 3" in said["where"] and method in said["what"]
    knot = int(re.search(r"knot (\d+)", said["where"])[1])
    assert f"t = {knot}" in said["where"] and knot >= 2
    assert "not finite" in said["because"] and "2.45 at the start" in said["|W|"] and "|dW/dt|" in said
    assert "steps" in said["help"] and "smaller" in said["help"]
    assert said["degree of dW/dt in the states"] == "1" and "evaluations" in said["work"]


@pytest.mark.parametrize("method", [m for m, family in METHODS.items() if family is Family.ADAPTIVE])
@pytest.mark.parametrize("gradient", ["exact", "adjoint"])
def test_an_escape_in_finite_time_is_reported_where_it_happens(method, gradient):
    """w' = g w² from 1 with g = 0.4 from knot 2 on: it ends at t = 4.5."""
    gains = [[0.0] * 7, [0.0] * 7]
    gains[0][2:] = [0.4] * 5
    field = field_of(exploding, gains)
    said = complaint(field, method=method, gradient=gradient, initial=ones(2), rtol=1e-3, atol=1e-3)
    assert "sample 0 of 2, knot 4, t = 4" in said["where"] and "underflow" in said["because"]
    assert float(said["|W|"].split()[0]) > 100 and "2.45 at the start" in said["|W|"]
    assert "looser tolerances" in said["help"]


@pytest.mark.parametrize("method", ["rk4", "dopri5", "explicit_adams", "scipy_solver"])
@pytest.mark.parametrize("number", [nan, inf])
def test_a_beginning_that_is_no_number_is_reported(method, number):
    field = field_of(growing, [[0.1] * 3] * 4)
    states = ones(4)
    states["W"][2, 0, 1, 1] = number
    with torch.no_grad():
        said = complaint(field, method=method, initial=states)
    assert "sample 2 of 4, knot 0, t = 0" in said["where"] and "knot 1" not in said["because"]


@pytest.mark.parametrize("method", ["euler", "rk4", "dopri5"])
def test_slots_that_are_no_numbers_are_reported(method):
    class Log(torch.nn.Module):
        def forward(self, source):
            return source[..., 0].log()

    net = sized(
        Rule(gain * W - v * k) @ Projection(gain=external(Log(), x, "")) @ controls.Control(controls.Kind.LINEAR, False)
    )
    data = some_series(batch=2, time=5)
    data.values[..., 0] = 1
    data.values[1, 3:, 0] = -1
    said = complaint(net(data), method=method, initial=random_states(net, 2))
    assert "sample 1 of 2" in said["where"] and re.search(r"knot [23]", said["where"])


def test_a_failure_between_requested_times_is_found():
    field = field_of(growing, [[0.0, 0.0, 1e140, 1e140, 1e140, 1e140]] * 2)
    for times in (None, "knots", torch.tensor([0.5, 6.0], dtype=torch.float64)):
        said = complaint(field, times=times, method="euler", initial=ones(2))
        assert re.search(r"t = [2-5]", said["where"]), said["where"]


def test_all_states_are_named():
    for net in (
        built(momentum_delta, plain().restricted(momentum_delta)),
        sized(stack(delta @ plain(), tanh_delta @ plain()) @ controls.linear),
    ):
        states = random_states(net, 3)
        name = list(states)[-1]
        states[name][1] = inf
        said = complaint(net(some_series()), initial=states)
        assert all(f"|{n}|" in said and f"|d{n}/dt|" in said for n in states) and "sample 1 of 3" in said["where"]


def test_solving_within_float32_says_the_same():
    net, _ = by_hand(exploding, {"key": 2, "value": 3})
    path = constant_path(torch.ones(2, 3, net.sizes["channel"]), torch.ones(2, 3, dtype=torch.float64))
    said = complaint(net.float() @ path, method="dopri5", initial={"W": 3 * torch.ones(2, 1, 3, 2)})
    assert "underflow" in said["because"] and "knot 0" in said["where"]


BAD = {
    "method": ({"method": "runge"}, "use one of auto, exact, exponential_midpoint"),
    "steps": ({"steps": 0}, "steps=1 or more"),
    "negative steps": ({"steps": -3}, "steps=1 or more"),
    "scipy": ({"method": "scipy_solver"}, "gradient='adjoint'"),
}


@pytest.mark.parametrize("options, help", BAD.values(), ids=BAD)
def test_options_that_cannot_be_are_refused(options, help):
    said = complaint(built(delta, plain())(some_series()), **options)
    assert help in said["help"]


@pytest.mark.nohook
@pytest.mark.parametrize("options", [{"gradient": "adjont"}, {"backend": "torchsde"}])
def test_names_that_are_none_are_refused(options):
    said = complaint(built(delta, plain())(some_series()), **options)
    assert said["help"] == f"did you mean {'adjoint' if 'gradient' in options else 'torchcde'}?"


def test_scipy_without_gradients_is_welcome():
    net = built(delta, plain())
    with torch.no_grad():
        ours = solve(net(some_series()), method="scipy_solver", rtol=1e-8, atol=1e-9).final["W"]
        assert close(ours, solve(net(some_series()), method="rk4", steps=40).final["W"], 1e-5)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    assert solve(net(some_series()), method="scipy_solver").final["W"].isfinite().all()
    assert solve(built(delta, plain())(some_series()), method="scipy_solver", gradient="adjoint").stats.evaluations > 0


def test_torchcde_that_gives_up_is_a_solve_error():
    rule = Rule(v * k)
    net = built(rule, plain(values=dx).restricted(rule))
    data = some_series()
    data.values[1, 2:] *= 1e200
    said = complaint(net(data), backend="torchcde")
    assert "sample 1 of 3" in said["where"]
    with pytest.raises(CompositionError):
        solve(built(delta, plain())(some_series()), backend="torchcde")


def test_a_long_path_in_float32_keeps_its_digits():
    """2,000 knots: positions are counted anew every few knots, or a float32 time would lose the place inside an interval."""
    net = built(delta, plain(), heads=1, key=3, value=2)
    data = some_series(batch=2, time=2000)
    data.times.sub_(data.times[:, :1]).mul_(20 / 2000)
    with torch.no_grad():
        reference = solve(net(data), method="rk4").read()
        ours = solve(net.float()(data.to(dtype=torch.float32)), method="rk4").read()
    assert ours.dtype == torch.float32 and close(ours.double(), reference, 1e-4)


def test_scipy_that_cannot_go_on_is_a_solve_error():
    """Left alone, LSODA creeps towards the escape and never ends."""
    field = field_of(exploding, [[0.4] * 5])
    with torch.no_grad():
        said = complaint(field, method="scipy_solver", initial=ones(1))
    assert "sample 0 of 1, knot 2" in said["where"] and "not finite" in said["because"]


def test_the_real_time_is_named():
    """Samples have clocks of their own, and the complaint speaks in those of the worst."""
    net = built(classic_hebb, plain().restricted(classic_hebb), TIMELESS, heads=1)
    data = some_series(batch=2, time=4)
    data.values[1] *= 1e90
    data.times.add_(1000)
    said = complaint(net(data), method="rk4", initial=random_states(net, 2))
    knot = int(re.search(r"knot (\d)", said["where"])[1])
    assert "sample 1 of 2" in said["where"] and f"t = {float(data.times[1, knot]):.6g}" in said["where"]
