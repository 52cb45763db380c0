"""Attribution through the layers of a sequence layer: what each step of the lowest contributes to the outputs of the highest.

A layer's output is linear in its values once its keys, queries and rates are held as they are, and where the map from its
input to its values is affine, in its input too. So a contribution to the output of one layer is followed through the values
of the next, and the contributions along all such paths add up to the output. What does not come from below has paths of its
own: the first state of each layer, and the part of an upper layer's values that stands there without any input (its bias).
"""

from dataclasses import dataclass, replace
from typing import assert_never

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Float64
from torch import Tensor

from fwp.data import Series, series
from fwp.data.copies import Copied
from fwp.data.series import Array
from fwp.errors import CompositionError, SolveError
from fwp.fields import Net, VectorField
from fwp.fields.maps import Activation, External, FeedForward, LayerNorm, Linear, Parameter, Shared, SlowMap
from fwp.fields.show import show_map
from fwp.kinds import explained
from fwp.models.layer import FastWeights
from fwp.models.stream import inside, path_on, stride_of
from fwp.solvers.attribution import attribute, prepared, read_shares
from fwp.solvers.finite import all_finite
from fwp.solvers.scans.chunked import scan_chunked
from fwp.solvers.steps import LowRankSteps
from fwp.terms.parts import parts
from fwp.terms.syntax import Role, Variable, variables
from fwp.terms.witness import ConstantRate, LowRank

__all__ = ["Paths", "attribute_paths"]


@dataclass(frozen=True, eq=False)
class Paths(Copied):
    """What the outputs `(batch time output)` of a sequence layer are sums of, along an axis behind `time`.

    `steps[:, :, i]` is what the lowest layer's values on the interval from `times[:, i]` to `times[:, i + 1]` contribute
    through all layers, `initial[:, :, l]` what the first state of layer l does, and `constant[:, :, l]` what layer l's values
    without any input do; of the lowest, whose values belong to its steps, that is 0.
    """

    steps: Float[Tensor, "batch time step output"]
    initial: Float[Tensor, "batch time layer output"]
    constant: Float[Tensor, "batch time layer output"]
    times: Float64[Tensor, "batch knot"]

    @property
    def total(self) -> Float[Tensor, "batch time output"]:
        """The outputs themselves."""
        return self.steps.sum(2) + self.initial.sum(2) + self.constant.sum(2)


@explained
def attribute_paths(
    layer: FastWeights,
    values: Float[Tensor, "batch time channel"],
    *,
    times: Array | None = None,
    mask: Array | None = None,
    lengths: Array | None = None,
    static: Array | None = None,
) -> Paths:
    """What the steps of the lowest layer contribute to `layer(values, …)[0]`, through the values of the layers above.

    Work and memory grow with the square of the series' length.

    Raises:
        SolveError: the rule's steps are not affine in the state, of low rank where there are several layers; a dropout is on;
            what is found is not finite.
        CompositionError: the values of an upper layer are not affine in its input, or the read-out not linear in the state.
        DataError: what was given is no series.
    """
    if layer.training and layer.dropout.p and len(layer.nets) > 1:
        raise SolveError(
            "between its layers outputs are dropped at random: another call has other outputs",
            ("dropout", str(layer.dropout.p)),
            help="layer.eval()",
        )
    batch, time = values.shape[:2]
    clock = torch.arange(time, dtype=torch.float64, device=values.device).expand(batch, -1) if times is None else times
    given = series(values, clock, mask, lengths, static)
    lowest = _bound(layer.nets[0], given)
    found = attribute(lowest, "knots", of="values", method=layer.method, steps=layer.steps)
    shares = torch.cat([found.steps, found.initial[:, :, None]], 2)
    own = _at_points(layer, shares.flatten(3), time)  # behind the steps the first state of each layer and its constant
    own = torch.cat([own, torch.zeros_like(own[:, :, :1])], 2)
    for net in layer.nets[1:]:
        outputs = own.sum(2)
        here = replace(given, values=outputs, mask=inside(given).expand(outputs.shape))
        own = _at_points(layer, _through(layer, _bound(net, here), here, own), time)
    if not all_finite(own):
        layer(values, times=times, mask=mask, lengths=lengths, static=static)  # which says where the states end
        raise SolveError(
            "the outputs are finite, but the contributions to them are not",
            ("layers", str(len(layer.nets))),
            help="attribute a shorter stretch, or take keys of smaller norm (softmax, normalize)",
        )
    count = found.steps.shape[2]
    return Paths(own[:, :, :count], own[:, :, count::2], own[:, :, count + 1 :: 2], found.times)


