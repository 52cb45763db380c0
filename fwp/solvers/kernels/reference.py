"""The steps of the kernels, one after another in plain torch: what they are compared with."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fwp.solvers.flows import mean_softmax, mean_tanh
from fwp.solvers.kernels.spec import KernelSpec, Step

__all__ = ["reference_scan"]


def reference_scan(spec: KernelSpec, initial: Tensor, inputs: Mapping[str, Tensor], at: Sequence[int]) -> Tensor:
    """The states `(batch, place, head, row, column)` after the steps `at`, differentiable as often as one likes."""
    state, found = initial, {}
    for t in range(inputs["write"].shape[1]):
        state = _step(spec, state, {name: x[:, t] for name, x in inputs.items()})
        found[t + 1] = state
    return torch.stack([found[t] for t in at], 1)


def _step(spec: KernelSpec, state: Tensor, now: Mapping[str, Tensor]) -> Tensor:
    write = now["write"]
    read = write if spec.shared else now.get("read")
    if spec.step is Step.AFFINE:
        change = torch.einsum("nhrs, nhrm -> nhsm", now["gain"], now["value"])
        if spec.reading:
            assert read is not None
            change = change - torch.einsum("nhrs, nhmd, nhrd -> nhsm", now["erase"], state, read)
        kept = now["decay"][..., None, None] * state if spec.decays else state
        return kept + torch.einsum("nhsm, nhsd -> nhmd", change, write)
    assert read is not None
    error = now["offset"] - torch.einsum("nhmd, nhd -> nhm", state, read)
    z = now["rate"] * (read * write).sum(-1)
    mean = mean_tanh(error, z.unsqueeze(-1)) if spec.step is Step.TANH else mean_softmax(error, z)
    return state + torch.einsum("nh, nhm, nhd -> nhmd", now["rate"], mean, write)
