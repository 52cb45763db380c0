"""Models travel as json and come back as the same value; whatever else json may hold is refused."""

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from fwp import controls
from fwp.controls import Control, Kind, log_signature
from fwp.errors import CompositionError, FormatError, FwpError
from fwp.fields import (
    Model,
    Projection,
    external,
    first,
    first_write,
    from_json,
    increments_only,
    keys_from_increments,
    keys_from_signal,
    linear,
    normalize,
    plain,
    relu,
    stack,
    start,
    static,
    to_json,
)
from fwp.rules import ALL, big_map, delta, dx, ncde, oja, x
from fwp.terms import Slot, sphere
from tests.fields.nets import sized, suitable
from tests.fields.test_compose import CONTROLS, choices, chosen

EXAMPLE = to_json(
    stack(
        delta @ keys_from_increments(value_norm=True, initial=first_write(k=linear("feature -> head key", static))),
        oja
        @ Projection(default=relu(linear("channel -> width", x)), initial=start(W=linear("channel -> value key", x))),
    )
    @ controls.hermite
)
NCDE = to_json(ncde @ suitable("ncde") @ controls.natural_cubic)


def there_and_back(model: Model) -> Model:
    return from_json(json.loads(json.dumps(to_json(model), sort_keys=True)))


@pytest.mark.users
@pytest.mark.parametrize("name", ALL)
def test_every_rule_comes_back(name):
    for control in CONTROLS[:: len(CONTROLS) - 1]:
        model = ALL[name] @ suitable(name) @ control
        again = from_json(json.loads(json.dumps(to_json(model))))
        assert again == model and hash(again) == hash(model) and repr(again) == repr(model)
        assert [r.name for r in again.spec.layers[0].rule.rules] == [r.name for r in model.spec.layers[0].rule.rules]


@given(choices, st.sampled_from(CONTROLS))
def test_any_model_comes_back(choice, control):
    model = ALL[choice[0]] @ chosen(*choice) @ control
    assert there_and_back(model) == model


@pytest.mark.parametrize(
    "model",
    [
        stack(delta @ increments_only(value_norm=True), oja @ plain()) @ controls.linear,
        delta
        @ keys_from_signal(initial=start(W=linear("feature -> head value key", static)))
        @ Control(Kind.LINEAR, False),
        ncde @ suitable("ncde") @ controls.natural_cubic,
        delta @ increments_only(initial=first_write(linear("point -> channel", first))) @ log_signature(2, 4),
        big_map @ suitable("big_map") @ controls.linear,
        oja @ Projection(k=normalize(linear("channel -> head key", dx, bias=False), "key")) @ controls.rectilinear,
        delta.renamed("mine") @ plain() @ controls.linear,
    ],
    ids=["two layers", "static", "constants", "first point", "first matrix", "sphere", "renamed"],
)
def test_every_kind_of_map_comes_back(model):
    assert there_and_back(model) == model
    assert there_and_back(model).spec.layers[0].rule.name == model.spec.layers[0].rule.name


def test_a_model_that_came_back_builds_the_same_net():
    model = stack(delta @ keys_from_increments(), oja @ plain()) @ controls.linear
    nets = [sized(m) for m in (model, there_and_back(model))]
    named = [{n: p.shape for n, p in net.named_parameters()} for net in nets]
    assert named[0] == named[1]
    assert list(named[0]) == list(named[1])


def test_a_model_with_a_module_does_not_travel():
    model = delta @ Projection(k=external(nn.Linear(4, 5), x, "key")) @ controls.linear
    with pytest.raises(CompositionError, match=r"(?s)no value.*external module Linear"):
        to_json(model)


def with_leaf(data, path, value):
    data = deepcopy(data)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return data


