"""States that begin at what is known of a sample beforehand: its static features."""

from __future__ import annotations

from typing import assert_never

from fwp.errors import CompositionError
from fwp.fields.compose import Projection
from fwp.fields.initial import FirstWrite, StatesFrom, Zero, first_write, start, static
from fwp.fields.maps import (
    Activation,
    External,
    FeedForward,
    LayerNorm,
    Linear,
    Parameter,
    Shared,
    SlowMap,
    linear,
    relu,
    shared,
)
from fwp.fields.show import show_map
from fwp.kinds import explained
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.terms.syntax import Role, Variable, variables

__all__ = ["from_features"]


@explained
def from_features(projection: Projection, rule: Rule | System) -> Projection:
    """The projection with a beginning that depends on static features alone, as in the published Sepsis models.

    The features pass ReLU(Linear(feature -> feature_hidden)). A first write then takes every slot from there, by a map of
    the same range as the slot's own; states that begin at a map of x(t₀) begin at a linear map of it.

    Raises:
        CompositionError: a slot is fed by something that has no linear map to be drawn anew.
    """
    hidden = shared("features", relu(linear("feature -> feature_hidden", static)))
    match projection.initial:
        case FirstWrite():
            slots = [a for a in variables(*(r.rate for r in rule.rules)) if a.role is Role.SLOT]
            begin = first_write(**{slot.name: _redrawn(projection.slot(slot), hidden) for slot in slots})
        case StatesFrom(own):
            begin = start(**{name: Linear(hidden, found.axes, True) for name, found in own})
        case Zero():
            begin = projection.initial
        case _:
            assert_never(projection.initial)
    return Projection(default=projection.default, initial=begin, **projection.slots)


def _redrawn(node: SlowMap, source: SlowMap) -> SlowMap:
    """A map of the same range whose last linear map reads `source`."""
    match node:
        case Activation(primitive, over, of):
            return Activation(primitive, over, _redrawn(of, source))
        case Linear(_, outputs, _):
            return Linear(source, outputs, True)
        case Variable() | LayerNorm() | FeedForward() | Shared() | Parameter() | External():
            raise CompositionError(
                "a slot cannot be drawn from static features",
                ("its map", show_map(node)),
                help="feed it by a linear map and an activation, or give `first_write` maps of your own",
            )
        case _:
            assert_never(node)
