"""The published EigenWorms model as a loop by hand: all slots by one product each, then one exact step a window, in order."""

import torch
from torch import Tensor
from torch.nn.functional import layer_norm


def read_out(w: dict[str, Tensor], windows: Tensor, heads: int, linear: bool = False) -> Tensor:
    """W(T) q(T) of dW/dt = β tanh(v − W k) kᵀ (`linear` leaves tanh out), with windows (batch window channel).

    On a window u = v − W k obeys du/dt = −β|k|² tanh u, so that sinh u decays as exp(−β|k|² t); without tanh u itself does.
    """
    e = layer_norm(windows @ w["in"].T + w["in_bias"], w["norm"].shape, w["norm"], w["norm_bias"])
    k, v, beta = ((e @ w[n].T + w[f"{n}_bias"]).unflatten(-1, (heads, -1)) for n in ("k", "v", "beta"))
    k, beta = k.softmax(-1), beta.sigmoid()
    square = k.square().sum(-1, keepdim=True)
    decay, direction = torch.exp(-beta * square), (k / square)[..., None, :]
    W = (beta * (v if linear else v.tanh()))[:, 0, :, :, None] * k[:, 0, :, None]
    for key, value, kept, along in zip(*(s.unbind(1) for s in (k, v, decay, direction)), strict=True):
        u = value - (W @ key[..., None])[..., 0]
        after = kept * u if linear else torch.asinh(kept * torch.sinh(u))
        W = W + (u - after)[..., None] * along
    q = (e[:, -1] @ w["q"].T + w["q_bias"]).unflatten(-1, (heads, -1)).softmax(-1)
    return (W @ q[..., None])[..., 0]
