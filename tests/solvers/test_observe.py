"""Observables: values are the terms of the solution's states, and an integral is what one more state would be."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fwp import controls
from fwp.data import series
from fwp.errors import AxisError, CompositionError, DataError, FwpError, SolveError
from fwp.fields import Net, Projection, VectorField, direct, increments_only, linear, sigmoid, stack, static, suited
from fwp.rules import ALL, Rule, System, W, beta, dx, gamma, k, q, v, x
from fwp.solvers import solve
from fwp.solvers.observe import Observable, observe
from fwp.terms import Slot, State, ein, exp, ones, square, tanh
from tests.fields.nets import TIMELESS, built, close, sized, some_series

error = v - W @ k
energy = Observable("energy", ein("value key, value key ->", W, W))
work = Observable("work", beta * (error @ error), integral=True)
written = Observable("written", beta * error, integral=True)
S, Y = State("s", ""), State("y", "value")


def pair(wiring=direct, control=controls.linear) -> tuple[Net, Net]:
    """Delta, and Delta with two more states whose rates are `work` and `written`; one and the same slow net."""
    delta = ALL["delta"]
    torch.manual_seed(0)
    plain = built(delta, wiring(), control)
    more = built(System(delta, Rule(work.term, of=S), Rule(written.term, of=Y)), wiring(), control)
    more.load_state_dict(plain.state_dict())
    return plain, more


def grown(net: Net, times: Tensor | str, **how) -> dict[str, Tensor]:
    """What the further states grew by: the first write is one of theirs too."""
    data = some_series(unequal=True)
    begin = {name: s[:, None] for name, s in net(data).initial().items()}
    return {name: s - begin[name] for name, s in solve(net(data), times, **how).states.items()}


def test_values_are_those_of_the_solution() -> None:
    net, _ = pair()
    field = net(some_series(unequal=True))
    surprise = Observable("surprise", tanh(error) * ones("value"))
    found = observe(field, [energy, surprise, Observable("x", x), Observable("dx", dx)], "knots")
    states = solve(field, "knots").states["W"]
    assert torch.equal(found.solution.states["W"], states)
    assert close(found["energy"], states.square().sum((-1, -2)), 1e-14)
    at = field.at_knots(found.solution.knots)
    slots = at.slots
    off = slots["v"] - torch.einsum("bthvk,bthk->bthv", states, slots["k"])
    assert close(found["surprise"], off.tanh(), 1e-14)
    assert torch.equal(found["x"], at.inputs["x"][:, :, None].expand(-1, -1, 2, -1))
    assert torch.equal(found["dx"], at.inputs["dx"][:, :, None].expand(-1, -1, 2, -1))


@pytest.mark.nohook  # many small steps, each of which the hook would check
@pytest.mark.parametrize("control", [controls.natural_cubic, controls.rectilinear, TIMELESS])
def test_integrals_are_further_states(control: controls.Control) -> None:
    """Of a System that torchdiffeq solves; in every head, at knots where one sample ends before the others."""
    plain, more = pair(control=control)
    found = observe(plain(some_series(unequal=True)), [work, energy, written], "knots", steps=8, method="magnus4")
    exact = grown(more, "knots", method="dopri8", rtol=1e-9, atol=1e-9)
    assert found["work"].shape == (*exact["s"].shape[:2], 2) and found["written"].shape[3:] == (4,)
    assert close(found["work"], exact["s"], 1e-6)
    assert close(found["written"], exact["y"], 1e-6)


@pytest.mark.parametrize("name", ["softmax_oja", "oja_subspace", "leaky_delta", "bcm"])
def test_rules_of_all_structures(name: str) -> None:
    """Also of several states: the integral of a rate is what its state grew by."""
    rule = ALL[name]
    torch.manual_seed(0)
    net = built(rule, suited(direct(), rule))
    rates = [Observable(own.of.name, own.rate, integral=True) for own in rule.rules]
    found = observe(net(some_series(2, 4)), rates, "knots", steps=8, method="rk4")
    for own, state in found.solution.states.items():
        assert close(found[own], state - state[:, :1], 1e-6)


def test_requested_times() -> None:
    """Each sample's own; an integral does not depend on what else was asked for, but for the steps."""
    plain, more = pair()
    data = some_series(unequal=True)
    ends = data.times.gather(1, data.lengths[:, None] - 1)
    times = data.times[:, :1] + (ends - data.times[:, :1]) * torch.tensor([[0.0, 0.3, 0.35, 1.0]], dtype=torch.float64)
    found = observe(plain(data), [work, energy], times, steps=8, method="magnus4")
    assert torch.equal(found.solution.times, times) and not found["work"][:, 0].any()
    assert close(found["work"], grown(more, times, method="dopri8", rtol=1e-9, atol=1e-9)["s"], 1e-6)
    states = solve(plain(data), times, method="magnus4", steps=24).states["W"]
    assert close(found["energy"], states.square().sum((-1, -2)), 1e-6)
    at_end = observe(plain(data), [work, energy], steps=8, method="magnus4")
    assert at_end["work"].shape == (3, 2) and close(at_end["work"], found["work"][:, -1], 1e-6)
    assert close(at_end.solution.read(), found.solution.read()[:, -1], 1e-6)


