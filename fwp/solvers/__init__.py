"""From a field to its solution."""

from fwp.solvers.explain import explain
from fwp.solvers.plan import Plan, Scan
from fwp.solvers.prepare import prepare
from fwp.solvers.solution import Solution, Statistics
from fwp.solvers.solve import read_along, solve
from fwp.solvers.torchdiffeq import METHODS

__all__ = ["METHODS", "Plan", "Scan", "Solution", "Statistics", "explain", "prepare", "read_along", "solve"]
