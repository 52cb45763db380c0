"""Along a path in segments: slots of a segment by one batched product, its steps, its states, and nothing kept for longer.

Where gradients are wanted and the series has more than one segment, only the states between segments are kept; backward
computes the slots and states of a segment again. Gradients are those of the steps taken.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from fwp.controls.knots import arrivals, at_arrivals
from fwp.fields import VectorField
from fwp.fields.net import LayerNet
from fwp.solvers.discretise import Discretisation, discretise
from fwp.solvers.plan import Plan, Scan
from fwp.solvers.scans.associative import scan_associative
from fwp.solvers.scans.chunked import read_chunked, scan_chunked
from fwp.solvers.scans.fused import scan_fused
from fwp.solvers.scans.sequential import scan_sequential
from fwp.solvers.situation import plain_query, shape_of
from fwp.solvers.steps import DenseSteps, FlowSteps, LowRankSteps, Steps
from fwp.solvers.torchdiffeq import Counts
from fwp.solvers.witnesses import UNREAD

__all__ = ["follow", "integrate", "scan", "segment_steps"]


def integrate(
    field: VectorField, initial: Mapping[str, Tensor], knots: Sequence[int], plan: Plan, counts: Counts
) -> dict[str, Tensor]:
    """The states at the given knots, ascending, from those at knot 0: `(knot batch head *axes)`."""
    layer, own, state = _begin(field, initial, plan)
    (name,) = field.net.state_names[0]
    kept = [state[None]] if knots[0] == 0 else []
    for first, last in _segments(knots[-1], plan):
        wanted = [k - first for k in knots if first < k <= last]
        at = wanted if wanted and wanted[-1] == last - first else [*wanted, last - first]
        states = _run(partial(_segment, field, layer, own, plan, first, last, at), state, layer, plan)
        state = states[:, -1]
        counts.steps += (last - first) * plan.steps
        counts.evaluations += (last - first) * plan.steps * len(own.nodes)
        kept += [states[:, : len(wanted)].movedim(1, 0)] if wanted else []
    return {name: own.sides.state(torch.cat(kept))}


def follow(
    field: VectorField, initial: Mapping[str, Tensor], plan: Plan
) -> tuple[Float[Tensor, "batch knot *rest"], dict[str, Tensor]]:
    """The read-out at every knot, `(batch knot head *axes)`, and the states at the last, `(batch head *axes)`.

    Of the states only those of one segment exist at a time.
    """
    layer, own, state = _begin(field, initial, plan)
    (name,) = field.net.state_names[0]
    arrived = arrivals(field.path)
    found = [_read_at(field, layer, own, arrived[:, :1], state[:, None])]
    for first, last in _segments(field.path.intervals, plan):
        here = arrived[:, first + 1 : last + 1]
        state, read = _run(partial(_read_segment, field, layer, own, plan, first, last, here), state, layer, plan)
        found.append(read)
    return torch.cat(found, 1), {name: own.sides.state(state)}


def _begin(
    field: VectorField, initial: Mapping[str, Tensor], plan: Plan
) -> tuple[LayerNet, Discretisation, Float[Tensor, "batch head output read"]]:
    layer = field.net.layers[0]
    assert isinstance(layer, LayerNet) and plan.structure is not None
    own = discretise(plan.structure, shape_of(field), plan.method, plan.constant)
    (name,) = field.net.state_names[0]
    return layer, own, own.sides.matrix(initial[name])


def _segments(end: int, plan: Plan) -> Iterator[tuple[int, int]]:
    """The first and the last knot of each segment up to knot `end`."""
    return ((first, min(first + plan.segment, end)) for first in range(0, end, plan.segment))


def _read_segment(
    field: VectorField,
    layer: LayerNet,
    own: Discretisation,
    plan: Plan,
    first: int,
    last: int,
    arrived: Int64[Tensor, "batch time"],
    state: Float[Tensor, "batch head output read"],
) -> tuple[Float[Tensor, "batch head output read"], Float[Tensor, "batch time *rest"]]:
    """The last state of a segment and the read-out at each of its knots but the first."""
    count = plan.steps * own.count
    query = plain_query(layer, own.sides)
    if query is not None and plan.scan is Scan.CHUNKED and count == 1:
        steps = segment_steps(field, layer, own, plan.steps, first, last)
        assert isinstance(steps, LowRankSteps)
        slots = layer.slots(layer.read_arguments, field.signals(*at_arrivals(field.path, arrived)))
        q = slots[query.name].expand(*arrived.shape, layer.sizes["head"], -1)
        read, state = read_chunked(steps, state, q, plan.chunk)
        outer = [n for a, n in zip(own.sides.axes, own.sides.sizes, strict=True) if a != own.sides.axis]
        return state, read.unflatten(-1, outer)
    states = _segment(field, layer, own, plan, first, last, range(1, last - first + 1), state)
    return states[:, -1], _read_at(field, layer, own, arrived, states)


def _read_at(
    field: VectorField, layer: LayerNet, own: Discretisation, arrived: Int64[Tensor, "batch time"], states: Tensor
) -> Float[Tensor, "batch time *rest"]:
    """The read-out of states `(batch time head output read)`, with the queries there."""
    signals = field.signals(*at_arrivals(field.path, arrived))
    return layer.read({layer.states[0].name: own.sides.state(states)}, signals)


def segment_steps(
    field: VectorField, layer: LayerNet, own: Discretisation, splits: int, first: int, last: int
) -> Steps:
    """The steps of the intervals from knot `first` to knot `last`, `splits` in each interval."""
    path = field.path.between(first, last)
    fractions = [(i + node) / splits for i in range(splits) for node in own.nodes]
    x, dx = (v.unflatten(2, (splits, len(own.nodes))).flatten(1, 2) for v in path.nodes(fractions))
    slots = layer.slots(layer.rate_arguments, field.signals(x, dx))
    whole: dict[str, Tensor] = {}
    for a in layer.rate_arguments:
        own_sizes = (layer.sizes["head"], *(layer.sizes[axis] for axis in a.declared))
        slot = slots[a.name]
        # A parameter stays one for all series and times: as a matrix for each, its product would be one for each, too.
        lead = slot.shape[: -len(own_sizes)]
        whole[a.name] = slot.expand(*[1] * (3 - len(lead)), *lead, *own_sizes)
    if not whole:
        whole[UNREAD.name] = x.new_zeros(1, 1, 1, layer.sizes["head"])
    return own.steps(whole, (path.steps / splits).repeat_interleave(splits, 1))


def _segment(
    field: VectorField,
    layer: LayerNet,
    own: Discretisation,
    plan: Plan,
    first: int,
    last: int,
    at: Sequence[int],
    state: Float[Tensor, "batch head output read"],
) -> Float[Tensor, "batch place head output read"]:
    """The states after the intervals counted in `at`, from the one at knot `first`."""
    steps = segment_steps(field, layer, own, plan.steps, first, last)
    return scan(steps, state, [i * plan.steps * own.count for i in at], plan.scan, plan.chunk)


def scan(
    steps: Steps, state: Float[Tensor, "batch head output read"], at: Sequence[int], by: Scan, chunk: int
) -> Float[Tensor, "batch place head output read"]:
    """The states after so many steps each, by the scan of this name, which the plan has found to fit."""
    match by, steps:
        case Scan.SEQUENTIAL, _:
            return scan_sequential(steps, state, at)
        case Scan.CHUNKED, LowRankSteps():
            return scan_chunked(steps, state, at, chunk)
        case Scan.ASSOCIATIVE, LowRankSteps() | DenseSteps():
            return scan_associative(steps, state, at)
        case Scan.FUSED, LowRankSteps() | FlowSteps():
            return scan_fused(steps, state, at)
        case _:
            raise AssertionError(f"{by} cannot run through {type(steps).__name__}")


_T = TypeVar("_T")


def _run(run: Callable[[Tensor], _T], state: Tensor, layer: LayerNet, plan: Plan) -> _T:
    """A segment, of which backward may find nothing but its first state. Randomness in maps of the user's own is repeated."""
    if not (plan.recompute and torch.is_grad_enabled()):
        return run(state)
    return checkpoint(run, state, use_reentrant=False, preserve_rng_state=layer.training and layer.slow.foreign)  # pyright: ignore[reportReturnType]
