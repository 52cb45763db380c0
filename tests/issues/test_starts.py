"""The default start of a rule is one from which it can learn; who asks for another that cannot is told."""

import json

import pytest
import torch

import fwp
from fwp.controls import Control, Kind
from fwp.data import series
from fwp.errors import FwpWarning
from fwp.fields import (
    Projection,
    StatesFrom,
    above,
    direct,
    first_write,
    from_json,
    keys_from_increments,
    keys_from_signal,
    linear,
    parameter,
    plain,
    softmax,
    stack,
    start,
    suited,
    to_json,
    wiring,
    zero,
)
from fwp.rules import ALL, Rule, System, W, beta, gamma, k, q, v, x
from fwp.rules.rest import alike_along, resting
from fwp.terms import Role, Slot, State, normalize, relu, sigmoid, tanh
from fwp.testing import Verdict, checks_of

QUICK = Control(Kind.LINEAR, time=False)
M, A, W1, W2 = State("M", "value key"), State("A", "value key"), State("W1", "hidden key"), State("W2", "value hidden")
BY_HAND = {"ncde": "ncde", "nrde": "nrde", "big_map": "big-map"}


def two_layers(act):
    hidden = act(W1 @ k)
    error = v - W2 @ hidden
    return System(Rule(beta * error * hidden, of=W2), Rule(beta * (error @ W2) * k, of=W1), read=W2 @ act(W1 @ q))


def resolved(rule, projection):
    return (rule @ projection).layers[0].projection.initial


def begins(rule, projection):
    """The states that begin at learned values."""
    initial = resolved(rule, projection)
    return {name for name, _ in initial.states} if isinstance(initial, StatesFrom) else set()


def learns(spec, **sizes):
    """The read-out after some steps has finite gradients, and those of the parameters that it depends on are not all 0."""
    axes = {"key": 4, "key2": 4, "value": 4, "hidden": 4, "inner": 4, "inner2": 4}
    given = {a: n for a, n in axes.items() if a in (spec @ QUICK).axes}
    net = (spec @ QUICK).build(3, width=4, dtype=torch.float64, **(given | sizes))
    read = fwp.solve(net(series(torch.randn(2, 8, 3, dtype=torch.float64)))).read()
    assert read.isfinite().all() and read.any()
    (read * torch.randn_like(read)).sum().backward()
    slopes = [p.grad for p in net.parameters() if p.grad is not None]
    assert all(slope.isfinite().all() for slope in slopes) and any(slope.any() for slope in slopes)
    return net


