"""Walking along a path: segments, requests, batches, padding and clocks change how states are computed, never what they are."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from fwp import controls, solve
from fwp.data import Series, series
from fwp.fields import (
    Net,
    Projection,
    external,
    increments_only,
    linear,
    parameter,
    plain,
    sigmoid,
    start,
    static,
    suited,
)
from fwp.rules import ALL, Rule, delta, x
from fwp.solvers import plan as planning
from fwp.solvers.plan import ORDER
from fwp.solvers.situation import situation_of
from tests.fields.nets import built, random_states, some_series, suitable
from tests.solvers.cases import off

CONTROLS = [controls.linear, controls.rectilinear, controls.natural_cubic, controls.hermite]
STRUCTURED = [name for name in ALL if isinstance(ALL[name], Rule)]


def small(name: str, control=controls.linear) -> Net:
    return built(ALL[name], suited(plain(), ALL[name]) if name != "gru_ode" else suitable(name), control)


def results(net: Net, data: Series, times=None, begin: dict[str, Tensor] | None = None, **options) -> list[Tensor]:
    """States, read-outs, and the gradients of the series, of the first states and of all parameters."""
    values = torch.where(data.mask, data.values, 0).requires_grad_()
    states = {n: (0.3 * s).requires_grad_() for n, s in (begin or random_states(net, len(data))).items()}
    solution = solve(net(replace(data, values=values)), times, initial=states, **options)
    read = solution.read()
    total = sum((torch.linspace(-1, 2, y.numel()).view_as(y) * y).sum() for y in (read, *solution.states.values()))
    leaves = [values, *states.values(), *net.parameters()]
    slopes = torch.autograd.grad(total, leaves, allow_unused=True)
    found = [read, *solution.states.values()]
    return [*found, *(torch.zeros_like(v) if g is None else g for g, v in zip(slopes, leaves, strict=True))]


def same(ours: list[Tensor], wanted: list[Tensor], bar: float) -> None:
    assert len(ours) == len(wanted)
    assert max(off(a, b) for a, b in zip(ours, wanted, strict=True)) < bar


@pytest.fixture
def cut(monkeypatch):
    """Plans segments of so many rows, and computes again what takes more than so many bytes."""

    def plan_with(rows: int, kept: int) -> None:
        monkeypatch.setattr(planning, "_CHUNK", 2)
        monkeypatch.setattr(planning, "_ROWS", rows)
        monkeypatch.setattr(planning, "_KEPT", kept)
        planning.plan.cache_clear()

    yield plan_with
    planning.plan.cache_clear()


@pytest.mark.users
@pytest.mark.parametrize("rows, kept", [(3, 2**40), (3, 0), (50, 0), (14, 0)])
@pytest.mark.parametrize("name, method, steps", [
    ("delta", "auto", 1), ("delta", "commutator_free4", 3), ("leaky_delta", "magnus4", 2), ("gated_delta", "euler", 1),
    ("tanh_delta", "auto", 2), ("softmax_oja", "rk4", 1), ("hebb", "auto", 1), ("gru_ode", "auto", 1),
])  # fmt: skip
def test_segments_do_not_matter(cut, name, method, steps, rows, kept):
    """Neither their number nor whether backward computes them again; requests stand inside and at their borders."""
    net, data = small(name, controls.natural_cubic), some_series(batch=3, time=23, unequal=True)
    begin, end = data.times[:, :1], data.times.gather(1, data.lengths[:, None] - 1)
    times = begin + torch.linspace(0, 1, 5, dtype=torch.float64) * (end - begin)
    options = {"method": method, "steps": steps}
    whole = results(net, data, times, **options)
    cut(rows, kept)
    chosen = planning.plan(situation_of(net(data)), **options)
    assert (chosen.segment < 22, chosen.recompute) == (True, kept == 0)
    same(results(net, data, times, **options), whole, 1e-12)


@pytest.mark.parametrize("control", CONTROLS, ids=repr)
@pytest.mark.parametrize("name", ["delta", "leaky_delta", "gated_delta", "tanh_delta", "gru_ode"])
def test_a_batch_is_its_samples(name, control):
    """With lengths, clocks and missing values of their own: padding changes nothing."""
    net, data = small(name, control), some_series(batch=4, time=9, unequal=True, missing=0.3)
    states = random_states(net, 4)
    with torch.no_grad():
        whole = solve(net(data), initial=states)
        for i in range(4):
            n = int(data.lengths[i])
            alone = series(
                data.values[i : i + 1, :n].where(data.mask[i : i + 1, :n], torch.nan), data.times[i : i + 1, :n]
            )
            own = solve(net(alone), initial={name: s[i : i + 1] for name, s in states.items()})
            for found, wanted in zip(whole.final.values(), own.final.values(), strict=True):
                assert off(found[i : i + 1], wanted) < 1e-13
            assert off(whole.read()[i : i + 1], own.read()) < 1e-13


@pytest.mark.parametrize("name", ["delta", "gated_delta", "tanh_delta"])
def test_requested_times_are_where_they_would_be(name):
    """At knots the states at knots; between them those of two solves, one from where the other ended."""
    net, data = small(name, controls.natural_cubic), some_series(batch=2, time=6)
    middle = (data.times[:, 2] + data.times[:, 3]) / 2
    with torch.no_grad():
        knots = solve(net(data), "knots", steps=40).states["W"]
        times = torch.stack([data.times[:, 0], data.times[:, 2], middle, data.times[:, 5]], 1)
        found = solve(net(data), times, steps=40).states["W"]
    assert off(found[:, [0, 1]], knots[:, [0, 2]]) < 1e-12
    assert off(found[:, 3], knots[:, 5]) < 1e-4  # the step is shorter there, and its order 2
    with torch.no_grad():
        best = solve(net(data), times, method="dopri8", rtol=1e-11, atol=1e-12).states["W"]
    assert off(found, best) < 1e-3


@pytest.mark.parametrize("control", [controls.linear, controls.hermite], ids=repr)
@pytest.mark.parametrize("name", STRUCTURED)
def test_rk4_is_torchdiffeq_s(name, control):
    """Both take the very same steps, in states and in gradients."""
    net, data = built(ALL[name], suitable(name), control), some_series(batch=2, time=5, unequal=True)
    begin = {n: 0.3 * s for n, s in random_states(net, 2).items()}
    ours = results(net, data, "knots", begin, method="rk4", steps=2)
    same(ours, results(net, data, "knots", begin, method="rk4", steps=2, backend="torchdiffeq"), 1e-12)
    ours = results(net, data, "knots", begin, method="euler")
    same(ours, results(net, data, "knots", begin, method="euler", backend="torchdiffeq"), 1e-12)


@pytest.mark.parametrize("name, control", [
    (n, c) for n in STRUCTURED for c in CONTROLS if c in (controls.linear, controls.hermite) or n in ("delta", "tanh_delta")
], ids=str)  # fmt: skip
def test_auto_is_a_fine_solution(name, control):
    net, data = built(ALL[name], suitable(name), control), some_series(batch=2, time=4, unequal=True)
    field = net(data)
    with torch.no_grad():
        states = {n: 0.3 * s for n, s in random_states(net, 2).items()}
        best = solve(field, "knots", method="dopri8", initial=states, rtol=1e-11, atol=1e-12)
        found = solve(field, "knots", steps=32, initial=states)
    order = ORDER[found.plan.method]
    bar = {None: 1e-9, 4: 1e-5, 2: 1e-3, 1: 1e-1}[order]
    for state, wanted in zip(found.states.values(), best.states.values(), strict=True):
        assert off(state, wanted) < bar


@pytest.mark.parametrize("name", ["delta", "leaky_delta", "tanh_delta"])
def test_constant_slots_make_a_step_exact(name):
    """Along straight lines whose slope alone is read nothing moves inside an interval."""
    net = built(ALL[name], suited(increments_only(squash=False), ALL[name]))
    data = some_series(batch=2, time=5, unequal=True)
    with torch.no_grad():
        found = solve(net(data), "knots")
        best = solve(net(data), "knots", method="dopri8", rtol=1e-11, atol=1e-12)
    assert found.plan.method == "exact"
    assert off(found.states["W"], best.states["W"]) < 1e-9


def learned() -> Projection:
    """Keys that are learned constants, values from static features, and the rest from the signal."""
    return Projection(
        k=parameter("key"),
        v=linear("feature -> head value", static),
        beta=sigmoid(linear("channel -> head", x)),
        q=linear("channel -> head key", x),
        initial=start(W=linear("feature -> value key", static)),
    )


@pytest.mark.parametrize("rows, kept", [(4096, 2**40), (4, 0)])
@pytest.mark.parametrize("rule", [ALL["delta"], ALL["tanh_delta"], ALL["gated_delta"]], ids=str)
def test_gradients_of_constants_static_features_and_beginnings(cut, rule, rows, kept):
    cut(rows, kept)
    torch.manual_seed(0)
    net = built(rule, learned(), feature=3)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.3 * torch.randn_like(p))
    data, seen = some_series(batch=2, time=7, unequal=True), []
    for backend in ("structured", "torchdiffeq"):
        features = torch.linspace(-1, 1, 6, dtype=torch.float64).view(2, 3).requires_grad_()
        own = replace(data, static=features)
        state = solve(net(own), method="rk4", backend=backend).final["W"]
        weights = torch.linspace(-1, 2, state.numel(), dtype=torch.float64).view_as(state)
        wanted = [features, *(p for n, p in net.named_parameters() if not n.startswith("slow.q"))]
        found = torch.autograd.grad((weights * state).sum(), wanted, allow_unused=True)
        seen.append([state, *(g for g in found if g is not None)])
    same(*seen, 1e-12)
    assert seen[0][1].any(), "static features reach the states"


class Noise(nn.Module):
    """A map that is not the same twice."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.5, self.training)


def test_randomness_of_a_user_s_own_map_is_repeated_in_backward(cut):
    """Where a segment is computed again, its dropout drops the same: the gradient is that of the states returned."""
    noisy = external(Noise(), linear("channel -> key", x), "key")
    net = built(
        delta,
        Projection(k=noisy, v=linear("channel -> head value", x), beta=sigmoid(linear("channel -> head", x)), q=noisy),
    )
    net.train()
    data, found = some_series(batch=2, time=12), []
    for kept in (2**40, 0):
        cut(6, kept)
        torch.manual_seed(5)
        found.append(results(net, data))
    same(found[1], found[0], 1e-12)


def test_one_series_and_none():
    net = small("delta")
    with torch.no_grad():
        one = solve(net(some_series(batch=1, time=2)), "knots")
        assert one.states["W"].shape[1] == 2
        begin = solve(net(some_series(batch=2, time=4)), some_series(batch=2, time=4).times[:, :1])
    assert not begin.final["W"].any()
    assert begin.stats.steps <= 1
