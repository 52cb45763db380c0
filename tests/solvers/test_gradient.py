"""Gradients: exact for the steps taken, in every parameter and every observation; the adjoint's as good as its solve."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.func import functional_call

from fwp import controls, series, solve
from fwp.controls import Control, Kind
from fwp.fields import Projection, direct, keys_from_increments, linear, plain, start, static
from fwp.rules import ALL, delta, dx, hebb, momentum_delta, oja, tanh_delta
from fwp.solvers import METHODS
from fwp.solvers.torchdiffeq import Family
from tests.fields.nets import built, close, random_states, some_series

TINY = {"channels": 2, "heads": 1, "key": 3, "value": 2, "width": 4}


def checked(net, data, times=None, **options) -> bool:
    """gradcheck of the read-out in all parameters, all observations and all first states."""
    names, parameters = zip(*((n, p.detach().requires_grad_()) for n, p in net.named_parameters()), strict=True)
    begin = {n: (0.5 * s).requires_grad_() for n, s in random_states(net, len(data)).items()}

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, values: Tensor, *states: Tensor) -> Tensor:
            field = self.net(replace(data, values=torch.where(data.mask, values, 0)))
            return solve(field, times, initial=dict(zip(begin, states, strict=True)), **options).read()

    whole = Whole()

    def run(values: Tensor, *rest: Tensor) -> Tensor:
        own = {f"net.{n}": p for n, p in zip(names, rest[len(begin) :], strict=True)}
        return functional_call(whole, own, (values, *rest[: len(begin)]))

    return gradcheck(run, (data.values.clone().requires_grad_(), *begin.values(), *parameters), atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("name, projection", [
    ("delta", plain(keys=dx)), ("oja", plain(values=dx)), ("hebb", plain()), ("tanh_delta", keys_from_increments(squash=False)),
    ("momentum_delta", direct().restricted(momentum_delta)),
], ids="delta oja hebb tanh_delta momentum_delta".split())  # fmt: skip
def test_exact_gradients_are_those_of_finite_differences(name, projection):
    net = built(ALL[name], projection, **TINY)
    assert checked(net, some_series(batch=2, time=3, channel=2, unequal=True))


@pytest.mark.parametrize("control", [controls.rectilinear, controls.natural_cubic, controls.hermite], ids=repr)
def test_gradients_flow_through_every_control(control):
    net = built(delta, plain(keys=dx), control, **TINY)
    assert checked(net, some_series(batch=2, time=3, channel=2, missing=0.2))


@pytest.mark.parametrize("method", ["euler", "midpoint", "heun2", "heun3", "explicit_adams"])
def test_gradients_of_fixed_methods(method):
    net = built(delta, plain(), **TINY)
    assert checked(net, some_series(batch=2, time=3, channel=2), method=method, steps=5 if "adams" in method else 1)


def test_gradients_at_requested_times():
    data = some_series(batch=2, time=4, channel=2)
    net = built(delta, plain(keys=dx), **TINY)
    wanted = data.times[:, :2] + torch.tensor([0.0, 0.3], dtype=torch.float64)
    assert checked(net, data, wanted)


def gradients(net, data, **options) -> list[Tensor]:
    values = data.values.clone().requires_grad_()
    states = {n: (0.3 * s).requires_grad_() for n, s in random_states(net, len(data)).items()}
    read = solve(net(replace(data, values=values)), "knots", initial=states, **options).read()
    weights = torch.linspace(-1, 2, read.numel(), dtype=torch.float64).view(read.shape)
    found = torch.autograd.grad(
        (weights * read).sum(), [values, *states.values(), *net.parameters()], allow_unused=True
    )
    return [
        torch.zeros_like(p) if g is None else g
        for g, p in zip(found, [values, *states.values(), *net.parameters()], strict=True)
    ]


FINE = {Family.FIXED: {"steps": 16}, Family.MULTISTEP: {"steps": 16}, Family.ADAPTIVE: {"rtol": 1e-7, "atol": 1e-8},
        Family.SCIPY: {"rtol": 1e-9, "atol": 1e-10}}  # fmt: skip
BAR = {"euler": 0.2, "midpoint": 5e-3, "heun2": 5e-3, "heun3": 1e-3, "explicit_adams": 1e-2, "implicit_adams": 1e-2,
       "fixed_adams": 1e-2}  # fmt: skip


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("bosh3", "adaptive_heun", "fehlberg2")])
def test_the_adjoint_agrees_on_a_short_series(method):
    """Values of the series included, although they reach the adjoint only through the path's coefficients."""
    net = built(tanh_delta, plain(), Control(Kind.HERMITE, time=False), **TINY)
    data = some_series(batch=2, time=4, channel=2, unequal=True)
    reference = gradients(net, data, method="rk4", steps=40)
    ours = gradients(net, data, method=method, gradient="adjoint", **FINE[METHODS[method]])
    for found, wanted in zip(ours, reference, strict=True):
        assert close(found, wanted, BAR.get(method, 1e-5))


