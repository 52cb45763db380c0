"""Euler's method from knot to knot is the rule in discrete time: the textbook recurrences, written out."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fwp import Rule, solve
from fwp.rules import ALL, delta, dx, hebb, oja, x
from fwp.terms import Slot, unit
from fwp.testing.flows import constant_path
from tests.fields.nets import by_hand, close, some_series

SIZES = {"key": 5, "value": 4}
seeds = st.integers(0, 2**32 - 1)


def drawn(channels: int, seed: int, steps: int = 6) -> Tensor:
    """Slots that stand still between knots one apart: (batch step channel)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, steps, channels, generator=generator, dtype=torch.float64)


def solved(rule: Rule, seed: int):
    """The slots by name, and the states before and after each step by Euler's method."""
    net, where = by_hand(rule, SIZES)
    values = drawn(net.sizes["channel"], seed)
    path = constant_path(values, torch.ones(3, 6, dtype=torch.float64))
    with torch.no_grad():
        found = solve(net @ path, "knots", method="euler")
    slots = {name: values[..., chosen] for name, chosen in where.items()}
    slots["beta"] = slots["beta"][..., 0].sigmoid()
    return slots, found.states["W"][:, :, 0], found.read()[:, :, 0]


@pytest.mark.users
@given(seeds)
def test_hebb_is_the_linear_transformer(seed):
    """S_n = S_{n−1} + β v kᵀ, y_n = S_n q_n: a causal attention without softmax."""
    s, W, read = solved(hebb, seed)
    S = torch.zeros(3, 4, 5, dtype=torch.float64)
    for n in range(6):
        S = S + s["beta"][:, n, None, None] * s["v"][:, n, :, None] * s["k"][:, n, None, :]
        assert close(W[:, n + 1], S, 1e-14)
        attention = (s["k"][:, : n + 1] @ s["q"][:, n, :, None])[..., 0] * s["beta"][:, : n + 1]
        assert close(read[:, n + 1], torch.einsum("bi,biv->bv", attention, s["v"][:, : n + 1]), 1e-13)


@given(seeds)
def test_delta_is_deltanet(seed):
    """S_n = S_{n−1}(I − β k kᵀ) + β v kᵀ (Schlag, Irie, Schmidhuber, 2021)."""
    s, W, read = solved(delta, seed)
    S, eye = torch.zeros(3, 4, 5, dtype=torch.float64), torch.eye(5, dtype=torch.float64)
    for n in range(6):
        b, k, v = s["beta"][:, n, None, None], s["k"][:, n], s["v"][:, n]
        S = S @ (eye - b * k[:, :, None] * k[:, None, :]) + b * v[:, :, None] * k[:, None, :]
        assert close(W[:, n + 1], S, 1e-12)
        assert close(read[:, n + 1], torch.einsum("bvk,bk->bv", S, s["q"][:, n]), 1e-12)


@given(seeds)
def test_oja_is_the_paper_s_equation_13(seed):
    """W_n = W_{n−1} + η y ⊗ (x − Wᵀ_{n−1} y), with y the value and x the key."""
    s, W, _ = solved(oja, seed)
    S = torch.zeros(3, 4, 5, dtype=torch.float64)
    for n in range(6):
        y, x_ = s["v"][:, n], s["k"][:, n]
        S = S + s["beta"][:, n, None, None] * y[:, :, None] * (x_ - torch.einsum("bvk,bv->bk", S, y))[:, None, :]
        assert close(W[:, n + 1], S, 1e-11)


@given(seeds)
def test_a_rate_of_one_overwrites_a_key(seed):
    """Delta with β = 1 and a unit key recalls its value at once, whatever was there."""
    one = Slot("one", domain=unit)
    net, where = by_hand(Rule(one * delta.rate), SIZES)
    values = drawn(net.sizes["channel"], seed)
    values[..., where["one"]], values[..., where["beta"]] = 60.0, 60.0  # σ is 1 there
    k = torch.nn.functional.normalize(values[..., where["k"]], dim=-1)
    values[..., where["k"]] = k
    path = constant_path(values, torch.ones(3, 6, dtype=torch.float64))
    W = solve(net @ path, "knots", method="euler").states["W"][:, :, 0]
    recalled = torch.einsum("bnvk,bnk->bnv", W[:, 1:], k)
    assert close(recalled, values[..., where["v"]], 1e-12)


@given(st.sampled_from(["hebb", "delta", "oja", "tanh_delta", "softmax_oja", "leaky_delta", "oja_subspace"]), seeds)
def test_euler_on_any_rule_adds_its_rate_times_the_step(name, seed):
    """On irregular times, with slots from a line's slope, which stands still between knots."""
    net, _ = by_hand(ALL[name], SIZES, source=dx)
    data = some_series(channel=net.sizes["channel"], seed=seed)
    field = net(data)
    with torch.no_grad():
        found = solve(field, "knots", method="euler", backend="torchdiffeq").states["W"]
        W = field.initial()["W"]
        for n, h in enumerate(data.times.diff(dim=1).T):
            W = W + h[:, None, None, None] * field.at(n, 0.0)({"W": W})["W"]
            assert torch.equal(found[:, n + 1], W)
    assert x.name == "x"


def test_several_euler_steps_are_several_steps():
    net, where = by_hand(delta, SIZES)
    values = drawn(net.sizes["channel"], 0, steps=1)
    path = constant_path(values, torch.full((3, 1), 1.5, dtype=torch.float64))
    with torch.no_grad():
        found = solve(net @ path, method="euler", steps=3).final["W"]
        W = torch.zeros_like(found)
        for _ in range(3):
            W = W + 0.5 * (net @ path).at(0, 0.0)({"W": W})["W"]
    assert close(found, W, 1e-14) and set(where) == {"beta", "v", "k", "q"}
