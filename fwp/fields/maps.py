"""The slow net as a value: maps from the signal x, its increment x' and static features to the slots of a rule.

A map owns no tensor; `SlowNet` gives birth to the parameters of all maps of a model at once. Patterns are read by einops.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from torch import nn

from fwp.errors import AxisError, CompositionError
from fwp.fields.modules import checked_module, copy_of
from fwp.fields.pattern import arrow, names_of
from fwp.kinds import explained
from fwp.terms.domain import Domain, DomainKind, real
from fwp.terms.primitive import Primitive
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Axes, Role, Variable

__all__ = [
    "Activation",
    "External",
    "FeedForward",
    "LayerNorm",
    "Linear",
    "Parameter",
    "Shared",
    "SlowMap",
    "activation",
    "as_map",
    "external",
    "feed_forward",
    "layer_norm",
    "linear",
    "normalize",
    "parameter",
    "range_of",
    "reads_signal",
    "relu",
    "shared",
    "sigmoid",
    "softmax",
    "softplus",
    "source",
    "tanh",
]

MOST_MAPS = 50
"""Inside each other: a json of ours is nested at most 64 deep, a few of which are the model's own."""


@dataclass(frozen=True)
class Linear:
    """A weight that sums `inputs` and makes `outputs`; axes in both are kept apart, each with weights of its own."""

    of: SlowMap
    outputs: Axes
    bias: bool

    @property
    def axes(self) -> Axes:
        """The axes of the result."""
        return self.outputs


class _Alike:
    """A map whose result has the axes of what it is applied to."""

    of: SlowMap

    @property
    def axes(self) -> Axes:
        """The axes of the result."""
        return self.of.axes


@dataclass(frozen=True)
class LayerNorm(_Alike):
    """Zero mean and unit variance over all axes together (ε = 1e-5), then a learned gain and shift for each entry."""

    of: SlowMap


@dataclass(frozen=True)
class FeedForward(_Alike):
    """y + A₂ relu(A₁ LN(y) + b₁) + b₂ of y, the residual block of a Transformer, with hidden units along the axis `hidden`."""

    of: SlowMap
    hidden: str


@dataclass(frozen=True)
class Activation(_Alike):
    """A primitive of the term language, entry by entry or over one axis."""

    primitive: Primitive
    over: str | None
    of: SlowMap


@dataclass(frozen=True)
class Shared(_Alike):
    """One map, with one set of parameters, wherever this name occurs in a projection."""

    name: str
    of: SlowMap


@dataclass(frozen=True)
class Parameter:
    """A learned constant. With `fan` axes it starts uniform in ±1/√(their sizes' product), like a linear weight; else at 0."""

    axes: Axes
    fan: Axes


@dataclass(frozen=True)
class External:
    """A module of the user's own, from `of` (its axes last) to `axes` (last). Equal only to itself; not kept as json.

    Each layer that is built gets a copy of it, or the module itself if it is `shared`.
    """

    module: nn.Module
    of: SlowMap
    axes: Axes
    shared: bool = False

    def __deepcopy__(self, memo: dict[int, Any]) -> External:
        return External(copy_of(self.module, memo), deepcopy(self.of, memo), self.axes, self.shared)


SlowMap = Variable | Linear | LayerNorm | FeedForward | Activation | Shared | Parameter | External


def source(node: SlowMap) -> Variable | Parameter:
    """What a map begins from: a signal, or a learned constant."""
    while not isinstance(node, Variable | Parameter):
        node = node.of
    return node


def as_map(value: object) -> SlowMap:
    """A map as it is; of the variables only signals and increments are maps.

    Raises:
        CompositionError: something else, or more maps inside each other than a model's file can hold.
    """
    if isinstance(value, Linear | LayerNorm | FeedForward | Activation | Shared | Parameter | External):
        _require_shallow(value)
        return value
    if isinstance(value, Variable) and value.role in (Role.SIGNAL, Role.INCREMENT):
        return value
    raise CompositionError(
        "a projection maps signals to slots, and this is neither a signal nor a map of one",
        ("value", repr(value)),
        help="begin from x, dx or static: linear('channel -> key', x)",
    )


def _require_shallow(outermost: SlowMap) -> None:
    count, node = 0, outermost
    while not isinstance(node, Variable | Parameter):
        count, node = count + 1, node.of
    if count > MOST_MAPS:
        raise CompositionError(
            "a projection has too many maps inside each other",
            ("maps", f"{count}, of at most {MOST_MAPS}"),
            help="a network so deep is a module of its own: external(module, x, …)",
        )


@explained
def linear(pattern: str, of: SlowMap, bias: bool = True) -> Linear:
    """A linear layer by an einops pattern: `linear("channel -> head key", x)`; a scalar slot is `"channel -> head"`.

    Weight and bias start uniform in ±1/√fan-in, as in torch.nn.Linear.

    Raises:
        AxisError: the pattern does not begin with the axes of what it is applied to.
    """
    source = as_map(of)
    inputs, outputs = arrow(pattern)
    if inputs != source.axes:
        raise AxisError(
            "a linear map begins with the axes of what it is applied to",
            ("pattern", repr(pattern)),
            ("applied to", pretty_axes(source.axes)),
            help=f"write {' '.join(source.axes) + ' -> ' + ' '.join(outputs)!r}",
        )
    if not set(inputs) - set(outputs):
        raise AxisError(
            "a linear map sums at least one axis",
            ("pattern", repr(pattern)),
            help="leave out right of the arrow what is to be summed",
        )
    return Linear(source, outputs, bias)


