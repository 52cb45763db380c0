"""Where numbers end, every way to a solution says so at the same knot; and what has nothing to go on has an answer."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import fwp
from fwp.controls import Control, Kind, hermite, linear
from fwp.errors import SolveError
from fwp.fields import external
from fwp.rules import ALL, Rule, W, delta, hebb, k, leaky_delta, softmax_oja, tanh_delta, v, x
from fwp.solvers.kernels import available
from fwp.solvers.plan import Scan
from fwp.terms import Node, Slot, eye, ones, real, rename, softmax, tanh

growth = Slot("growth", domain=real)
beta = Slot("beta", domain=real)
SCANS = [s.value for s in Scan if s is not Scan.FUSED or available()]


class Pick(nn.Module):
    """Neighbouring channels as they are."""

    def __init__(self, first: int, count: int) -> None:
        super().__init__()
        self.first, self.count = first, count

    def forward(self, source: Tensor) -> Tensor:
        own = source[..., self.first : self.first + max(self.count, 1)]
        return own if self.count else own[..., 0]


def field(rule: Rule, slots: dict[str, Tensor]) -> fwp.VectorField:
    """The field whose slots stand still at these numbers, `(batch interval *axes)`, in each interval."""
    from fwp.testing.flows import constant_path

    maps: dict[str, Any] = {}
    first, columns = 0, []
    for name, value in slots.items():
        count = value.shape[2] if value.ndim > 2 else 0
        axis = {"v": "value", "k": "key", "q": "key"}.get(name, "")
        maps[name] = external(Pick(first, count), x, axis)
        columns.append(value if value.ndim > 2 else value[..., None])
        first += max(count, 1)
    values = torch.cat(columns, -1)
    net = (rule @ fwp.Projection(**maps) @ Control(Kind.LINEAR, time=False)).build(
        first, key=2, value=2, heads=1, dtype=values.dtype
    )
    return net @ constant_path(values, torch.ones(values.shape[:2], dtype=torch.float64))


def knot_of(error: SolveError) -> str:
    return dict(fact for fact in error.facts if not isinstance(fact, str))["because"]


def growing(rates: list[float], dtype: torch.dtype = torch.float64) -> fwp.VectorField:
    """dW/dt = v kᵀ + growth W, with one growth rate in each of 20 intervals."""
    rates = rates + [0.0] * (20 - len(rates))
    keys = torch.ones(1, 20, 2, dtype=dtype)
    slots = {"v": keys, "k": keys, "growth": torch.tensor([rates], dtype=dtype), "q": keys}
    return field(Rule(v * k + growth * W), slots)


@pytest.mark.parametrize("rates", [[0.0] * 10 + [800.0], [300.0] * 5, [800.0], [0.0, 0.0, 700.0, 700.0]])
def test_all_scans_refuse_at_the_same_knot(rates: list[float]) -> None:
    said = set()
    for scan in SCANS:
        for solve in (fwp.solve, lambda field, scan: fwp.solve(field, "knots", scan=scan)):
            with pytest.raises(SolveError) as caught:
                solve(growing(rates), scan=scan)
            said.add(knot_of(caught.value))
    assert len(said) == 1, said


def test_products_that_overflow_where_no_state_does_are_taken_one_by_one() -> None:
    """From 0 with nothing written the state stays 0, though two steps together grow e^1000-fold."""
    own = growing([500.0, 500.0])
    rule_free = field(
        Rule(growth * W),
        {"growth": torch.tensor([[500.0, 500.0] + [0.0] * 18]).double(), "q": torch.ones(1, 20, 2).double()},
    )
    zero = torch.zeros_like(rule_free.initial()["W"])  # else it begins at learned values, since it would rest at 0
    for scan in SCANS:
        assert fwp.solve(rule_free, scan=scan, initial=zero).final["W"].eq(0).all()
        assert fwp.read_along(rule_free, scan=scan, initial=zero).eq(0).all()
        with pytest.raises(SolveError):
            fwp.solve(own, scan=scan)


@pytest.mark.parametrize("rule", [delta, leaky_delta, tanh_delta], ids=lambda rule: rule.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_keys_whose_square_is_no_number_are_refused_and_do_not_write_nothing(rule: Rule, dtype: torch.dtype) -> None:
    large = torch.full((1, 20, 2), 1e25 if dtype is torch.float32 else 1e200, dtype=dtype)
    one = torch.ones(1, 20, dtype=dtype)
    slots = {"beta": one, "v": torch.ones(1, 20, 2, dtype=dtype), "k": large, "q": large / large, "gamma": one / 2}
    names = {variable.name for variable in rule.variables}
    free = Rule(_freed(rule))
    with pytest.raises(SolveError):
        fwp.solve(field(free, {name: value for name, value in slots.items() if name in names}))


def _freed(rule: Rule) -> Node:
    """The rate with its scalars over all numbers, which a module of one's own may feed."""
    from fwp.terms.syntax import Variable
    from fwp.terms.witness import substitute

    rate = rule.rate
    for variable in rule.variables:
        if variable.name in ("beta", "gamma"):
            free = Variable(variable.name, (), variable.role, real, ())
            rate = substitute(rate, variable, free)
    return rate


