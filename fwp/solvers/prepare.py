"""Compiling ahead: what one call would not pay for, a training run of many does; the net remembers that it was asked for."""

from __future__ import annotations

from fwp.fields import VectorField
from fwp.kinds import explained
from fwp.solvers.choices import check_choices
from fwp.solvers.kernels import ready
from fwp.solvers.plan import plan
from fwp.solvers.situation import kernel_of, situation_of

__all__ = ["prepare"]


@explained
def prepare(field: VectorField, method: str = "auto") -> bool:
    """Compile the kernel of this method's steps, and have the field's net solved by kernels from now on: a second or two, once.

    Without it a plan compiles only where a single call gains more than that, and never asks what was compiled before: what
    a program prints depends on its own words, not on what other programs left on the machine. `field.net.prepared` says
    that it was called; setting it to False takes it back.

    Returns:
        Whether there is such a kernel: not for every rule, and only on a CPU with a C compiler that works, as a warning says
        where one does not.

    Raises:
        SolveError: no such method.
        CompositionError: no field.
    """
    method = check_choices(field, method).method
    situation = situation_of(field)
    if situation.structure is None:
        return False
    kernel = kernel_of(situation, plan(situation, method=method).method)
    if kernel is None or not situation.compiler or not ready(kernel):
        return False
    field.net.prepared = True
    return True
