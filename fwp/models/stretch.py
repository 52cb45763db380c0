"""A stretch of series through one layer, as a function of tensors and, where a compiler looks on, as one operator of torch.

A compiler that followed the solver would unroll it: a graph for every length, and, of a long series, none. To it the whole
stretch is one operator, for any batch and any length; inside runs what runs without a compiler, and backward runs it once more.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float, Float64
from torch import Tensor

from fwp.data import Series
from fwp.errors import CompositionError
from fwp.fields import Net, from_json, to_json
from fwp.fields.net import LayerNet
from fwp.fields.substitute import substitute
from fwp.models.stream import last_two, path_on, points_on, stride_of
from fwp.solvers.solve import follow

__all__ = ["Description", "Passed", "described", "pass_through", "traced_through"]


PREPARED = " "
"""After the text of a net that is to be solved by a kernel: a space, which json passes over."""


class Passed(NamedTuple):
    """What a stretch leaves."""

    outputs: Float[Tensor, "batch time output"]
    weights: dict[str, Float[Tensor, "batch head ..."]]
    """At each sample's own end."""
    knots: Float[Tensor, "batch 2 channel"]
    """The last two points of what went in."""
    times: Float64[Tensor, "batch 2"]
    """Their times."""


def pass_through(
    net: Net,
    new: Series,
    before: tuple[Tensor, Tensor] | None,
    begin: dict[str, Tensor] | None,
    method: str,
    steps: int,
) -> Passed:
    """The outputs at the new time points, in the type that is computed in.

    Args:
        net: a net of one layer.
        new: the new time points; samples without any have length 0.
        before: the last two points of the stretch before, and their times.
        begin: the fast weights that it left.
        method, steps: as of `solve`.
    """
    points = points_on(new, before)
    path, first = path_on(net.model.control, new if before is None else points, before is not None)
    field = net(path).rounded_by_the_caller()
    read, end = follow(field, method=method, steps=steps, initial=begin)
    outputs = rearrange(read, "batch knot ... -> batch knot (...)")
    outputs = outputs[:, first :: stride_of(net.model.control)][:, : new.values.shape[1]]
    return Passed(outputs, end, *last_two(points))


class Description(NamedTuple):
    """All of a net but its parameters."""

    text: str
    parameters: tuple[str, ...]
    """Their names, in order."""

    def fits(self, net: Net) -> bool:
        """Whether this is the net still, when others may have parametrised it, or hung hooks on it."""
        hooked = any(own._forward_hooks or own._forward_pre_hooks for own in net.modules())
        return not hooked and self.parameters == tuple(name for name, _ in net.named_parameters())


def described(net: Net, method: str, steps: int) -> Description | None:
    """The net as text; None where a module of the user's own is in it, which no text describes."""
    try:
        model = to_json(net.model)
    except CompositionError:
        return None
    (layer,) = net.layers
    assert isinstance(layer, LayerNet)
    states = {own.name: [layer.sizes["head"], *(layer.sizes[axis] for axis in own.axes)] for own in layer.states}
    text = json.dumps([model, dict(net.sizes), method, steps, net.outputs, states])
    return Description(text, tuple(name for name, _ in net.named_parameters()))


def traced_through(
    net: Net, text: str, new: Series, before: tuple[Tensor, Tensor] | None, begin: dict[str, Tensor] | None
) -> Passed:
    """`pass_through` of a described net, as one operator."""
    names = net.state_names[0]
    given = [] if new.static is None else [new.static]
    given += [] if before is None else [*before, *[(begin or {})[name] for name in names]]
    parameters = list(net.parameters())
    text += PREPARED * net.prepared
    outputs, knots, times, *states = _stretch(
        new.values, new.times, new.mask, new.lengths, given, parameters, text, new.static is not None
    )
    return Passed(outputs, dict(zip(names, states, strict=True)), knots, times)


@lru_cache(maxsize=64)
def _skeleton(text: str) -> tuple[Net, str, int]:
    """The net that the text describes, on the meta device, with method and steps."""
    model, sizes, method, steps, *_ = json.loads(text)
    with torch.device("meta"):
        net = Net(from_json(model), sizes)
    net.prepared = text.endswith(PREPARED)
    return net, method, steps


