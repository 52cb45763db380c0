"""Fused kernels: many steps of a rule in one call, in C that is generated, compiled and cached for each kind and size."""

from fwp.solvers.kernels.build import BUILD_SECONDS, available, ready
from fwp.solvers.kernels.op import fused_scan
from fwp.solvers.kernels.source import source
from fwp.solvers.kernels.spec import KernelSpec, Step, shapes

__all__ = [
    "BUILD_SECONDS",
    "KernelSpec",
    "Step",
    "available",
    "fused_scan",
    "ready",
    "shapes",
    "source",
]
