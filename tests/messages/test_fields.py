"""Complaints about projections, composition and sizes."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

import pytest
import torch

from fwp import Model, Net, Projection, Rule, Series, Slot, System, series, stack
from fwp.controls import linear as linear_control
from fwp.controls import log_signature
from fwp.fields import (
    activation,
    external,
    feed_forward,
    first,
    first_write,
    from_json,
    keys_from_increments,
    linear,
    parameter,
    plain,
    shared,
    softmax,
    start,
    tanh,
    to_json,
    wiring,
)
from fwp.rules import bcm, delta, dx, hebb, k, momentum_delta, ncde, self_reference, v, x
from fwp.terms import Primitive, Signal, nonnegative, unit
from tests.messages.said import said


def net(**sizes: int) -> Net:
    return (delta @ plain() @ linear_control).build(3, **({"width": 8, "heads": 2} | sizes))


def encoded() -> Model:
    return delta @ keys_from_increments(initial=first_write(at=linear("point -> channel", first))) @ linear_control


def data() -> Series:
    return series(torch.randn(2, 5, 2))


gain = Slot("gain", domain=nonnegative)
gained = Rule(gain * v * k)

CASES: dict[str, Callable[[Path], object]] = {
    "control_before_projection": lambda _: linear_control @ plain(),
    "rule_at_control": lambda _: delta @ linear_control,
    "projection_before_rule": lambda _: plain() @ delta,
    "spec_at_projection": lambda _: (delta @ plain()) @ plain(),
    "net_at_series": lambda _: net() @ series(torch.randn(2, 5, 3)),
    "map_with_wrong_axes": lambda _: delta @ Projection(k=linear("channel -> head value", x)),
    "map_outside_the_domain": lambda _: delta @ Projection(beta=tanh(linear("channel -> head", x))),
    "map_outside_nonnegative": lambda _: gained @ Projection(gain=linear("channel -> head", x)),
    "map_outside_the_domain_of_a_slot_by_channel": lambda _: (
        Rule(Slot("gain", "channel", unit) @ x * v * k) @ Projection(gain=parameter("channel"))
    ),
    "axis_on_both_sides_of_a_constant": lambda _: parameter("key -> head hidden key"),
    "pattern_that_is_no_text": lambda _: linear(3, x),  # pyright: ignore[reportArgumentType]
    "slot_without_map": lambda _: ncde @ Projection(),
    "map_for_no_slot": lambda _: delta @ Projection(decay=linear("channel -> head", x)),
    "start_of_no_state": lambda _: delta @ Projection(initial=start(M=linear("channel -> head value", x))),
    "first_write_of_no_slot": lambda _: delta @ Projection(initial=first_write(z=linear("channel -> head", x))),
    "state_without_equation": lambda _: momentum_delta.rules[0] @ plain(),
    "unknown_signal": lambda _: Rule(Signal("y", "value") * k) @ Projection(),
    "first_point_of_a_slot": lambda _: delta @ Projection(k=linear("point -> head key", first)),
    "first_write_at_other_axes": lambda _: delta @ Projection(initial=first_write(at=linear("point -> key", first))),
    "size_that_is_no_whole_number": lambda _: net(width=8.0),  # pyright: ignore[reportArgumentType]
    "size_of_the_first_point": lambda _: encoded().build(3, width=8, heads=2, point=4),
    "other_first_point": lambda _: encoded().build(5, width=8, heads=2) @ log_signature(2, 2)(data()),
    "beginning_that_is_a_map": lambda _: Projection(initial=linear("channel -> value key", x)),  # pyright: ignore[reportArgumentType]
    "stack_of_nothing": lambda _: stack(),
    "stack_of_a_rule": lambda _: stack(delta),  # pyright: ignore[reportArgumentType]
    "stack_of_a_model": lambda _: stack(delta @ plain(), delta @ plain() @ linear_control),  # pyright: ignore[reportArgumentType]
    "increment_above": lambda _: stack(delta @ plain(), delta @ plain(keys=dx)),
    "two_shared_of_one_name": lambda _: (
        delta
        @ Projection(
            k=linear("width -> head key", shared("e", linear("channel -> width", x))),
            v=linear("width -> head value", shared("e", linear("channel -> width", dx))),
        )
        @ linear_control
    ).build(3, width=8, heads=2),
    "not_a_cde": lambda _: (delta @ plain(keys=dx) @ linear_control).require_cde(),
    "linear_of_other_axes": lambda _: linear("width -> head key", x),
    "block_without_an_axis_of_its_own": lambda _: feed_forward(x, "channel"),
    "linear_without_arrow": lambda _: linear("channel", x),
    "pattern_with_two_arrows": lambda _: parameter("hidden -> inner -> key"),
    "linear_that_sums_nothing": lambda _: linear("channel -> channel key", x),
    "pattern_that_cannot_be_read": lambda _: linear("channel -> head key)", x),
    "pattern_with_batch_axes": lambda _: linear("... channel -> key", x),
    "softmax_over_no_axis": lambda _: softmax(linear("channel -> head key", x), "value"),
    "tanh_over_an_axis": lambda _: activation(Primitive.TANH, x, "channel"),
    "slot_as_a_map": lambda _: linear("key -> head", k),
    "unknown_wiring": lambda _: wiring("magic"),
    "width_and_heads": lambda _: net(width=9),
    "axis_without_a_size": lambda _: (delta @ plain() @ linear_control).build(3),
    "size_of_zero": lambda _: net(heads=0),
    "equal_axes_of_two_sizes": lambda _: (self_reference @ Projection() @ linear_control).build(
        3, heads=2, key=4, key2=5, value=4
    ),
    "other_channels": lambda _: net()(series(torch.randn(2, 5, 4))),
    "external_as_json": lambda _: to_json(
        delta @ Projection(k=external(torch.nn.Identity(), x, "key")) @ linear_control
    ),
    "external_that_is_no_module": lambda _: external(torch.tanh, x, "key"),  # pyright: ignore[reportArgumentType]
    "external_that_is_a_class": lambda _: external(torch.nn.Linear, x, "key"),  # pyright: ignore[reportArgumentType]
    "external_that_cannot_be_copied": lambda _: outside(Locked()),
    "external_of_other_axes": lambda _: outside(torch.nn.Linear(4, 8))(series(torch.randn(2, 5, 3))).initial(),
    "backward_hook_on_a_net": lambda _: net().register_full_backward_hook(print),
    "json_of_no_model": lambda _: from_json({"layers": [], "control": {}}),
    "json_of_an_unknown_map": lambda _: from_json(broken()),
    "two_rules_of_one_state": lambda _: System(hebb, delta),
    "missing_encoder_width": lambda _: (bcm @ keys_from_increments().restricted(bcm) @ linear_control).build(
        3, heads=2, key=4, value=4
    ),
}


class Locked(torch.nn.Module):
    """What cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = Lock()


def outside(module: torch.nn.Module) -> Net:
    projection = Projection(k=external(module, x, "head key"), initial=first_write())
    return (delta @ projection @ linear_control).build(3, width=8, heads=2)


def broken() -> dict[str, object]:
    data = to_json(delta @ plain() @ linear_control)
    data["layers"][0]["projection"]["default"] = {"map": "pickle"}
    return data


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, tmp_path: Path) -> None:
    said("fields", name, CASES[name], tmp_path)
