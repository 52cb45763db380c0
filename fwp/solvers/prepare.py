"""Compiling ahead: what one call would not pay for, a training run of many does."""

from __future__ import annotations

from fwp.fields import VectorField
from fwp.solvers.choices import check_choices
from fwp.solvers.kernels.build import library
from fwp.solvers.plan import plan
from fwp.solvers.situation import kernel_of, situation_of

__all__ = ["prepare"]


def prepare(field: VectorField, method: str = "auto") -> bool:
    """Compile the kernel that `solve(field, method=method)` can then use from its first call on; a second or two, once.

    Returns:
        Whether there is such a kernel: not for every rule, and only on a CPU with a C compiler.

    Raises:
        SolveError: no such method.
        CompositionError: no field.
    """
    method = check_choices(field, method).method
    situation = situation_of(field)
    if situation.structure is None:
        return False
    kernel = kernel_of(situation, plan(situation, method=method).method)
    if kernel is None or not situation.compiler:
        return False
    library(kernel)
    return True
