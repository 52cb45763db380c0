"""Contributions of steps to a read-out: they sum to it, and each is what the definition says."""

import pytest
import torch
from torch import Tensor

from fwp import Rule, VectorField, controls
from fwp.errors import CompositionError, SolveError
from fwp.fields import Net, direct, increments_only, stack, start, suited
from fwp.fields import linear as linear_map
from fwp.fields.compose import Projection
from fwp.rules import ALL, W, beta, k, q, v, x
from fwp.solvers import solve
from fwp.solvers.attribution import attribute
from fwp.terms import tanh
from tests.fields.nets import TIMELESS, built, close, random_states, sized, some_series
from tests.solvers.cases import AFFINE, CASES, LOW_RANK


def net_of(name: str, control: controls.Control = controls.linear, wiring=direct) -> Net:
    rule, _ = CASES[name]
    torch.manual_seed(0)
    return built(rule, suited(wiring(), rule), control)


def bars(net: Net, time: int = 9) -> VectorField:
    return net(some_series(unequal=True, time=time))


@pytest.mark.parametrize(
    ("name", "of"), [(n, "values") for n in AFFINE] + [(n, "writes") for n in (*LOW_RANK, "constant")]
)
def test_contributions_sum_to_the_read_out(name: str, of: str) -> None:
    """At every knot, exact steps and others, where some samples are padded; at the end alone it is the last of them."""
    still = bars(net_of(name, TIMELESS, increments_only))
    moving = bars(net_of(name, controls.natural_cubic))
    with torch.no_grad():
        for field, how in (
            (still, {}),
            (still, {"method": "euler"}),
            (moving, {"method": "commutator_free4", "steps": 2}),
        ):
            along = attribute(field, "knots", of=of, **how)
            assert along.steps.shape[:3] == (3, 9, 8) and not along.at_end
            assert close(along.total, solve(field, "knots", **how).read(), 1e-12)


@pytest.mark.parametrize("of", ["writes", "values"])
def test_at_the_end_it_is_the_last_of_all_knots(of: str) -> None:
    field = bars(net_of("leaky_delta"))
    last = attribute(field, of=of)
    assert last.at_end and close(last.total, solve(field).read(), 1e-12)
    assert close(last.steps, attribute(field, "knots", of=of).steps[:, -1], 1e-12)


@pytest.mark.parametrize("of", ["writes", "values"])
def test_requested_times(of: str) -> None:
    """Each sample's own become knots, and so ends of steps."""
    data = some_series(time=6)
    times = data.times[:, :1] + (data.times[:, -1:] - data.times[:, :1]) * torch.tensor(
        [[0.2, 0.7]], dtype=torch.float64
    )
    found = attribute(net_of("leaky_delta")(data), times, of=of)
    assert found.steps.shape[:3] == (3, 2, found.times.shape[1] - 1)
    assert close(found.total, solve(net_of("leaky_delta")(data), times).read(), 1e-12)
    assert not found.steps.movedim(2, 1)[found.times[:, 1:] > times[:, 1:]].any()


def test_steps_after_a_request_and_padding_contribute_nothing() -> None:
    field = bars(net_of("leaky_delta"))
    found = attribute(field, "knots")
    later = torch.arange(8) >= torch.arange(9)[:, None]
    assert not found.steps[:, later].any() and bool(found.steps[0][:, :, 0][~later].any())
    still = field.path.steps == 0
    assert bool(still.any()) and not found.steps.movedim(2, 1)[still].any()


def test_of_delta_it_is_the_chunk_form() -> None:
    """W₀ q, and (kᵢ·q) yᵢ with Y the solution of its triangular system, by hand."""
    field = bars(net_of("delta", TIMELESS, increments_only))
    x_, dx_ = field.path.nodes([0.5])
    slots = field.net.slots({"x": x_[:, :, 0], "dx": dx_[:, :, 0]})
    keys, values = (slots[name].movedim(2, 1) for name in ("k", "v"))
    h = field.path.steps[:, None]
    kappa = keys.square().sum(-1)
    alpha = -torch.expm1(-slots["beta"].movedim(2, 1) * kappa * h) / kappa
    first = field.initial()["W"]
    system = torch.eye(8) + (alpha[..., None] * (keys @ keys.mT)).tril(-1)
    y = torch.linalg.solve(system, alpha[..., None] * (values - keys @ first.mT))
    end = torch.full((3, 1), field.path.intervals)
    query = query_at(field, end)
    found = attribute(field)
    assert close(found.steps, ((keys @ query[..., None]) * y).movedim(1, 2), 1e-12)
    assert close(found.initial, (first @ query[..., None]).squeeze(-1), 1e-12)


