"""What a solver's steps wrote into the fast weights and what they erased: found in the steps themselves, not in the rule."""

from dataclasses import dataclass
from typing import NamedTuple, assert_never

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from fwp.errors import CompositionError
from fwp.fields.net import LayerNet
from fwp.kinds import explained
from fwp.plots.course import last_state
from fwp.solvers import Scan, Solution
from fwp.solvers.discretise import discretise
from fwp.solvers.situation import shape_of
from fwp.solvers.steps import DenseSteps, FlowSteps, LowRankSteps, RungeKuttaSteps, Steps
from fwp.solvers.walk import scan, segment_steps

__all__ = ["Changes", "changes"]


@dataclass(frozen=True, eq=False)
class Changes:
    """W⁺ = kept · W + Σ (written − erased) ⊗ key, step by step; the sum runs over the rank.

    The key lies along the axis of W that is read, the others along all other axes, flattened. Padding has no steps.
    """

    times: Float64[Tensor, "step"]
    """Those of the solution, at the end of each step."""
    axis: str
    """The key's."""
    key: Float[Tensor, "step head rank input"]
    written: Float[Tensor, "step head rank output"]
    """Where `split` is False what was written less what was erased."""
    erased: Float[Tensor, "step head rank output"] | None
    """None where nothing is read to be erased, or where the two cannot be told apart."""
    rate: Float[Tensor, "step head rank"] | None
    """The share of its value that each outer product wrote: rate times duration, less what saturates inside the step."""
    kept: Float[Tensor, "step head"] | None
    """What a decay leaves of W; None is 1."""
    split: bool


@explained
@torch.no_grad()
def changes(solution: Solution, sample: int = 0) -> Changes:
    """What each step wrote and erased in one series, from a solution at all knots, `solve(field, "knots")`.

    Raises:
        CompositionError: the steps are no outer products with a key, but a Runge–Kutta method's or those of a full matrix,
            or the solution is not at all knots.
    """
    field, plan = solution.field, solution.plan
    layer, path = field.net.layers[0], field.path[sample]
    if solution.knots.shape[1] != path.intervals + 1:
        raise CompositionError(
            "the solution is not at all knots",
            ("knots", str(path.intervals + 1)),
            ("states", str(solution.knots.shape[1])),
            help='solve(field, "knots")',
        )
    if plan.backend != "structured" or plan.structure is None or not isinstance(layer, LayerNet):
        raise CompositionError(
            "what is written and erased shows only in the steps of the rule's own structure",
            ("backend", plan.backend),
            ("method", plan.method),
            help="take a rule and a method for which `fwp explain` plans structured steps",
        )
    own = discretise(plan.structure, shape_of(field), plan.method, plan.constant)
    field = field.net @ path
    steps = segment_steps(field, layer, own, plan.steps, 0, path.intervals)
    name, _ = last_state(field.net)
    first = own.sides.matrix(solution.states[name][sample : sample + 1, 0])
    each = plan.steps * own.count  # steps in an interval
    after = scan(steps, first, range(1, path.intervals * each + 1), Scan.SEQUENTIAL, 1)
    before = torch.cat([first[:, None], after[:, :-1]], 1)
    real = (path.steps[0] > 0).repeat_interleave(each)
    share = torch.arange(1, each + 1, dtype=torch.float64, device=path.times.device) / each
    ends = (path.times[0, :-1, None] + path.times.diff()[0, :, None] * share).flatten()[real]
    found = _told_apart(steps, before, after)
    if found is None or own.sides.axis is None:
        raise CompositionError(
            "the steps are not outer products of a value with a key",
            ("structure", type(plan.structure).__name__),
            ("method", plan.method),
            help="take a rule that writes along a vector, or a method made for it",
        )
    erased, rate, kept = (None if v is None else v[0, real] for v in (found.erased, found.rate, found.kept))
    return Changes(
        ends, own.sides.axis, found.key[0, real], found.written[0, real], erased, rate, kept, split=found.split
    )


class _Parts(NamedTuple):
    """The fields of `Changes` of this name, of a batch and with its padding."""

    key: Tensor
    written: Tensor
    erased: Tensor | None
    rate: Tensor | None
    kept: Tensor | None
    split: bool


def _told_apart(steps: Steps, before: Tensor, after: Tensor) -> _Parts | None:
    match steps:
        case LowRankSteps(write, value, gain, read, erase, decay):
            written = gain.mT @ value
            rate = gain.diagonal(dim1=-2, dim2=-1)
            if read is None or erase is None:
                return _Parts(write, written, None, rate, decay, True)
            return _Parts(write, written, erase.mT @ (read @ before.mT), rate, decay, True)
        case FlowSteps(write=write) | RungeKuttaSteps(write=write):
            if write is None:
                return None
            written = _along(write, after - before)
            return _Parts(write[..., None, :], written[..., None, :], None, None, None, False)
        case DenseSteps():
            return None
        case _:
            assert_never(steps)


def _along(
    key: Float[Tensor, "batch step head input"], change: Float[Tensor, "batch step head output input"]
) -> Float[Tensor, "batch step head output"]:
    """c of a change c ⊗ key; zero for a key of zero, by which nothing is written."""
    square = key.square().sum(-1)[..., None]
    return (change @ key[..., None]).squeeze(-1) / torch.where(square > 0, square, 1)
