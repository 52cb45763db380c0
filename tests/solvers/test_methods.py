"""Every method of torchdiffeq reaches the solution, at the order it claims, and says what that took."""

import sys
from math import log2

import pytest
import torch
import torchdiffeq

from fwp import controls, solve
from fwp.controls import Control, Kind
from fwp.fields import direct, first_write, keys_from_increments
from fwp.rules import bcm, delta, hebb, softmax_oja, tanh_delta
from fwp.solvers import METHODS
from fwp.solvers.torchdiffeq import Family
from tests.fields.nets import built, by_hand, close, random_states, some_series
from tests.solvers.reference import choices, exact

SMOOTH = Control(Kind.HERMITE)


def of(*families: Family) -> list[str]:
    return [name for name, family in METHODS.items() if family in families]


def test_all_of_torchdiffeq_s_methods_are_there():
    assert set(METHODS) == set(sys.modules[torchdiffeq.odeint.__module__].SOLVERS)


@pytest.fixture(scope="module")
def problem():
    """tanh-Delta along a Hermite path: not linear, not autonomous, and another path on each interval."""
    torch.manual_seed(0)
    net = built(tanh_delta, direct(squash=False), SMOOTH, key=3, value=2)
    field = net(some_series(batch=2, time=4, unequal=True))
    states = random_states(net, 2)
    return field, states, exact(field, states, "tanh_delta")["W"]


# Method → steps between knots for the bar beside it: of fixed steps, what its order makes of them.
TIGHT = {
    "euler": (200, 2e-2), "midpoint": (40, 5e-4), "heun2": (40, 5e-4), "heun3": (30, 1e-5), "rk4": (30, 1e-7),
    "explicit_adams": (60, 1e-5), "implicit_adams": (30, 1e-5), "fixed_adams": (30, 1e-5),
    "fehlberg2": (1, 1e-5), "adaptive_heun": (1, 1e-5), "bosh3": (1, 1e-6),
    "dopri5": (1, 1e-8), "dopri8": (1, 1e-8), "scipy_solver": (1, 1e-6),
}  # fmt: skip
LOOSE = {"adaptive_heun": 1e-6, "fehlberg2": 1e-8, "bosh3": 1e-7}


@pytest.mark.users
@pytest.mark.parametrize("method", METHODS)
def test_every_method_reaches_the_solution(problem, method):
    field, states, reference = problem
    steps, bar = TIGHT[method]
    rtol = LOOSE.get(method, 1e-10)
    with torch.no_grad():
        solution = solve(field, "knots", initial=states, **choices(method, steps, rtol))
    assert close(solution.states["W"], reference, bar)


@pytest.mark.parametrize("method", [m for m in METHODS if m != "euler"])
def test_the_adjoint_s_states_are_those_of_the_method(problem, method):
    """`gradient` chooses how to differentiate; the solution is that of the method, to its own accuracy."""
    field, states, reference = problem
    steps, bar = TIGHT[method]
    rtol = LOOSE.get(method, 1e-10)
    with torch.no_grad():
        solution = solve(field, "knots", initial=states, gradient="adjoint", **choices(method, steps, rtol))
    assert close(solution.states["W"], reference, bar)


ORDERS = {"euler": (1, (16, 32, 64)), "midpoint": (2, (16, 32, 64)), "heun2": (2, (16, 32, 64)),
          "heun3": (3, (8, 16, 32)), "rk4": (4, (8, 16, 32))}  # fmt: skip


@pytest.mark.parametrize("method", ORDERS)
def test_the_order_of_fixed_steps(problem, method):
    field, states, reference = problem
    order, grids = ORDERS[method]
    with torch.no_grad():
        errors = [
            float((solve(field, method=method, steps=n, initial=states).final["W"] - reference[:, -1]).abs().max())
            for n in grids
        ]
    assert errors[-1] > 1e-13, "below round-off an order means nothing"
    observed = log2(errors[-2] / errors[-1])
    assert abs(observed - order) < 0.1, errors


@pytest.mark.parametrize("rule, projection", [
    (delta, keys_from_increments()), (softmax_oja, direct()), (hebb, direct()), (bcm, direct().restricted(bcm)),
], ids="delta softmax_oja hebb bcm".split())  # fmt: skip
@pytest.mark.parametrize("control", [controls.linear, controls.rectilinear, controls.natural_cubic], ids=repr)
def test_rules_and_controls_against_the_reference(rule, projection, control):
    net = built(rule, projection, control, key=3, value=2)
    field = net(some_series(batch=2, time=3, unequal=True, missing=0.3))
    states = {n: 0.5 * s for n, s in random_states(net, 2).items()}
    with torch.no_grad():
        solution = solve(field, "knots", method="dopri8", initial=states, rtol=1e-11, atol=1e-12)
    for name, reference in exact(field, states, rule.name).items():
        assert close(solution.states[name], reference, 1e-8)


def test_euler_takes_one_step_from_knot_to_knot():
    net, _ = by_hand(hebb, {"key": 2, "value": 3})
    field = net(some_series(channel=net.sizes["channel"]))
    stats = solve(field, method="euler").stats
    assert (stats.method, stats.gradient) == ("euler", "exact")
    assert (stats.evaluations, stats.steps, stats.rejected) == (5, 5, 0)


@pytest.mark.parametrize("gradient", ["exact", "adjoint"])
@pytest.mark.parametrize("method, each", [("euler", 1), ("midpoint", 2), ("heun2", 2), ("heun3", 3), ("rk4", 4)])
@pytest.mark.parametrize("knots, steps", [(2, 1), (6, 3), (66, 1)])
def test_fixed_steps_are_counted(method, each, steps, gradient, knots):
    net, _ = by_hand(hebb, {"key": 2, "value": 3})
    field = net(some_series(batch=1, time=knots, channel=net.sizes["channel"]))
    with torch.no_grad():
        stats = solve(field, method=method, steps=steps, gradient=gradient).stats
    assert stats.steps == (knots - 1) * steps and stats.evaluations == each * stats.steps
    assert stats.gradient == gradient and stats.rejected == 0


@pytest.mark.parametrize("method", of(Family.ADAPTIVE))
def test_adaptive_steps_are_counted(problem, method):
    field, states, _ = problem
    seen = []
    with torch.no_grad():
        for rtol in (1e-3, 1e-6):
            stats = solve(field, method=method, initial=states, rtol=rtol, atol=rtol).stats
            assert stats.steps >= field.path.intervals + stats.rejected and stats.evaluations > stats.steps
            seen.append(stats.steps)
    assert seen[1] > seen[0]


def test_a_rejected_step_is_counted():
    """Keys that grow four hundredfold inside an interval: the step that fitted at its beginning does not fit later."""
    net, _ = by_hand(delta, {"key": 2, "value": 2})
    data = some_series(batch=1, time=3, channel=net.sizes["channel"])
    data.values[:, 1] *= 400
    stats = solve(net(data), method="dopri5", rtol=1e-8, atol=1e-8).stats
    assert 0 < stats.rejected < stats.steps


def test_scipy_counts_its_evaluations(problem):
    field, states, _ = problem
    with torch.no_grad():
        assert solve(field, method="scipy_solver", initial=states).stats.evaluations > 6


def test_where_a_solution_begins():
    net = built(delta, direct(initial=first_write()))
    field = net(some_series())
    assert torch.equal(solve(field, "knots").states["W"][:, 0], field.initial()["W"])
    states = random_states(net, 3)
    assert torch.equal(solve(field, "knots", initial=states).states["W"][:, 0], states["W"])