def _run(
    values: Tensor,
    times: Tensor,
    mask: Tensor,
    lengths: Tensor,
    given: Sequence[Tensor],
    parameters: Sequence[Tensor],
    text: str,
    has_static: bool,
) -> list[Tensor]:
    empty, method, steps = _skeleton(text)
    own = {id(old): new for old, new in zip(empty.parameters(), parameters, strict=True)}
    net = substitute(empty, lambda old: own[id(old)])
    static, *rest = given if has_static else (None, *given)
    new = Series(values, times, mask, lengths, static)
    names = net.state_names[0]
    before = (rest[0], rest[1]) if rest else None
    begin = dict(zip(names, rest[2:], strict=True)) if rest else None
    found = pass_through(net, new, before, begin, method, steps)
    return [found.outputs, found.knots, found.times, *(found.weights[name] for name in names)]


@torch.library.custom_op("fwp::stretch", mutates_args=())
def _stretch(
    values: Tensor,
    times: Tensor,
    mask: Tensor,
    lengths: Tensor,
    given: Sequence[Tensor],
    parameters: Sequence[Tensor],
    text: str,
    has_static: bool,
) -> list[Tensor]:
    """Outputs, last points, their times, and the states at the end; of `given`, static features stand first."""
    found = _run(values, times, mask, lengths, given, parameters, text, has_static)
    return [
        own.clone(memory_format=torch.contiguous_format) for own in found
    ]  # an operator returns nothing it was given


@_stretch.register_fake
def _(
    values: Tensor,
    times: Tensor,
    mask: Tensor,
    lengths: Tensor,
    given: Sequence[Tensor],
    parameters: Sequence[Tensor],
    text: str,
    has_static: bool,
) -> list[Tensor]:
    *_, outputs, states = json.loads(text)
    batch, time, channels = values.shape
    return [
        values.new_empty((batch, time, outputs)),
        values.new_empty((batch, 2, channels)),
        times.new_empty((batch, 2)),
        *(values.new_empty((batch, *shape)) for shape in states.values()),
    ]


@torch.library.custom_op("fwp::stretch_backward", mutates_args=())
def _stretch_backward(
    gradients: Sequence[Tensor],
    values: Tensor,
    times: Tensor,
    mask: Tensor,
    lengths: Tensor,
    given: Sequence[Tensor],
    parameters: Sequence[Tensor],
    text: str,
    has_static: bool,
) -> list[Tensor]:
    """The gradients of values, of what was given and of the parameters, in this order; times have none."""
    stream = torch.cuda.current_stream(values.device) if values.is_cuda else None

    def recomputed() -> list[Tensor]:
        leaves = [own.detach().requires_grad_(own.is_floating_point()) for own in (values, *given, *parameters)]
        mine, theirs = leaves[1 : 1 + len(given)], leaves[1 + len(given) :]
        with torch.cuda.stream(stream):
            found = _run(leaves[0], times, mask, lengths, mine, theirs, text, has_static)
        pairs = [(own, gradient) for own, gradient in zip(found, gradients, strict=True) if own.requires_grad]
        outputs, weights = zip(*pairs, strict=True)
        results = torch.autograd.grad(outputs, leaves, weights, allow_unused=True)
        return [torch.zeros_like(own) if one is None else one.clone() for own, one in zip(leaves, results, strict=True)]

    # An operator runs beneath autograd, which records nothing there; what a thread of its own does is recorded.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(recomputed).result()


@_stretch_backward.register_fake
def _(
    gradients: Sequence[Tensor], values: Tensor, times: Tensor, mask: Tensor, lengths: Tensor, *rest: Any
) -> list[Tensor]:
    given, parameters, *_ = rest
    return [own.new_empty(own.shape) for own in (values, *given, *parameters)]


def _setup(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    values, times, mask, lengths, given, parameters, ctx.text, ctx.has_static = inputs
    ctx.count = len(given)
    ctx.save_for_backward(values, times, mask, lengths, *given, *parameters)


def _backward(ctx: Any, gradients: list[Tensor]) -> tuple[Any, ...]:
    values, times, mask, lengths, *rest = ctx.saved_tensors
    given, parameters = rest[: ctx.count], rest[ctx.count :]
    known = (values, times, mask, lengths, given, parameters, ctx.text, ctx.has_static)
    first, *others = _stretch_backward(gradients, *known)
    return first, None, None, None, others[: ctx.count], others[ctx.count :], None, None


_stretch.register_autograd(_backward, setup_context=_setup)