@explained
def layer_norm(of: SlowMap) -> LayerNorm:
    """Layer normalisation over all axes of `of`."""
    return LayerNorm(as_map(of))


@explained
def feed_forward(of: SlowMap, hidden: str = "inner") -> FeedForward:
    """A residual feed-forward block over all axes of `of`; `build(…, inner=…)` says how many hidden units it has.

    Raises:
        AxisError: `hidden` is no name of one axis, or one of those of `of`.
    """
    source = as_map(of)
    if names_of(hidden, hidden) != (hidden,) or hidden in source.axes:
        raise AxisError(
            "the hidden units of a feed-forward block have an axis of their own",
            ("hidden", repr(hidden)),
            ("applied to", pretty_axes(source.axes)),
            help='call it "inner"',
        )
    return FeedForward(source, hidden)


@explained
def shared(name: str, of: SlowMap) -> Shared:
    """`of` under a name: an encoder from which several slots are drawn.

    Raises:
        CompositionError: the name is no Python identifier; it becomes part of the names of parameters.
    """
    if not name.isidentifier():
        raise CompositionError(
            "the name of a shared map must be a Python identifier", ("name", repr(name)), help='write "encoder"'
        )
    return Shared(name, as_map(of))


@explained
def parameter(pattern: str) -> Parameter:
    """A learned constant: `parameter("hidden")` starts at 0, `parameter("hidden -> inner")` as the weight (inner hidden).

    Raises:
        AxisError: the pattern cannot be read, or an axis stands on both sides of the arrow.
    """
    if not isinstance(pattern, str) or "->" not in pattern:  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
        return Parameter(names_of(pattern, pattern), ())
    inputs, outputs = arrow(pattern)
    if twice := set(inputs) & set(outputs):
        kept = " ".join(a for a in outputs if a not in inputs)
        raise AxisError(
            "a learned constant has each axis once, on either side of the arrow",
            ("pattern", repr(pattern)),
            ("on both sides", pretty_axes(sorted(twice))),
            help=f'write parameter("{" ".join(inputs)} -> {kept}"): it has the axes of both sides',
        )
    return Parameter(outputs + inputs, inputs)


@explained
def external(module: nn.Module, of: SlowMap, axes: str, shared: bool = False) -> External:
    """Any module: called with `of`, batch axes first, it returns batch axes and then `axes`.

    A net is built of copies, so that the module itself never changes: parameters and buffers begin as they are in it, and its
    hooks, flags and modes are kept. Each layer has a copy of its own, found as `net.layers[0].slow.steps["k_external"]`, in
    which what is one module, or one parameter, in all of the projection stays one.

    Args:
        shared: use the module itself, so that all layers and nets that are built of it have one set of parameters: training
            any of them, or moving it to another type or device, changes the module and all others.

    Raises:
        CompositionError: it is no module.
    """
    return External(checked_module(module), as_map(of), names_of(axes, axes), shared)


@explained
def activation(primitive: Primitive, of: SlowMap, over: str | None = None) -> Activation:
    """A primitive of the term language applied to a map.

    Raises:
        AxisError: a primitive over an axis that the map does not have.
    """
    source = as_map(of)
    if (over is not None) != primitive.facts.over_axis or (over is not None and over not in source.axes):
        raise AxisError(
            f"`{primitive.name.lower()}` cannot be applied so",
            ("over", repr(over)),
            ("applied to", pretty_axes(source.axes)),
            help=f"use one of {pretty_axes(source.axes)}" if primitive.facts.over_axis else "leave out the axis",
        )
    return Activation(primitive, over, source)


@explained
def sigmoid(of: SlowMap) -> Activation:
    """Into (0, 1)."""
    return activation(Primitive.SIGMOID, of)


@explained
def tanh(of: SlowMap) -> Activation:
    """Into (−1, 1)."""
    return activation(Primitive.TANH, of)


@explained
def softplus(of: SlowMap) -> Activation:
    """Into the positive numbers, smoothly."""
    return activation(Primitive.SOFTPLUS, of)


@explained
def relu(of: SlowMap) -> Activation:
    """Into the nonnegative numbers."""
    return activation(Primitive.RELU, of)


@explained
def softmax(of: SlowMap, over: str) -> Activation:
    """Onto the simplex along an axis."""
    return activation(Primitive.SOFTMAX, of, over)


@explained
def normalize(of: SlowMap, over: str) -> Activation:
    """Onto the unit sphere along an axis."""
    return activation(Primitive.NORMALIZE, of, over)


def reads_signal(node: SlowMap) -> bool:
    """Whether a map reads the signal x itself, and not its increment, static features or learned constants alone."""
    match node:
        case Variable():
            return node.role is Role.SIGNAL and node.name == "x"
        case Parameter():
            return False
        case _:
            return reads_signal(node.of)


def range_of(node: SlowMap) -> Domain:
    """The domain in which the values of a map surely lie."""
    match node:
        case Activation(primitive, over, _):
            kind = primitive.facts.range
            return Domain(kind, over if kind in (DomainKind.SIMPLEX, DomainKind.SPHERE) else None)
        case Shared(_, of):
            return range_of(of)
        case _:
            return real
