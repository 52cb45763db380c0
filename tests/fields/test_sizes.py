"""The size of every axis: given, derived from the width, or shared with the axes that the rule makes equal."""

import pytest

from fwp import controls
from fwp.errors import SizeError
from fwp.fields import (
    Projection,
    direct,
    first,
    first_write,
    increments_only,
    linear,
    parameter,
    plain,
    stack,
    start,
    static,
)
from fwp.rules import ALL, Rule, W, delta, gru_ode, hebb, k, ncde, self_reference, v
from fwp.terms import Slot, State, eye, rename
from tests.fields.nets import suitable

DELTA = delta @ direct() @ controls.linear


def sizes(model, layer=0, **given):
    own = model.build(**{"channels": 3, **given}).layers[layer].sizes
    return {axis: own[axis] for axis in ("key", "value", "hidden", "key2", "hidden2", "inner", "width") if axis in own}


@pytest.mark.users
def test_keys_and_values_share_the_width_among_the_heads():
    assert sizes(DELTA, width=12, heads=3) == {"key": 4, "value": 4, "width": 12}
    assert sizes(DELTA, width=12) == {"key": 12, "value": 12, "width": 12}
    assert sizes(DELTA, width=12, heads=3, key=7) == {"key": 7, "value": 4, "width": 12}
    assert sizes(DELTA, width=13, heads=3, key=7, value=2) == {"key": 7, "value": 2, "width": 13}
    assert sizes(delta @ plain() @ controls.linear, key=7, value=2) == {"key": 7, "value": 2}


def test_a_hidden_state_is_as_wide_as_the_width():
    assert sizes(ncde @ suitable("ncde") @ controls.linear, width=12, inner=5) == {
        "hidden": 12,
        "inner": 5,
        "width": 12,
    }
    assert sizes(gru_ode @ suitable("gru_ode") @ controls.linear, hidden=5) == {"hidden": 5, "hidden2": 5}


def test_equal_axes_share_a_size_whichever_is_given():
    model = self_reference @ direct().restricted(self_reference) @ controls.linear
    assert sizes(model, width=12, heads=3, value=2) == {"key": 4, "key2": 4, "value": 2, "width": 12}
    for given in ({"key": 5}, {"key2": 5}, {"key": 5, "key2": 5}):
        found = sizes(model, width=12, value=2, **given)
        assert found["key"] == found["key2"] == 5
    chain = Rule(eye("value", "a") @ rename(eye("a", "b"), a="a") @ Slot("M", "b key"))
    found = (chain @ Projection() @ controls.linear).build(channels=3, b=6, key=2).layers[0].sizes
    assert found["value"] == found["b"] == 6


def test_equal_axes_of_two_sizes_are_refused():
    model = self_reference @ direct().restricted(self_reference) @ controls.linear
    with pytest.raises(SizeError, match=r"(?s)key = 5 +: given.*key2 = 4 +: given"):
        model.build(channels=3, width=12, value=2, key=5, key2=4)
    with pytest.raises(SizeError, match=r"(?s)equal have different sizes.*one size"):
        (Rule(eye("value", "key")) @ Projection() @ controls.linear).build(channels=3, key=5, value=4)


def test_what_has_no_size_is_asked_for_by_name():
    for model, given, missing in [
        (DELTA, {}, "value"),
        (DELTA, {"key": 5, "value": 4}, "width"),
        (delta @ plain() @ controls.linear, {"value": 5}, "key"),
        (delta @ plain() @ controls.linear, {"key": 5}, "value"),
        (ncde @ suitable("ncde") @ controls.linear, {"width": 12}, "inner"),
        (delta @ Projection(initial=start(W=linear("feature -> value key", static))) @ controls.linear, {"width": 4}, "feature"),
        (Rule(v * k, read=W @ Slot("p", "key odd")) @ Projection() @ controls.linear, {"width": 4}, "odd"),
        (hebb @ Projection(k=linear("odd -> key", parameter("odd"))) @ controls.linear, {"width": 4}, "odd"),
    ]:  # fmt: skip
        with pytest.raises(SizeError, match=f"axis '{missing}' has no size") as caught:
            model.build(channels=3, **given)
        assert f"{missing}=…" in str(caught.value)


def test_the_width_is_a_multiple_of_the_heads():
    with pytest.raises(SizeError, match=r"(?s)not a multiple.*width +: 13.*heads +: 3.*width=12"):
        DELTA.build(channels=3, width=13, heads=3)
    with pytest.raises(SizeError, match=r"(?s)width +: 2.*heads +: 3.*width=3"):
        DELTA.build(channels=3, width=2, heads=3)


@pytest.mark.parametrize("axis", ["channels", "heads", "width", "key", "value"])
@pytest.mark.parametrize("size", [0, -1])
def test_a_size_is_positive(axis, size):
    with pytest.raises(SizeError, match="1 or more"):
        DELTA.build(**{"channels": 3, "width": 12, axis: size})


@pytest.mark.parametrize("given", [{"kee": 4}, {"inner": 4}, {"feature": 4}], ids=str)
def test_an_axis_that_nothing_has_is_refused(given):
    with pytest.raises(SizeError, match=rf"(?s){next(iter(given))}"):
        DELTA.build(channels=3, width=12, **given)


@pytest.mark.parametrize("given", [{"channel": 5}, {"head": 5}], ids=str)
def test_channels_and_heads_have_one_name_each(given):
    with pytest.raises((SizeError, TypeError)):
        DELTA.build(channels=3, width=12, heads=2, **given)


def test_each_layer_has_sizes_of_its_own():
    model = stack(delta @ increments_only(), ncde_like(), hebb @ plain()) @ controls.linear
    net = model.build(channels=3, width=12, heads=2, hidden=7, value=5, key=3)
    assert [layer.sizes["channel"] for layer in net.layers] == [4, 2 * 5, 2 * 7]
    assert (
        net.sizes["channel"] == 3
        and net.outputs == 10
        and net.state_names == (("layer1.W",), ("layer2.z",), ("layer3.W",))
    )


def test_the_first_point_has_the_size_that_the_control_gives_it():
    """Three channels and the time are four numbers, whatever the control makes of them."""
    encoded = first_write(linear("point -> channel", first))
    for control, channels in ((controls.linear, 4), (controls.log_signature(2, 3), 4 + 6)):
        own = (delta @ direct(initial=encoded) @ control).build(channels=3, width=6).layers[0].sizes
        assert (own["point"], own["channel"]) == (4, channels)
    point = Slot("v", "point")
    own = (Rule(point * k, of=State("W", "point key")) @ Projection() @ controls.linear).build(3, key=2, point=7)
    assert own.layers[0].sizes["point"] == 7, "an axis of that name is one's own where no map reads the first point"


def ncde_like():
    z = State("z", "hidden")
    return Rule(Slot("A", "hidden") - z, of=z) @ Projection()


def test_every_rule_builds_from_a_width_and_what_it_asks_for():
    for name, rule in ALL.items():
        extra = {"inner": 5} if name in ("ncde", "nrde", "big_map") else {}
        net = (rule @ suitable(name) @ controls.linear).build(channels=3, width=12, heads=2, **extra)
        assert (
            net.outputs == 2 * 6
            if name not in ("ncde", "nrde", "big_map", "gru_ode", "oja_neuron")
            else net.outputs in (24, 2)
        )
