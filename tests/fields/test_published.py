"""The published models come out of our language number by number: field, first write, solution and read-out."""

import pytest
import torch
from torch import Tensor

from fwp import Rule, Slot, controls, series, solve, stack
from fwp.fields import (
    Projection,
    above,
    direct,
    first,
    first_write,
    from_json,
    increments_only,
    keys_from_increments,
    keys_from_signal,
    layer_norm,
    linear,
    ncde_wiring,
    relu,
    shared,
    sigmoid,
    softmax,
    static,
    tanh,
    to_json,
)
from fwp.rules import (
    W,
    beta,
    delta,
    dx,
    hebb,
    hebb_transposed,
    k,
    neural_cde,
    softmax_oja,
    softmax_oja_transposed,
    tanh_delta,
    v,
    x,
)
from fwp.terms import real
from tests.fields import published
from tests.fields.nets import SIZES, built, close, random_states, some_series
from tests.fields.published import Published, outer


def raw_keys(projection: Projection) -> Projection:
    """Oja's keys enter its softmax as they are."""
    return Projection(
        default=projection.default, initial=projection.initial, **{**projection.slots, "k": projection.slots["k"].of}
    )


X, DX = {"keys": "x"}, {"keys": "dx"}
NODE, V1, V2, ONLY = X | {"values": "encoder"}, X | {"values": "dx"}, DX | {"values": "x"}, DX | {"values": "dx"}
VN = {"value_norm": True}
WIRINGS = {
    "direct hebb": (hebb, direct(), NODE | {"update": published.hebb}),
    "direct oja": (softmax_oja, raw_keys(direct()), NODE | {"update": published.oja}),
    "direct delta, pre-tanh": (delta, direct(), NODE | {"update": published.delta_pre_tanh}),
    "direct delta, post-tanh": (tanh_delta, direct(squash=False), NODE | {"update": published.delta_post_tanh}),
    "v1 oja": (softmax_oja_transposed, raw_keys(keys_from_signal(transposed=True)),
               V1 | {"update": published.oja, "transposed": True}),
    "v1 oja, value norm": (softmax_oja_transposed, raw_keys(keys_from_signal(value_norm=True, transposed=True)),
                           V1 | VN | {"update": published.oja, "transposed": True}),
    "v1 hebb": (hebb_transposed, keys_from_signal(transposed=True), V1 | {"update": published.hebb, "transposed": True}),
    "v2 delta, pre-tanh": (delta, keys_from_increments(), V2 | {"update": published.delta_pre_tanh}),
    "v2 delta, post-tanh, value norm": (tanh_delta, keys_from_increments(squash=False, value_norm=True),
                                        V2 | VN | {"update": published.delta_post_tanh}),
    "v2 hebb": (hebb, keys_from_increments(), V2 | {"update": published.hebb}),
    "v3 hebb": (hebb_transposed, keys_from_increments(transposed=True),
                V2 | {"update": published.hebb, "transposed": True}),
    "dx-only delta": (delta, increments_only(), ONLY | {"update": published.delta_pre_tanh}),
    "dx-only delta, post-tanh, value norm": (tanh_delta, increments_only(squash=False, value_norm=True),
                                             ONLY | VN | {"update": published.delta_post_tanh}),
    "dx-only oja": (softmax_oja, raw_keys(increments_only()), ONLY | {"update": published.oja}),
}  # fmt: skip
each = pytest.mark.parametrize("rule, projection, options", WIRINGS.values(), ids=WIRINGS)


@each
def test_field_first_write_and_read_out(rule, projection, options):
    net = built(rule, projection)
    theirs = Published.of(net, **options)
    field = net(some_series())
    states = random_states(net, 3)
    for position in (0.0, 0.4, 3.0, 4.9):
        at = field(position)
        signals = at.inputs["x"], at.inputs["dx"]
        assert close(at(states)["W"], theirs.rate(*signals, states["W"]), 1e-14)
        assert close(at.read(states), theirs.read(*signals, states["W"]), 1e-14)
    first = field(0.0).inputs
    assert close(field.initial()["W"], theirs.rate(first["x"], first["dx"], None), 1e-14)


@each
def test_the_whole_solution(rule, projection, options):
    """Straight lines with the time as first channel, rk4 from knot to knot, each sample to its own last observation."""
    net = built(rule, projection)
    theirs = Published.of(net, **options)
    data = some_series(unequal=True)
    raw = torch.cat([data.times[..., None], data.values], -1)
    final, read = [], []
    for sample, length in enumerate(data.lengths.tolist()):
        points, times = raw[sample, :length], data.times[sample, :length]
        slopes = points.diff(dim=0) / times.diff()[:, None]
        state = theirs.rate(points[:1], slopes[:1], None)
        for i, h in enumerate(times.diff()):

            def rate(fraction: float, state: Tensor, i=i, h=h, points=points, slopes=slopes) -> Tensor:
                return theirs.rate(points[i : i + 1] + fraction * h * slopes[i], slopes[i : i + 1], state)

            state = published.rk4(rate, state, h[None])
        final.append(state)
        read.append(theirs.read(points[-1:], slopes[-1:], state))
    solution = solve(net(data), method="rk4")
    assert close(solution.final["W"], torch.cat(final), 1e-13)
    assert close(solution.read(), torch.cat(read), 1e-13)


