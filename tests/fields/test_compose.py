"""rule @ projection @ control is a value: it joins in any bracketing, prints, compares, hashes, and refuses what does not fit."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import fwp.fields as maps
from fwp import controls, explain, prepare, series, solve
from fwp.controls import Control, Kind
from fwp.errors import CompositionError, FwpError, SizeError, SolveError
from fwp.fields import (
    Layer,
    Model,
    Projection,
    feed_forward,
    first,
    first_write,
    increments_only,
    keys_from_increments,
    keys_from_signal,
    layer_norm,
    linear,
    parameter,
    plain,
    shared,
    softmax,
    stack,
    start,
    static,
    wiring,
    zero,
)
from fwp.fields.fit import default_map, slots_of
from fwp.rules import ALL, Rule, W, bcm, beta, delta, dx, hebb, k, momentum_delta, oja, v, x
from fwp.terms import Increment, Signal, Slot, State
from tests.fields.nets import built, some_series, suitable

CONTROLS = [Control(kind, time) for kind in Kind for time in (True, False)]
ENCODED = [shared(s.name, layer_norm(linear("channel -> width", s))) for s in (x, dx)]
SOURCES = [x, dx, static, *ENCODED, shared("block", feed_forward(linear("channel -> width", x)))]
choices = st.tuples(st.sampled_from(list(ALL)), st.lists(st.integers(0, len(SOURCES)), min_size=8, max_size=8))


def chosen(name: str, picks: list[int]) -> Projection:
    """For the rule of this name: slots named or left out, from any source, beginning in any way."""
    rule, (begin, default, *own) = ALL[name], picks
    if name in ("ncde", "nrde", "big_map"):  # their weights are constants
        return suitable(name)
    pairs = zip(slots_of(rule).values(), own, strict=False)
    slots = {slot.name: default_map(slot, SOURCES[i]) for slot, i in pairs if i < len(SOURCES)}
    initial = [zero, first_write(), first_write(**slots), first_write(linear("point -> channel", first))][begin % 4]
    return Projection(default=SOURCES[default % len(SOURCES)], initial=initial, **slots)


@pytest.mark.users
@given(choices, st.sampled_from(CONTROLS))
def test_composition_is_associative(choice, control):
    rule, projection = ALL[choice[0]], chosen(*choice)
    left, right = (rule @ projection) @ control, rule @ (projection @ control)
    assert left == right and hash(left) == hash(right) and repr(left) == repr(right)
    assert isinstance(left, Model) and left.spec.layers == (Layer(rule, projection),)


@given(st.tuples(choices, choices, choices))
def test_stacking_is_associative(three):
    a, b, c = (ALL[choice[0]] @ chosen(*choice) for choice in three)
    try:
        whole = stack(a, b, c)
    except CompositionError:  # an upper layer that reads dx
        for attempt in (lambda: stack(stack(a, b), c), lambda: stack(a, stack(b, c))):
            with pytest.raises(CompositionError):
                attempt()
        return
    assert stack(stack(a, b), c) == stack(a, stack(b, c)) == whole
    assert hash(stack(stack(a, b), c)) == hash(whole) and stack(a) == a


@given(choices)
def test_a_projection_prints_as_the_python_that_makes_it(choice):
    projection = chosen(*choice)
    assert eval(repr(projection), {**vars(maps), "x": x, "dx": dx}) == projection


@pytest.mark.parametrize(
    "projection",
    [
        Projection(W=parameter("hidden -> inner")),
        Projection(z=parameter("hidden inner")),
        Projection(a=maps.normalize(linear("channel -> key head", dx, bias=False), "key"), initial=start(z=dx)),
        *(
            wiring(n)
            for n in [
                "direct",
                "keys-from-signal",
                "keys-from-increments",
                "increments-only",
                "plain",
                "ncde",
                "nrde",
                "big-map",
            ]
        ),
    ],
    ids=repr,
)
def test_each_kind_of_map_prints_as_the_python_that_makes_it(projection):
    assert eval(repr(projection), {**vars(maps), "x": x, "dx": dx}) == projection


def test_values_of_equal_meaning_are_equal():
    assert delta @ plain() == Rule(beta * k * (v - W @ k)) @ plain()
    assert {delta @ plain() @ controls.linear: 1}[Rule(beta * (v - W @ k) * k) @ plain() @ controls.linear] == 1
    assert Projection(k=x, v=dx) == Projection(v=dx, k=x)
    assert first_write(k=x, v=dx) == first_write(v=dx, k=x)
    one = [delta @ plain(), oja @ plain(), delta @ plain(keys=dx), stack(delta @ plain(), delta @ plain())]
    models = [spec @ control for spec in one for control in CONTROLS]
    assert len(set(models)) == len(models)


def test_values_cannot_be_changed():
    projection = plain()
    for value, name in [(projection, "k"), (projection, "default"), (delta @ projection, "layers")]:
        with pytest.raises(AttributeError):
            setattr(value, name, None)
    with pytest.raises(TypeError):
        projection.slots["k"] = x


P, C = plain(), controls.linear
WRONG = {
    "control @ projection": lambda: C @ P,
    "projection @ rule": lambda: P @ delta,
    "projection @ projection": lambda: P @ P,
    "rule @ control": lambda: delta @ C,
    "system @ control": lambda: bcm @ C,
    "control @ rule": lambda: C @ delta,
    "control @ control": lambda: C @ C,
    "spec @ projection": lambda: (delta @ P) @ P,
    "spec @ rule": lambda: (delta @ P) @ delta,
    "control @ spec": lambda: C @ (delta @ P),
    "control @ feed": lambda: C @ (P @ C),
    "number @ projection": lambda: 1 @ P,
    "number @ feed": lambda: 1 @ (P @ C),
    "projection @ kind": lambda: P @ Kind.LINEAR,
    "spec @ text": lambda: (delta @ P) @ "linear",
}


@pytest.mark.nohook  # which refuses the argument before we can
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_stands_in_the_wrong_order_is_refused(wrong):
    with pytest.raises(CompositionError, match=r"(?s)cannot stand left of a.*rule @ projection @ control"):
        wrong()


@pytest.mark.parametrize(
    "left, right", [(delta, delta), (delta @ P, oja @ P), (delta @ P @ C, C)], ids="rule spec model".split()
)
def test_two_of_a_kind_do_not_compose(left, right):
    with pytest.raises((CompositionError, TypeError)):
        left @ right


def test_a_rule_that_reads_a_state_without_an_equation_is_refused():
    momentum = momentum_delta.rules[0]
    with pytest.raises(CompositionError, match=r"(?s)reads the state `M`.*System"):
        momentum @ Projection()


def test_a_name_that_the_rule_does_not_have_is_refused():
    with pytest.raises(CompositionError, match=r"(?s)a map for `kk`.*its slots +: .*k.*restricted"):
        delta @ Projection(kk=linear("channel -> head key", x))
    with pytest.raises(CompositionError, match="a map for `gamma`"):
        delta @ Projection(initial=first_write(gamma=maps.softplus(linear("channel -> head", x))))
    with pytest.raises(CompositionError, match=r"(?s)a map for `k`.*its states +: W"):
        delta @ Projection(initial=start(k=linear("channel -> head key", x)))


def test_restricted_keeps_what_the_rule_has():
    many = Projection(
        **plain().slots,
        gamma=maps.softplus(linear("channel -> head", x)),
        default=dx,
        initial=first_write(**plain().slots),
    )
    for rule in (hebb, ALL["leaky_delta"], ALL["oja_neuron"], ALL["self_reference"]):
        fitting = many.restricted(rule)
        assert set(fitting.slots) == set(many.slots) & set(slots_of(rule)) and fitting.default == dx
        assert {name for name, _ in fitting.initial.slots} == set(fitting.slots) - {"gamma"}
        assert rule @ fitting and fitting.restricted(rule) == fitting
    both = Projection(initial=start(W=linear("channel -> value key", x), z=linear("channel -> hidden", x)))
    assert [name for name, _ in both.restricted(delta).initial.states] == ["W"]


@pytest.mark.nohook
@pytest.mark.parametrize("value", ["k", 3, None, W, k, delta], ids=repr)
def test_only_maps_and_signals_feed_slots(value):
    with pytest.raises(CompositionError, match="neither a signal nor a map"):
        Projection(k=value)
    with pytest.raises(CompositionError, match="neither a signal nor a map"):
        linear("channel -> key", value)


@pytest.mark.parametrize("projection", [keys_from_signal(), keys_from_increments(), increments_only(), plain(keys=dx)])
def test_an_upper_layer_has_no_increment(projection):
    with pytest.raises(CompositionError, match=r"(?s)no increment.*feed its slots from x"):
        stack(delta @ plain(), delta @ projection)
    assert len(stack(delta @ projection, delta @ plain()).layers) == 2


def test_an_upper_layer_may_not_begin_from_an_increment():
    for initial in (
        first_write(v=linear("channel -> head value", dx)),
        start(W=linear("channel -> head value key", dx)),
    ):
        with pytest.raises(CompositionError, match="no increment"):
            stack(delta @ plain(), delta @ Projection(initial=initial))


def test_a_net_binds_to_paths_of_its_channels():
    net = built(delta, plain())
    series = some_series()
    assert (net @ controls.linear(series)).path.channels == net(series).path.channels == 4
    for wrong in (some_series(channel=2), some_series(channel=4)):
        with pytest.raises(
            SizeError, match=rf"(?s)channels=3, with the control's own 4.*build\(channels={wrong.channels}\)"
        ):
            net(wrong)
    with pytest.raises(SizeError, match="channels"):
        net @ Control(Kind.LINEAR, time=False)(series)


@pytest.mark.parametrize("stranger", [Signal("weather"), Increment("dweather")], ids=repr)
def test_only_signals_that_a_path_has_are_read(stranger):
    z = State("z", "hidden")
    for attempt in (
        lambda: delta @ Projection(default=stranger),
        lambda: delta @ Projection(k=softmax(linear("channel -> head key", stranger), "key")),
        lambda: delta @ Projection(initial=start(W=linear("channel -> value key", stranger))),
        lambda: Rule(Slot("A", "hidden channel") @ stranger, of=z) @ Projection(A=parameter("channel -> hidden")),
    ):
        with pytest.raises(CompositionError, match=rf"(?s)no signal `{stranger.name}`.*x, dx or static"):
            attempt()


@pytest.mark.nohook
def test_solving_needs_a_field():
    for wrong in (delta, delta @ P, delta @ P @ C, built(delta, P)):
        with pytest.raises(CompositionError, match="only a field is solved"):
            solve(wrong)


@pytest.mark.nohook  # annotations say what is wanted, too
def test_what_users_forget_is_said():
    spec = delta @ Projection()
    with pytest.raises(CompositionError, match="no control yet"):
        spec.build(channels=3, width=4)
    net = (spec @ CONTROLS[0]).build(3, width=4)
    with pytest.raises(CompositionError, match=r"this is a Tensor[\s\S]*net\(fwp.series\(values\)\)"):
        net(torch.randn(2, 5, 3))
    with pytest.raises(FwpError, match=r"float64[\s\S]*float32[\s\S]*series.to"):
        net(series(torch.randn(2, 5, 3, dtype=torch.float64)))
    for ask in (explain, prepare):
        with pytest.raises(CompositionError, match="this is a Rule"):
            ask(delta)
    with pytest.raises(SolveError, match="no scan has this name"):
        explain(net(series(torch.randn(2, 5, 3))), scan="fuse")
