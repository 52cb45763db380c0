"""The plan that is carried out: the one for the field, or the next best where the kernel that it wants cannot be had."""

from dataclasses import replace
from typing import Literal

from fwp.fields import VectorField
from fwp.solvers.kernels import ready
from fwp.solvers.plan import Plan, Scan, plan
from fwp.solvers.situation import kernel_of, situation_of

__all__ = ["decide"]


def decide(
    field: VectorField,
    *,
    method: str = "auto",
    scan: str = "auto",
    chunk: int | None = None,
    steps: int = 1,
    gradient: Literal["exact", "adjoint"] = "exact",
    backend: str = "auto",
) -> Plan:
    """The plan for a field, with its kernel built.

    A kernel that nobody asked for by name and that cannot be had is done without, as where there is no compiler; a warning
    says so, once.

    Raises:
        SolveError: a choice does not fit the structure, or two do not fit each other.
    """
    situation = situation_of(field)

    def planned(compiler: bool) -> Plan:
        own = situation if compiler else replace(situation, compiler=False)
        return plan(own, method=method, scan=scan, chunk=chunk, steps=steps, gradient=gradient, backend=backend)

    chosen = planned(situation.compiler)
    kernel = kernel_of(situation, chosen.method) if chosen.scan is Scan.FUSED else None
    return chosen if kernel is None or scan == Scan.FUSED.value or ready(kernel) else planned(False)
