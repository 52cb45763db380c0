"""What came of checking a rule: one outcome a check, and how they are printed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from textwrap import indent

__all__ = ["Outcome", "Report", "Verdict"]


class Verdict(Enum):
    """How a check ended; the value is its mark in a report."""

    PASSED = "✓"
    FAILED = "✗"
    DOUBTFUL = "!"
    """It passed, but there is something to know."""
    OUTSIDE = "–"
    """It does not speak of such a rule."""


@dataclass(frozen=True)
class Outcome:
    """How one check ended.

    Args:
        name: of the check, such as "gradcheck" or "law: semigroup".
        verdict: how it ended.
        seconds: how long it took.
        detail: what was found; of a failure the reason and a counterexample, in several lines.
    """

    name: str
    verdict: Verdict
    seconds: float
    detail: str


@dataclass(frozen=True)
class Report:
    """The outcomes of all checks of one rule.

    Args:
        name: of the rule.
        equation: the rule as one line an equation.
        outcomes: in the order in which they were made.
    """

    name: str
    equation: str
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """No check failed."""
        return all(own.verdict is not Verdict.FAILED for own in self.outcomes)

    def __str__(self) -> str:
        width = max((len(own.name) for own in self.outcomes), default=0)
        lines = [self.name, indent(self.equation, "  ")]
        for own in self.outcomes:
            head = f"  {own.verdict.value} {own.name:<{width}}  {own.seconds:5.1f} s"
            if own.verdict is Verdict.FAILED:
                lines += [head, indent(own.detail, "      ")]
            else:
                lines.append(f"{head}  {own.detail}".rstrip())
        counts = {verdict: sum(own.verdict is verdict for own in self.outcomes) for verdict in Verdict}
        failed, doubtful = counts[Verdict.FAILED], counts[Verdict.DOUBTFUL]
        others = f"{f'{failed} failed, ' if failed else ''}{f'{doubtful} doubtful, ' if doubtful else ''}"
        seconds = sum(own.seconds for own in self.outcomes)
        lines.append(f"  {others}{counts[Verdict.PASSED]} passed in {seconds:.1f} s")
        return "\n".join(lines)
