"""Half precision is a matter of the caller's: inside, everything is computed in float32, under autocast and without."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

import fwp
from fwp.controls import hermite
from fwp.fields import Net, direct, linear, plain, suited
from fwp.models.predictor import Head, Predictor
from fwp.rules import ALL, W, k, v, x
from fwp.rules.rule import Rule
from fwp.rules.system import System

HALVES = (torch.bfloat16, torch.float16)
RULES = ("hebb", "delta", "tanh_delta", "softmax_oja", "oja_subspace", "momentum_delta")
"""Steps by each scan, by Runge–Kutta, and through torchdiffeq."""


def built(rule: Rule | System, **more: torch.dtype) -> Net:
    torch.manual_seed(1)
    return (rule @ suited(direct(), rule) @ hermite).build(channels=3, width=8, heads=2, **more)


def rounded(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The module in float32, with the numbers that it has in the other type."""
    return copy.deepcopy(module).to(dtype).float()


@contextmanager
def by_default(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("length", [20, 150])
def test_a_layer_of_half_precision_is_the_layer_in_full_rounded_at_the_end(
    name: str, dtype: torch.dtype, length: int
) -> None:
    half = fwp.FastWeights(ALL[name], 3, 8, layers=2, heads=2, dtype=dtype)
    full = rounded(half, dtype)
    values = (torch.randn(2, length, 3) * 0.2).to(dtype)
    outputs, state = half(values)
    expected, left = full(values.float())
    assert outputs.dtype == dtype and torch.equal(outputs, expected.to(dtype))
    assert all(torch.equal(a[n], b[n]) for a, b in zip(state.weights, left.weights, strict=True) for n in a)
    outputs.float().square().sum().backward()
    expected.to(dtype).float().square().sum().backward()
    for (name, mine), theirs in zip(half.named_parameters(), full.parameters(), strict=True):
        if theirs.grad is not None:
            assert mine.grad is not None and torch.equal(mine.grad, theirs.grad.to(dtype)), name


@pytest.mark.parametrize("dtype", HALVES)
def test_a_stream_in_half_precision_is_one_call_on_the_whole(dtype: torch.dtype) -> None:
    layer = fwp.FastWeights(ALL["delta"], 3, 8, layers=2, dtype=dtype)
    values = torch.randn(2, 200, 3).to(dtype)
    whole, _ = layer(values)
    first, state = layer(values[:, :77])
    rest, _ = layer(values[:, 77:], state)
    torch.testing.assert_close(
        torch.cat([first, rest], 1), whole, rtol=2e-3 if dtype is torch.float16 else 1e-2, atol=1e-3
    )


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", RULES)
def test_a_net_of_half_precision_is_solved_in_full(name: str, dtype: torch.dtype) -> None:
    net = built(ALL[name], dtype=dtype)
    full = rounded(net, dtype)
    series = fwp.series((torch.randn(2, 40, 3) * 0.2).to(dtype), static=None)
    half, whole = fwp.solve(net(series)), fwp.solve(full(series.to(dtype=torch.float32)))
    assert half.read().dtype == dtype and torch.equal(half.read(), whole.read().to(dtype))
    assert all(torch.equal(state, whole.final[name]) for name, state in half.final.items())
    along = fwp.read_along(net(series))
    assert along.dtype == dtype
    assert torch.equal(along, fwp.read_along(full(series.to(dtype=torch.float32))).to(dtype))
    again = fwp.solve(net(series), initial=half.final)  # what one solution ended with, another begins with
    assert all(state.dtype == torch.float32 and bool(state.isfinite().all()) for state in again.final.values())
    rates = net(series)(2.5)({name: state.to(dtype) for name, state in half.final.items()})
    assert all(bool(rate.isfinite().all()) for rate in rates.values())


def test_a_path_that_was_fitted_ahead_is_followed_by_a_net_of_half_precision() -> None:
    series = fwp.series(torch.randn(2, 40, 3).bfloat16())
    net = built(ALL["delta"], dtype=torch.bfloat16)
    path = hermite(series)
    assert path.coefficients.dtype == torch.float32  # of which the times, too, are in full
    assert torch.equal(fwp.solve(net @ path).read(), fwp.solve(net(series)).read())
    assert fwp.solve(net @ path).read().dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", RULES)
def test_autocast_changes_nothing_inside(name: str, dtype: torch.dtype) -> None:
    rule = ALL[name]
    net, layer = built(rule), fwp.FastWeights(rule, 3, 8, layers=2)
    values = torch.randn(2, 40, 3) * 0.2
    series = fwp.series(values)
    observables = [fwp.Observable("size", rule.of @ rule.of, integral=True)] if isinstance(rule, Rule) else []

    def everything() -> list[Tensor]:
        field = net(series)
        solution = fwp.solve(field)
        found = [solution.read(), *solution.final.values(), fwp.read_along(field), layer(values)[0]]
        found += [*field(2.5)(field.initial()).values(), field(2.5).read(field.initial()), *field.initial().values()]
        return found + [fwp.observe(field, observables)[own.name] for own in observables]

    expected = everything()
    with torch.autocast("cpu", dtype):
        found = everything()
    assert all(a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("dtype", HALVES)
def test_under_autocast_halves_may_come_in_and_come_out(dtype: torch.dtype) -> None:
    layer, net = fwp.FastWeights(ALL["delta"], 3, 8), built(ALL["delta"])
    with torch.autocast("cpu", dtype):
        values = nn.Linear(3, 3)(torch.randn(2, 40, 3))
        outputs, _ = layer(values)
        reading = fwp.solve(net(fwp.series(values))).read()
    assert values.dtype == outputs.dtype == reading.dtype == dtype
    assert torch.equal(outputs, layer(values.float())[0].to(dtype))
    outputs.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in layer.parameters())


@pytest.mark.parametrize("gradient", ["exact", "adjoint"])
def test_the_adjoint_under_autocast(gradient: str) -> None:
    net, series = built(ALL["oja_subspace"]), fwp.series(torch.randn(2, 12, 3) * 0.2)

    def loss() -> Tensor:
        return fwp.solve(net(series), gradient=gradient).read().square().sum()  # pyright: ignore[reportArgumentType]

    def gradients(of: Tensor) -> list[Tensor]:
        return [g for g in torch.autograd.grad(of, list(net.parameters()), allow_unused=True) if g is not None]

    expected = gradients(loss())
    with torch.autocast("cpu", torch.bfloat16):
        own = loss()
    found = gradients(own)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("dtype", HALVES)
def test_the_users_own_module_and_learned_constants_in_half_precision(dtype: torch.dtype) -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Tanh())
    decay = fwp.Slot("decay", "key")
    rule = Rule(v * k - W * decay)
    projection = fwp.Projection(
        k=fwp.fields.external(module, x, "key"),
        v=linear("channel -> value", x),
        decay=fwp.fields.sigmoid(fwp.fields.parameter("key")),
    )
    net = (rule @ projection @ hermite).build(channels=3, width=8, dtype=dtype)
    series = fwp.series(torch.randn(2, 40, 3).to(dtype))
    reading = fwp.solve(net(series)).read()
    assert reading.dtype == dtype and bool(reading.isfinite().all())
    reading.float().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())


