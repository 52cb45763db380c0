"""Steps through the kernel that is made for them: every head's state stays in the processor from the first to the last."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from fwp.solvers.kernels import KernelSpec, Step, fused_scan
from fwp.solvers.steps import FlowSteps, LowRankSteps
from fwp.terms.primitive import Primitive

__all__ = ["scan_fused"]


def scan_fused(
    steps: LowRankSteps | FlowSteps, initial: Float[Tensor, "batch head output read"], at: Sequence[int]
) -> Float[Tensor, "batch place head output read"]:
    """The states after so many steps each, from 1 to all of them, ascending."""
    dtype = "float64" if initial.dtype.itemsize == 8 else "float32"
    outputs, reads = initial.shape[-2:]
    match steps:
        case LowRankSteps(write, value, gain, read, erase, decay):
            shared, rank = read is write, write.shape[-2]
            spec = KernelSpec(Step.AFFINE, outputs, reads, dtype, shared, decay is not None, rank, read is not None)
            inputs = {"decay": decay, "erase": erase, "gain": gain, "value": value, "write": write}
            inputs |= {} if shared else {"read": read}
        case FlowSteps(primitive, rate, offset, slope, read, write):
            # The kernel's slope is −1; any other one is as well a factor of what is read.
            shared = read is write and slope == -1.0 if isinstance(slope, float) else False
            own = read if isinstance(slope, float) and slope == -1.0 else -slope * read
            step = Step.TANH if primitive is Primitive.TANH else Step.SOFTMAX
            spec = KernelSpec(step, outputs, reads, dtype, shared)
            inputs = {"rate": rate.squeeze(-1), "offset": offset, "write": write} | ({} if shared else {"read": own})
    return fused_scan(spec, initial, {name: value for name, value in inputs.items() if value is not None}, list(at))
