"""All checks of a rule, each by name: the parts of a report, of the pytest plugin, and of `fwp check`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from fwp.rules import Rule, System, laws_of
from fwp.rules.law import Law
from fwp.testing.attempt import Broken, Doubtful, Outside
from fwp.testing.course import bounded, starts
from fwp.testing.report import Outcome, Report, Verdict
from fwp.testing.solved import kept, scans, step_gradients
from fwp.testing.static import folds, gradients, obstacle, shapes, types

__all__ = ["Check", "check_rule", "checks_of"]


@dataclass(frozen=True)
class Check:
    """One check of one rule.

    Args:
        name: "types", "gradcheck", "law: semigroup", …
        try_out: returns what was tried; raises Broken, Doubtful or Outside.
    """

    name: str
    try_out: Callable[[], str]

    def run(self) -> Outcome:
        """The outcome; whatever the check raises, it has failed."""
        began = perf_counter()
        try:
            verdict, detail = Verdict.PASSED, self.try_out()
        except Outside as outside:
            verdict, detail = Verdict.OUTSIDE, str(outside)
        except Doubtful as doubtful:
            verdict, detail = Verdict.DOUBTFUL, str(doubtful)
        except Exception as error:
            own = str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
            verdict, detail = Verdict.FAILED, own
        return Outcome(self.name, verdict, perf_counter() - began, detail)


def checks_of(rule: Rule | System) -> tuple[Check, ...]:
    """Types, shapes, folds, gradients, the default start, whether states stay bounded, and what is claimed.

    Of a rule of one state also scans and the laws of its structure.
    """
    own = [
        Check("types", partial(types, rule)),
        Check("shapes", partial(shapes, rule)),
        Check("folds", partial(folds, rule)),
        Check("gradcheck", partial(_gradients, rule)),
        Check("start", partial(starts, rule)),
        Check("bounded", partial(bounded, rule)),
    ]
    if isinstance(rule, System):
        each_claim = [(each, claimed) for each in rule.rules for claimed in each.laws]
        own += [Check(f"claim: {law.name}, of {each.of.name}", partial(_claim, each, law)) for each, law in each_claim]
        return tuple(own)
    own.append(Check("scans", partial(scans, rule)))
    implied = laws_of(rule)
    own += [Check(f"law: {each.name}", partial(kept, rule, each)) for each in implied]
    # A claim that structure implies anyway is tried once.
    claimed = [each for each in rule.laws if each not in implied]
    own += [Check(f"claim: {each.name}", partial(_claim, rule, each)) for each in claimed]
    return tuple(own)


def _claim(rule: Rule, claimed: Law) -> str:
    """A law that its author claims; one that cannot be tried is not granted."""
    try:
        return kept(rule, claimed)
    except Outside as outside:
        raise Broken(f"{claimed.unicode}\ncannot be tried: {outside}") from None


def check_rule(rule: Rule | System) -> Report:
    """Check a rule: that it is well typed, means one thing in every fold, has right gradients and scans, and keeps its laws.

    By the default projection it must begin where it can learn, and stay bounded or say that it need not.

    Laws are those that its structure implies and those that its author claims, `Rule(…, laws=[…])`. Every example is the same at
    every run; a failed check shows the smallest one that was found.
    """
    outcomes = tuple(check.run() for check in checks_of(rule))
    return Report(rule.name or "rule", str(rule), outcomes)


def _gradients(rule: Rule | System) -> str:
    tried = gradients(rule)
    if isinstance(rule, System) or obstacle(rule) is not None:
        return tried
    return f"{tried}, {step_gradients(rule)}"
