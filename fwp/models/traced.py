"""A sequence layer inside a graph that `torch.compile` makes: one call there, whose inside autograd's tracer follows.

torch's own compiler of Python would follow the algebra that chooses how a rule is solved, too: a minute, and a graph in pieces.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch._dynamo
from torch import Tensor

from fwp.models.layer import FastWeights
from fwp.models.stream import State

__all__ = ["apart", "whole"]


@torch._dynamo.nonstrict_trace
def whole(layer: FastWeights, values: Tensor, given: Mapping[str, Any]) -> tuple[Tensor, tuple[Any, ...]]:
    """`layer.along`, of what was given alone, the state as the plain tuple that such a graph may hold."""
    return _called(layer, values, given)


@torch.compiler.disable
def apart(layer: FastWeights, values: Tensor, given: Mapping[str, Any]) -> tuple[Tensor, tuple[Any, ...]]:
    """The same outside the graph, where a solver must see numbers to choose its steps."""
    return _called(layer, values, given)


def _called(layer: FastWeights, values: Tensor, given: Mapping[str, Any]) -> tuple[Tensor, tuple[Any, ...]]:
    more = dict(given)
    state = State(*more.pop("state")) if "state" in more else None
    outputs, left = layer.along(values, state, **more)
    return outputs, tuple(left)
