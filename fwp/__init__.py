"""Learning rules for continuous-time fast weight programmers: declare one in a line, compose it, solve it, train with it."""

from fwp.controls import Control, Path
from fwp.data import Series, series
from fwp.errors import FwpError
from fwp.fields import Model, Net, Projection, Spec, VectorField, stack
from fwp.lowering import Lowered, lower
from fwp.models import FastWeights, load
from fwp.rules import Rule, System
from fwp.solvers import Plan, Solution, explain, prepare, read_along, solve
from fwp.terms import Increment, Signal, Slot, State, ein, rename

__all__ = [
    "Control",
    "FastWeights",
    "FwpError",
    "Increment",
    "Lowered",
    "Model",
    "Net",
    "Path",
    "Plan",
    "Projection",
    "Rule",
    "Series",
    "Signal",
    "Slot",
    "Solution",
    "Spec",
    "State",
    "System",
    "VectorField",
    "ein",
    "explain",
    "load",
    "lower",
    "prepare",
    "read_along",
    "rename",
    "series",
    "solve",
    "stack",
]
