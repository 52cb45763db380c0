"""By the default projection states stay bounded, or the rule says that they need not; a decay that may be negative is told."""

import json
import re

import pytest
import torch

import fwp
from fwp.controls import Control, Kind, hermite
from fwp.data import series
from fwp.errors import FwpError, FwpWarning, SolveError
from fwp.fields import Projection, direct, external, from_json, linear, sigmoid, softmax, softplus, suited, to_json
from fwp.rules import ALL, Rule, System, W, beta, delta, gamma, hebb, k, leaky_delta, v, x
from fwp.rules.growth import need_not_stay_bounded
from fwp.terms import DomainKind, Role, Slot, State, nonnegative, real, square, tanh
from fwp.terms.decay import decays, uncertain_decays
from fwp.testing import Verdict, checks_of

QUICK = Control(Kind.LINEAR, time=False)
SIMPLEX = Projection(k=softmax(linear("channel -> head key", x), "key"))
forget, eta, other = Slot("forget", "key"), Slot("eta", domain=real), Slot("other", "key")
kimi = Rule(beta * (v - W @ k) * k - forget * W, name="kimi")
M = State("M", "value key")

GROW = [
    "hebb", "hebb_transposed", "softmax_oja", "softmax_oja_transposed", "classic_hebb", "erase_write", "covariance", "bcm",
    "self_reference", "ncde", "nrde", "big_map",
]  # fmt: skip


def verdict(rule, name="bounded"):
    (found,) = [own.run() for own in checks_of(rule) if own.name == name]
    return found


def test_every_decay_of_the_library_is_nonnegative():
    for name, rule in ALL.items():
        assert not [s.name for each in rule.rules for s in uncertain_decays(each.rate, each.of)], name
    assert {s.name for s in decays(ALL["gated_delta"].rate, W)} == {"forget", "beta"}


def test_the_layer_that_reached_1e14_stays_where_its_values_are():
    layer = fwp.FastWeights(ALL["gated_delta"], 3, 16, heads=2)
    for time in (64, 300, 2_000):
        outputs, state = layer(torch.randn(2, time, 3))
        assert outputs.abs().max() < 2 and state.weights[0]["W"].abs().max() < 3


@pytest.mark.parametrize("name", ["momentum_delta", "covariance"])
def test_systems_with_simplex_keys_pass_unit_steps(name):
    """A decay fed by the time, which grows, left the region in which a unit step of rk4 is stable."""
    net = (ALL[name] @ SIMPLEX @ hermite).build(channels=3, width=8)
    found = fwp.solve(net(series(torch.randn(2, 200, 3)))).final
    # What goes in grows with the time, and the weights no faster than its square.
    assert all(state.abs().max() < 200**2 for state in found.values())


@pytest.mark.parametrize("name", [name for name in ALL if name in GROW])
def test_a_rule_that_grows_by_nature_says_why(name):
    found = verdict(ALL[name])
    assert found.verdict is Verdict.OUTSIDE and found.detail == f"need not stay so: {need_not_stay_bounded(ALL[name])}"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("delta", "gated_delta", "anti_hebb") else pytest.mark.slow)
        for name in ALL
        if name not in GROW
    ],
)
def test_all_other_rules_stay_bounded(name):
    found = verdict(ALL[name])
    assert found.verdict is Verdict.PASSED and "in 5000 unit steps" in found.detail, found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", [n for n in ALL if n not in GROW and isinstance(ALL[n], Rule)])
def test_no_draw_of_the_default_projection_leaves_its_bounds(name, seed):
    torch.manual_seed(seed)
    rule = ALL[name]
    net = (rule @ suited(direct(), rule) @ QUICK).build(
        3, width=32, heads=8, **({"key": 4} if name == "oja_neuron" else {})
    )
    final = fwp.solve(net(series(torch.randn(2, 5_001, 3)))).final
    assert all(state.abs().max() < 50 for state in final.values())


def test_growth_is_read_off_the_structure_not_the_name():
    up, q_own = Slot("up", domain=nonnegative), Slot("q_own", "key")
    grow = [
        Rule(v * k), Rule(up * W + v * k), Rule(up * (W @ k) * k), System(Rule(M), Rule(-gamma * M, of=M)),
        Rule(beta * (v - W @ q_own) * k),
    ]  # fmt: skip
    stay = [
        kimi,
        delta,
        Rule(v * k - W),
        Rule(beta * (v - W @ q_own) * k - gamma * W),
        ALL["momentum_delta"],
        Rule(gamma * W - W),
    ]
    assert all(need_not_stay_bounded(rule) for rule in grow)
    assert not any(need_not_stay_bounded(rule) for rule in stay)


