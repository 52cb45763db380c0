"""The published slow and fast nets written out in plain torch, with the weights of a net of ours: models.md §3.

States are (batch head value key); every formula is that of the page, none is taken from fwp.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

from fwp.fields import Net

Field = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(x, dx, W, absent for the first write) → dW/dt."""


@dataclass(frozen=True)
class Published:
    """One published model: where keys, values and the query come from, its update, and whether it reads Wᵀq."""

    weights: Mapping[str, Tensor]
    heads: int
    keys: str
    values: str
    update: Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
    value_norm: bool = False
    transposed: bool = False

    @staticmethod
    def of(net: Net, **options) -> "Published":
        weights = {n.removeprefix("layers.0.slow.steps."): p for n, p in net.named_parameters()}
        return Published(weights, net.sizes["head"], **options)

    def dense(self, name: str, source: Tensor) -> Tensor:
        """torch.nn.Linear with all outputs side by side, viewed as heads."""
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        inputs = source.shape[-1]
        made = linear(source, weight.reshape(-1, inputs), bias.reshape(-1))
        return made.reshape(*source.shape[:-1], *weight.shape[:-1])

    def norm(self, name: str, source: Tensor) -> Tensor:
        gain, shift = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return layer_norm(source, source.shape[-1:], gain, shift, 1e-5)

    def encoded(self, x: Tensor, dx: Tensor) -> Tensor:
        return self.norm("encoder_norm", self.dense("encoder_linear", {"x": x, "dx": dx}[self.keys]))

    def rate(self, x: Tensor, dx: Tensor, W: Tensor | None) -> Tensor:
        e = self.encoded(x, dx)
        k, beta = self.dense("k_linear", e), torch.sigmoid(self.dense("beta_linear", e))[..., None, None]
        if self.values == "encoder":
            v = self.dense("v_linear", e)
        else:
            source = {"x": x, "dx": dx}[self.values]
            v = self.dense("v_linear", source)
            if self.value_norm:
                v = self.dense("v_linear2", self.norm("v_norm", v))
        return self.update(k, v, beta, W)

    def read(self, x: Tensor, dx: Tensor, W: Tensor) -> Tensor:
        q = torch.softmax(self.dense("q_value_linear" if self.transposed else "q_linear", self.encoded(x, dx)), -1)
        return torch.einsum("...ij,...i->...j" if self.transposed else "...ij,...j->...i", W, q)


def outer(a: Tensor, b: Tensor) -> Tensor:
    return a[..., :, None] * b[..., None, :]


def times(W: Tensor | None, k: Tensor) -> Tensor | float:
    return 0.0 if W is None else torch.einsum("...ij,...j->...i", W, k)


def hebb(k, v, beta, W):
    return beta * outer(torch.tanh(v), torch.softmax(k, -1))


def oja(k, v, beta, W):
    v = torch.tanh(v)
    back = 0.0 if W is None else torch.einsum("...ij,...i->...j", W, v)
    return outer(v, beta[..., 0] * torch.softmax(k - back, -1))


def delta_pre_tanh(k, v, beta, W):
    key = torch.softmax(k, -1)
    return beta * outer(torch.tanh(v) - times(W, key), key)


def delta_post_tanh(k, v, beta, W):
    key = torch.softmax(k, -1)
    return beta * outer(torch.tanh(v - times(W, key)), key)


def rk4(rate: Callable[[float, Tensor], Tensor], y: Tensor, h: Tensor) -> Tensor:
    """The 3/8 rule, which is what torchdiffeq calls rk4, over one interval, each sample its own h; `rate` of a fraction."""
    h = h.view(-1, *[1] * (y.ndim - 1))
    k1 = rate(0.0, y)
    k2 = rate(1 / 3, y + h * k1 / 3)
    k3 = rate(2 / 3, y + h * (k2 - k1 / 3))
    k4 = rate(1.0, y + h * (k1 - k2 + k3))
    return y + h * (k1 + 3 * (k2 + k3) + k4) / 8
