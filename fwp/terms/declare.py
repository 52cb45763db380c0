"""Declaring the variables of a rule, and the arrays of zeros and ones that need no declaration."""

from __future__ import annotations

import unicodedata

from fwp.kinds import explained
from fwp.terms.domain import Domain, real, unit
from fwp.terms.syntax import Axes, Constant, ConstantKind, Role, Variable

__all__ = ["Increment", "Signal", "Slot", "State", "eye", "ones", "tril"]


@explained
def State(name: str, axes: str) -> Variable:
    """What the solver evolves: `State("W", "value key")`."""
    return _variable(name, axes, Role.STATE, real)


@explained
def Slot(name: str, axes: str = "", domain: Domain | None = None) -> Variable:
    """What a projection supplies at every instant: `Slot("k", "key")`. A scalar is `unit` by default, else `real`.

    A slot that no projection names is filled by a linear map of the signal into its domain.
    """
    return _variable(name, axes, Role.SLOT, domain or (real if axes.split() else unit))


@explained
def Signal(name: str, axes: str = "channel") -> Variable:
    """The control itself, x(t)."""
    return _variable(name, axes, Role.SIGNAL, real)


@explained
def Increment(name: str, axes: str = "channel") -> Variable:
    """The control's derivative per time, x'(t); a rule of degree one in it is a controlled differential equation."""
    return _variable(name, axes, Role.INCREMENT, real)


def _variable(name: str, axes: str, role: Role, domain: Domain) -> Variable:
    names: Axes = tuple(axes.split())
    name = unicodedata.normalize("NFKC", name)  # as Python reads it: the micro sign of a keyboard is the letter μ
    return Variable(name, names, role, domain, names)


@explained
def ones(*axes: str) -> Constant:
    """All ones over the axes: how a number is added to a term that has axes, `v + 2 * ones("value")`."""
    return Constant(ConstantKind.ONES, axes)


@explained
def eye(row: str, column: str) -> Constant:
    """The identity matrix over two axes of equal size."""
    return Constant(ConstantKind.EYE, (row, column))


@explained
def tril(row: str, column: str) -> Constant:
    """Ones on and below the diagonal, over two axes of equal size: entry (i, j) is 1 where j ≤ i."""
    return Constant(ConstantKind.TRIL, (row, column))
