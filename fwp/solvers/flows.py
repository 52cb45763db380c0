"""Means of a rate along its own flow: what one step of a rule adds to the weights where the flow has a closed form.

A rule that writes f(p − W a) cᵀ moves its weights along one direction c only, so that the error e = p − W a obeys an equation
of its own, e' = −z f(e), over a step of unit length; the weights move by the mean of f along it. Both means here are exact
for every z, and so are their first and second derivatives: nothing cancels where z is small, nothing overflows where z or e
is large, and no branch depends on the data, so that they may be compiled and mapped over.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import factorial, log
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from fwp.data.transforms import forward_mode, one_tangent_below

__all__ = ["NEAR", "mean_softmax", "mean_tanh", "softmax_slopes", "tanh_series", "tanh_slopes"]

NEAR = 0.1
"""Below this |z| a difference of means over z is a Taylor series: above, the difference loses a digit for the first derivative
and two for the second; the series' terms shrink by |z| · 2/π, as the flow's nearest singularity has |z| = π/2."""

_NEWTON = 10
"""Newton's steps for the softmax flow: two more than any of 700 000 draws of up to 256 rows needed, spread over 1e-1 … 1e3 and
with z in 1e-8 … 1e4, until the step was rounding."""


def mean_tanh(e: Tensor, z: Tensor) -> Tensor:
    """The mean of tanh along e' = −z tanh(e) over a unit of time: (e − e⁺) / z with sinh e⁺ = exp(−z) sinh e.

    The arguments broadcast: elements that share a rate have a z of size one there. z may have any sign; at 0 the mean is
    tanh(e).
    """
    return (_MeanTanhWithTangent if forward_mode() else _MeanTanh).apply(e, z)  # pyright: ignore[reportReturnType]


def mean_softmax(e: Tensor, z: Tensor) -> Tensor:
    """The mean of softmax(e), over the last axis of e, along e' = −z softmax(e) over a unit of time.

    With s such that Σ softplus(s + e) = z, that flow ends in e⁺ = e − softplus(s + e). z ≥ 0 has the shape of e without its
    last axis; at 0 the mean is softmax(e).
    """
    return (_MeanSoftmaxWithTangent if forward_mode() else _MeanSoftmax).apply(e, z)  # pyright: ignore[reportReturnType]


class _MeanTanh(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(e: Tensor, z: Tensor) -> Tensor:
        small = z.abs() < 1
        return torch.where(small, _slow_flow(e, torch.where(small, z, 0.5)), _fast_flow(e, torch.where(small, 1.5, z)))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        e, z, mean = ctx.saved_tensors
        by_error, by_rate = tanh_slopes(e, z, mean)
        return (grad * by_error).sum_to_size(e.shape), (grad * by_rate).sum_to_size(z.shape)


class _MeanTanhWithTangent(_MeanTanh):
    """Apart from the other, because torch's compiler follows no function that has a `jvp`."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        _MeanTanh.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs, output)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        with one_tangent_below(ctx.saved_tensors) as saved:
            by_error, by_rate = tanh_slopes(*saved)
            return tangents[0] * by_error + tangents[1] * by_rate


def _slow_flow(e: Tensor, z: Tensor) -> Tensor:
    """The mean of tanh for |z| < 1, from sinh(e − e⁺), which loses no digit however small z is."""
    least = torch.finfo(z.dtype).eps / 16  # moves the mean by less than its last digit, and keeps 0 / 0 away
    z = torch.where(z.abs() < least, least, z)
    end, moved = torch.exp(-z), -torch.expm1(-2 * z)
    x = torch.tanh(e)
    return torch.asinh(x * moved / (torch.sqrt(1 - moved * x * x) + end)) / z


def _fast_flow(e: Tensor, z: Tensor) -> Tensor:
    """The mean of tanh for |z| ≥ 1, from log sinh, which overflows nowhere."""
    size = e.abs()
    half = -torch.expm1(-2 * size) / 2  # sinh |e| / exp |e|
    near = (size < z) | ((z < 0) & (size - z < 40))  # where sinh e⁺ is at most of the order of exp(40)
    sinh = torch.exp(torch.where(near, size - z, 0)) * half
    moved_near = size - torch.log1p(sinh + sinh * sinh / (1 + torch.sqrt(1 + sinh * sinh)))
    ratio = torch.exp(torch.where(near, 0, z - size))
    moved_far = z - torch.log(half + torch.hypot(ratio, half))
    moved = torch.where(near, moved_near, moved_far)
    return torch.where(e < 0, -moved, moved) / z