def _through(
    layer: FastWeights, field: VectorField, given: Series, shares: Float[Tensor, "batch time share channel"]
) -> Float[Tensor, "batch knot share_ output"]:
    """The output at every knot as a sum over the shares of the input, the layer's own first state, and its constant."""
    ready = prepared(field, layer.method, layer.steps, None)
    if not isinstance(ready.steps, LowRankSteps):
        raise SolveError(
            "contributions pass through steps that are affine in the state and of low rank alone",
            ("structure", type(ready.plan.structure).__name__),
            ("method", ready.plan.method),
            help="attribute layers of such a rule: Hebb's, Oja's, Delta, leaky Delta",
        )
    _check_values(field.net, ready.plan.structure)
    nothing = torch.zeros_like(shares[:, :, :1])
    each = _values(layer, field, given, torch.cat([shares, nothing], 2))
    constant = each[:, -1:]
    by_share = torch.cat([each[:, :-1] - constant, torch.zeros_like(constant), constant], 1)
    # Rows of a state do not meet: the shares stand below each other in one, and pass through the very same steps.
    value = rearrange(by_share, "batch share time head rank output -> batch time head rank (share output)")
    empty = torch.zeros_like(ready.first)
    first = torch.cat([empty] * shares.shape[2] + [ready.first, empty], 2)  # its rows, too, share by share
    at = range(ready.each, field.path.intervals * ready.each + 1, ready.each)
    states = scan_chunked(replace(ready.steps, value=value), first, at, ready.plan.chunk)
    states = torch.cat([first[:, None], states], 1)
    split = rearrange(
        states, "batch knot head (share output) read -> batch knot share head output read", share=by_share.shape[1]
    )
    knots = torch.arange(field.path.intervals + 1, device=value.device).expand(field.path.batch, -1)
    return read_shares(ready, split, knots).flatten(3)


def _values(
    layer: FastWeights, field: VectorField, given: Series, inputs: Float[Tensor, "batch time share channel"]
) -> Float[Tensor, "batch share step head rank output"]:
    """The values of all steps, were each share the only input."""
    count = inputs.shape[2]

    def each(tensor: Tensor) -> Tensor:
        return repeat(tensor, "batch ... -> (batch share) ...", share=count)

    values = rearrange(inputs, "batch time share channel -> (batch share) time channel")
    several = Series(
        values,
        each(given.times),
        each(given.mask),
        each(given.lengths),
        None if given.static is None else each(given.static),
    )
    alone = prepared(_bound(field.net, several), layer.method, layer.steps, None).steps
    assert isinstance(alone, LowRankSteps)
    return rearrange(alone.value, "(batch share) ... -> batch share ...", share=count)


def _bound(net: torch.nn.Module, given: Series) -> VectorField:
    """The field that the sequence layer solves in its first call."""
    assert isinstance(net, Net)
    path, _ = path_on(net.model.control, given, False)
    return net @ path


def _at_points(
    layer: FastWeights, along: Float[Tensor, "batch knot share output"], time: int
) -> Float[Tensor, "batch time share output"]:
    """At the time points, of all knots of a path that rests before the first."""
    return along[:, 1 :: stride_of(layer.model.control)][:, :time]


def _check_values(net: Net, structure: object) -> None:
    """Refuse values that are not affine in the layer's input."""
    assert isinstance(structure, LowRank | ConstantRate)
    projection = net.model.spec.layers[0].projection
    for value in (write.value for write in structure.writes if write.value is not None):
        slots = variables(value)
        if any(slot.role is not Role.SLOT for slot in slots) or not set(parts(value, Role.SLOT)) <= {1}:
            raise CompositionError(
                "what the layer writes is not linear in one slot, and so not in its input",
                ("written", repr(value)),
                help="attribute a rule that writes v, gated by its rate alone",
            )
        for slot in slots:
            if not _affine(projection.slot(slot)):
                raise CompositionError(
                    "the values of an upper layer are not affine in its input: what it got from below has no share in them",
                    (f"slot {slot.name}", show_map(projection.slot(slot))),
                    help='give it a linear map: Projection(v=linear("channel -> head value", x))',
                )


def _affine(own: SlowMap) -> bool:
    match own:
        case Variable() | Parameter():
            return True
        case Linear(of) | Shared(_, of):
            return _affine(of)
        case LayerNorm() | FeedForward() | Activation() | External():
            return False
        case _:
            assert_never(own)