PROJECTIONS = {
    "none": lambda rule: wiring(BY_HAND[rule.name]) if rule.name in BY_HAND else Projection(),
    "direct": lambda rule: suited(direct(), rule),
    "plain": lambda rule: suited(plain(), rule) if rule.name not in BY_HAND else suited(direct(), rule),
    "above": lambda rule: suited(direct() if rule.name in BY_HAND else above(), rule),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("projection", PROJECTIONS)
def test_every_rule_learns_from_its_default_start(projection, name, recwarn):
    rule = ALL[name]
    learns(rule @ PROJECTIONS[projection](rule))
    assert not [w for w in recwarn if issubclass(w.category, FwpWarning)]


@pytest.mark.parametrize(
    "name", ["oja_subspace", "oja_neuron", "anti_hebb", "classic_hebb", "sanger", "bcm", "self_reference"]
)
def test_a_layer_of_a_homogeneous_rule_has_outputs(name):
    sizes = {"oja_neuron": {"key": 8}, "self_reference": {"key2": 8}}.get(name, {})
    for projection in (None, Projection(k=softmax(linear("channel -> head key", x), "key")).restricted(ALL[name])):
        layer = fwp.FastWeights(ALL[name], 3, 8, projection=projection, **sizes)
        outputs, _ = layer(torch.randn(2, 6, 3))
        outputs.square().sum().backward()
        assert outputs.any() and all(p.grad is None or p.grad.isfinite().all() for p in layer.parameters())


def test_an_upper_layer_begins_elsewhere_too():
    spec = stack(ALL["delta"] @ Projection(), ALL["oja_subspace"] @ above().restricted(ALL["oja_subspace"]))
    net = learns(spec)
    states = net(series(torch.randn(2, 8, 3, dtype=torch.float64))).initial()
    assert not states["layer1.W"].any() and states["layer2.W"].any()


def test_only_the_states_of_a_system_that_rest_are_learned():
    mixed = System(Rule(beta * (v - W @ k) * k + M), Rule(beta * (M @ k) * k - gamma * M, of=M))
    assert begins(mixed, Projection()) == {"M"} and begins(mixed, suited(direct(), mixed)) == {"M"}
    learns(mixed @ Projection())


def test_states_that_hold_each_other_at_zero_are_both_learned():
    """Neither rate has its own state for a factor; together they rest."""
    joint = System(Rule(beta * (M @ k) * k), Rule(gamma * (W @ k) * k - gamma * M, of=M))
    assert begins(joint, Projection()) == {"W", "M"}
    chain = System(Rule(M), Rule(A, of=M), Rule(v * k - A, of=A))
    assert begins(chain, Projection()) == set()
    assert (
        resting(chain, {"W", "M", "A"}) == frozenset() and resting(System(*chain.rules[:2]), {"W", "M"}) == frozenset()
    )


def test_a_sum_of_rules_rests_only_if_all_of_it_does():
    assert begins(ALL["oja_subspace"] + ALL["hebb"], Projection()) == set()
    assert begins(ALL["oja_subspace"] + ALL["anti_hebb"], Projection()) == {"W"}
    assert begins(Rule(tanh(W @ k) * k), Projection()) == {"W"}
    assert begins(Rule(sigmoid(W @ k) * k), Projection()) == set()


def test_a_norm_of_an_empty_state_is_not_taken():
    """It has no value at 0, although the rate has a term that moves the state away from there."""
    rule = Rule(beta * (v - normalize(W @ k, "value")) * k)
    assert begins(rule, Projection()) == {"W"}
    learns(rule @ Projection())


ASKED = {
    "zero": lambda: ALL["oja_subspace"] @ Projection(initial=zero),
    "a first write": lambda: ALL["sanger"] @ Projection(initial=first_write()),
    "a wiring's first write": lambda: ALL["bcm"] @ keys_from_signal().restricted(ALL["bcm"]),
    "another state's start": lambda: (
        System(*ALL["oja_subspace"].rules, Rule(v * k, of=M)) @ Projection(initial=start(M=parameter("key -> value")))
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_who_asks_for_a_start_at_rest_is_told(name):
    with pytest.warns(FwpWarning, match="states that begin at zero stay there"):
        ASKED[name]()


def test_a_start_that_was_kept_stays_what_it_was():
    for projection in (Projection(), Projection(initial=zero)):
        for rule in (ALL["delta"], ALL["bcm"]):
            if rule is ALL["bcm"] and projection.initial == zero:
                continue
            model = rule @ projection @ QUICK
            assert from_json(json.loads(json.dumps(to_json(model)))) == model
    assert Projection() != Projection(initial=zero) and "initial=zero" in repr(Projection(initial=zero))
    old = to_json(ALL["delta"] @ Projection() @ QUICK) | {}
    old["layers"][0]["rule"] = to_json(ALL["anti_hebb"] @ Projection() @ QUICK)["layers"][0]["rule"]
    old["layers"][0]["projection"]["initial"] = {"kind": "zero"}
    old["layers"][0]["projection"]["slots"] = {}
    with pytest.warns(FwpWarning, match="stay there"):
        assert not [n for n, _ in from_json(old).build(3, width=4).named_parameters() if "initial" in n]


def test_two_layers_without_anything_that_tells_units_apart_are_noticed():
    rule = two_layers(sigmoid)
    assert frozenset({"hidden"}) in alike_along(rule)
    with pytest.warns(FwpWarning, match="all units along `hidden` begin alike and stay so"):
        net = (rule @ Projection() @ QUICK).build(3, width=8, hidden=4)
    # so they do: this is what the warning is about
    final = fwp.solve(net(series(torch.randn(2, 30, 3)))).final
    assert final["W1"].any() and final["W1"].std(2).max() < 1e-6
    (found,) = [own.run() for own in checks_of(rule) if own.name == "start"]
    assert found.verdict is Verdict.DOUBTFUL and "along `hidden` begin alike" in found.detail


@pytest.mark.parametrize(
    "states",
    [
        {"W1": parameter("key -> head hidden")},
        {"W2": parameter("hidden -> value")},
        {"W1": linear("channel -> head hidden key", x)},
    ],
)
def test_a_start_with_numbers_of_their_own_tells_units_apart(states, recwarn):
    net = (two_layers(sigmoid) @ Projection(initial=start(**states)) @ QUICK).build(3, width=8, hidden=4)
    assert not recwarn.list
    assert fwp.solve(net(series(torch.randn(2, 30, 3)))).final["W1"].std(2).max() > 1e-3


def test_a_start_at_0_that_is_learned_tells_no_units_apart():
    with pytest.warns(FwpWarning, match="along `hidden`"):
        two_layers(sigmoid) @ Projection(initial=start(W1=parameter("head hidden key")))


@pytest.mark.parametrize("act", [tanh, relu])
def test_two_layers_that_rest_at_zero_begin_elsewhere(act, recwarn):
    net = learns(two_layers(act) @ Projection())
    assert begins(two_layers(act), Projection()) == {"W1", "W2"} and not recwarn.list
    assert fwp.solve(net(series(torch.randn(2, 30, 3, dtype=torch.float64)))).final["W1"].std(2).max() > 1e-3


def test_an_axis_that_a_slot_feeds_tells_its_units_apart(recwarn):
    bias = Slot("bias", "hidden")
    hidden = sigmoid(W1 @ k + bias)
    error = v - W2 @ hidden
    System(
        Rule(beta * error * hidden, of=W2), Rule(beta * (error @ W2) * k, of=W1), read=W2 @ sigmoid(W1 @ q)
    ) @ Projection()
    for rule in ALL.values():
        if "channel" not in {a for s in rule.variables if s.role is Role.SLOT for a in s.declared}:
            rule @ Projection()
    assert not recwarn.list


@pytest.mark.parametrize("name", ["delta", "oja_subspace", "momentum_delta"])
def test_the_check_says_where_states_begin(name):
    (found,) = [own.run() for own in checks_of(ALL[name]) if own.name == "start"]
    assert found.verdict is Verdict.PASSED and ("learned values" in found.detail) == (name == "oja_subspace")


@pytest.mark.parametrize("wired", [direct, keys_from_increments])
def test_suited_keeps_a_first_write_that_writes(wired):
    for name in ("delta", "hebb", "momentum_delta", "gated_delta"):
        assert resolved(ALL[name], suited(wired(), ALL[name])) == first_write()