@pytest.mark.parametrize("backend", ["structured", "torchdiffeq"])
def test_of_euler_it_is_the_sum_over_the_recurrence(backend: str) -> None:
    """DeltaNet's: the states are its own, and the sum is what an Euler step of one more state gives."""
    plain, more = pair()
    found = observe(
        plain(some_series(unequal=True)), [work, written], "knots", method="euler", steps=2, backend=backend
    )
    theirs = grown(more, "knots", method="euler", steps=2)
    assert close(
        found.solution.states["W"],
        solve(plain(some_series(unequal=True)), "knots", method="euler", steps=2).states["W"],
        1e-13,
    )
    assert close(found["work"], theirs["s"], 1e-13) and close(found["written"], theirs["y"], 1e-13)


@pytest.mark.parametrize(("method", "order"), [("exact", 6), ("exponential_midpoint", 2), ("euler", 1)])
def test_order(method: str, order: int) -> None:
    """Of the method, and 6 where it is exact: slots stand still there, and the integrand is none that a quadrature has exactly."""
    still = method == "exact"
    plain, _ = pair(increments_only if still else direct, TIMELESS)
    data = some_series(2, 3, seed=3)
    field = plain(series(data.values, data.times * (12 if still else 1)))
    observable = Observable("o", exp(-(error @ error)), integral=True)

    def found(steps: int, by: str) -> Tensor:
        with torch.no_grad():
            return observe(field, [observable], "knots", method=by, steps=steps)["o"]

    grid = (8, 16) if still else (64, 128)
    best = found(64, "exact" if still else "magnus4")
    errors = [float((found(n, method) - best).abs().max()) for n in grid]
    assert errors[-1] > 1e-12, "too close to round-off"
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1), errors


class Total(nn.Module):
    """All that is observed of a net, as one number."""

    def __init__(self, net: Net, **how) -> None:
        super().__init__()
        self.net, self.how = net, how

    def forward(self, values: Tensor) -> Tensor:
        data = some_series(2, 4)
        data.values.copy_(values.detach())
        path = self.net.model.control(data)
        found = observe(VectorField(self.net, path), [work, written, energy], **self.how)
        return found["work"].sum() + found["written"].square().sum() + found["energy"].sum()


@pytest.mark.nohook  # many small steps, each of which the hook would check
@pytest.mark.parametrize("how", [{}, {"backend": "torchdiffeq", "method": "rk4"}])
def test_gradients_are_those_of_differences(how: dict) -> None:
    """Through values and integrals, in slow weights."""
    plain, _ = pair()
    total = Total(plain, **how)
    values = some_series(2, 4).values
    named = dict(total.named_parameters())
    chosen = [name for name in named if "v_" in name or "beta" in name or "encoder_linear" in name]

    def of(*own: Tensor) -> Tensor:
        return torch.func.functional_call(total, dict(zip(chosen, own, strict=True)), (values,))

    inputs = tuple(named[name].detach().clone().requires_grad_() for name in chosen)
    assert torch.autograd.gradcheck(of, inputs, atol=1e-9, rtol=1e-6, fast_mode=True)


@pytest.mark.nohook  # many small steps, each of which the hook would check
def test_gradients_are_those_of_a_further_state() -> None:
    plain, more = pair()
    ours = observe(plain(some_series(unequal=True)), [work], steps=8, method="magnus4")["work"]
    theirs = grown(more, "knots", method="rk4", steps=24)["s"][:, -1]
    own, other = dict(plain.named_parameters()), dict(more.named_parameters())
    names = [n for n in own if "_q" not in n and "q_" not in n]
    found = torch.autograd.grad(ours.square().sum(), [own[n] for n in names])
    wanted = torch.autograd.grad(theirs.square().sum(), [other[n] for n in names])
    assert all(close(a, b, 1e-6) for a, b in zip(found, wanted, strict=True))


@pytest.mark.nohook  # many small steps, each of which the hook would check
def test_layers() -> None:
    """An observable of the upper layer sees the lower layer's read-out at the same instant."""
    delta = ALL["delta"]
    torch.manual_seed(0)
    plain = sized(stack(delta @ direct(), delta @ direct()) @ controls.linear)
    more = sized(stack(delta @ direct(), System(delta, Rule(work.term, of=S)) @ direct()) @ controls.linear)
    more.load_state_dict(plain.state_dict())
    below = Observable("below", work.term, integral=True)
    above = Observable("above", work.term, integral=True, layer=2)
    seen = Observable("x", x, layer=2)
    found = observe(plain(some_series(unequal=True)), [below, above, seen], "knots", steps=4)
    states = grown(more, "knots", method="dopri8", rtol=1e-8, atol=1e-8)
    assert close(found["above"], states["layer2.s"], 1e-5) and not close(found["below"], found["above"], 1e-2)
    lower = built(delta, direct())
    lower.load_state_dict({n: p for n, p in plain.state_dict().items() if n.startswith("layers.0")})
    at = VectorField(lower, found.solution.field.path).at_knots(found.solution.knots)
    read = at.read({"W": found.solution.states["layer1.W"]}).flatten(2)
    assert close(found["x"][:, :, 0], read, 1e-14)


