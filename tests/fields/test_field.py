"""A net along a path: time → slots → states → rates, pure, on any device, over any control, layer upon layer."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import grad, jvp, vmap
from torch.nn.functional import layer_norm as torch_layer_norm

from fwp import controls, series, solve
from fwp.controls import Control, Kind
from fwp.errors import CompositionError, SizeError
from fwp.fields import (
    Projection,
    direct,
    first_write,
    increments_only,
    keys_from_increments,
    linear,
    parameter,
    plain,
    stack,
    start,
    static,
)
from fwp.rules import ALL, Rule, System, W, bcm, beta, delta, dx, gamma, hebb, k, leaky_delta, ncde, oja, v, x
from fwp.terms import Slot, State, evaluate
from tests.fields.nets import SIZES, TIMELESS, built, by_hand, close, few, random_states, sized, some_series, suitable

NAMES = list(ALL)


def numbers(tensors, *index):
    return {name: value[index].detach().numpy() for name, value in tensors.items()}


@pytest.mark.users
@pytest.mark.parametrize("name", NAMES)
def test_rates_and_read_out_are_what_the_rule_means(name):
    """Slots at an instant, and the rule's own meaning in numpy, member by member and head by head."""
    rule = ALL[name]
    net = built(rule, suitable(name))
    field, states = net(some_series()), random_states(net, 3)
    at = field(2.3)
    rates, read = at(states), at.read(states)
    inputs = {n: at.inputs[n][:, None] for n in ("x", "dx")}
    layer = net.layers[0]
    filled = {**inputs, **at.slots, **layer.slots(layer.read_arguments, at.inputs)}
    for r, term in [*((r.of.name, r.rate) for r in rule.rules), ("read", rule.read)]:
        ours = read if r == "read" else rates[r]
        for sample in range(3):
            for head in range(2):
                values = numbers(states, sample, head)
                for variable in rule.variables:
                    if variable.name in filled:
                        value, rank = filled[variable.name], len(variable.declared)
                        own = value.expand(3, 2, *value.shape[value.ndim - rank :])[sample, head]
                        values[variable.name] = own.detach().numpy()
                wanted = evaluate(term, {n: a for n, a in values.items()})
                assert close(ours[sample, head], torch.from_numpy(wanted), 1e-13), r


def test_a_position_fills_the_slots_and_states_give_the_rate():
    net = built(delta, plain())
    field, states = net(some_series()), random_states(net, 3)
    at = field(1.25)
    assert set(at.slots) == {"k", "v", "beta"} and set(at.inputs) == {"x", "dx"}
    assert torch.equal(at(states)["W"], net.rates(states, at.inputs)["W"])
    k_, v_, b = at.slots["k"], at.slots["v"], at.slots["beta"][..., None, None]
    error = v_ - torch.einsum("bhij,bhj->bhi", states["W"], k_)
    assert close(at(states)["W"], b * error[..., :, None] * k_[..., None, :], 1e-14)
    x_, dx_ = field.path.at(1, 0.25)
    assert torch.equal(at.inputs["x"], x_) and torch.equal(at.inputs["dx"], dx_)


def test_a_position_is_taken_from_the_right_at_a_knot_and_from_the_left_at_the_last():
    net = built(delta, plain(keys=dx))
    field = net(some_series(time=4))
    for position, (interval, fraction) in {0.0: (0, 0.0), 1.0: (1, 0.0), 2.999: (2, 0.999), 3.0: (2, 1.0)}.items():
        ours, theirs = field(position).inputs, field.at(interval, fraction).inputs
        assert all(close(ours[n], theirs[n], 1e-12) for n in ours)