SLOTLESS = {
    "a decay": Rule(-0.5 * W),
    "a constant": Rule(ones("value", "key")),
    "a matrix": Rule(-(ones("key", "key2") @ rename(W, key="key2"))),
    "a read-out": Rule(tanh(-(W @ ones("key"))) * ones("key")),
    "a read-out of simplexes": Rule(softmax(-(W @ ones("key")), "value") * ones("key")),
    "general": Rule(-tanh(W)),
    "nothing": Rule(0 * W),
    "without a query": Rule(-0.5 * W, read=W @ ones("key")),
    "an identity": Rule(-(eye("key", "key2") @ rename(W, key="key2"))),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", SLOTLESS.values(), ids=SLOTLESS)
def test_a_rule_without_slots(rule: Rule, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net = (rule @ fwp.Projection() @ linear).build(channels=3, width=8, dtype=dtype)
    own = net(fwp.series(torch.randn(2, 9, 3, dtype=dtype)))
    begin = torch.rand(2, 1, 8, 8, dtype=dtype)
    reference = fwp.solve(own, method="dopri8", rtol=1e-6, atol=1e-6, initial=begin).final["W"]
    for method in ("auto", "euler", "rk4"):
        found = fwp.solve(own, method=method, steps=64, initial=begin).final["W"]
        assert found.dtype == dtype
        assert (found - reference).abs().max() < (0.1 if method == "euler" else 1e-4)
    assert "plan for" in fwp.explain(own) and fwp.read_along(own, initial=begin).isfinite().all()
    outputs, _ = fwp.FastWeights(rule, 3, 8)(torch.randn(2, 9, 3))
    assert outputs.shape[:2] == (2, 9)


def test_a_decay_without_slots_is_the_exponential() -> None:
    net = (Rule(-0.5 * W) @ fwp.Projection() @ linear).build(channels=3, width=8, dtype=torch.float64)
    own = net(fwp.series(torch.randn(2, 9, 3, dtype=torch.float64)))
    begin = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    for scan in SCANS:
        found = fwp.solve(own, initial=begin, scan=scan).final["W"]
        assert torch.allclose(found, begin * torch.tensor(-4.0).double().exp(), rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    "name", ["hebb", "delta", "tanh_delta", "softmax_oja", "gated_delta", "oja_subspace", "momentum_delta"]
)
def test_a_batch_of_none(name: str) -> None:
    """As of torch's own recurrent layers: outputs of none, which differentiate."""
    for method in ("auto", "rk4", "dopri5"):
        layer = fwp.FastWeights(ALL[name], 3, 8, 2, method=method)
        outputs, state = layer(torch.zeros(0, 9, 3))
        more, _ = layer(torch.zeros(0, 4, 3), state)
        assert outputs.shape == (0, 9, 8) and more.shape == (0, 4, 8)
        outputs.sum().backward()
        assert all(p.grad is None or not p.grad.any() for p in layer.parameters())


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("rule", [hebb, delta, tanh_delta, softmax_oja, leaky_delta], ids=lambda rule: rule.name)
def test_a_path_of_no_samples(rule: Rule, scan: str) -> None:
    net = (rule @ fwp.Projection() @ hermite).build(channels=3, width=8)
    path = net.model.control(fwp.series(torch.randn(2, 9, 3)))[:0]
    try:
        assert fwp.solve(net @ path, scan=scan).final["W"].shape == (0, 1, 8, 8)  # pyright: ignore[reportArgumentType]
    except SolveError as error:
        assert "cannot run through these steps" in error.what