def test_an_author_may_claim_that_a_rule_grows():
    why = "it is what it is for"
    assert need_not_stay_bounded(Rule(v * k - square(W), unbounded=why).renamed("mine")) == why
    assert (
        need_not_stay_bounded(System(Rule(M), Rule(v * k - square(M) * W, of=M), unbounded=why).renamed("mine")) == why
    )
    assert Rule(v * k, unbounded=why) == Rule(v * k)
    for wrong in (True, "", 3):
        with pytest.raises(FwpError, match="is said in words"):
            Rule(v * k, unbounded=wrong)


@pytest.mark.filterwarnings("ignore::fwp.errors.FwpWarning")
@pytest.mark.parametrize(
    "rule, words",
    [
        (kimi, "`forget`|slot forget"),
        (Rule(v * k + square(W)), "leave all bounds after"),
        (Rule(beta * v * tanh(k + v @ W)), "grows from .* unbounded="),
        (System(Rule(M), Rule(3 * beta * (v - W @ k) * k - M / 100, of=M)), "leave all bounds after"),
    ],
    ids=["a real decay", "a square", "what adds up unseen", "resonance"],
)
def test_a_rule_that_escapes_does_not_pass(rule, words):
    found = verdict(rule)
    assert found.verdict is Verdict.FAILED
    assert re.search(words, found.detail), found.detail


@pytest.mark.parametrize(
    "rate, names",
    [
        (beta * (v - W @ k) * k - forget * W, ["forget"]),
        (eta * (v - W @ k) * k, ["eta"]),
        (eta * tanh(v - W @ k) * k, ["eta"]),
        (v * k - forget * other * W, ["forget", "other"]),
        ((v - W @ (forget * k)) * k, ["forget"]),
        (v * k - forget * forget * W, []),
        (forget * W, []),
        (v * k - tanh(forget) * W, []),
        (v * k - (other @ k) * W, []),
        (beta * (v - W @ other) * k, []),
        (v * k - gamma * W, []),
    ],
    ids=repr,
)
def test_slots_by_which_a_state_decays_are_found(rate, names):
    assert sorted(s.name for s in uncertain_decays(rate, W)) == names


def test_composing_tells_of_a_decay_that_may_be_negative(recwarn):
    with pytest.warns(FwpWarning, match="`forget` is a decay that may be negative"):
        kimi @ Projection()
    with pytest.warns(FwpWarning, match="`eta` is a decay that may be negative"):
        Rule(eta * (v - W @ k) * k) @ Projection(eta=linear("channel -> head", x))
    recwarn.clear()
    kimi @ Projection(forget=sigmoid(linear("channel -> head key", x)))
    kimi @ Projection(forget=softmax(linear("channel -> head key", x), "key"))
    kimi @ Projection(forget=external(torch.nn.Linear(3, 4), x, "key"))
    for rule in ALL.values():
        if "channel" not in {a for s in rule.variables if s.role is Role.SLOT for a in s.declared}:
            rule @ Projection()
    assert not [str(w.message) for w in recwarn]


@pytest.mark.filterwarnings("ignore::fwp.errors.FwpWarning")
def test_where_a_solve_fails_a_decay_that_may_be_negative_is_named():
    with pytest.raises(SolveError, match="a decay of W that may be negative") as caught:
        fwp.FastWeights(kimi, 3, 16, heads=2)(torch.randn(2, 500, 3))
    assert 'forget = Slot("forget", "key", nonnegative)' in str(caught.value)
    with pytest.raises(SolveError) as caught:
        fwp.solve(
            (Rule(Slot("up", domain=nonnegative) * 9 * W + v * k) @ Projection() @ QUICK).build(3, width=8)(
                series(torch.randn(1, 200, 3))
            )
        )
    assert "decay" not in str(caught.value)


def test_what_is_not_negative_lies_between_0_and_1_by_default():
    net = (leaky_delta @ Projection() @ hermite).build(3, width=8)
    slots = net(series(1e3 * torch.randn(2, 50, 3))).at(3, 0.5).slots
    assert slots["gamma"].min() >= 0 and slots["gamma"].max() <= 1
    assert all(s.domain.kind is not DomainKind.REAL for s in (gamma, beta))


def test_a_model_that_was_kept_before_goes_on_as_it_was_trained():
    """Its json does not say what feeds the slots that nobody named: that was a softplus then."""
    model = leaky_delta @ Projection() @ hermite
    new = json.loads(json.dumps(to_json(model)))
    assert from_json(new) == model
    old = json.loads(json.dumps(new))
    del old["layers"][0]["projection"]["nonnegative"], old["layers"][0]["projection"]["initial"]["asked"]
    before = from_json(old)
    assert before.spec.layers[0].projection.slots["gamma"] == softplus(linear("channel -> head", x))
    names = [{n: p.shape for n, p in m.build(3, width=8).named_parameters()} for m in (model, before)]
    assert names[0] == names[1]
    assert from_json(json.loads(json.dumps(to_json(before)))) == before
    assert from_json(to_json(hebb @ Projection() @ hermite)) == hebb @ Projection() @ hermite
