"""What a time channel counts from: 0, or a series' own beginning where 0 is too far away.

Nets compute with few digits, and with numbers near 1: of seconds since 1970 float32 keeps no seconds, and every gate is shut.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from fwp.data.resolution import are_far, is_visible
from fwp.errors import FwpError, warn

__all__ = ["beginnings", "refuse_far"]

COUNTED = 2.0**24
"""Up to here float32 counts in steps of 1."""


def beginnings(times: Float64[Tensor, "batch time"]) -> Float64[Tensor, "batch 1"]:
    """0, or the first time of a sample whose times are too far from 0, as `are_far` says.

    So whatever the type of the values, and whatever else is in the batch, a path is the same. A warning says where
    it is not 0, if the times lie on the CPU: elsewhere it would have to wait for the device.
    """
    far = are_far(times)
    if times.device.type == "cpu" and is_visible(far) and bool(far.any()):
        sample = int(far.nonzero()[0, 0])
        warn(
            "the time channel counts from the beginning of each series, whose times are too far from 0 for float32",
            (f"sample {sample}", f"from {times[sample, 0].item()!r} to {times[sample, -1].item()!r}"),
            ("such samples", f"{int(far.sum())} of {len(far)}"),
            help="say so yourself: series(values, times - times[:, :1]), or leave the time out of the control: time=False",
        )
    return torch.where(far, times[:, :1], 0.0)


def refuse_far(times: Float64[Tensor, "batch time"]) -> None:
    """Refuse a stream that begins so far from 0: what its later calls would count from, none of them could know.

    Raises:
        FwpError: it does.
    """
    far = are_far(times)[:, 0] | ((times[:, 0].abs() >= COUNTED) & (times[:, -1] == times[:, 0]))
    if not is_visible(far) or not bool(far.any()):
        return
    sample = int(far.nonzero()[0])
    raise FwpError(
        "a stream with a channel for the time begins too far from 0 for float32",
        (f"sample {sample}, first time", repr(times[sample, 0].item())),
        help="count from a beginning of its own, in every call: times - start; or build the layer with time=False",
    )
