"""Rates at the start: from forgetting at once to remembering the whole series."""

import pytest
import torch

from fwp.controls import linear
from fwp.data import series
from fwp.fields import Net, direct, keys_from_increments, spread_rates
from fwp.rules import Rule, W, beta, delta, k, leaky_delta, v
from fwp.solvers import solve


def biases(net: Net) -> torch.Tensor:
    return net.get_parameter("layers.0.slow.steps.beta_linear.bias")


def test_rates_fall_evenly_from_fast_to_one_over_the_memory() -> None:
    net = (delta @ direct() @ linear).build(3, width=32, heads=8)
    spread_rates(net, 400)
    rates = biases(net).sigmoid().detach()
    assert rates[0] == pytest.approx(0.95, abs=1e-6) and rates[-1] == pytest.approx(4 / 400, rel=1e-4)
    ratios = rates[1:] / rates[:-1]
    assert torch.allclose(ratios, ratios.mean(), rtol=1e-4)


def test_a_memory_shorter_than_the_fastest_heads_leaves_all_fast() -> None:
    net = (delta @ direct() @ linear).build(3, width=32, heads=8)
    spread_rates(net, 2)
    assert torch.allclose(biases(net).sigmoid().detach(), torch.full((8,), 0.95))


def test_nothing_else_is_touched() -> None:
    net = (leaky_delta @ keys_from_increments() @ linear).build(3, width=32, heads=8)
    before = {name: value.clone() for name, value in net.named_parameters()}
    spread_rates(net, 100)
    changed = [name for name, value in net.named_parameters() if not torch.equal(value, before[name])]
    assert changed == ["layers.0.slow.steps.beta_linear.bias"]


fading = Rule(beta * (v * k - W))


def test_the_slow_heads_remember_the_beginning_of_a_long_series() -> None:
    torch.manual_seed(0)
    net = (fading @ direct() @ linear).build(2, width=32, heads=8, dtype=torch.float64)
    values = torch.randn(1, 400, 2, dtype=torch.float64)
    other = values.clone()
    other[:, :5] += 1

    @torch.no_grad()
    def remembered() -> torch.Tensor:
        first, second = (solve(net(series(own))).final["W"] for own in (values, other))
        return (first - second).abs().amax((0, 2, 3))

    assert remembered().max() < 1e-12  # at the usual start no head knows the beginning
    spread_rates(net, 400)
    after = remembered()
    assert after[-1] > 1e-8 > 1e-12 > after[0]
