"""`torch.vmap` of what works on a batch is what a loop gives: states, outputs, gradients for each sample; or it is refused in words.

Where it maps, no number can be asked for: neither to choose, nor to complain of it.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

import fwp
from fwp import controls
from fwp.errors import DataError, SolveError
from fwp.fields import plain
from fwp.rules import ALL, delta, tanh_delta
from fwp.solvers import kernels
from tests.fields.nets import TIMELESS, built, random_states, suitable

DOUBLE = torch.float64
compiler = pytest.mark.skipif(not kernels.available(), reason="no C compiler")
CONTROLS = [
    controls.linear,
    controls.rectilinear,
    controls.hermite,
    controls.natural_cubic,
    controls.log_signature(2, 2),
]
SCANS = [("delta", s) for s in ("sequential", "chunked", "associative")] + [
    pytest.param(name, "fused", marks=compiler)
    for name in ("delta", "leaky_delta", "hebb", "tanh_delta", "softmax_oja")
]


def values(batch: int = 3, time: int = 5) -> Tensor:
    return torch.randn(batch, time, 3, dtype=DOUBLE)


def agrees(function: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """Of one sample: mapped, looped over, and the gradients of both."""

    def total(v: Tensor) -> Tensor:
        return function(v).square().sum()

    looped = torch.stack([function(v) for v in x])
    torch.testing.assert_close(vmap(function)(x), looped, rtol=1e-10, atol=1e-12)
    leaf = x.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(sum((total(v) for v in leaf), torch.zeros(())), leaf)
    assert wanted.abs().max() > 0
    torch.testing.assert_close(vmap(grad(total))(x), wanted, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ALL)
def test_every_rule(name: str) -> None:
    net = built(ALL[name], suitable(name), controls.hermite)
    begin = {n: s / 4 for n, s in random_states(net, 1).items()}

    def end(v: Tensor) -> Tensor:
        found = fwp.solve(net(fwp.series(v[None])), initial=begin).final
        return torch.cat([s.flatten() for s in found.values()])

    agrees(end, values())


@pytest.mark.parametrize("name, scan", SCANS)
def test_every_scan(name: str, scan: str) -> None:
    net = built(ALL[name], suitable(name), controls.hermite)
    agrees(lambda v: fwp.solve(net(fwp.series(v[None])), scan=scan).final["W"][0], values())  # type: ignore[arg-type]


@pytest.mark.parametrize("control", CONTROLS, ids=str)
def test_every_control_and_every_reading(control: controls.Control) -> None:
    net, times = built(delta, plain(), control), 1 + torch.rand(5, dtype=DOUBLE).cumsum(0)
    agrees(lambda v: fwp.read_along(net(fwp.series(v[None], times))), values())
    agrees(lambda v: fwp.solve(net(fwp.series(v[None], times)), times[[1, 3]] - 0.01).read(), values())
    agrees(lambda v: fwp.solve(net(fwp.series(v[None], times, lengths=[4]))).read(), values())


@pytest.mark.parametrize("method", ["euler", "rk4", "magnus4", "commutator_free4", "midpoint", "heun2", "heun3"])
def test_every_method_of_fixed_steps(method: str) -> None:
    net = built(delta, plain(), controls.hermite)
    agrees(lambda v: fwp.solve(net(fwp.series(v[None])), method=method, steps=2).final["W"], values())


@pytest.mark.parametrize("name", ["delta", "gated_delta", "tanh_delta", "softmax_oja", "momentum_delta"])
def test_layers_and_their_states(name: str) -> None:
    layer = fwp.FastWeights(ALL[name], 3, 4, layers=2, dtype=DOUBLE)

    def outputs(v: Tensor) -> Tensor:
        first, state = layer(v[None, :3])
        return torch.cat([first, layer(v[None, 3:], state)[0]], 1)

    agrees(outputs, values())
    missing = torch.rand(5, 3) < 0.7
    agrees(lambda v: layer(v[None], mask=missing[None], lengths=[4])[0], values())


def test_what_is_mapped_may_be_times_lengths_or_missing() -> None:
    layer, x = fwp.FastWeights(delta, 3, 4, dtype=DOUBLE), values()
    times, lengths = torch.rand(3, 5, dtype=DOUBLE).cumsum(1), torch.tensor([3, 5, 4])
    x[1, 2, 0] = torch.nan

    def outputs(v: Tensor, t: Tensor, n: Tensor) -> Tensor:
        return layer(v[None], times=t[None], lengths=n[None])[0][0]

    torch.testing.assert_close(vmap(outputs)(x, times, lengths), layer(x, times=times, lengths=lengths)[0])


@pytest.mark.parametrize("name", ["delta", "tanh_delta"])
@pytest.mark.parametrize("time", [5, pytest.param(2000, marks=compiler)])
def test_gradients_for_each_sample(name: str, time: int) -> None:
    """By parameters, in one pass; at 2,000 steps of tanh_delta through a kernel."""
    layer, x = fwp.FastWeights(ALL[name], 3, 4, dtype=DOUBLE), values(2, time)
    own = {n: p.detach() for n, p in layer.named_parameters()}

    def loss(parameters: dict[str, Tensor], v: Tensor) -> Tensor:
        return functional_call(layer, parameters, (v[None],))[0].square().mean()

    found = vmap(grad(loss), in_dims=(None, 0))(own, x)
    for i, v in enumerate(x):
        layer.zero_grad()
        layer(v[None])[0].square().mean().backward()
        for n, p in layer.named_parameters():
            wanted = torch.zeros_like(p) if p.grad is None else p.grad
            torch.testing.assert_close(found[n][i], wanted, rtol=1e-8, atol=1e-12)


def test_many_nets_at_once() -> None:
    """An ensemble: what is mapped are the parameters."""
    nets = [built(tanh_delta, plain(), TIMELESS) for _ in range(3)]
    series = fwp.series(values(2))
    stacked = {
        n: torch.stack([dict(net.named_parameters())[n].detach() for net in nets])
        for n, _ in nets[0].named_parameters()
    }

    def end(parameters: dict[str, Tensor]) -> Tensor:
        return fwp.solve(functional_call(nets[0], parameters, (series,))).final["W"]

    one_by_one = torch.stack([fwp.solve(net(series)).final["W"] for net in nets])
    torch.testing.assert_close(vmap(end)(stacked), one_by_one, rtol=1e-10, atol=1e-12)


def test_what_cannot_be_is_refused() -> None:
    layer, net, x = fwp.FastWeights(delta, 3, 4, dtype=DOUBLE), built(delta, plain()), values()
    bad, times = x.clone(), torch.rand(3, 5, dtype=DOUBLE).cumsum(1)
    bad[1, 2, 0] = torch.inf
    with pytest.raises(DataError, match="vmap maps over"):
        vmap(lambda v: layer(v[None])[0])(bad)
    with pytest.raises(DataError, match="vmap maps over"):
        vmap(lambda v, t: layer(v[None], times=t[None])[0])(x, -times)
    with pytest.raises(SolveError, match=r"not finite\n.*somewhere in what torch.vmap maps over"):
        vmap(lambda v: fwp.solve(net(fwp.series(1e300 * v[None])), method="euler").final["W"])(x)
    with pytest.raises(SolveError, match="no common knots"):
        vmap(lambda v, t: fwp.solve(net(fwp.series(v[None], t[None])), t[None, 1:3] + 1e-3).final["W"])(x, times)
    with pytest.raises(DataError, match="vmap maps over"):
        vmap(lambda v, t: fwp.solve(net(fwp.series(v[None])), 9 + t).final["W"])(x, times)
    _, state = layer(x[:1])
    with pytest.raises(DataError, match="vmap maps over"):
        vmap(lambda t: layer(x[:1], state, times=t[None])[0])(times)