@pytest.mark.parametrize("control", [Control(kind, time) for kind in Kind for time in (True, False)], ids=repr)
def test_every_control_serves(control):
    net = built(delta, keys_from_increments(), control)
    data = some_series(unequal=True, missing=0.3)
    solution = solve(net(data))
    assert solution.read().shape == (3, 2, 4) and solution.final["W"].isfinite().all()
    assert solution.field.path.channels == 3 + control.time
    solution.read().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_the_pure_field_is_the_net(name):
    net = built(ALL[name], suitable(name))
    field, states = net(some_series()), random_states(net, 3)
    at, pure = field(0.7), field.pure()
    parameters = {n: p.detach() for n, p in net.named_parameters()}
    ours = pure(parameters, states, at.inputs)
    theirs = at(states)
    assert set(ours) == set(theirs) and all(torch.equal(ours[n], theirs[n]) for n in ours)
    doubled = pure({n: 2 * p for n, p in parameters.items()}, states, at.inputs)
    assert any(not torch.equal(doubled[n], ours[n]) for n in ours)

    each = vmap(pure, in_dims=(None, 0, 0))(parameters, states, at.inputs)
    assert all(close(each[n].reshape(theirs[n].shape), theirs[n], 1e-13) for n in ours)
    ensemble = {n: torch.stack([p, 2 * p]) for n, p in parameters.items()}
    both = vmap(pure, in_dims=(0, None, None))(ensemble, states, at.inputs)
    assert all(close(both[n][0], ours[n], 1e-13) and close(both[n][1], doubled[n], 1e-13) for n in ours)

    def total(parameters, states):
        return sum(rate.square().sum() for rate in pure(parameters, states, at.inputs).values())

    slopes = grad(total)(parameters, states)
    sum(rate.square().sum() for rate in at(states).values()).backward()
    for n, p in net.named_parameters():
        assert close(slopes[n], torch.zeros_like(p) if p.grad is None else p.grad, 1e-12), n

    direction = {n: torch.randn_like(s) for n, s in states.items()}
    value, slope = jvp(lambda s: pure(parameters, s, at.inputs), (states,), (direction,))
    eps = 1e-6
    moved = [
        pure(parameters, {n: s + sign * eps * direction[n] for n, s in states.items()}, at.inputs) for sign in (1, -1)
    ]
    for n in ours:
        assert torch.equal(value[n], ours[n])
        assert close(slope[n], (moved[0][n] - moved[1][n]) / (2 * eps), 1e-7)