def test_hebb_with_its_raw_rate_is_an_option_of_ones_own():
    """Published Hebb CDEs multiply v by β itself and squash neither: a slot over all reals says so."""
    rate = Slot("rate", domain=real)
    e = shared("encoder", layer_norm(linear("channel -> width", x)))
    projection = Projection(
        rate=linear("width -> head", e),
        k=softmax(linear("width -> head key", e), "key"),
        v=linear("channel -> head value", dx),
        initial=first_write(),
    )
    net = built(Rule(rate * v * k), projection)
    theirs = Published.of(net, **V1, update=lambda *_: None)
    at = net(some_series())(1.3)
    encoded = theirs.encoded(at.inputs["x"], at.inputs["dx"])
    key, raw = torch.softmax(theirs.dense("k_linear", encoded), -1), theirs.dense("rate_linear", encoded)
    expected = outer(raw[..., None] * theirs.dense("v_linear", at.inputs["dx"]), key)
    assert close(at(random_states(net, 3))["W"], expected, 1e-14)


def test_a_beginning_from_static_features():
    """PhysioNet: g = ReLU(Linear(s)), then keys, values and rate of the first write from g alone."""
    g = shared("patient", relu(linear("feature -> hidden", static)))
    write = first_write(
        k=softmax(linear("hidden -> head key", g), "key"),
        v=tanh(linear("hidden -> head value", g)),
        beta=sigmoid(linear("hidden -> head", g)),
    )
    net = built(delta, keys_from_increments(initial=write))
    features = torch.randn(3, SIZES["feature"], dtype=torch.float64)
    plain = some_series()
    data = series(plain.values, plain.times, static=features)
    theirs = Published.of(net, **V2, update=published.delta_pre_tanh)
    hidden = torch.relu(theirs.dense("patient_linear", features))
    dense = {n: theirs.dense(f"initial_{n}_linear", hidden) for n in ("k", "v", "beta")}
    expected = torch.sigmoid(dense["beta"])[..., None, None] * outer(
        torch.tanh(dense["v"]), torch.softmax(dense["k"], -1)
    )
    assert close(net(data).initial()["W"], expected, 1e-14)
    moved = series(plain.values + 1, plain.times, static=features)
    assert torch.equal(net(moved).initial()["W"], net(data).initial()["W"])
    assert sum("patient" in n for n, _ in net.named_parameters()) == 2
    assert solve(net(data), method="rk4").read().shape == (3, 2, 4)


@pytest.mark.parametrize("name", ["direct delta, post-tanh", "dx-only delta, post-tanh, value norm", "dx-only oja"])
def test_eigenworms_encodes_its_first_point_and_begins_there(name):
    """x̂₀ = W_init x₀ + b, with x₀ the first point and the time, and the rule's increment at x̂₀ with the same slow net."""
    rule, projection, options = WIRINGS[name]
    encoded = Projection(
        default=projection.default,
        initial=first_write(linear("point -> channel", first)),
        **projection.slots,
    )
    net = built(rule, encoded, controls.log_signature(2, 3))
    plainly = built(rule, projection, controls.log_signature(2, 3))
    extra = set(dict(net.named_parameters())) - set(dict(plainly.named_parameters()))
    assert {n.rpartition(".")[2] for n in extra} == {"weight", "bias"} and len(extra) == 2
    theirs = Published.of(net, **options)
    data = some_series()
    point = theirs.dense("initial_signal_linear", torch.cat([data.times[:, :1], data.values[:, 0]], -1))
    assert point.shape == (3, 4 + 6)
    assert close(net(data).initial()["W"], theirs.rate(point, point, None), 1e-14)
    states = random_states(net, 3)
    window = net(data)(1.5)
    assert close(window(states)["W"], theirs.rate(window.inputs["x"], window.inputs["dx"], states["W"]), 1e-14)


