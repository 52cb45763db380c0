"""The variables that rules share. A rule may use these, declare its own, or both."""

from __future__ import annotations

from fwp.terms.declare import Increment, Signal, Slot, State
from fwp.terms.domain import nonnegative, unit

__all__ = ["W", "beta", "dx", "erase", "gamma", "k", "q", "v", "write", "x"]

W = State("W", "value key")
"""The fast weights: values × keys."""

k = Slot("k", "key")
"""The key (the presynaptic side)."""

v = Slot("v", "value")
"""The value (the postsynaptic side)."""

q = Slot("q", "key")
"""The query, with which the fast weights are read."""

beta = Slot("beta")
"""The learning rate, in [0, 1]."""

gamma = Slot("gamma", domain=nonnegative)
"""A decay rate per unit of time."""

erase = Slot("erase", "key", unit)
"""How much of each key component is erased."""

write = Slot("write", "value", unit)
"""How much of each value component is written."""

x = Signal("x")
"""The control x(t)."""

dx = Increment("dx")
"""The control's derivative x'(t)."""
