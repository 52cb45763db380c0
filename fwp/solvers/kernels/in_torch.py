"""What the derivatives of a fused scan are taken of where its own gradient is not enough, in operations of torch.

Affine steps are scanned once more, in chunks. The tangents of a flow obey an affine equation along its states, which the kernel
has found: all of its coefficients come from one batched evaluation, and what is left for the loop over time is small.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fwp.solvers.flows import mean_softmax, mean_tanh, softmax_slopes, tanh_slopes
from fwp.solvers.kernels.source import CHUNK
from fwp.solvers.kernels.spec import KernelSpec, Step
from fwp.solvers.scans.chunked import scan_chunked
from fwp.solvers.steps import LowRankSteps

__all__ = ["affine_states", "flow_tangents"]

Tensors = Mapping[str, Tensor]


def affine_states(spec: KernelSpec, initial: Tensor, inputs: Tensors, at: Sequence[int]) -> Tensor:
    """The states `(batch, place, head, row, column)` after the steps `at` of an affine spec."""
    write = inputs["write"]
    read = None if not spec.reading else write if spec.shared else inputs["read"]
    own = (write, inputs["value"], inputs["gain"], read, inputs.get("erase"), inputs.get("decay"))
    return scan_chunked(LowRankSteps(*own), initial, at, CHUNK)


def flow_tangents(
    spec: KernelSpec, initial: Tensor, inputs: Tensors, states: Tensor, d_initial: Tensor, d_inputs: Tensors
) -> Tensor:
    """The tangents of the states after every step of a flow, `(batch, time, head, row, column)`, as these are.

    Args:
        spec: of tanh or softmax.
        initial, inputs: as the kernel takes them, for as many steps as there are states.
        states: those after every step.
        d_initial, d_inputs: the tangents of `initial` and of the inputs.
    """
    before = torch.cat([initial[:, None], states[:, :-1]], 1)
    rate, offset, write = inputs["rate"][..., None], inputs["offset"], inputs["write"]
    d_rate, d_offset, d_write = d_inputs["rate"][..., None], d_inputs["offset"], d_inputs["write"]
    read, d_read = (write, d_write) if spec.shared else (inputs["read"], d_inputs["read"])
    overlap = (read * write).sum(-1, keepdim=True)
    begin, time = offset - _times(before, read), rate * overlap
    d_begin = d_offset - _times(before, d_read)  # as far as it is known before the states' own tangents are
    d_time = d_rate * overlap + rate * (d_read * write + read * d_write).sum(-1, keepdim=True)
    if spec.step is Step.TANH:
        mean = mean_tanh(begin, time.expand_as(begin))
        slope, by_time = tanh_slopes(begin, time.expand_as(begin), mean)
        weights = None
        d_mean = slope * d_begin + by_time * d_time
    else:
        mean = mean_softmax(begin, time.squeeze(-1))
        d_mean, by_time, slope = softmax_slopes(d_begin, time.squeeze(-1), mean)
        weights = slope / slope.sum(-1, keepdim=True)
        d_mean = d_mean + by_time * d_time
    known, written = d_rate * mean + rate * d_mean, rate * mean
    columns = [read, rate * slope, known, written, write, d_write, *(() if weights is None else (weights,))]
    tangent, found = d_initial, []
    for own_read, own_slope, own_known, own_written, own_write, own_d_write, *own_weights in zip(
        *(own.unbind(1) for own in columns), strict=True
    ):
        seen = _times(tangent, own_read)
        if own_weights:
            seen = seen - (own_weights[0] * seen).sum(-1, keepdim=True)
        added = own_known - own_slope * seen
        tangent = (
            tangent + added[..., None] * own_write[..., None, :] + own_written[..., None] * own_d_write[..., None, :]
        )
        found.append(tangent)
    return torch.stack(found, 1)


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector[..., None]).squeeze(-1)