def tanh_slopes(e: Tensor, z: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """The derivatives of `mean_tanh` by e and by z, in operations that may be differentiated once more.

    With x = tanh e and P = √((sech e / exp(−z))² + x²), the flow ends at tanh e⁺ = x / P and ∂e⁺/∂e = 1 / P.
    """
    x = torch.tanh(e)
    sech = logsigmoid(2 * e) + logsigmoid(-2 * e) + 2 * log(2)  # its logarithm, squared
    bound = 80 if e.dtype == torch.float32 else 600  # beyond, 1 / P is 0, or the gradient has exploded
    grown = torch.exp((sech + 2 * z).clamp(-bound, bound))
    end = torch.sqrt(grown + x * x)
    size = torch.where(z > 0, z, -z)  # not abs, whose slope at 0 is 0
    by_error = torch.where(z > 0, grown, torch.exp(sech)) * 2 * _lost(2 * size, 1) / (end * (end + 1))
    near = z.abs() < NEAR
    far_rate = (x / end - mean) / torch.where(near, 1, z)
    near_rate = _tanh_near(x, torch.exp(sech), torch.where(near, z, 0))
    return by_error, torch.where(near, near_rate, far_rate)


def _tanh_near(x: Tensor, sech: Tensor, z: Tensor) -> Tensor:
    """The derivative of `mean_tanh` by z for small z; `sech` is squared."""
    square, total = x * x, torch.zeros_like(x * z)
    for row in reversed(tanh_series(14 if x.dtype == torch.float64 else 7)):
        total = total * square + _horner(row, z)
    return total * x * sech


@lru_cache
def tanh_series(order: int) -> tuple[tuple[float, ...], ...]:
    """Coefficients of ∂T/∂z / (x (1 − x²)) for the mean T of tanh, x = tanh e: `[i][j]` is that of x²ⁱ zʲ, up to z^(order−1).

    The n-th derivative of x along x' = −z (x − x³) is zⁿ x (1 − x²) rₙ(x²) with r₁ = −1 and
    rₙ₊₁(y) = −(1 − 3y) rₙ − 2y (1 − y) rₙ', and ∂T/∂z is the sum of n / (n + 1)! zⁿ⁻¹ times these.
    """
    polynomial, columns = [Fraction(-1)], []
    for n in range(1, order + 1):
        columns.append([Fraction(n, factorial(n + 1)) * c for c in polynomial])
        following = [Fraction(0)] * (n + 1)
        for power, c in enumerate(polynomial):
            following[power] -= (1 + 2 * power) * c
            following[power + 1] += (3 + 2 * power) * c
        polynomial = following
    return tuple(tuple(float(column[i]) if i < len(column) else 0.0 for column in columns) for i in range(order))


class _MeanSoftmax(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(e: Tensor, z: Tensor) -> Tensor:
        e, z = e - e.amax(-1, keepdim=True), z.unsqueeze(-1).clamp_min(1e-20)
        # Two bounds from above, as Σ log(1 + exp …) ≥ log(1 + Σ exp …) and as softplus is convex: Newton's steps on a convex
        # function descend from there to the root and never beyond.
        sum_bound = _inverse_softplus(z) - e.logsumexp(-1, keepdim=True)
        mean_bound = _inverse_softplus(z / e.shape[-1]) - e.mean(-1, keepdim=True)
        s = torch.minimum(sum_bound, mean_bound)
        for _ in range(_NEWTON):
            moved = _softplus(s + e).sum(-1, keepdim=True)
            s = s - (moved - z) / torch.sigmoid(s + e).sum(-1, keepdim=True)
        moves = _softplus(s + e)
        return moves / moves.sum(-1, keepdim=True)  # the sum is z, up to rounding, which this removes

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1], output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        by_error, by_rate, _ = softmax_slopes(grad, *ctx.saved_tensors)
        return by_error, (grad * by_rate).sum(-1)


class _MeanSoftmaxWithTangent(_MeanSoftmax):
    """Apart from the other, because torch's compiler follows no function that has a `jvp`."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        _MeanSoftmax.setup_context(ctx, inputs, output)
        ctx.save_for_forward(inputs[1], output)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        with one_tangent_below(ctx.saved_tensors) as saved:
            along_error, by_rate, _ = softmax_slopes(tangents[0], *saved)
            return along_error + by_rate * tangents[1].unsqueeze(-1)


def softmax_slopes(direction: Tensor, z: Tensor, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The derivative of `mean_softmax` by e, which is diag(w) − w wᵀ / Σ w, times a direction; that by z; and w."""
    moves = mean * z.unsqueeze(-1)  # softplus(s + e), whose sigmoid is 1 − exp(−move)
    weights = mean * _lost(moves, 1)
    total = weights.sum(-1, keepdim=True)
    along_error = weights * (direction - (direction * weights).sum(-1, keepdim=True) / total)
    bends = mean * mean * _lost(moves, 2)
    return along_error, (mean * bends.sum(-1, keepdim=True) - bends) / total, weights


def _softplus(x: Tensor) -> Tensor:
    return -logsigmoid(-x)  # torch's own softplus is linear beyond 20


def _inverse_softplus(y: Tensor) -> Tensor:
    return y + torch.log(-torch.expm1(-y))


def _lost(x: Tensor, order: int) -> Tensor:
    """(1 − exp(−x)) / x, or what that lacks of 1, over x: (x − 1 + exp(−x)) / x². For x ≥ 0."""
    near = x < 1
    inner, outer = torch.where(near, x, 0), torch.where(near, 1, x)
    series = _horner([(-1) ** n / factorial(n + order) for n in range(19)], inner)
    direct = -torch.expm1(-outer) / outer if order == 1 else (outer + torch.expm1(-outer)) / (outer * outer)
    return torch.where(near, series, direct)


def _horner(coefficients: Sequence[float], x: Tensor) -> Tensor:
    """A polynomial, given from its constant term on."""
    total = torch.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total
