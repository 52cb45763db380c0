"""What a type of number can still tell apart: where it cannot, that is said, for nothing later could find it out."""

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from fwp.errors import DataError, warn

__all__ = ["are_far", "is_visible", "narrowed"]

CONSTANT = 1e-12
"""Numbers that were computed and deviate by less than this share of themselves are one constant, with its round-off."""
ROUND_OFF = 1e-15
"""Numbers that deviate by less than this share of themselves are one in float64, too."""
TOO_MANY = 10
"""One in so many time points that cannot be told from the one before are too many."""
SHOWN = 3
"""Channels that a warning names."""


def is_visible(numbers: Tensor) -> bool:
    """Whether the numbers can be looked at: not on the meta device, inside a graph, nor as one of many under `vmap`."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(numbers)  # pyright: ignore[reportAttributeAccessIssue]
    return not (numbers.is_meta or wrapped or torch.compiler.is_compiling())


def are_far(times: Float64[Tensor, "batch time"]) -> Bool[Tensor, "batch 1"]:
    """Whether the times of a sample are so far from 0 that float32 could not tell one in ten of them from the one before."""
    moves = times.diff(dim=1) > 0
    lost = moves & (times.float().diff(dim=1) == 0)
    return TOO_MANY * lost.sum(1, keepdim=True) > moves.sum(1, keepdim=True)


def narrowed(
    name: str, exact: Float[Tensor, "*rows channel"], known: Bool[Tensor, "*rows channel"], dtype: torch.dtype
) -> Float[Tensor, "*rows channel"]:
    """The numbers in another type; a warning where it cannot tell those of a channel apart, that the first one can.

    A channel is blurred where its numbers deviate by less than the step of the type at their size.

    Raises:
        DataError: a known number is too large for the type.
    """
    coarse = exact.to(dtype)
    wider = exact.is_floating_point() and torch.finfo(exact.dtype).eps < torch.finfo(dtype).eps
    if not wider or not exact.numel() or not is_visible(exact):
        return coarse
    kind = str(dtype).removeprefix("torch.")
    seen = torch.where(known, exact.detach(), 0).double().flatten(0, -2)
    present = known.flatten(0, -2)
    overflown = (coarse.detach().isinf() & exact.detach().isfinite() & known).flatten(0, -2).any(0)
    if bool(overflown.any()):
        channel = int(overflown.nonzero()[0])
        raise DataError(
            f"a number is too large for {kind}",
            (f"{name}, channel {channel}", f"{seen[:, channel].abs().max().item():g}"),
            (kind, f"up to {torch.finfo(dtype).max:g}"),
            help="scale it before: (values - mean) / std, or keep the wider type",
        )
    count = present.sum(0).clamp(min=1)
    mean = seen.sum(0) / count
    deviation = (torch.where(present, seen - mean, 0).square().sum(0) / count).sqrt()
    size = seen.abs().amax(0)
    step = torch.finfo(dtype).eps * size
    blurred = (deviation > ROUND_OFF * size) & (deviation < step)
    if bool(blurred.any()):
        _warn(name, kind, blurred, deviation, size, step)
    return coarse


def _warn(name: str, kind: str, blurred: Tensor, deviation: Tensor, size: Tensor, step: Tensor) -> None:
    channels = blurred.nonzero()[:, 0].tolist()
    facts = (
        (
            f"{name}, channel {c}",
            f"deviation {deviation[c]:.3g} at {size[c]:.6g}, where {kind} has steps of {step[c]:.3g}",
        )
        for c in channels[:SHOWN]
    )
    warn(
        f"{kind} cannot tell these numbers apart: their differences are small against themselves",
        *facts,
        ("such channels", str(len(channels))),
        help="subtract what they have in common while they are float64: values - values.mean(…); a Normaliser does",
    )
