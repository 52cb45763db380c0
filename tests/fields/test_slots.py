"""What fills the slots of a rule: axes, domains, defaults, shared encoders, modules of the user's own, layouts."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from fwp import controls
from fwp.errors import AxisError, CompositionError, DomainError
from fwp.fields import (
    Projection,
    activation,
    direct,
    external,
    keys_from_increments,
    layer_norm,
    linear,
    normalize,
    parameter,
    relu,
    shared,
    sigmoid,
    softmax,
    softplus,
    start,
    tanh,
)
from fwp.rules import ALL, Rule, W, beta, delta, dx, hebb, k, ncde, v, x
from fwp.terms import Primitive, Slot, nonnegative, simplex, sphere, unit
from fwp.testing.flows import Pick
from tests.fields.nets import built, close, some_series, suitable


@pytest.mark.parametrize(
    "own",
    [
        x,
        linear("channel -> head value", x),
        linear("channel -> key value", x),
        linear("channel -> head", x),
        parameter("key2"),
    ],
    ids=repr,
)
def test_a_map_needs_the_axes_of_its_slot(own):
    with pytest.raises(AxisError, match=r"(?s)`k` does not have its axes.*slot k +: \(key\).*'head key'"):
        delta @ Projection(k=own)


def test_a_beginning_needs_the_axes_of_its_state():
    assert delta @ Projection(initial=start(W=linear("channel -> key head value", x)))
    for pattern in ("channel -> head value", "channel -> head", "channel -> key value hidden"):
        with pytest.raises(
            AxisError, match=r"(?s)`W` does not have its axes.*state W +: \(value key\).*'head value key'"
        ):
            delta @ Projection(initial=start(W=linear(pattern, x)))


def test_maps_inside_a_domain_are_taken_and_others_refused():
    raw = linear("channel -> key", x)
    inside = {
        unit: [sigmoid(raw), softmax(raw, "key"), shared("e", sigmoid(raw))],
        nonnegative: [sigmoid(raw), relu(raw), softplus(raw), softmax(raw, "key"), activation(Primitive.EXP, raw)],
        simplex("key"): [softmax(raw, "key"), shared("e", softmax(raw, "key"))],
        sphere("key"): [normalize(raw, "key")],
    }
    outside = {
        unit: [raw, tanh(raw), relu(raw), softplus(raw), parameter("key"), external(nn.Identity(), raw, "key")],
        nonnegative: [raw, tanh(raw), normalize(raw, "key"), activation(Primitive.LOG, raw), layer_norm(sigmoid(raw))],
        simplex("key"): [raw, sigmoid(raw), normalize(raw, "key")],
        sphere("key"): [raw, tanh(raw), softmax(raw, "key")],
    }
    for domain in inside:
        rule = Rule(v * Slot("s", "key", domain))
        for own in inside[domain]:
            assert rule @ Projection(s=own)
        for own in outside[domain]:
            with pytest.raises(DomainError, match=rf"(?s)`s` may leave its domain.*slot s +: {domain}.*end the map"):
                rule @ Projection(s=own)


def test_the_simplex_of_one_axis_is_not_that_of_another():
    raw = linear("channel -> key value", x)
    rule = Rule(Slot("s", "key value", simplex("key")) * W)
    assert rule @ Projection(s=softmax(raw, "key"))
    with pytest.raises(DomainError):
        rule @ Projection(s=softmax(raw, "value"))


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 100.0))
def test_an_unnamed_slot_lies_in_its_domain(seed, scale):
    torch.manual_seed(seed)
    a, b, c, d, e = (
        Slot(name, axes, domain)
        for name, axes, domain in (
            ("a", "value key", None),
            ("b", "", None),
            ("c", "key value", nonnegative),
            ("d", "value key", simplex("key")),
            ("e", "key value", sphere("value")),
        )
    )
    net = built(Rule(a * W - b * W + c * d * e), Projection())
    slots = net(some_series(seed=seed % 97)).at(1, 0.3)
    slots = type(slots)(net, {name: value * scale for name, value in slots.inputs.items()}).slots
    assert {n: s.shape[1:] for n, s in slots.items()} == {
        "a": (2, 4, 5), "b": (2,), "c": (2, 5, 4), "d": (2, 4, 5), "e": (2, 5, 4),
    }  # fmt: skip
    assert (slots["b"] >= 0).all() and (slots["b"] <= 1).all() and (slots["c"] >= 0).all() and (slots["d"] >= 0).all()
    assert close(slots["d"].sum(-1), torch.ones(3, 2, 4, dtype=torch.float64), 1e-14)
    assert close(slots["e"].norm(dim=-1), torch.ones(3, 2, 5, dtype=torch.float64), 1e-14)
    assert slots["a"].min() < 0 < slots["a"].max()


def test_an_unnamed_slot_is_a_linear_map_of_the_default_with_weights_of_its_own():
    net = built(delta, Projection(default=linear("channel -> width", dx), k=linear("channel -> head key", x)))
    shapes = {n.removeprefix("layers.0.slow.steps."): tuple(p.shape) for n, p in net.named_parameters()}
    for name, own in {"v": (2, 4), "beta": (2,), "q": (2, 5)}.items():
        assert shapes[f"{name}_linear.weight"] == (10, 4) and shapes[f"{name}_linear2.weight"] == (*own, 10)
    assert shapes["k_linear.weight"] == (2, 5, 4)


def test_a_slot_of_the_users_invention_needs_no_words():
    decay = Slot("decay", domain=nonnegative)
    net = built(Rule(beta * (v - W @ k) * k - decay * W, name="leaky"), direct())
    shapes = {n.removeprefix("layers.0.slow.steps."): tuple(p.shape) for n, p in net.named_parameters()}
    assert shapes["decay_linear.weight"] == (2, 10)  # from the shared encoder, the default of this projection
    slots = net(some_series()).at(0, 0.5).slots
    assert slots["decay"].shape == (3, 2) and (slots["decay"] > 0).all()


def test_a_shared_map_has_one_set_of_parameters():
    net = built(delta, direct())
    names = [n.removeprefix("layers.0.slow.steps.") for n, _ in net.named_parameters()]
    assert sum(n.startswith("encoder") for n in names) == 4
    apart = built(delta, Projection(**{n: linear("channel -> head key", x) for n in ("k", "q")}))
    assert sum("k_linear" in n for n, _ in apart.named_parameters()) == 2
    assert sum("q_linear" in n for n, _ in apart.named_parameters()) == 2
    same = shared("kq", linear("channel -> head key", x))
    tied = built(delta, Projection(k=same, q=same))
    assert [n for n, _ in tied.named_parameters() if "kq" in n] == [
        f"layers.0.slow.steps.kq_linear.{p}" for p in ("weight", "bias")
    ]
    field = tied(some_series()).at(0, 0.0)
    q = tied.layers[0].slots(tied.layers[0].read_arguments, field.inputs)["q"]
    assert torch.equal(field.slots["k"], q)


def test_one_name_for_two_shared_maps_is_refused():
    one, two = (shared("e", layer_norm(linear("channel -> width", s))) for s in (x, dx))
    with pytest.raises(CompositionError, match=r"(?s)two different maps are shared under the name `e`.*another name"):
        built(delta, Projection(k=linear("width -> head key", one), v=linear("width -> head value", two)))


@pytest.mark.parametrize("name", ["", "a.b", "two words", "1st"])
def test_the_name_of_a_shared_map_is_an_identifier(name):
    with pytest.raises(CompositionError, match="identifier"):
        shared(name, x)


def test_a_module_of_the_users_own_feeds_a_slot():
    module = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5))
    net = built(delta, Projection(k=external(module, x, "key"), beta=sigmoid(external(Pick(0, ()), dx, ""))))
    field = net(some_series()).at(0, 0.2)
    own = net.layers[0].slow.steps["k_external"]
    assert torch.equal(field.slots["k"], own(field.inputs["x"])[:, None])
    assert torch.equal(field.slots["beta"], field.inputs["dx"][:, :1].sigmoid())
    assert all(
        torch.equal(ours, theirs.double()) for ours, theirs in zip(own.parameters(), module.parameters(), strict=True)
    )
    assert not {id(p) for p in module.parameters()} & {id(p) for p in net.parameters()}
    assert Projection(k=external(module, x, "key")) == Projection(k=external(module, x, "key"))
    assert Projection(k=external(module, x, "key")) != Projection(k=external(nn.Linear(4, 5), x, "key"))


def test_a_map_without_heads_is_the_same_for_all():
    net = built(delta, Projection(k=linear("channel -> key", x), v=linear("channel -> value head", x)))
    slots = net(some_series()).at(0, 0.2).slots
    assert slots["k"].shape == (3, 1, 5) and slots["v"].shape == (3, 2, 4)
    rate = net(some_series()).at(0, 0.2)({"W": torch.zeros(3, 2, 4, 5, dtype=torch.float64)})["W"]
    assert rate.shape == (3, 2, 4, 5)


def test_axes_may_be_kept_apart():
    """A map with an axis on both sides has weights of its own for each of its entries."""
    each = linear("head width -> head key", linear("channel -> head width", x))
    net = built(delta, Projection(k=each))
    weight = net.get_parameter("layers.0.slow.steps.k_linear2.weight")
    assert weight.shape == (2, 5, 10)
    field = net(some_series()).at(0, 0.2)
    first = net.layers[0].slow.steps["k_linear"](field.inputs["x"])
    by_head = torch.stack([first[:, h] @ weight[h].T for h in range(2)], 1)
    bias = net.get_parameter("layers.0.slow.steps.k_linear2.bias")
    assert close(field.slots["k"], by_head + bias, 1e-14)


@pytest.mark.parametrize(
    "pattern",
    ["channel", "channel -> ", "channel -> key -> key", "channel -> (head key)", "channel -> head 3", "... channel -> key",
     "width -> key", "-> key", "channel -> key key", "channel -> 1", "channel → key", ""],
)  # fmt: skip
def test_a_pattern_that_is_none_is_refused(pattern):
    if pattern == "channel -> ":
        assert linear(pattern, x).axes == ()
        return
    with pytest.raises(AxisError):
        linear(pattern, x)


def test_a_linear_map_begins_as_that_of_torch():
    torch.manual_seed(3)
    net = built(hebb, Projection(k=linear("channel -> head key", x)), channels=99, key=200)
    weight, bias = (net.get_parameter(f"layers.0.slow.steps.k_linear.{p}") for p in ("weight", "bias"))
    for drawn in (weight, bias):
        assert drawn.abs().max() <= 0.1 and drawn.abs().max() > 0.095 and abs(float(drawn.mean())) < 0.02
        assert abs(float(drawn.std()) - 0.1 / 3**0.5) < 0.005


def test_constants_begin_as_a_weight_or_at_zero():
    net = built(ncde, suitable("ncde"), hidden=64)
    values = {n.split(".")[-2]: p for n, p in net.named_parameters() if n.endswith("value")}
    assert values["A_in_constant"].shape == (6, 64) and values["A_in_constant"].abs().max() <= 1 / 8
    assert values["A_out_constant"].shape == (64, 4, 6) and values["b_out_constant"].shape == (64, 4)
    assert not values["b_in_constant"].any() and not values["b_out_constant"].any()


def test_building_is_determined_by_the_seed():
    nets = []
    for _ in range(2):
        torch.manual_seed(7)
        nets.append(built(delta, direct()))
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))
    other = built(delta, direct())
    assert not torch.equal(next(iter(nets[0].parameters())), next(iter(other.parameters())))


@pytest.mark.parametrize(
    "rule, projection, sizes, expected",
    [
        ("delta", keys_from_increments(), (20, 80, 4), 77_774 - 1_760 - 6_480 - 51_600 - 160 - 810),
        # PhysioNet Sepsis without intensity, value norm; without its static net
        ("delta", keys_from_increments(value_norm=True), (34, 160, 32), 5_760 + 320 + 30_912 + 5_760 + 320 + 25_760 + 25_760),
        # with intensity
        ("delta", keys_from_increments(), (68, 80, 16), 5_600 + 160 + 7_776 + 5_600 + 6_480),
    ],
    ids=["speech", "sepsis", "sepsis with intensity"],
)  # fmt: skip
def test_the_slow_nets_of_the_paper_have_their_numbers_of_parameters(rule, projection, sizes, expected):
    """Of 77,774 on Speech Commands all but a dead linear map, out_proj, FF, LN₂ and head; of the others, the same parts."""
    channels, width, heads = sizes
    net = (ALL[rule] @ projection @ controls.natural_cubic).build(channels=channels, width=width, heads=heads)
    assert sum(p.numel() for p in net.parameters()) == expected


def test_eigenworms_models_have_their_numbers_of_parameters():
    """86,925 and 88,205 without out_proj, FF, LN₂, head and the encoded first point; window logsignatures have 7 channels."""
    for rule, projection, expected in [
        ("tanh_delta", direct(squash=False), 1_024 + 256 + 35_088 + 16_512),
        ("tanh_delta", keys_from_increments(squash=False, value_norm=True), 1_024 + 256 + 18_576 + 1_024 + 256 + 16_512 + 16_512),
    ]:  # fmt: skip
        net = (ALL[rule] @ projection @ controls.Control(controls.Kind.LINEAR, time=False)).build(
            channels=7, width=128, heads=16
        )
        assert sum(p.numel() for p in net.parameters()) == expected


def test_every_slot_has_the_layout_batch_head_axes():
    for name, rule in ALL.items():
        net = built(rule, suitable(name))
        field = net(some_series())
        for slot, value in field.at(0, 0.1).slots.items():
            declared = next(s.declared for s in rule.variables if s.name == slot)
            sizes = {**net.layers[0].sizes, "head": value.shape[-1 - len(declared)]}
            expected = (sizes["head"], *(sizes[a] for a in declared))
            assert value.shape[-len(expected) :] == expected and sizes["head"] in (1, 2), (name, slot)
            assert value.shape[: -len(expected)] in ((), (3,)), (name, slot)
        for state, value in field.initial().items():
            axes = next(r.of.axes for r in rule.rules if r.of.name == state)
            assert value.shape == (3, 2, *(net.layers[0].sizes[a] for a in axes)), name


def test_constants_have_no_batch_axes_and_still_serve_several_heads():
    net = built(ncde, suitable("ncde"))
    field = net(some_series())
    states = {"z": torch.randn(3, 2, 7, dtype=torch.float64)}
    rate = field.at(0, 0.4)(states)["z"]
    A_in, b_in, A_out, b_out = (
        net.get_parameter(f"layers.0.slow.steps.{n}_constant.value") for n in ("A_in", "b_in", "A_out", "b_out")
    )
    hidden = (states["z"] @ A_in.T + b_in).relu()
    F = (torch.einsum("hci,bni->bnhc", A_out, hidden) + b_out).tanh()
    assert close(rate, torch.einsum("bnhc,bc->bnh", F, field.at(0, 0.4).inputs["dx"]), 1e-14)
