"""Models as json: rules, maps and control, from which `from_json` composes the same value again, checks included."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, assert_never, cast

from fwp.controls import Control
from fwp.errors import CompositionError, FormatError, FwpError
from fwp.fields.compose import Layer, Model, Projection, Spec
from fwp.fields.fit import slots_of
from fwp.fields.initial import FirstWrite, Initial, StatesFrom, Zero, first, static
from fwp.fields.maps import (
    Activation,
    External,
    FeedForward,
    LayerNorm,
    Linear,
    Parameter,
    Shared,
    SlowMap,
    activation,
    feed_forward,
    layer_norm,
    linear,
    parameter,
    shared,
    softplus,
)
from fwp.kinds import explained
from fwp.rules import Rule, System
from fwp.rules import from_json as rule_from_json
from fwp.rules import to_json as rule_to_json
from fwp.rules.vocabulary import dx, x
from fwp.terms.domain import DomainKind
from fwp.terms.primitive import Primitive
from fwp.terms.syntax import Role, Variable

__all__ = ["from_json", "to_json"]

_SIGNALS = {"x": x, "dx": dx, "static": static, "first": first}


@explained
def to_json(model: Model) -> dict[str, Any]:
    """The model as json's own types.

    Raises:
        CompositionError: it holds an external module, which is not a value.
    """
    layers = [
        {"rule": rule_to_json(layer.rule), "projection": _projection(layer.projection, layer.rule)}
        for layer in model.spec.layers
    ]
    return {"layers": layers, "control": model.control.to_json()}


def from_json(data: object) -> Model:
    """The model of `to_json`.

    Raises:
        FormatError: this does not hold a model.
    """
    try:
        if not isinstance(data, dict) or not 1 <= len(cast(dict[str, Any], data)["layers"]) <= 100:
            raise ValueError("not a model")
        model = cast(dict[str, Any], data)
        rules = [rule_from_json(one["rule"]) for one in model["layers"]]
        layers = tuple(
            Layer(rule, _read_projection(one["projection"], rule))
            for rule, one in zip(rules, model["layers"], strict=True)
        )
        return Model(Spec(layers), Control.from_json(model["control"]))
    except FormatError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError, FwpError) as error:
        raise FormatError(
            "this json does not hold a model",
            ("because", f"{type(error).__name__}: {error}"),
            help="write it again with fwp.fields.to_json",
        ) from error


def _projection(projection: Projection, rule: Rule | System) -> dict[str, Any]:
    slots = {name: _map(own) for name, own in projection.slots.items()}
    match projection.initial:
        case Zero(asked):
            initial: dict[str, Any] = {"kind": "zero", "asked": asked}
        case FirstWrite(pairs, at):
            initial = {"kind": "first_write", "maps": {name: _map(own) for name, own in pairs}}
            initial |= {} if at is None else {"at": _map(at)}
        case StatesFrom(pairs):
            initial = {"kind": "start", "maps": {name: _map(own) for name, own in pairs}}
        case _:
            assert_never(projection.initial)
    found = {"slots": slots, "default": _map(projection.default), "initial": initial}
    return found | ({"nonnegative": "sigmoid"} if _unnamed(slots, rule) else {})


def _unnamed(slots: Collection[str], rule: Rule | System) -> dict[str, Variable]:
    """The nonnegative slots of the rule that are not among these."""
    kind = DomainKind.NONNEGATIVE
    return {name: slot for name, slot in slots_of(rule).items() if name not in slots and slot.domain.kind is kind}


def _read_projection(data: Mapping[str, Any], rule: Rule | System) -> Projection:
    slots = {name: _read_map(own) for name, own in data["slots"].items()}
    match data.get("nonnegative", "softplus"):
        case "sigmoid":
            pass
        case "softplus":  # what slots that nobody named were fed by before this entry was written
            own = _read_map(data["default"])
            for name, slot in _unnamed(slots, rule).items():
                slots[name] = softplus(linear(" ".join((*own.axes, "->", "head", *slot.declared)), own))
        case other:
            raise ValueError(f"no slot is fed by {other!r}")
    maps = tuple((name, _read_map(own)) for name, own in data["initial"].get("maps", {}).items())
    at = _read_map(data["initial"]["at"]) if "at" in data["initial"] else None
    asked = data["initial"].get("asked", True)
    if not isinstance(asked, bool):
        raise ValueError(f"{asked!r} is neither true nor false")
    kinds: dict[str, Initial] = {"zero": Zero(asked), "first_write": FirstWrite(maps, at), "start": StatesFrom(maps)}
    return Projection(default=_read_map(data["default"]), initial=kinds[data["initial"]["kind"]], **slots)


def _map(node: SlowMap) -> dict[str, Any]:
    match node:
        case Variable(name):
            if _SIGNALS.get("dx" if node.role is Role.INCREMENT else name) != node:
                raise _cannot_travel(f"the signal {name}", "use x, dx, static or first")
            return {"map": "signal", "name": name}
        case Parameter(axes, fan):
            return {"map": "parameter", "axes": list(axes), "fan": list(fan)}
        case Linear(of, outputs, bias):
            return {"map": "linear", "of": _map(of), "outputs": list(outputs), "bias": bias}
        case LayerNorm(of):
            return {"map": "layer_norm", "of": _map(of)}
        case FeedForward(of, hidden):
            return {"map": "feed_forward", "of": _map(of), "hidden": hidden}
        case Activation(primitive, over, of):
            return {"map": "activation", "primitive": primitive.name.lower(), "over": over, "of": _map(of)}
        case Shared(name, of):
            return {"map": "shared", "name": name, "of": _map(of)}
        case External(module):
            raise _cannot_travel(
                f"the external module {type(module).__name__}", "say it with linear, layer_norm and activations"
            )
        case _:
            assert_never(node)


def _read_map(data: Mapping[str, Any]) -> SlowMap:
    def names(key: str) -> tuple[str, ...]:
        if not isinstance(data[key], list) or not all(isinstance(a, str) for a in cast(list[Any], data[key])):
            raise ValueError(f"{key!r} is not a list of names")
        return tuple(data[key])

    def agreed(made: SlowMap, exactly: bool) -> SlowMap:
        if not exactly:
            raise ValueError(f"this is no map: {str(dict(data))[:200]}")
        return made

    match data["map"]:
        case "signal":
            return _SIGNALS[data["name"]]
        case "parameter":
            axes, fan = names("axes"), names("fan")
            own = " ".join(axes[: len(axes) - len(fan)])
            made = parameter(f"{' '.join(fan)} -> {own}" if fan else own)
            return agreed(made, made.axes == axes and made.fan == fan)
        case "linear":
            of, outputs, bias = _read_map(data["of"]), names("outputs"), data["bias"]
            made = linear(" ".join((*of.axes, "->", *outputs)), of, bias)
            return agreed(made, made.outputs == outputs and isinstance(bias, bool))
        case "layer_norm":
            return layer_norm(_read_map(data["of"]))
        case "feed_forward":
            return feed_forward(_read_map(data["of"]), data["hidden"])
        case "activation":
            return activation(Primitive[data["primitive"].upper()], _read_map(data["of"]), data["over"])
        case "shared":
            return shared(data["name"], _read_map(data["of"]))
        case other:
            raise ValueError(f"no map is called {other!r}")


def _cannot_travel(what: str, help: str) -> CompositionError:
    return CompositionError("a model with a part that is no value cannot be kept as json", ("part", what), help=help)
