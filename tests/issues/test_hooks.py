"""A hook that torch lets a user register is called, or refused when it is registered."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

import fwp
from fwp import FastWeights, Projection
from fwp.controls import hermite
from fwp.errors import CompositionError
from fwp.fields import external, linear
from fwp.models import Head, Predictor, Recurrent
from fwp.rules import delta, momentum_delta, x

VALUES = torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(1))
METHODS = [("exponential_midpoint", delta), ("rk4", delta), ("dopri5", delta), ("rk4", momentum_delta)]


def with_module() -> Projection:
    return Projection(k=linear("width -> head key", external(nn.Linear(3, 8), x, "width")))


def inside(own: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """All that are meant to be called: what holds others alone is not, as in torch."""
    return ((n, m) for n, m in own.named_modules() if not isinstance(m, nn.ModuleList | nn.ModuleDict))


def called(own: nn.Module, call: Any) -> dict[str, int]:
    """How often each module's hooks fired, before and after its forward."""
    counts = {name: 0 for name, _ in inside(own)}
    handles = []
    for name, module in inside(own):

        def count(*_: object, name: str = name) -> None:
            counts[name] += 1

        handles += [module.register_forward_hook(count), module.register_forward_pre_hook(count)]
    call()
    for handle in handles:
        handle.remove()
    return counts


@pytest.mark.parametrize(("method", "rule"), METHODS)
def test_every_module_of_a_layer_is_called(method: str, rule: Any) -> None:
    own = FastWeights(rule, 3, 8, 2, heads=2, method=method, dropout=0.1)
    counts = called(own, lambda: own(VALUES))
    assert all(counts.values()), counts
    assert counts[""] == counts["nets.0"] == counts["nets.1"] == 2, "once a call"


@pytest.mark.parametrize("backend", ["structured", "torchdiffeq"])
def test_every_module_of_a_net_is_called(backend: Any) -> None:
    net = (delta @ with_module() @ hermite).build(2, width=8)
    series = fwp.series(VALUES[..., :2])
    for call in (
        lambda: fwp.solve(net(series), backend=backend).read(),
        lambda: fwp.solve(net @ hermite(series), backend=backend).read(),
        lambda: fwp.read_along(net(series), backend=backend),
    ):
        counts = called(net, call)
        assert all(counts.values()), counts
        assert counts[""] == 2 and counts["layers.0.slow.steps.k_external"]


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("kind", ["net", "gru", "gru-dt", "gru-d", "ode-rnn"])
def test_every_module_of_a_predictor_is_called(kind: Any, every: bool) -> None:
    inner = (delta @ Projection() @ hermite).build(3, width=8) if kind == "net" else Recurrent(kind).build(3, 8, 2)
    own = Predictor(inner, Head(2, every=every))
    series = fwp.series(VALUES, static=None if kind == "net" else torch.randn(2, 2))
    counts = called(own, lambda: own(series))
    assert all(counts.values()), counts


def test_a_norm_of_a_recurrence_s_weights_is_computed() -> None:
    """As such hooks do it, before each call."""
    own = Recurrent("gru-d").build(3, 8)
    torch.nn.utils.weight_norm(own.unit, "weight_hh")
    for _ in range(2):
        own(fwp.series(VALUES)).sum().backward()
    assert own.unit.weight_hh_v.grad.any()  # pyright: ignore


def test_hooks_of_all_modules() -> None:
    own, found = FastWeights(delta, 3, 8), set()
    handle = register_module_forward_hook(lambda module, _, __: found.add(type(module).__name__))
    own(VALUES)
    handle.remove()
    assert {"FastWeights", "Net", "LayerNet", "SlowNet", "_Linear", "_Activation"} <= found


def test_what_a_hook_gives_is_what_is_used() -> None:
    """Before and after, on a net, on its layer, its slow net and a step of it."""
    own = FastWeights(delta, 3, 8)
    before = own(VALUES)[0]
    net = own.nets[0]
    layer = net.layers[0]
    slow = layer.slow

    def doubled_path(_: nn.Module, given: tuple[Any]) -> tuple[Any]:
        (path,) = given
        return (path.__class__(**{**vars(path), "coefficients": 2 * path.coefficients}),)

    def doubled(_: nn.Module, __: Any, given: Any) -> Any:
        return {name: 2 * slot for name, slot in given.items()} if isinstance(given, dict) else 2 * given

    for register in (
        lambda: net.register_forward_pre_hook(doubled_path),
        lambda: layer.register_forward_hook(doubled),
        lambda: slow.register_forward_hook(doubled),
        lambda: slow.steps["v_linear"].register_forward_hook(doubled),
        lambda: net.register_forward_hook(
            lambda _, __, field: fwp.VectorField(field.net, field.path.to(dtype=field.path.coefficients.dtype)[[1, 0]])
        ),
    ):
        handle = register()
        after = own(VALUES)[0]
        handle.remove()
        assert not torch.equal(after, before)
    assert torch.equal(own(VALUES)[0], before)


def test_backward_hooks() -> None:
    """They are called where there are tensors, and refused where there are none."""
    own, found = FastWeights(delta, 3, 8, projection=with_module()), []
    own.register_full_backward_hook(lambda module, _, __: found.append(module))
    steps = own.nets[0].layers[0].slow.steps
    for step in steps.values():
        step.register_full_backward_hook(lambda module, _, __: found.append(module))
    own(VALUES)[0].sum().backward()
    assert {id(module) for module in found} == {id(own), *map(id, steps.values())}
    for module in (own.nets[0], own.nets[0].layers[0], own.nets[0].layers[0].slow):
        for register in (
            module.register_full_backward_hook,
            module.register_full_backward_pre_hook,
            module.register_backward_hook,
        ):
            with pytest.raises(CompositionError, match="never be called"):
                register(print)