@pytest.mark.parametrize("control", [controls.linear, controls.rectilinear, controls.natural_cubic], ids=repr)
def test_the_first_point_is_what_an_ordinary_path_begins_with(control):
    """Encoding it or x(t₀) is then the same, gradients included."""
    net = built(delta, keys_from_increments(initial=first_write(linear("point -> channel", first))), control)
    field = net(some_series())
    assert torch.equal(field.path.start, field(0.0).inputs["x"])
    weight, bias = (net.get_parameter(f"layers.0.slow.steps.initial_signal_linear.{n}") for n in ("weight", "bias"))
    theirs = Published.of(net, **V2, update=published.delta_pre_tanh)
    point = field(0.0).inputs["x"] @ weight.T + bias
    assert close(field.initial()["W"], theirs.rate(point, point, None), 1e-14)
    solve(field).read().sum().backward()
    assert weight.grad is not None and weight.grad.abs().max() > 0


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_a_neural_cde_has_the_linear_maps_of_its_reference(layers):
    """Kidger et al.: hidden → inner, inner → inner (layers − 1 times), inner → hidden × channel, and first point → hidden."""
    net = built(neural_cde(layers), ncde_wiring(layers), heads=1)
    hidden, inner, channel = net.layers[0].sizes["hidden"], SIZES["inner"], 4
    maps = [(hidden, inner), *[(inner, inner)] * (layers - 1), (inner, hidden * channel), (channel, hidden)]
    assert sum(p.numel() for p in net.parameters()) == sum((a + 1) * b for a, b in maps)
    assert solve(net(some_series())).read().shape == (3, 1, hidden)


def test_the_paper_s_equations_by_one_linear_map():
    """Eq. 21 and 24 in the consistent reading, σ(β) and no other map: W_slow x, or x' where the equation says so."""
    from fwp.fields import plain

    for rule, projection, sources in [
        (delta, plain(), "xx"),
        (hebb, plain(values=dx), "xd"),
        (delta, plain(keys=dx), "dx"),
    ]:
        net = built(rule, projection)
        weights = {n.split(".")[-2]: p for n, p in net.named_parameters()}
        at, states = net(some_series())(2.6), random_states(net, 3)
        signals = {"x": at.inputs["x"], "d": at.inputs["dx"]}
        key = torch.einsum("hic,bc->bhi", weights["k_linear"], signals[sources[0]])
        value = torch.einsum("hoc,bc->bho", weights["v_linear"], signals[sources[1]])
        rate = torch.sigmoid(torch.einsum("hc,bc->bh", weights["beta_linear"], signals["x"]))[..., None, None]
        error = value - torch.einsum("bhoi,bhi->bho", states["W"], key) if rule == delta else value
        assert close(at(states)["W"], rate * outer(error, key), 1e-14)
        query = torch.einsum("hic,bc->bhi", weights["q_linear"], signals[sources[0]])
        assert close(at.read(states), torch.einsum("bhoi,bhi->bho", states["W"], query), 1e-14)
    assert Rule(beta * v * k) == hebb and hebb.read == Rule(W).read


def test_two_layers_without_their_defect():
    """models.md §3.9, but that the field, too, reads the lower layer's state, where the published one reads its rate."""
    spec = stack(tanh_delta @ direct(squash=False), tanh_delta @ above(squash=False))
    torch.manual_seed(0)
    net = (spec @ controls.linear).build(3, width=8, heads=2, inner=5, dtype=torch.float64)
    lower = Published.of(net, **NODE, update=published.delta_post_tanh)
    own = {n.removeprefix("layers.1.slow.steps."): p for n, p in net.named_parameters() if n.startswith("layers.1")}
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    upper = Published(own, 2, "x", "encoder", published.delta_post_tanh)

    def encoded(y: Tensor) -> Tensor:
        """LN₂ of mid_FF."""
        hidden = upper.dense("encoder_block.widen", upper.norm("encoder_block.norm", y)).relu()
        return upper.norm("encoder_norm", y + upper.dense("encoder_block.narrow", hidden))

    field = net(some_series())
    states = random_states(net, 3)
    for position in (0.0, 0.4, 4.9):
        at = field(position)
        signals = at.inputs["x"], at.inputs["dx"]
        e = encoded(lower.read(*signals, states["layer1.W"]).flatten(-2))
        k, v, beta = (upper.dense(f"{name}_linear", e) for name in ("k", "v", "beta"))
        rates = at(states)
        assert close(rates["layer1.W"], lower.rate(*signals, states["layer1.W"]), 1e-14)
        update = published.delta_post_tanh(k, v, beta.sigmoid()[..., None, None], states["layer2.W"])
        assert close(rates["layer2.W"], update, 1e-14)
        q = upper.dense("q_linear", e).softmax(-1)
        assert close(at.read(states), torch.einsum("...ij,...j->...i", states["layer2.W"], q), 1e-14)
    begun = field.initial()
    assert not begun["layer2.W"].any() and begun["layer1.W"].any()
    assert from_json(to_json(net.model)) == net.model