@pytest.mark.parametrize(
    "control", [controls.linear, controls.hermite, controls.rectilinear, controls.natural_cubic], ids=repr
)
@pytest.mark.parametrize("name", NAMES)
def test_no_tensor_strays_to_the_cpu(name, control):
    """On the meta device there are no numbers: a stray CPU tensor or a look at a value would fail here."""
    if control is not controls.linear and name not in ("delta", "self_reference", "ncde"):
        pytest.skip("the control is the business of few")
    model = ALL[name] @ suitable(name) @ control
    sizes = {"inner": 5} if name in ("ncde", "nrde", "big_map") else {}
    net = model.build(channels=3, heads=2, width=10, device="meta", **sizes)
    assert all(p.is_meta for p in net.parameters())
    data = series(torch.zeros(3, 6, 3, device="meta"), torch.zeros(3, 6, device="meta"))
    field = net(data)
    for at in (field.at(0, 0.0), field(2.5), field.at_knots(torch.zeros(3, 1, dtype=torch.int64, device="meta"))):
        states = field.initial()
        own = states if at.inputs["x"].ndim == 2 else {n: s[:, None] for n, s in states.items()}
        rates, read = at(own), at.read(own)
        assert all(r.is_meta for r in rates.values()) and read.is_meta
        (read.sum() + sum(r.sum() for r in rates.values())).backward()
    assert all(p.grad is not None and p.grad.is_meta for p in net.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_net_has_the_dtype_it_was_built_with(dtype):
    net = (delta @ direct() @ controls.linear).build(channels=3, width=8, heads=2, dtype=dtype)
    solution = solve(net(some_series().to(dtype=dtype)), "knots")
    assert solution.states["W"].dtype == solution.read().dtype == dtype and solution.times.dtype == torch.float64


def test_static_features_feed_slots_and_beginnings():
    projection = Projection(
        beta=direct().slots["beta"],
        v=linear("feature -> head value", static),
        initial=start(W=linear("feature -> value key", static)),
    )
    net = built(delta, projection)
    features = torch.randn(3, SIZES["feature"], dtype=torch.float64)
    plainly = some_series()
    data = series(plainly.values, plainly.times, static=features)
    field = net(data)
    weights = {n.split(".", 4)[-1]: p for n, p in net.named_parameters()}
    v_ = torch.einsum("hof,bf->bho", weights["v_linear.weight"], features) + weights["v_linear.bias"]
    assert close(field(1.5).slots["v"], v_, 1e-14)
    W0 = torch.einsum("oif,bf->boi", weights["initial_W_linear.weight"], features) + weights["initial_W_linear.bias"]
    assert close(field.initial()["W"], W0[:, None].expand(-1, 2, -1, -1), 1e-14)
    requested = solve(field, "knots")
    assert requested.read().shape == (3, 6, 2, 4)
    assert close(requested.read()[:, -1], solve(field).read(), 1e-14)


def test_static_features_that_are_missing_are_asked_for():
    net = built(delta, Projection(v=linear("feature -> head value", static)))
    plainly = some_series()
    with pytest.raises(SizeError, match=r"(?s)static features.*feature=8.*none"):
        net(plainly)
    with pytest.raises(SizeError, match=r"(?s)static features.*feature=8.*7 static"):
        net(series(plainly.values, plainly.times, static=torch.zeros(3, 7, dtype=torch.float64)))


def test_a_path_of_its_own_serves_as_well():
    net = built(delta, plain())
    path = controls.linear(some_series())
    half = replace(path, steps=path.steps / 2, times=path.times / 2)
    assert torch.equal((net @ half)(1.0).inputs["x"], (net @ path)(1.0).inputs["x"])
    assert not torch.equal(solve(net @ half).final["W"], solve(net @ path).final["W"])


# --- layers ---------------------------------------------------------------------------------------------------------


def two_layers():
    upper = Projection(
        k=linear("channel -> head key", x, bias=False),
        v=linear("channel -> head value", x, bias=False),
        initial=first_write(),
    )
    return stack(delta @ keys_from_increments(), oja @ upper) @ controls.linear


def test_two_layers_are_the_composition_by_hand():
    net = sized(two_layers())
    assert net.state_names == (("layer1.W",), ("layer2.W",)) and net.outputs == 8
    field = net(some_series())
    states = random_states(net, 3)
    at = field(1.7)
    lower = built(delta, keys_from_increments())
    lower.layers[0].load_state_dict(net.layers[0].state_dict())
    own = lower(some_series())(1.7)
    below = {"W": states["layer1.W"]}
    signal = own.read(below).flatten(1)  # all heads' values side by side
    upper = built(oja, two_layers().spec.layers[1].projection, Control(Kind.LINEAR, time=False), channels=8)
    upper.layers[0].load_state_dict(net.layers[1].state_dict())
    rates = at(states)
    assert close(rates["layer1.W"], own(below)["W"], 1e-15)
    assert close(rates["layer2.W"], upper.rates({"W": states["layer2.W"]}, {"x": signal})["W"], 1e-15)
    assert close(at.read(states), upper.read({"W": states["layer2.W"]}, {"x": signal}), 1e-15)

    first = lower(some_series()).initial()
    begun = field.initial()
    assert torch.equal(begun["layer1.W"], first["W"])
    signal = lower(some_series())(0.0).read(first).flatten(1)
    assert close(begun["layer2.W"], upper.initial({"x": signal})["W"], 1e-15)


def test_two_layers_solve_and_learn():
    net = sized(two_layers())
    solution = solve(net(some_series(unequal=True)), "knots")
    assert solution.read().shape == (3, 6, 2, 4) and set(solution.final) == {"layer1.W", "layer2.W"}
    solution.read().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


@pytest.mark.parametrize("axes", ["hidden", "a b", ""])
def test_a_layer_above_reads_all_that_is_read_below(axes):
    """The signal of an upper layer is the read-out below, heads and axes side by side, whatever its axes are."""
    z = State("z", axes)
    below = Rule(Slot("r", axes) * Slot("decay") - z, of=z) @ Projection()
    sizes = dict(zip(axes.split(), (7, 9), strict=False))
    net = (stack(below, delta @ plain()) @ controls.linear).build(
        channels=3, heads=2, key=5, value=4, dtype=torch.float64, **sizes
    )
    states = random_states(net, 3)
    at = net(some_series())(0.3)
    signal = states["layer1.z"].flatten(1)
    slot = torch.einsum("hic,bc->bhi", net.get_parameter("layers.1.slow.steps.k_linear.weight"), signal)
    k_ = net.layers[1].slots(net.layers[1].rate_arguments, {"x": signal})["k"]
    assert close(k_, slot, 1e-14)
    assert at(states)["layer2.W"].shape == (3, 2, 4, 5)


# --- algebra --------------------------------------------------------------------------------------------------------

PLAIN = ["hebb", "oja", "delta", "tanh_delta", "softmax_oja", "anti_hebb", "oja_subspace", "leaky_delta", "erase_write"]


@few
@given(st.sampled_from(PLAIN), st.sampled_from(PLAIN), st.integers(0, 99))
def test_rates_add_and_scale(a, b, seed):
    one, two = ALL[a], ALL[b]
    both = one + 3 * two + one * (-beta)
    net, _ = by_hand(both, SIZES)
    data = some_series(channel=net.sizes["channel"], seed=seed)
    states = random_states(net, 3, seed)
    at = net(data)(1.9)

    def alone(rule):
        projection = net.model.spec.layers[0].projection.restricted(rule)
        return built(rule, projection, TIMELESS, channels=net.sizes["channel"], heads=1).rates(states, at.inputs)["W"]

    rate = at.slots["beta"][..., None, None]
    assert close(at(states)["W"], alone(one) + 3 * alone(two) - rate * alone(one), 1e-12)
    assert both == two * 3 + -1 * one * beta + one


@few
@given(st.sampled_from(["hebb", "oja", "delta", "tanh_delta", "softmax_oja"]), st.integers(0, 99))
def test_the_dual_rule_is_the_rule_on_the_transpose(name, seed):
    rule = ALL[name]
    ours, _ = by_hand(rule, SIZES, order="k v beta q")
    swapped = {"key": SIZES["value"], "value": SIZES["key"]}
    theirs, _ = by_hand(rule.dual(), swapped, order="v k beta q", channels=ours.sizes["channel"])
    data = some_series(channel=ours.sizes["channel"], seed=seed)
    states = random_states(ours, 3, seed)
    W_ = states["W"]
    rate = theirs(data)(2.2)({"W": W_.mT})["W"]
    assert close(rate.mT, ours(data)(2.2)(states)["W"], 1e-15)
    assert rule.dual().dual() == rule


def test_delta_s_dual_is_oja():
    assert delta.dual() == oja and oja.dual() == delta and hebb.dual() == hebb


def test_a_system_is_its_rules_side_by_side():
    z = State("z", "key")
    own = Rule(gamma * (k - z), of=z)
    net, _ = by_hand(System(delta, own), SIZES)
    alone, _ = by_hand(delta, SIZES)
    states = random_states(net, 3)
    data = some_series(channel=net.sizes["channel"])
    at = net(data)(0.4)
    rates = at(states)
    assert close(rates["W"], alone.rates({"W": states["W"]}, {n: i for n, i in at.inputs.items()})["W"], 1e-15)
    assert close(rates["z"], at.slots["gamma"][..., None] * (at.slots["k"] - states["z"]), 1e-15)


# --- degrees --------------------------------------------------------------------------------------------------------

bare = linear("channel -> head value", dx, bias=False)
DEGREES = {
    "no dx": (delta @ plain(), (0, 0)),
    "hebb, eq. 24": (hebb @ plain(values=dx), (1, 1)),
    "hebb, keys from dx": (hebb @ plain(keys=dx), (1, 1)),
    "hebb, both": (hebb @ plain(keys=dx, values=dx), (2, 2)),
    "hebb with a bias": (hebb @ Projection(v=linear("channel -> head value", dx)), (0, 1)),
    "oja, eq. 24": (oja @ plain(values=dx), (1, 2)),
    "delta, eq. 24": (delta @ plain(keys=dx), (1, 2)),
    "published": (hebb @ keys_from_increments(), (0, float("inf"))),
    "dx only": (delta @ increments_only(), (0, float("inf"))),
    "ncde": (ncde @ suitable("ncde"), (1, 1)),
    "a leak": (leaky_delta @ plain(keys=dx).restricted(leaky_delta), (0, 2)),
    "a constant": (hebb @ Projection(v=parameter("value")), (0, 0)),
    "bcm": (bcm @ Projection(default=x), (0, 0)),
    "two linear maps": (hebb @ Projection(v=linear("width -> value", linear("channel -> width", dx, bias=False), bias=False)), (1, 1)),
    "query only": (hebb @ Projection(q=linear("channel -> head key", dx), v=bare), (1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("spec, expected", DEGREES.values(), ids=DEGREES)
def test_degrees_in_the_increment(spec, expected):
    assert spec.degrees() == expected
    model = spec @ controls.linear
    if expected == (1, 1):
        assert model.require_cde() is model
    else:
        with pytest.raises(CompositionError, match=r"(?s)not linear in dx.*linear\(…, bias=False\)"):
            model.require_cde()


def test_a_stack_is_no_controlled_equation():
    model = stack(hebb @ plain(values=dx), hebb @ plain()) @ controls.linear
    with pytest.raises(CompositionError):
        model.require_cde()


@given(st.sampled_from(sorted(DEGREES)), st.integers(0, 99))
def test_degrees_are_true_of_the_numbers(name, seed):
    """Of degree one exactly: doubling dx doubles the rate. Of degree zero: it does nothing."""
    spec, (low, high) = DEGREES[name]
    net = sized(spec @ controls.linear)
    states = random_states(net, 3, seed)
    at = net(some_series(seed=seed))(1.5)
    doubled = net.rates(states, {**at.inputs, "dx": 2 * at.inputs["dx"]})
    for n, rate in at(states).items():
        if low == high:
            assert close(doubled[n], 2**low * rate, 1e-12)
        elif high < 3:
            four = net.rates(states, {**at.inputs, "dx": 4 * at.inputs["dx"]})[n]
            none = net.rates(states, {**at.inputs, "dx": 0 * at.inputs["dx"]})[n]
            # a quadratic through 0, 1 and 2 meets the point at 4
            second = (doubled[n] - 2 * rate + none) / 2
            first = rate - none - second
            assert close(four, none + 4 * first + 16 * second, 1e-11)


def test_norms_normalise():
    net = built(delta, direct())
    at = net(some_series())(0.5)
    slow = net.layers[0].slow
    encoded = slow.steps["encoder_norm"](slow.steps["encoder_linear"](at.inputs["x"]))
    raw = slow.steps["encoder_linear"](at.inputs["x"])
    assert close(encoded, torch_layer_norm(raw, (10,)), 1e-14)
    assert Rule(W).read == delta.read and Rule(v * k) == Rule(k * v)