@pytest.mark.parametrize("dtype", HALVES)
def test_a_predictor_in_half_precision(dtype: torch.dtype) -> None:
    predictor = Predictor(built(ALL["delta"]), Head(3, every=True)).to(dtype)
    series = fwp.series(torch.randn(2, 40, 3).to(dtype))
    outputs = predictor(series)
    assert outputs.dtype == dtype and bool(outputs.isfinite().all())
    with torch.autocast("cpu", dtype):
        assert bool(predictor.float()(series.to(dtype=torch.float32)).isfinite().all())


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", RULES)
def test_a_default_type_of_half_precision_is_no_matter(name: str, dtype: torch.dtype) -> None:
    """As bf16-true trainers set it, while the layer's own parameters and what it makes keep their types."""
    layer, net = fwp.FastWeights(ALL[name], 3, 8), built(ALL[name])
    values = torch.randn(2, 40, 3, dtype=torch.float32) * 0.2
    expected, reading = layer(values)[0], fwp.solve(net(fwp.series(values))).read()
    with by_default(dtype):
        assert torch.equal(layer(values)[0], expected)
        assert torch.equal(fwp.solve(net(fwp.series(values))).read(), reading)
        half = fwp.FastWeights(ALL[name], 3, 8)
        assert half(values.to(dtype))[0].dtype == dtype


def test_numbers_that_do_not_fit_are_still_refused() -> None:
    layer = fwp.FastWeights(ALL["delta"], 3, 8, dtype=torch.bfloat16)
    with pytest.raises(fwp.FwpError, match="another type"):
        layer(torch.randn(2, 5, 3))
    with pytest.raises(fwp.FwpError, match="another type"):
        built(ALL["delta"], dtype=torch.bfloat16)(fwp.series(torch.randn(2, 5, 3).double()))
    with pytest.raises(fwp.FwpError, match="another type"):
        built(ALL["delta"], dtype=torch.bfloat16)(fwp.series(torch.randn(2, 5, 3).half()))


def test_plain_wirings_in_half_precision() -> None:
    net = (ALL["hebb"] @ plain() @ hermite).build(3, width=8, dtype=torch.bfloat16)
    assert fwp.solve(net(fwp.series(torch.randn(2, 9, 3).bfloat16()))).read().dtype == torch.bfloat16


@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed", "bf16-true", "16-true"])
@pytest.mark.filterwarnings("ignore")
def test_lightning_trains_a_layer_in_every_precision(precision: str, tmp_path: object) -> None:
    lightning = pytest.importorskip("lightning")

    class Own(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = fwp.FastWeights(ALL["delta"], 3, 8, heads=2), nn.Linear(8, 1)

        def training_step(self, batch: list[Tensor], _: int) -> Tensor:
            values, wanted = batch
            return (self.head(self.layer(values)[0][:, -1]) - wanted).float().square().mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 1e-2)

    data = torch.utils.data.TensorDataset(torch.randn(8, 64, 3), torch.randn(8, 1))
    own = Own()
    before = [p.detach().clone() for p in own.parameters()]
    lightning.Trainer(
        max_epochs=1, accelerator="cpu", precision=precision, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=str(tmp_path),
    ).fit(own, torch.utils.data.DataLoader(data, batch_size=4))  # fmt: skip
    after = list(own.parameters())
    assert all(bool(p.isfinite().all()) for p in after)
    assert any(bool((p.float() != q.float()).any()) for p, q in zip(after, before, strict=True))