def places(data, here=()):
    """The path to every part of some json."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, part in inner:
        yield (*here, name)
        yield from places(part, (*here, name))


FIRST = ("layers", 0, "projection")
HOSTILE = {
    "nothing": None,
    "a list": [],
    "no layers": {"layers": [], "control": EXAMPLE["control"]},
    "a thousand layers": {**EXAMPLE, "layers": EXAMPLE["layers"][:1] * 1000},
    "text for layers": {**EXAMPLE, "layers": "ab"},
    "no control": {"layers": EXAMPLE["layers"]},
    "unknown control": with_leaf(EXAMPLE, ("control", "kind"), "quintic"),
    "no map at the first write": with_leaf(EXAMPLE, (*FIRST, "initial"), {"kind": "first_write", "at": None}),
    "unknown map": with_leaf(EXAMPLE, (*FIRST, "slots", "k", "map"), "__import__"),
    "unknown primitive": with_leaf(EXAMPLE, (*FIRST, "slots", "k", "primitive"), "facts"),
    "primitive without its axis": with_leaf(EXAMPLE, (*FIRST, "slots", "k", "over"), None),
    "primitive over an axis not there": with_leaf(EXAMPLE, (*FIRST, "slots", "k", "over"), "value"),
    "primitive over a number": with_leaf(EXAMPLE, (*FIRST, "slots", "k", "over"), 1),
    "primitive with an axis it cannot have": with_leaf(EXAMPLE, (*FIRST, "slots", "beta", "over"), "head"),
    "unknown signal": with_leaf(EXAMPLE, (*FIRST, "default"), {"map": "signal", "name": "weather"}),
    "slot without a rule for it": with_leaf(EXAMPLE, (*FIRST, "slots", "zz"), {"map": "signal", "name": "x"}),
    "slot called default": with_leaf(EXAMPLE, (*FIRST, "slots", "default"), {"map": "signal", "name": "x"}),
    "slot outside its domain": with_leaf(EXAMPLE, (*FIRST, "slots", "beta"), {"map": "signal", "name": "x"}),
    "slot of other axes": with_leaf(EXAMPLE, (*FIRST, "slots", "v"), {"map": "signal", "name": "x"}),
    "upper layer from dx": with_leaf(EXAMPLE, ("layers", 1, "projection", "default"), {"map": "signal", "name": "dx"}),
    "axes as text": with_leaf(EXAMPLE, (*FIRST, "slots", "v", "of", "outputs"), "head value"),
    "axes that are numbers": with_leaf(EXAMPLE, (*FIRST, "slots", "v", "of", "outputs"), [1, 2]),
    "axes that are no names": with_leaf(EXAMPLE, (*FIRST, "slots", "v", "of", "of", "of", "outputs"), ["wi dth"]),
    "an axis twice": with_leaf(EXAMPLE, (*FIRST, "slots", "v", "of", "of", "of", "outputs"), ["width", "width"]),
    "a linear map that sums nothing": with_leaf(
        EXAMPLE, (*FIRST, "slots", "v", "of", "of", "of", "outputs"), ["channel", "width"]
    ),
    "bias that is no bool": with_leaf(EXAMPLE, (*FIRST, "slots", "v", "of", "bias"), "no"),
    "shared name that is no text": with_leaf(EXAMPLE, (*FIRST, "slots", "q", "of", "of", "name"), ["encoder"]),
    "unknown beginning": with_leaf(EXAMPLE, (*FIRST, "initial", "kind"), "one"),
    "beginning of an unknown slot": with_leaf(
        EXAMPLE, (*FIRST, "initial", "maps", "zz"), {"map": "signal", "name": "x"}
    ),
    "constant of numbers": with_leaf(NCDE, (*FIRST, "slots", "A_in", "axes"), [1, 2]),
    "constant whose fan is not its own": with_leaf(NCDE, (*FIRST, "slots", "A_in", "fan"), ["channel"]),
    "rate of other axes": with_leaf(
        EXAMPLE,
        ("layers", 0, "rule", "rules", 0, "rate"),
        to_json(delta @ plain() @ controls.linear)["layers"][0]["rule"]["read"],
    ),
}


@pytest.mark.users
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_json_is_refused(data):
    with pytest.raises(FormatError):
        from_json(data)


@pytest.mark.parametrize("part", ["map", "term"])
def test_json_too_deep_to_read_is_refused(part):
    if part == "map":
        deep = {"map": "signal", "name": "x"}
        for _ in range(20_000):
            deep = {"map": "layer_norm", "of": deep}
        data = {
            **EXAMPLE,
            "layers": [{**EXAMPLE["layers"][0], "projection": {**EXAMPLE["layers"][0]["projection"], "default": deep}}],
        }
    else:
        rule = EXAMPLE["layers"][0]["rule"]
        deep = rule["rules"][0]["rate"]
        for _ in range(20_000):
            deep = [deep]
        data = {
            **EXAMPLE,
            "layers": [{**EXAMPLE["layers"][0], "rule": {**rule, "rules": [{**rule["rules"][0], "rate": deep}]}}],
        }
    with pytest.raises(FormatError):
        from_json(data)


anything = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 3), st.floats(), st.text(max_size=4), st.just([]), st.just({}),
    st.sampled_from(["x", "dx", "key", "head", "width", "linear", "softmax", "signal", "W", "q", "zero"]),
    st.sampled_from([part for path in places(EXAMPLE) for part in [path[-1]] if isinstance(part, str)]),
)  # fmt: skip


@given(st.sampled_from([EXAMPLE, NCDE]), st.data())
def test_json_changed_anywhere_is_a_model_or_refused(example, data):
    path = data.draw(st.sampled_from(list(places(example))))
    changed = with_leaf(example, path, data.draw(anything))
    try:
        model = from_json(changed)
    except FormatError:
        return
    assert there_and_back(model) == model
    try:
        net = sized(model)
    except FwpError:  # such as an axis without a size
        return
    assert sum(p.numel() for p in net.parameters())


def test_slots_over_a_sphere_travel_with_their_rule():
    key = Slot("k", "key", sphere("key"))
    from fwp.rules import Rule, W, v

    model = Rule(v * key - W) @ Projection() @ controls.linear
    assert there_and_back(model) == model
