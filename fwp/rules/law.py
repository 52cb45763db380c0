"""What a law is: a statement about the flow of a rule, when it holds, and how a flow that is handed over is judged by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from fwp.rules.rule import Rule
from fwp.terms.primitive import Array

__all__ = ["Array", "Case", "Finding", "Flow", "Law", "Solver"]


@dataclass(frozen=True)
class Case:
    """Numbers on which a law is judged: where two solutions begin, and slots that are constant on each step, one step or more.

    The slots are in their domains, for it is over these that laws speak.
    """

    state: Array
    """Where the solution begins, over the state's axes in declared order."""
    other: Array
    """Where a second solution under the same slots begins."""
    slots: Mapping[str, Array]
    """By name, over (step, *declared axes)."""
    durations: Array
    """How long each step lasts, (step,), in units of time, not negative."""


@runtime_checkable
class Flow(Protocol):
    """What solves one rule: from a beginning, slots (step, *axes) and durations (step,) to the states at all step + 1 knots."""

    def __call__(self, state: Array, slots: Mapping[str, Array], durations: Array) -> Array:
        """States over (step + 1, *axes); the first is `state`."""
        ...


@runtime_checkable
class Solver(Protocol):
    """What has a flow for every rule: a law such as duality speaks of two of them."""

    def __call__(self, rule: Rule) -> Flow:
        """The flow of this rule."""
        ...


@dataclass(frozen=True)
class Finding:
    """How far a flow is from a law on one case; it holds where `excess` is at most `allowed`."""

    excess: float
    """By how much the law is broken, over the scale of the numbers in it; not a number counts as broken."""
    allowed: float
    """What round-off explains."""
    detail: str
    """The two numbers that should agree or be in order, as a person reads them."""

    @property
    def holds(self) -> bool:
        """The law is kept."""
        return bool(self.excess <= self.allowed)


@dataclass(frozen=True)
class Law:
    """A law as a value.

    Args:
        name: as reports call it, "error contraction".
        unicode: the statement as one line.
        latex: the same for a page.
        meaning: which solutions it speaks of: the exact flow ("flow"), or the steps of Euler's method ("euler").
        applies: whether a rule's structure and the domains of its slots imply it.
        judge: how far the solver's flow of the rule is from it on one case; of a rule that claims a law which its structure
            has no words for, such as the error of what reads no key, the excess is infinite.
        source: where it is from, such as "Oja (1982)".
    """

    name: str
    unicode: str
    latex: str
    meaning: Literal["flow", "euler"]
    applies: Callable[[Rule], bool]
    judge: Callable[[Rule, Solver, Case], Finding]
    source: str

    @property
    def travels(self) -> bool:
        """Whether another process could find its functions, by their names in their modules."""
        return not any("<" in getattr(function, "__qualname__", "") for function in (self.applies, self.judge))
