"""How many steps a solver that chooses them itself may take between two knots, counted in evaluations of its rate.

torchdiffeq, torchcde and scipy alike show nothing but the rate's evaluations on every way they go: forwards, backwards along
the adjoint, in steps that are rejected.
"""

from collections.abc import Callable

from torch import Tensor

from fwp.errors import SolveError

__all__ = ["MAX_STEPS", "Budget", "States"]

MAX_STEPS = 4096
"""Between two knots, unless another number is given; as many as diffrax allows a whole solve. What needs more is stiff."""

AVERAGE = 32
"""Between two knots on average, unless a number is given: along a path all those that are allowed add up to hours."""

_STAGES = {"dopri5": 6, "dopri8": 13, "bosh3": 3, "fehlberg2": 2, "adaptive_heun": 1}
"""Evaluations in a step of torchdiffeq's adaptive methods."""

_PART = 1 / 20
"""Of a step of scipy's is what one more evaluation at the same place counts for."""

States = Tensor | tuple[Tensor, ...]
"""One state as it is, several as a tuple: torchdiffeq copies a tuple into one vector at every evaluation."""


class Budget:
    """What is left to spend in the interval that was last seen.

    Args:
        method: of torchdiffeq; of one whose evaluations in a step are not known, scipy's, places where it evaluates are counted,
            and further evaluations at a place, of which an implicit step has one for each number of the state, as a part.
        steps: the most between two knots; twice as many where the adjoint comes by an interval a second time.
        intervals: of the path; along it the most is so many in each, and, where `steps` is MAX_STEPS, as many once and AVERAGE
            in each.
        complaint: the error for an evaluation at a position, in a state, and for what reason.
    """

    def __init__(
        self,
        method: str,
        steps: int,
        intervals: int,
        adjoint: bool,
        complaint: Callable[[float, States, str], SolveError],
    ) -> None:
        self.known, self.steps, self.complaint = method in _STAGES, steps, complaint
        # One more step: that of which the last evaluation was, or which is begun anew behind a knot where it overflowed.
        self.most = (steps + 1) * _STAGES.get(method, 1) * (2 if adjoint else 1)
        self.whole = (steps + 1) * intervals if steps != MAX_STEPS else steps + AVERAGE * intervals
        self.left = (self.whole + 1) * _STAGES.get(method, 1) * (2 if adjoint else 1)
        self.interval, self.spent, self.fraction = -1, 0.0, -1.0

    def spend(self, interval: int, fraction: float, states: States) -> None:
        """One evaluation at a fraction of an interval. Raises: SolveError, where it is one too many."""
        if interval != self.interval:
            self.interval, self.spent = interval, 0.0
        cost = 1 if self.known or fraction != self.fraction else _PART
        self.spent, self.left, self.fraction = self.spent + cost, self.left - cost, fraction
        if self.spent > self.most:
            raise self.complaint(interval + fraction, states, f"more than max_steps={self.steps} between two knots")
        if self.left < 0:
            because = f"more than {self.whole:,} steps in all, {AVERAGE} between two knots and {self.steps:,} where one is hard"
            raise self.complaint(interval + fraction, states, because)