def query_at(field: VectorField, knots: Tensor) -> Tensor:
    layer = field.net.layers[0]
    return layer.slots(layer.read_arguments, field.at_knots(knots).inputs)["q"][:, 0]


@pytest.mark.parametrize(
    "name", ["hebb", "delta", "leaky_hebb_twice", "two_leaky_deltas", "erase_write", "gated_delta"]
)
def test_a_value_contributes_what_the_read_out_would_lack(name: str) -> None:
    """Scaling what one step adds, and nothing else, changes the read-out by as much of its contribution."""
    field = bars(net_of(name, TIMELESS, increments_only), 6)
    found = attribute(field, of="values")
    lacking = solve(without_value(field, 2)).read()
    assert close(found.total - found.steps[:, 2], lacking, 1e-12)
    assert float(found.steps[:, 2].detach().abs().max()) > 1e-3


def without_value(field: VectorField, step: int) -> VectorField:
    """The same field, whose values are 0 on one interval."""
    layer = field.net.layers[0]
    slots = layer.slots
    silent = field.path.coefficients.shape[2] // 2

    def muted(arguments, inputs, prefix: str = ""):
        filled = slots(arguments, inputs, prefix)
        here = inputs["dx"] == field.path.coefficients[:, step, silent:].view(
            -1, *[1] * (inputs["dx"].ndim - 2), silent
        )
        off = ~here.all(-1)
        return {n: s * off[..., None, None] if n in ("v", "v2") else s for n, s in filled.items()}

    layer.slots = muted
    return field


def test_it_begins_where_it_is_told() -> None:
    field = bars(net_of("leaky_delta"))
    states = random_states(field.net, 3)
    for of in ("writes", "values"):
        found = attribute(field, of=of, initial=states)
        assert close(found.total, solve(field, initial=states).read(), 1e-12)
    nothing = attribute(field, of="values", initial=torch.zeros_like(states["W"]))
    assert not nothing.initial.any() and close(nothing.steps, found.steps, 1e-13)


def test_any_linear_read_out() -> None:
    """Along the other side of the state, or through a gate."""
    for read in (W @ v, tanh(v) * (W @ q)):
        rule = Rule(beta * (v - W @ k) * k, read=read)
        torch.manual_seed(0)
        field = bars(built(rule, suited(direct(), rule)))
        assert close(attribute(field, "knots").total, solve(field, "knots").read(), 1e-12)


def test_it_is_differentiable() -> None:
    net = net_of("leaky_delta")
    ours, theirs = attribute(bars(net)).total, solve(bars(net)).read()
    parameters = list(net.parameters())
    found, wanted = (torch.autograd.grad(o.square().sum(), parameters) for o in (ours, theirs))
    assert all(close(a, b, 1e-11) for a, b in zip(found, wanted, strict=True))


def test_refusals() -> None:
    with pytest.raises(SolveError, match=r"not affine[^\n]*\n +structure : ReadOut"):
        attribute(bars(net_of("tanh_delta")))
    for name in ("gated_delta", "value_side"):
        with pytest.raises(SolveError, match=r"full rank[^\n]*\n +structure : OneSided"):
            attribute(bars(net_of(name)))
    with pytest.raises(SolveError, match="not affine"):
        attribute(bars(net_of("delta")), method="rk4")
    rule = ALL["oja_subspace"]
    with pytest.raises(SolveError, match=r"not affine[^\n]*\n +structure : GeneralRate"):
        attribute(bars(built(rule, suited(direct(), rule))))
    with pytest.raises(SolveError, match=r"own steps alone\n.*'dopri5' is a method of torchdiffeq"):
        attribute(bars(net_of("delta")), method="dopri5")
    with pytest.raises(SolveError, match="no method"):
        attribute(bars(net_of("delta")), method="rk5")
    with pytest.raises(SolveError, match="several layers"):
        attribute(bars(sized(stack(ALL["delta"] @ direct(), ALL["delta"] @ direct()) @ controls.linear)))
    squashed = Rule(beta * (v - W @ k) * k, read=tanh(W @ q))
    with pytest.raises(CompositionError, match="not linear in the state"):
        attribute(bars(built(squashed, suited(direct(), squashed))))
    with pytest.raises(CompositionError, match="not linear in the state"):
        shifted = Rule(beta * (v - W @ k) * k, read=W @ q + v)
        attribute(bars(built(shifted, Projection(initial=start(W=linear_map("channel -> head value key", x))))))


@pytest.mark.nohook
def test_what_annotations_forbid() -> None:
    with pytest.raises(SolveError, match="'keys'"):
        attribute(bars(net_of("delta")), of="keys")  # pyright: ignore[reportArgumentType]
    with pytest.raises(CompositionError, match="a Net"):
        attribute(net_of("delta"))  # pyright: ignore[reportArgumentType]
