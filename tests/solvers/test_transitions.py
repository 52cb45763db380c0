"""Every step is what it is said to be: exact for slots that stand still, of its order for others, textbook for Euler's."""

from functools import cache
from math import log2

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from fwp import controls, series, solve
from fwp.fields import VectorField, plain, suited
from fwp.rules import ALL
from fwp.solvers.discretise import NODES
from tests.fields.nets import built, random_states, some_series
from tests.solvers.cases import AFFINE, CASES, FLOWS, LOW_RANK, Problem, off, problem


def reference(given: Problem) -> Tensor:
    """DOP853 from one step to the next."""
    rate, found = CASES[given.name][1], torch.empty_like(given.states())
    batch, time, heads = found.shape[:3]
    for b in range(batch):
        for h in range(heads):
            state = given.initial[b, h].numpy()
            for t in range(time):
                slots = {n: s[b, t, 0, h].numpy() for n, s in given.slots.items()}

                def flow(_: float, y: np.ndarray, shape=state.shape, slots=slots, own=float(given.length[b, t])):
                    return own * rate(y.reshape(shape), **slots).reshape(-1)

                end = solve_ivp(flow, (0, 1), state.reshape(-1), "DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
                state = end.reshape(state.shape)
                found[b, t, h] = torch.from_numpy(state)
    return found


@pytest.mark.users
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_exact_steps_are_exact(name: str, seed: int) -> None:
    given = problem(name, seed=seed)
    assert off(given.states(), reference(given)) < 1e-12


@pytest.mark.parametrize("name", CASES)
def test_two_steps_are_one_of_their_length(name: str) -> None:
    """Φ_{s+t} = Φ_t ∘ Φ_s, where the slots stand still."""
    for seed in range(4):
        given = problem(name, seed=seed, batch=4, time=2)
        for slot in given.slots.values():
            slot[:, 1] = slot[:, 0]
        lengths = given.length * torch.tensor([[0.1], [1.0], [3.0], [20.0]], dtype=torch.float64)
        both = given.states(lengths)[:, -1]
        lengths = torch.stack([lengths.sum(1), torch.zeros_like(lengths[:, 0])], 1)
        assert off(given.states(lengths)[:, -1], both) < (1e-13 if name in AFFINE else 1e-12)


@pytest.mark.parametrize("name, method", [
    (n, m) for n in CASES for m in NODES if n in AFFINE or m not in ("magnus4", "commutator_free4")
])  # fmt: skip
def test_a_step_without_length_is_the_identity(name: str, method: str) -> None:
    """What pads unequal series changes no bit of a state."""
    given = problem(name, method)
    states = given.states(torch.zeros_like(given.length))
    assert torch.equal(states, given.initial[:, None].expand_as(states))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e-6, 1e-3, 1.0, 1e2, 1e3])
def test_weak_and_strong_keys(name: str, scale: float) -> None:
    """β|k|² from 0 to 10⁶: values and gradients are numbers, and float32's are those of float64."""
    found = []
    for kind in (torch.float32, torch.float64):
        given, rounded = problem(name, scale=scale, dtype=kind), problem(name, scale=scale, dtype=torch.float32)
        for slot, own in zip(given.slots.values(), rounded.slots.values(), strict=True):
            slot.copy_(own).requires_grad_()
        given.initial.copy_(rounded.initial)
        states = given.states()
        slopes = torch.autograd.grad((states * states.detach().sign()).sum(), list(given.slots.values()))
        assert all(value.isfinite().all() for value in (states, *slopes))
        found.append(states)
    assert off(*found) < 1e-5


ORDER = {"euler": 1, "exponential_midpoint": 2, "magnus4": 4, "commutator_free4": 4, "rk4": 4}


DOUBLE = torch.float64
GRIDS = {1: (64, 128, 256), 2: (32, 64, 128), 4: (8, 16, 32, 64, 128)}


@cache
def smooth(name: str) -> tuple[VectorField, dict[str, Tensor], Tensor]:
    """A rule along natural cubic paths, states to begin with, and where it ends by dopri8."""
    rule = CASES[name][0]
    torch.manual_seed(0)
    field = built(rule, suited(plain(), rule), controls.natural_cubic, key=3, value=2)(some_series(batch=2, time=4))
    states = random_states(field.net, 2)
    with torch.no_grad():
        best = solve(field, method="dopri8", initial=states, rtol=1e-12, atol=1e-13)
    return field, states, best.final["W"]


def order(name: str, method: str) -> float:
    """As observed between the two finest grids whose errors are above round-off."""
    field, states, best = smooth(name)
    errors: list[float] = []
    with torch.no_grad():
        for steps in GRIDS[ORDER[method]]:
            errors.append(off(solve(field, method=method, steps=steps, initial=states).final["W"], best))
            if errors[-1] < 3e-11:
                break
    above = [e for e in errors if e > 3e-12]
    return log2(above[-2] / above[-1])


@pytest.mark.parametrize("method", ORDER)
@pytest.mark.parametrize("name", ["delta", "oja", "leaky_delta", "two_deltas", "two_leaky_deltas", "gated_delta", "leaky_hebb",
                                  "erase_write"])  # fmt: skip
def test_orders_of_affine_rules(name: str, method: str) -> None:
    assert abs(order(name, method) - ORDER[method]) < 0.1


