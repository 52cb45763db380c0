"""Projections and composition: rule @ projection @ control, built into a net with parameters, bound to a path as a field."""

from fwp.fields.compose import Feed, Layer, Model, Projection, Spec, stack
from fwp.fields.features import from_features
from fwp.fields.initial import FirstWrite, StatesFrom, Zero, first, first_write, start, static, zero
from fwp.fields.json import from_json, to_json
from fwp.fields.maps import (
    activation,
    external,
    layer_norm,
    linear,
    normalize,
    parameter,
    relu,
    shared,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from fwp.fields.net import Net
from fwp.fields.rates import spread_rates
from fwp.fields.vector_field import Instant, VectorField
from fwp.fields.wirings import (
    big_map_wiring,
    direct,
    gru_ode_wiring,
    increments_only,
    keys_from_increments,
    keys_from_signal,
    ncde_wiring,
    nrde_wiring,
    plain,
    suited,
    wiring,
)

__all__ = [
    "Feed",
    "FirstWrite",
    "Instant",
    "Layer",
    "Model",
    "Net",
    "Projection",
    "Spec",
    "StatesFrom",
    "VectorField",
    "Zero",
    "activation",
    "big_map_wiring",
    "direct",
    "external",
    "first",
    "first_write",
    "from_features",
    "from_json",
    "gru_ode_wiring",
    "increments_only",
    "keys_from_increments",
    "keys_from_signal",
    "layer_norm",
    "linear",
    "ncde_wiring",
    "normalize",
    "nrde_wiring",
    "parameter",
    "plain",
    "relu",
    "shared",
    "sigmoid",
    "softmax",
    "softplus",
    "spread_rates",
    "stack",
    "start",
    "static",
    "suited",
    "tanh",
    "to_json",
    "wiring",
    "zero",
]
