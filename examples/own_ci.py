"""An invariant of one's own, checked in one's own CI: a rule that says how fast it moves at most, and Delta, which cannot say so.

    python examples/own_ci.py
    fwp check examples/own_ci.py
    pytest --fwp-rules examples/own_ci.py

The last two are what a CI runs: every check of every rule in the file, claims included, and exit status 1 where one fails. As a
pre-commit hook it is `- {repo: https://github.com/…/fwp, rev: v0.1.0, hooks: [{id: fwp-check, args: [examples/own_ci.py]}]}`.
"""

import numpy as np

from fwp import Rule
from fwp.rules import Case, Finding, Law, Solver, W, beta, delta, k, v
from fwp.terms import sqrt
from fwp.testing import checks_of


def judge_speed(rule: Rule, solver: Solver, case: Case) -> Finding:
    """By how much the way from the first to the last state is longer than ∫ β |k| ds."""
    states = solver(rule)(case.state, case.slots, case.durations)
    way = float(np.linalg.norm(states[-1] - states[0]))
    most = float(case.durations @ (case.slots["beta"] * np.linalg.norm(case.slots["k"], axis=-1)))
    return Finding((way - most) / max(1.0, most), 1e-9, f"‖W(t) − W(0)‖ = {way:.6g} and ∫ β |k| ds = {most:.6g}")


speed_limit = Law(
    name="speed limit",
    unicode="‖W(t) − W(0)‖ ≤ ∫₀ᵗ β |k| ds",
    latex=r"\|W(t) - W(0)\| \le \int_0^t \beta\,|k|\,ds",
    meaning="flow",
    applies=lambda rule: False,  # a claim is tried all the same
    judge=judge_speed,
    source="|e| / √(1 + |e|²) < 1",
)
error = v - W @ k
robust = Rule(beta * error / sqrt(1 + error @ error) * k, name="robust", laws=[speed_limit])


def main() -> None:
    """Try the claim of `robust`, and the same claim of Delta."""
    for rule in robust, Rule(delta.rate, name="hasty", laws=[speed_limit]):
        claim = next(check for check in checks_of(rule) if check.name == "claim: speed limit")
        outcome = claim.run()
        print(f"{rule}\n{outcome.verdict.value} {outcome.name}\n{outcome.detail}\n")


if __name__ == "__main__":
    main()