def test_terms_without_states_and_constants() -> None:
    """The integral of x' over the clock is what x grew by; that of a learned constant is the clock."""
    net, _ = pair()
    field = net(some_series(unequal=True))
    of_dx = Observable("dx", dx, integral=True)
    found = observe(field, [of_dx, Observable("w", 0 * beta + 1, integral=True)], "knots")
    values = field.at_knots(found.solution.knots).inputs["x"]
    assert close(found["dx"], (values - values[:, :1])[:, :, None].expand(-1, -1, 2, -1), 1e-13)
    clock = torch.cat([torch.zeros(3, 1, dtype=torch.float64), field.path.steps.cumsum(1)], 1)
    assert close(found["w"], clock[..., None].expand(-1, -1, 2), 1e-13)


def test_static_features() -> None:
    """They stand beside the signal at every node and every request."""
    torch.manual_seed(0)
    net = built(ALL["delta"], Projection(beta=sigmoid(linear("feature -> head", static))), feature=2)
    data = some_series()
    features = torch.randn(3, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    field = net(series(data.values, data.times, static=features))
    found = observe(field, [Observable("rate", beta, integral=True), Observable("now", beta)], "knots")
    clock = found.solution.field.path.times - found.solution.field.path.times[:, :1]
    assert close(found["rate"], found["now"] * clock[..., None], 1e-13)
    assert float(found["now"].detach().std(0).max()) > 1e-3


def test_refusals() -> None:
    net, _ = pair()
    field = net(some_series())
    M = State("M", "value key")
    for term, what in ((gamma * W, "slot `gamma`"), (M, "state `M`"), (M * W, "state `M`")):
        with pytest.raises(CompositionError, match=what):
            observe(field, [Observable("o", term)])
    with pytest.raises(AxisError, match="both named `k`"):
        observe(field, [Observable("o", Slot("k", "value"))])
    with pytest.raises(FwpError, match="one name"):
        observe(field, [energy, Observable("energy", square(W))])
    with pytest.raises(CompositionError, match="layer 2"):
        observe(field, [Observable("o", W, layer=2)])
    with pytest.raises(FwpError, match="nothing of the name"):
        observe(field, [energy])["energie"]
    with pytest.raises(FwpError, match="no variables"):
        Observable("o", ones("value"))
    with pytest.raises(SolveError, match="no method"):
        observe(field, [work], method="rk5")
    with pytest.raises(SolveError, match="at least one step"):
        observe(field, [work], steps=0)
    with pytest.raises(DataError, match="outside the path"):
        observe(field, [work], torch.tensor([100.0], dtype=torch.float64))


@pytest.mark.nohook
def test_what_annotations_forbid() -> None:
    with pytest.raises(CompositionError, match="a Net"):
        observe(pair()[0], [energy])  # pyright: ignore[reportArgumentType]
    with pytest.raises(FwpError, match="is not a term"):
        Observable("o", np.zeros(3))  # pyright: ignore[reportArgumentType]


@pytest.mark.nohook  # many small steps, each of which the hook would check
def test_steps_refine_the_integral_along_an_adaptive_method() -> None:
    plain, more = pair(control=controls.natural_cubic)
    field = plain(some_series(unequal=True))
    tight = {"method": "dopri5", "rtol": 1e-9, "atol": 1e-9}
    exact = grown(more, "knots", **tight)["s"]
    errors = [(observe(field, [work], "knots", steps=n, **tight)["work"] - exact).abs().max() for n in (1, 4)]
    assert errors[1] < errors[0] / 200
    with pytest.raises(SolveError, match="chooses its steps itself"):
        observe(field, [energy], steps=2, method="dopri5")


def test_upper_layers_have_no_increment() -> None:
    torch.manual_seed(0)
    net = sized(stack(ALL["delta"] @ direct(), ALL["delta"] @ direct()) @ controls.linear)
    with pytest.raises(CompositionError, match="increment `dx`"):
        observe(net(some_series()), [Observable("o", dx, layer=2)])


def test_it_is_a_value() -> None:
    assert Observable("read", W @ q) == Observable("read", W @ q) != Observable("read", W @ q, integral=True)
    assert len({energy, Observable("energy", energy.term)}) == 1 and "W" in repr(energy)
