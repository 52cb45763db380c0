"""When the continuous adjoint cannot be trusted: it solves the states backwards, and what contracts forwards explodes there."""

from __future__ import annotations

from math import exp

import torch

from fwp.errors import warn
from fwp.fields import VectorField
from fwp.fields.net import LayerNet
from fwp.solvers.discretise import discretise
from fwp.solvers.plan import Plan
from fwp.solvers.situation import shape_of
from fwp.solvers.steps import FlowSteps, LowRankSteps
from fwp.solvers.walk import segment_steps
from fwp.terms.witness import LowRank, ReadOut

__all__ = ["contraction", "warn_of_adjoint"]

_MOST = 8.0
"""Of the contraction's exponent: e⁸ = 3,000 times the solver's own error, and gradients begin to be wrong by a percent."""

_AT_ONCE = 1024
"""Intervals looked at together."""


def warn_of_adjoint(field: VectorField, plan: Plan) -> None:
    """Warn if the flow contracts so much along the path that its backward solve is noise."""
    exponent = contraction(field, plan)
    if exponent > _MOST:
        about = float(f"{exponent:.0g}")  # in few words, since each is said once: a training would say hundreds
        warn(
            "the adjoint's gradients are noise where the rule contracts most",
            ("contraction", f"by about e^-{about:g} along the series"),
            ("because", f"errors of the states, which are solved again backwards, grow by {exp(min(about, 700)):.0e}"),
            help="use gradient='exact'",
        )


@torch.no_grad()
def contraction(field: VectorField, plan: Plan) -> float:
    """Σ h (decay + rate · readᵀwrite) along the path: the largest over samples and heads; 0 for rules without such a number.

    For rank-one reads e^{-Σ} is what is left, along the keys, of a difference between two solutions.
    """
    layer, structure = field.net.layers[0], plan.structure
    assert isinstance(layer, LayerNet)
    closed = isinstance(structure, ReadOut) and structure.closed is not None
    if structure is None or not (isinstance(structure, LowRank) or closed):
        return 0.0
    method = "exponential_midpoint" if closed else "euler"
    own = discretise(structure, shape_of(field), method, plan.constant)
    total = torch.zeros(())
    for first in range(0, field.path.intervals, _AT_ONCE):
        steps = segment_steps(field, layer, own, 1, first, min(first + _AT_ONCE, field.path.intervals))
        match steps:
            case LowRankSteps(write, _, _, read, erase, decay):
                own_part = 0.0 if decay is None else 1 - decay
                if read is not None and erase is not None:
                    own_part = own_part + ((read.mT @ erase).mT * write).sum(-1).amax(-1)
            case FlowSteps(_, rate, _, slope, read, write):
                own_part = (-slope * rate).amax(-1) * (read * write).sum(-1)
            case _:
                return 0.0
        total = total + own_part.sum(1) if isinstance(own_part, torch.Tensor) else total
    return float(total.max())
