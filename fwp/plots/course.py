"""The fast weights of one series from its first knot to its last, as the pictures want them; taken from a solution."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from fwp.errors import CompositionError
from fwp.fields import Net
from fwp.fields.net import LayerNet
from fwp.kinds import explained
from fwp.rules import Rule, System
from fwp.solvers import Solution
from fwp.terms.build import contract
from fwp.terms.normal import equivalent
from fwp.terms.syntax import Axes, Role, Variable, variables

__all__ = ["Course", "Queries", "course", "last_state", "queries"]


@dataclass(frozen=True, eq=False)
class Course:
    """The first state of the last layer over time. Of knots at one time, as at a jump, the last one is here."""

    times: Float64[Tensor, "time"]
    """Those of the solution, increasing."""
    states: Float[Tensor, "time head *axes"]
    axes: Axes
    """The state's own, in order."""


@dataclass(frozen=True, eq=False)
class Queries:
    """What fast weights are read with, W q: the vectors q, and the axis of W that they meet."""

    axis: str
    vectors: Float[Tensor, "time head input"]


@explained
def course(solution: Solution, sample: int = 0) -> Course:
    """The states of one series at the times of a solution, such as that at all knots, `solve(field, "knots")`."""
    name, state = last_state(solution.field.net)
    moving = _moving(solution.times[sample])
    return Course(solution.times[sample, moving], solution.states[name][sample, moving].detach(), state.axes)


@explained
@torch.no_grad()
def queries(solution: Solution, sample: int = 0) -> Queries:
    """The queries of the same series at the same times as `course` has them.

    Raises:
        CompositionError: the read-out is not the product of that state, a matrix, with a slot; or the net has several
            layers, and a query depends on those below.
    """
    field = solution.field
    net = field.net
    rule, (_, state) = net.model.spec.layers[-1].rule, last_state(net)
    query = _query(rule, state)
    if query is None:
        raise CompositionError(
            f"the read-out is not {state.name}, a matrix, times one vector that the slow net supplies",
            ("read-out", repr(rule.read)),
            (state.name, ", ".join(state.axes)),
            help="take a rule that is read by `W @ q`",
        )
    layer = net.layers[0]
    if len(net.layers) > 1 or not isinstance(layer, LayerNet):
        raise CompositionError(
            "the queries of a net of several layers depend on the layers below",
            ("layers", str(len(net.layers))),
            help="take a net of one layer",
        )
    knots = solution.knots[sample : sample + 1, _moving(solution.times[sample])]
    inputs = (net @ field.path[sample]).at_knots(knots).inputs
    (axis,) = query.axes
    found = layer.slots((query,), inputs)[query.name]
    return Queries(axis, found.expand(*knots.shape, layer.sizes["head"], layer.sizes[axis])[0])


def last_state(net: Net) -> tuple[str, Variable]:
    """The first state of the last layer: its name in solutions, and what the rule declares."""
    return net.state_names[-1][0], net.model.spec.layers[-1].rule.rules[0].of


def _query(rule: Rule | System, state: Variable) -> Variable | None:
    slots = [a for a in variables(rule.read) if a.role is Role.SLOT]
    if len(slots) != 1 or len(slots[0].axes) != 1 or len(state.axes) != 2 or slots[0].axes[0] not in state.axes:
        return None
    return slots[0] if equivalent(rule.read, contract(state, slots[0])) else None


def _moving(times: Float64[Tensor, "knot"]) -> Tensor:
    """Where time goes on after a knot, and the last: what is left out are padding and the left sides of jumps."""
    return torch.cat([times.diff() > 0, torch.ones_like(times[:1], dtype=torch.bool)])
