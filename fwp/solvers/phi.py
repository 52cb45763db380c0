"""φ₁(z) = (eᶻ − 1)/z, the one function behind every exact step, of numbers and of small matrices.

For numbers with derivatives of every order, exact where z is tiny or huge; for matrices by doubling eᶻ − 1, which keeps
its relative precision. Source: Hochbruck, Ostermann, Exponential integrators (2010).
"""

from math import factorial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.data.transforms import behind, forward_mode, one_tangent_below

__all__ = ["phi1", "phi1_matrix"]

_SMALL = 0.5
"""Below it a moment is a power series; above it the recursion loses less than two bits."""

_TERMS = {torch.float32: 9, torch.float64: 16}
"""Of the power series, for an error of a rounding at |z| = `_SMALL`."""

_DOUBLINGS = 24
"""Of a matrix where the number cannot be asked of the device without waiting for it: norms up to 2²³."""


def phi1(z: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """φ₁ entry by entry; differentiable any number of times."""
    return _moment(z, 0)


def _moment(z: Tensor, n: int) -> Tensor:
    """∫₀¹ sⁿ eᶻˢ ds: φ₁ for n = 0, and for every n the derivative of the one before."""
    own = _MomentWithTangent if forward_mode() else _Moment
    return own.apply(z, n)  # pyright: ignore[reportReturnType]  # torch does not type it


class _Moment(torch.autograd.Function):
    generate_vmap_rule = True

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
        return grads[0] * _moment(z, ctx.n + 1), None


class _MomentWithTangent(_Moment):
    """Apart from the other, because torch's compiler follows no function that has a `jvp`."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        _Moment.setup_context(ctx, inputs, output)
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        with one_tangent_below(ctx.saved_tensors) as (z,):
            return tangents[0] * _moment(z, ctx.n + 1)


def phi1_matrix(z: Float[Tensor, "... r r"]) -> Float[Tensor, "... r r"]:
    """φ₁ of square matrices: Σ zʲ/(j+1)! of z/2ˢ, then s times φ(2z) = φ(z)(I + E/2), E(2z) = E(2I + E) with E = eᶻ − I."""
    with torch.no_grad():
        doublings = torch.log2(z.abs().sum(-1).amax(-1).clamp(min=_SMALL) / _SMALL).ceil()
        doublings = doublings.nan_to_num(0.0, posinf=0.0)  # what is not finite stays so
        seen = z.device.type == "cpu" and z.numel() and not torch.compiler.is_compiling()
        most = int(behind(doublings).max()) if seen else _DOUBLINGS
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
    """The same for 2 × 2 matrices, entry by entry, as torch's product of many small matrices is slow.

    The series is a + b y with y = z/2ˢ, as y² = trace y − determinant; doubled like that, small entries would cancel.
    """
    y = z * torch.exp2(-doublings)[..., None, None]
    small = (y[..., 0, 0], y[..., 0, 1], y[..., 1, 0], y[..., 1, 1])
    trace, determinant = small[0] + small[3], small[0] * small[3] - small[1] * small[2]
    terms = _TERMS.get(z.dtype, 9)
    a, b = torch.full_like(trace, 1 / factorial(terms)), torch.zeros_like(trace)
    for j in reversed(range(terms - 1)):
        a, b = 1 / factorial(j + 1) - determinant * b, a + trace * b
    phi: tuple[Tensor, ...] = (a + b * small[0], b * small[1], b * small[2], a + b * small[3])
    growth = _product(small, phi)
    for i in range(most):
        here = i < doublings
        more, twice = _product(phi, growth), _product(growth, growth)
        phi = tuple(torch.where(here, p + m / 2, p) for p, m in zip(phi, more, strict=True))
        growth = tuple(torch.where(here, 2 * g + t, g) for g, t in zip(growth, twice, strict=True))
    return torch.stack(phi, -1).unflatten(-1, (2, 2))


def _product(one: tuple[Tensor, ...], two: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    a, b, c, d = one
    p, q, r, s = two
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s