@pytest.mark.parametrize("method", ["dopri5", "dopri8"])
@pytest.mark.parametrize("control", [Control(Kind.HERMITE, time=False), controls.rectilinear], ids=repr)
def test_exact_gradients_of_adaptive_steps(method, control):
    """The steps' lengths are not learned: no gradient flows through how they were chosen."""
    net = built(momentum_delta, plain().restricted(momentum_delta), control, **TINY)
    data = some_series(batch=2, time=3, channel=2, unequal=True)
    reference = gradients(net, data, method="rk4", steps=40)
    for found, wanted in zip(gradients(net, data, method=method, rtol=1e-7, atol=1e-8), reference, strict=True):
        assert close(found, wanted, 1e-5)


def test_the_adjoint_of_several_states_and_of_jumps():
    net = built(momentum_delta, plain().restricted(momentum_delta), controls.rectilinear, **TINY)
    data = some_series(batch=2, time=3, channel=2)
    for method in ("rk4", "dopri5"):
        options = FINE[METHODS[method]]
        ours, wanted = (gradients(net, data, method=method, gradient=g, **options) for g in ("adjoint", "exact"))
        assert all(close(a, b, 1e-5) for a, b in zip(ours, wanted, strict=True))


@pytest.mark.parametrize("gradient", ["exact", "adjoint"])
@pytest.mark.parametrize("backend", ["torchdiffeq", "torchcde"])
def test_all_that_is_learned_or_observed_has_a_gradient(backend, gradient):
    """Static features and series as much as parameters, whichever way the field is solved."""
    projection = Projection(
        k=linear("channel -> head key", dx, bias=False),
        v=linear("feature -> head value", static),
        initial=start(W=linear("feature -> value key", static)),
    )
    net = built(hebb, projection, **TINY, feature=3)
    plainly = some_series(batch=2, time=4, channel=2)
    features = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    values = plainly.values.clone().requires_grad_()
    data = replace(
        series(plainly.values, plainly.times, static=torch.zeros(2, 3, dtype=torch.float64)),
        values=values,
        static=features,
    )
    solution = solve(net(data), backend=backend, gradient=gradient, steps=4)
    state = solution.final["W"]  # the read-out would lend the values a gradient of its own
    weights = torch.linspace(-1, 2, state.numel(), dtype=torch.float64).view(state.shape)
    wanted = [values, features, *(p for n, p in net.named_parameters() if "q_linear" not in n)]
    ours = torch.autograd.grad((weights * state).sum(), wanted, allow_unused=True)
    exact = solve(net(data), method="rk4", steps=4).final["W"]
    reference = torch.autograd.grad((weights * exact).sum(), wanted)
    for a, b in zip(ours, reference, strict=True):
        assert a is not None and close(a, b, 1e-4)


def test_no_graph_is_kept_where_none_is_wanted():
    net = built(oja, plain())
    with torch.no_grad():
        assert not solve(net(some_series())).read().requires_grad
    assert solve(net(some_series())).read().requires_grad


def test_scipy_learns_by_the_adjoint():
    net = built(delta, plain(), **TINY)
    solve(
        net(some_series(batch=2, time=3, channel=2)), method="scipy_solver", gradient="adjoint"
    ).read().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
