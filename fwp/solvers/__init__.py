"""From a field to its solution."""

from fwp.solvers.solution import Solution, Statistics
from fwp.solvers.solve import solve
from fwp.solvers.torchdiffeq import METHODS

__all__ = ["METHODS", "Solution", "Statistics", "solve"]
