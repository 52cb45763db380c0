"""A compiled or exported layer is the layer: one graph for every batch and length, whatever the rule."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.export import Dim
from torch.nn.utils.parametrizations import weight_norm

import fwp
from fwp.errors import CompositionError
from fwp.fields import external, linear
from fwp.models.stream import State
from fwp.models.stretch import traced_through
from fwp.rules import ALL, x

RULES = ["delta", "momentum_delta"]
"""Solved by its own steps, and through torchdiffeq."""


def layer(name: str = "delta", **more: object) -> fwp.FastWeights:
    torch.manual_seed(0)
    return fwp.FastWeights(ALL[name], 3, 8, heads=2, **{"layers": 2, **more})  # pyright: ignore[reportArgumentType]


def flat(state: State) -> list[Tensor]:
    return [*(w for own in state.weights for w in own.values()), *state.knots, state.times]


def same(a: tuple[Tensor, State], b: tuple[Tensor, State]) -> bool:
    pairs = zip([a[0], *flat(State(*a[1]))], [b[0], *flat(b[1])], strict=True)
    return all(p.dtype == q.dtype and torch.allclose(p, q, atol=1e-6) for p, q in pairs)


def gradients(of: Tensor, own: fwp.FastWeights) -> list[Tensor]:
    found = torch.autograd.grad(of.square().sum(), list(own.parameters()), allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, own.parameters(), strict=True)]


@pytest.mark.parametrize("name", RULES)
def test_a_compiled_layer_takes_every_batch_and_length(name: str) -> None:
    """Torch gives up at the ninth graph of one function; here are twelve lengths and five batches, with and without a state."""
    torch._dynamo.reset()
    own = layer(name)
    compiled = torch.compile(own, fullgraph=True, backend="aot_eager")
    for n in range(12):
        values = 0.3 * torch.randn(2 + n % 5, 3 + n, 3)
        outputs, state = compiled(values)
        expected, left = own(values)
        assert same((outputs, state), (expected, left))
        assert all(
            torch.allclose(a, b, atol=1e-5)
            for a, b in zip(gradients(outputs, own), gradients(expected, own), strict=True)
        )
        assert same(compiled(values, state), own(values, left))


@pytest.mark.parametrize("name", [*RULES, "tanh_delta", "oja_subspace"])
@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_layer_is_stored_with_any_batch_and_length(name: str, strict: bool, tmp_path: Path) -> None:
    own = layer(name).eval()
    values = 0.3 * torch.randn(4, 12, 3)
    dynamic = {"values": {0: Dim("batch"), 1: Dim("time")}}
    torch.export.save(
        torch.export.export(own, (values,), dynamic_shapes=dynamic, strict=strict), tmp_path / "layer.pt2"
    )
    stored = torch.export.load(tmp_path / "layer.pt2").module()
    for shape in ((7, 31, 3), (2, 5, 3), (4, 12, 3)):
        other = 0.3 * torch.randn(*shape)
        assert same(stored(other), own(other))


def test_an_exported_stream_goes_on(tmp_path: Path) -> None:
    own = layer().eval()
    values = torch.randn(4, 12, 3)
    _, state = own(values)
    state = State(*torch.utils._pytree.tree_map(lambda t: t.detach(), tuple(state)))
    program = torch.export.export(own, (values, state), strict=False)
    assert same(program.module()(values, state), own(values, state))


def test_what_was_exported_runs_in_another_process(tmp_path: Path) -> None:
    own = layer().eval()
    values = torch.randn(2, 9, 3)
    dynamic = {"values": {0: Dim("batch"), 1: Dim("time")}}
    torch.export.save(torch.export.export(own, (values,), dynamic_shapes=dynamic), tmp_path / "layer.pt2")
    torch.save({"values": values, "outputs": own(values)[0].detach()}, tmp_path / "expected.pt")
    code = (
        "import torch, fwp; own = torch.load('expected.pt'); "
        "found = torch.export.load('layer.pt2').module()(own['values'])[0]; "
        "assert torch.allclose(found, own['outputs'], atol=1e-6)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_half_precision_in_a_compiled_layer() -> None:
    torch._dynamo.reset()
    own, values = layer(dtype=torch.bfloat16), torch.randn(2, 40, 3).bfloat16()
    outputs, state = torch.compile(own, fullgraph=True, backend="aot_eager")(values)
    assert outputs.dtype == torch.bfloat16 and same((outputs, state), own(values))


def test_missing_values_lengths_times_and_features_in_a_compiled_layer() -> None:
    torch._dynamo.reset()
    projection = fwp.Projection(beta=fwp.fields.sigmoid(linear("feature -> head", fwp.fields.static)))
    own = layer(projection=projection, layers=1, feature=2)
    values = torch.randn(4, 9, 3)
    values[0, 3, 1] = torch.nan
    given = {
        "times": torch.rand(4, 9, dtype=torch.float64).cumsum(1),
        "mask": torch.rand(4, 9, 3) > 0.3,
        "lengths": torch.tensor([9, 3, 1, 7]),
        "static": torch.randn(4, 2),
    }
    compiled = torch.compile(own, fullgraph=True, backend="aot_eager")
    assert same(compiled(values, **given), own(values, **given))


def test_a_layer_that_somebody_changed_is_compiled_as_it_is_now() -> None:
    """A norm on a weight, or a hook: what no description of the model knows."""
    torch._dynamo.reset()
    own, values = layer(layers=1), torch.randn(2, 9, 3)
    step = own.nets[0].layers[0].slow.steps["encoder_linear"]  # pyright: ignore[reportIndexIssue,reportAttributeAccessIssue]
    step.register_forward_hook(lambda module, given, found: 2 * found)
    assert same(torch.compile(own, backend="aot_eager")(values), own(values))
    weight_norm(step)
    assert same(torch.compile(own, backend="aot_eager")(values), own(values))


def test_a_module_of_the_users_own_in_a_compiled_layer() -> None:
    torch._dynamo.reset()
    module = torch.nn.Linear(3, 4)
    own = layer(layers=1, projection=fwp.Projection(k=external(module, x, "key")))
    values = torch.randn(2, 9, 3)
    assert same(torch.compile(own, backend="aot_eager")(values), own(values))


def test_the_operator_keeps_torchs_own_rules() -> None:
    own = layer(layers=1)
    net, description = own.nets[0], own.described[0]
    assert description is not None
    new = fwp.series(torch.randn(2, 9, 3))
    seen: list[tuple[object, ...]] = []

    class Recorder(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if func is torch.ops.fwp.stretch.default:
                seen.append(args)
            return func(*args, **(kwargs or {}))

    with Recorder():
        traced_through(net, description.text, new, None, None)  # pyright: ignore[reportArgumentType]
    (arguments,) = seen
    torch.library.opcheck(torch.ops.fwp.stretch.default, arguments)


def test_onnx_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    with pytest.raises(CompositionError, match=r"torch\.export"):
        layer()(torch.randn(2, 9, 3))