@pytest.mark.parametrize("method", ["euler", "exponential_midpoint", "rk4"])
@pytest.mark.parametrize("name", FLOWS)
def test_orders_of_read_outs(name: str, method: str) -> None:
    assert abs(order(name, method) - ORDER[method]) < 0.1


def euler(name: str) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """The slots of head 1 with a length of one, its first state, and its states after every step of Euler's."""
    given = problem(name, "euler", time=6)
    one = torch.ones_like(given.length)
    return {n: s[:, :, 0, 1] for n, s in given.slots.items()}, given.initial[:, 1], given.states(one)[:, :, 1]


def test_euler_on_hebb_is_the_linear_transformer() -> None:
    """S_t = S_{t−1} + β v kᵀ (Katharopoulos et al., 2020)."""
    s, S, states = euler("hebb")
    for t in range(6):
        S = S + s["beta"][:, t, None, None] * s["v"][:, t, :, None] * s["k"][:, t, None, :]
        assert off(states[:, t], S) < 1e-14


def test_euler_on_delta_is_deltanet() -> None:
    """S_t = S_{t−1} (I − β k kᵀ) + β v kᵀ (Schlag, Irie, Schmidhuber, 2021)."""
    s, S, states = euler("delta")
    for t in range(6):
        b, k, v = s["beta"][:, t, None, None], s["k"][:, t], s["v"][:, t]
        S = S @ (torch.eye(5).double() - b * k[:, :, None] * k[:, None, :]) + b * v[:, :, None] * k[:, None, :]
        assert off(states[:, t], S) < 1e-13


def test_euler_on_oja_is_oja_s_own_recurrence() -> None:
    """W_t = W_{t−1} + η y (x − Wᵀ_{t−1} y)ᵀ, with y the value and x the key."""
    s, S, states = euler("oja")
    for t in range(6):
        y, x = s["v"][:, t], s["k"][:, t]
        S = S + s["beta"][:, t, None, None] * y[:, :, None] * (x - torch.einsum("bvk,bv->bk", S, y))[:, None, :]
        assert off(states[:, t], S) < 1e-13


def test_euler_on_a_leaky_delta_is_gated_delta() -> None:
    """S_t = S_{t−1} (α I − β k kᵀ) + β v kᵀ with α = 1 − γ, which may be negative."""
    s, S, states = euler("leaky_delta")
    for t in range(6):
        b, g, k, v = s["beta"][:, t, None, None], s["gamma"][:, t, None, None], s["k"][:, t], s["v"][:, t]
        S = (
            S @ ((1 - g) * torch.eye(5).double() - b * k[:, :, None] * k[:, None, :])
            + b * v[:, :, None] * k[:, None, :]
        )
        assert off(states[:, t], S) < 1e-13


@pytest.mark.parametrize("name", LOW_RANK)
def test_methods_agree_where_nothing_moves(name: str) -> None:
    """With the same slots at every node, midpoint, Magnus and commutator-free steps are the exact step."""
    exact = problem(name)
    for method in ("exponential_midpoint", "magnus4", "commutator_free4"):
        given = problem(name, method)
        for slot, own in given.slots.items():
            own.copy_(exact.slots[slot].expand_as(own))
        given.length.copy_(exact.length)
        given.initial.copy_(exact.initial)
        assert off(given.states(), exact.states()) < 1e-13


@pytest.mark.parametrize("name", ["delta", "oja", "leaky_delta"])  # symmetric generators: others may truly explode
@pytest.mark.parametrize("apart", [0.0, 1e-3, 0.1, 1.0])
@pytest.mark.parametrize("scale, bar", [(1.0, 1e-6), (10.0, 1e-5), (100.0, 1e-4)])
def test_magnus_with_strong_rates_in_single_precision(name: str, apart: float, scale: float, bar: float) -> None:
    """Nodes that hardly differ, times rates of up to 10⁴, are no difference of large numbers."""
    found = []
    for kind in (torch.float32, torch.float64):
        given = problem(name, "magnus4", scale=scale, dtype=kind)
        rounded = problem(name, "magnus4", scale=scale, dtype=torch.float32)
        for slot, own in zip(given.slots.values(), rounded.slots.values(), strict=True):
            own[:, :, 1] = own[:, :, 0] + apart * (own[:, :, 1] - own[:, :, 0])
            slot.copy_(own)
        given.initial.copy_(rounded.initial)
        found.append(given.states())
        assert found[-1].isfinite().all()
    assert off(*found) < bar  # what φ₁ of 2 × 2 matrices of such a norm keeps


@pytest.mark.users
def test_keys_that_grow_with_time_in_single_precision() -> None:
    """The default plan along the default control, whose time is a channel: at t = 1000 one step contracts by e^−10⁵."""
    torch.manual_seed(0)
    net = (ALL["delta"] @ plain() @ controls.linear).build(channels=3, width=16, heads=2, key=8, value=8)
    same = (ALL["delta"] @ plain() @ controls.linear).build(
        channels=3, width=16, heads=2, key=8, value=8, dtype=torch.float64
    )
    same.load_state_dict(net.state_dict())
    values = torch.randn(1, 1001, 3)
    with torch.no_grad():
        ours, exact = (solve(n(series(values.to(k)))).final["W"] for n, k in ((net, torch.float32), (same, DOUBLE)))
    assert off(ours, exact) < 1e-3
