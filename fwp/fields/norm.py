"""Layer norm with derivatives of every order: torch's are right once and twice, and in forward mode once.

Beyond, its third derivative and the gradient of its tangent are wrong without a word (torch 2.13): there the plain formula
is differentiated. Values and gradients are torch's own, bit for bit.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fwp.data.precision import under_autocast
from fwp.data.transforms import forward_mode

__all__ = ["Norm"]


class Norm(nn.LayerNorm):
    """`torch.nn.LayerNorm`, differentiable any number of times."""

    def forward(self, input: Tensor) -> Tensor:
        """The input, normalised over its last axes."""
        if forward_mode():
            plain = _plainly(input, self.weight, self.bias, self.normalized_shape, self.eps)
            # To the bits of torch's own: a difference of neighbours is exact, and so is what it is added to.
            return plain + (super().forward(input).detach() - plain.detach())
        if torch.compiler.is_compiling() or under_autocast(input):  # neither goes beyond a gradient
            return super().forward(input)
        return _Normal.apply(input, self.weight, self.bias, self.normalized_shape, self.eps)[0]  # pyright: ignore


def _plainly(source: Tensor, weight: Tensor, bias: Tensor, shape: Sequence[int], eps: float) -> Tensor:
    axes = tuple(range(-len(shape), 0))
    centred = source - source.mean(axes, keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(axes, keepdim=True) + eps) * weight + bias


class _Normal(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(
        source: Tensor, weight: Tensor, bias: Tensor, shape: Sequence[int], eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        return torch.native_layer_norm(source, shape, weight, bias, eps)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        *tensors, ctx.shape, ctx.eps = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*tensors, *output[1:])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        source, weight, bias, mean, scale = ctx.saved_tensors
        if torch.is_grad_enabled() or forward_mode():

            def plainly(source: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
                return _plainly(source, weight, bias, ctx.shape, ctx.eps)

            return *torch.func.vjp(plainly, source, weight, bias)[1](grads[0]), None, None
        wanted = list(ctx.needs_input_grad[:3])
        backward = torch.ops.aten.native_layer_norm_backward
        found = backward(grads[0], source, ctx.shape, mean, scale, weight, bias, wanted)
        return *found, None, None
