"""φ₁(z) = (eᶻ − 1)/z, the one function behind every exact step, of numbers and of small matrices.

For numbers with derivatives of every order, exact where z is tiny or huge; for matrices by doubling eᶻ − 1, which keeps
its relative precision. Source: Hochbruck, Ostermann, Exponential integrators (2010).
"""

from math import factorial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["phi1", "phi1_matrix"]

_SMALL = 0.5
"""Below it a moment is a power series; above it the recursion loses less than two bits."""

_TERMS = {torch.float32: 9, torch.float64: 16}
"""Of the power series, for an error of a rounding at |z| = `_SMALL`."""

_DOUBLINGS = 24
"""Of a matrix where the number cannot be asked of the device without waiting for it: norms up to 2²³."""


def phi1(z: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """φ₁ entry by entry; differentiable any number of times."""
    return _Moment.apply(z, 0)  # pyright: ignore[reportReturnType]  # torch does not type it


class _Moment(torch.autograd.Function):
    """∫₀¹ sⁿ eᶻˢ ds: φ₁ for n = 0, and for every n the derivative of the one before."""

    @staticmethod
    def forward(z: Tensor, n: int) -> Tensor:
        moment = torch.where(z == 0, 1.0, torch.expm1(z) / z)
        for i in range(1, n + 1):
            moment = (torch.exp(z) - i * moment) / z
        if n == 0:
            return moment
        series = torch.zeros_like(z)
        for j in reversed(range(_TERMS.get(z.dtype, 9))):
            series = series * z + 1 / (factorial(j) * (n + j + 1))
        return torch.where(z.abs() < _SMALL, series, moment)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.n = inputs[1]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (z,) = ctx.saved_tensors
        return grads[0] * _Moment.apply(z, ctx.n + 1), None  # pyright: ignore[reportOperatorIssue]


def phi1_matrix(z: Float[Tensor, "... r r"]) -> Float[Tensor, "... r r"]:
    """φ₁ of square matrices: Σ zʲ/(j+1)! of z/2ˢ, then s times φ(2z) = φ(z)(I + E/2), E(2z) = E(2I + E) with E = eᶻ − I."""
    with torch.no_grad():
        doublings = torch.log2(z.abs().sum(-1).amax(-1).clamp(min=_SMALL) / _SMALL).ceil()
        doublings = doublings.nan_to_num(0.0, posinf=0.0)  # what is not finite stays so
        most = int(doublings.max()) if z.device.type == "cpu" and z.numel() else _DOUBLINGS
    if z.shape[-1] == 2:
        return _of_two(z, doublings, most)
    identity = torch.eye(z.shape[-1], dtype=z.dtype, device=z.device)
    doublings = doublings[..., None, None]
    small = z * torch.exp2(-doublings)
    phi = torch.zeros_like(z)
    for j in reversed(range(_TERMS.get(z.dtype, 9))):
        phi = small @ phi + identity / factorial(j + 1)
    growth = small @ phi
    for i in range(most):
        phi, growth = (
            torch.where(i < doublings, phi + phi @ growth / 2, phi),
            torch.where(i < doublings, 2 * growth + growth @ growth, growth),
        )
    return phi


def _of_two(z: Tensor, doublings: Tensor, most: int) -> Tensor:
    """The same for 2 × 2 matrices, all of whose powers are a + b y with y = z/2ˢ: y² = trace y − determinant."""
    y = z * torch.exp2(-doublings)[..., None, None]
    trace = y[..., 0, 0] + y[..., 1, 1]
    determinant = y[..., 0, 0] * y[..., 1, 1] - y[..., 0, 1] * y[..., 1, 0]

    def times(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        """(a + b y)(c + d y)"""
        both = b * d
        return a * c - determinant * both, a * d + b * c + trace * both

    terms = _TERMS.get(z.dtype, 9)
    a, b = torch.full_like(trace, 1 / factorial(terms)), torch.zeros_like(trace)
    for j in reversed(range(terms - 1)):
        a, b = 1 / factorial(j + 1) - determinant * b, a + trace * b
    c, d = -determinant * b, a + trace * b  # E = y φ
    for i in range(most):
        here = i < doublings
        more, growth = times(a, b, c, d), times(c, d, c, d)
        a, b = torch.where(here, a + more[0] / 2, a), torch.where(here, b + more[1] / 2, b)
        c, d = torch.where(here, 2 * c + growth[0], c), torch.where(here, 2 * d + growth[1], d)
    identity = torch.eye(2, dtype=z.dtype, device=z.device)
    return a[..., None, None] * identity + b[..., None, None] * y
