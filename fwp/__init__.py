"""Learning rules for continuous-time fast weight programmers: declare one in a line, compose it, solve it, train with it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fwp import interrupt

if interrupt.is_command():  # what comes now takes seconds
    interrupt.begin()

from fwp.controls import Control, Path
from fwp.data import Series, read_table, series
from fwp.errors import (
    AxisError,
    CompositionError,
    DataError,
    DomainError,
    FormatError,
    FwpError,
    FwpWarning,
    SizeError,
    SolveError,
)
from fwp.fields import Model, Net, Projection, Spec, VectorField, stack
from fwp.lowering import Lowered, lower
from fwp.models import FastWeights, Trajectory, attribute_paths, load, trajectory
from fwp.rules import Rule, System
from fwp.solvers import Observable, Plan, Solution, attribute, explain, observe, prepare, read_along, solve
from fwp.terms import Increment, Signal, Slot, State, ein, rename

if TYPE_CHECKING:
    from fwp.training.classifier import FastWeightClassifier as FastWeightClassifier
    from fwp.training.regressor import FastWeightRegressor as FastWeightRegressor

__all__ = [
    "AxisError",
    "CompositionError",
    "Control",
    "DataError",
    "DomainError",
    "FastWeights",
    "FormatError",
    "FwpError",
    "FwpWarning",
    "Increment",
    "Lowered",
    "Model",
    "Net",
    "Observable",
    "Path",
    "Plan",
    "Projection",
    "Rule",
    "Series",
    "Signal",
    "SizeError",
    "Slot",
    "Solution",
    "SolveError",
    "Spec",
    "State",
    "System",
    "Trajectory",
    "VectorField",
    "attribute",
    "attribute_paths",
    "ein",
    "explain",
    "load",
    "lower",
    "observe",
    "prepare",
    "read_along",
    "read_table",
    "rename",
    "series",
    "solve",
    "stack",
    "trajectory",
]

_ESTIMATORS = {"FastWeightClassifier": "fwp.training.classifier", "FastWeightRegressor": "fwp.training.regressor"}
"""They stand on lightning and aeon, which are an extra and slow to import: so they are no part of `from fwp import *`."""


if not TYPE_CHECKING:  # a type checker would take any name for one of these

    def __getattr__(name: str) -> Any:
        """The estimators, imported when they are first asked for. Raises: FwpError, where the extra is missing."""
        if name not in _ESTIMATORS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return getattr(import_module(_ESTIMATORS[name]), name)
        except ModuleNotFoundError as error:
            raise FwpError(
                f"`{name}` needs packages that are not installed",
                ("missing", str(error.name)),
                help="pip install 'fwp[bench]'",
            ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *_ESTIMATORS})
