"""From a field to its solution."""

from fwp.solvers.attribution import Attribution, attribute
from fwp.solvers.explain import explain
from fwp.solvers.observe import Observable, Observed, observe
from fwp.solvers.plan import Plan, Scan
from fwp.solvers.prepare import prepare
from fwp.solvers.solution import Solution, Statistics
from fwp.solvers.solve import read_along, solve
from fwp.solvers.torchdiffeq import METHODS

__all__ = [
    "METHODS",
    "Attribution",
    "Observable",
    "Observed",
    "Plan",
    "Scan",
    "Solution",
    "Statistics",
    "attribute",
    "explain",
    "observe",
    "prepare",
    "read_along",
    "solve",
]
