"""Discretisation: an affine or read-out rule whose witnesses are known at the nodes of each step becomes `Steps`.

Every step of an affine rule is the exponential of a generator: the rate itself where it is constant on the step, its mean
to order 2 or 4 where it varies. Right multiplication, X⁺ = X exp(Ω), as in the rule's own W⁺ = W + (…) writeᵀ.
Sources: Magnus (1954) and Blanes, Casas, Oteo, Ros, The Magnus expansion (2009) for `magnus4`; Celledoni, Marthinsen, Owren,
Commutator-free Lie group methods (2003) for `commutator_free4`; Yang et al., Parallelizing linear transformers with the
delta rule (2024) for the Euler step of Delta.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from fwp.solvers.phi import phi1, phi1_matrix
from fwp.solvers.steps import DenseSteps, LowRankSteps

__all__ = ["DenseRate", "LowRankRate", "dense_steps", "low_rank_steps", "overflow", "wide"]

_CF = (1 / 4 + sqrt(3) / 6, 1 / 4 - sqrt(3) / 6)


@dataclass(frozen=True, eq=False)
class LowRankRate:
    """dW/dt = −decay W + Σ rateᵣ (valueᵣ − W readᵣ) writeᵣᵀ at one node of every step."""

    write: Float[Tensor, "batch time head rank read"]
    value: Float[Tensor, "batch time head rank output"]
    rate: Float[Tensor, "batch time head rank"]
    read: Float[Tensor, "batch time head rank read"] | None
    decay: Float[Tensor, "batch time head"] | None


@dataclass(frozen=True, eq=False)
class DenseRate:
    """dW/dt = W generator + offset at one node of every step; without generator the rate is the offset."""

    generator: Float[Tensor, "batch time head read read"] | None
    offset: Float[Tensor, "batch time head output read"]


def low_rank_steps(
    method: str, rates: Sequence[LowRankRate], length: Float[Tensor, "batch time"], filled: bool = False
) -> tuple[LowRankSteps, ...]:
    """The steps of a method from the rates at its nodes; several are taken one after the other inside each step.

    `filled` says that at every node as many vectors are read as a vector has entries: then exponentials are those of matrices
    on the read axis, since that of the parts, of no full rank, would be 1 in what no part writes, and lose digits to it.
    """
    h = length.to(rates[0].write.dtype)[:, :, None]
    match method:
        case "euler":
            (rate,) = rates
            mixing = torch.diag_embed(h[..., None] * rate.rate)
            decay = None if rate.decay is None else 1 - h * rate.decay
            read = rate.read
            return (LowRankSteps(rate.write, rate.value, mixing, read, None if read is None else mixing, decay),)
        case "exact" | "exponential_midpoint":
            (rate,) = rates
            mixing = h[..., None] * rate.rate
            return (_exponential(rate, mixing, mixing, None if rate.decay is None else h * rate.decay, filled),)
        case "magnus4":
            one, two = rates
            return (_magnus(one, two, h, filled),)
        case _:
            one, two = rates
            return tuple(_weighted(one, two, a * h, b * h, filled) for a, b in (_CF, _CF[::-1]))


def dense_steps(method: str, rates: Sequence[DenseRate], length: Float[Tensor, "batch time"]) -> tuple[DenseSteps, ...]:
    """The same for rates with a full matrix."""
    h = length.to(rates[0].offset.dtype)[:, :, None, None, None]
    match method:
        case "euler":
            (rate,) = rates
            transition = None
            if rate.generator is not None:
                transition = h * rate.generator
                transition = transition + torch.eye(transition.shape[-1]).to(transition)
            return (DenseSteps(transition, h * rate.offset),)
        case "exact" | "exponential_midpoint":
            (rate,) = rates
            return (_dense_exponential(_scaled(rate.generator, h), h * rate.offset),)
        case "magnus4":
            one, two = rates
            c = sqrt(3) / 12 * h**2
            offset = h / 2 * (one.offset + two.offset)
            if one.generator is None or two.generator is None:
                return (DenseSteps(None, offset),)
            generator = h / 2 * (one.generator + two.generator)
            generator = generator + c * (one.generator @ two.generator - two.generator @ one.generator)
            offset = offset + c * (one.offset @ two.generator - two.offset @ one.generator)
            return (_dense_exponential(generator, offset),)
        case _:
            one, two = rates
            found: list[DenseSteps] = []
            for a, b in (_CF, _CF[::-1]):
                generator = None
                if one.generator is not None and two.generator is not None:
                    generator = a * h * one.generator + b * h * two.generator
                found.append(_dense_exponential(generator, a * h * one.offset + b * h * two.offset))
            return tuple(found)


def _scaled(generator: Tensor | None, h: Tensor) -> Tensor | None:
    return None if generator is None else h * generator


def _dense_exponential(generator: Tensor | None, offset: Tensor) -> DenseSteps:
    """W exp(Ω) + offset φ₁(Ω), with exp(Ω) = I + Ω φ₁(Ω)."""
    if generator is None:
        return DenseSteps(None, offset)
    phi = phi1_matrix(generator)
    return DenseSteps(torch.eye(phi.shape[-1]).to(phi) + generator @ phi, offset @ phi)


def _exponential(
    rate: LowRankRate, mixed_value: Tensor, mixed_read: Tensor, decay: Tensor | None, filled: bool
) -> LowRankSteps:
    """The flow over one unit of time of dW/dt = −decay W + (value S_v − W read S_r) writeᵀ.

    S_v, S_r are `(… rank rank)`, or `(… rank)` if diagonal. With M = writeᵀ read S_r the flow is
    e^{−decay} W + (value S_v φ₁(−M − decay) − W read S_r e^{−decay} φ₁(−M)) writeᵀ.

    Small matrices are multiplied and raised in float64: where writes are alike, M has eigenvalues of 0 beside large ones, and a
    rounding of these is as large as the step is stiff.
    """
    if rate.write.shape[-2] == 1:  # numbers
        value, read = (s.reshape(rate.write.shape[:-1]) for s in (mixed_value, mixed_read))
        return _exponential_of_one(rate, value, read, decay)
    value, read = (s if s.ndim == rate.write.ndim else torch.diag_embed(s) for s in (mixed_value, mixed_read))
    if rate.read is None:
        gain = value if decay is None else value * phi1(-decay)[..., None, None]
        return LowRankSteps(rate.write, rate.value, gain, None, None, _shrunk(decay))
    write, reads, value_, read_ = (wide(t) for t in (rate.write, rate.read, value, read))
    overlap = reads.mT @ read_ @ write if filled else write @ reads.mT @ read_

    def moved(mixing: Tensor, by: Tensor) -> Tensor:
        found = mixing @ write @ phi1_matrix(-by) if filled else mixing @ phi1_matrix(-by)
        return pad(found, (0, mixing.shape[-1] - found.shape[-1])).to(rate.write.dtype)

    erase, own = moved(read_, overlap), rate.write
    if filled:  # along the read axis itself: its unit vectors are written, and nothing by the parts that are left
        own = torch.eye(*own.shape[-2:], dtype=own.dtype, device=own.device).expand_as(own)
    if decay is None:
        gain = erase if value is read else moved(value_, overlap)
        return LowRankSteps(own, rate.value, gain, rate.read, erase, None)
    identity = torch.eye(overlap.shape[-1]).to(overlap)
    gain = moved(value_, overlap + wide(decay)[..., None, None] * identity)
    shrunk = torch.exp(-decay)
    return LowRankSteps(own, rate.value, gain, rate.read, shrunk[..., None, None] * erase, shrunk)


def overflow(overlap: Tensor) -> Tensor:
    """0, or NaN where a product of keys is too large for a number: of such a step φ₁ would say 0, as if it wrote nothing."""
    return 0 * overlap.detach()


def wide(value: Tensor) -> Tensor:
    """In float64, where the device has it."""
    return value if value.device.type == "mps" else value.double()


def _exponential_of_one(rate: LowRankRate, value: Tensor, read: Tensor, decay: Tensor | None) -> LowRankSteps:
    """The same for one read and one write, where S and M are numbers."""
    if rate.read is None:
        gain = value if decay is None else value * phi1(-decay)[..., None]
        return LowRankSteps(rate.write, rate.value, gain[..., None], None, None, _shrunk(decay))
    overlap = (rate.write * rate.read).sum(-1) * read
    factor = phi1(-overlap) + overflow(overlap)
    erase = (read * factor)[..., None]
    if decay is None:
        gain = erase if value is read else (value * factor)[..., None]
        return LowRankSteps(rate.write, rate.value, gain, rate.read, erase, None)
    gain = (value * phi1(-overlap - decay[..., None]))[..., None]
    shrunk = torch.exp(-decay)
    return LowRankSteps(rate.write, rate.value, gain, rate.read, shrunk[..., None, None] * erase, shrunk)


def _shrunk(decay: Tensor | None) -> Tensor | None:
    return None if decay is None else torch.exp(-decay)


def _side_by_side(one: LowRankRate, two: LowRankRate) -> LowRankRate:
    """Both rates' writes at once; rates and decay are the callers' matter."""
    both = torch.cat([one.write, two.write], -2)
    shared = one.read is one.write and two.read is two.write
    read = None if one.read is None or two.read is None else both if shared else torch.cat([one.read, two.read], -2)
    return LowRankRate(both, torch.cat([one.value, two.value], -2), torch.cat([one.rate, two.rate], -1), read, None)


def _weighted(one: LowRankRate, two: LowRankRate, a: Tensor, b: Tensor, filled: bool) -> LowRankSteps:
    """The exponential of a·(first rate) + b·(second rate)."""
    mixing = torch.cat([a[..., None] * one.rate, b[..., None] * two.rate], -1)
    decay = None if one.decay is None or two.decay is None else a * one.decay + b * two.decay
    return _exponential(_side_by_side(one, two), mixing, mixing, decay, filled)


def _magnus(one: LowRankRate, two: LowRankRate, h: Tensor, filled: bool) -> LowRankSteps:
    """exp(h/2 (G₁ + G₂) + √3/12 h² [G₁, G₂]): the commutator mixes the writes, and a decay adds to the values alone.

    Written by means and half differences of the nodes: where these hardly differ, so does nothing that the large numbers
    of a strong rate would have to cancel.
    """
    c = (sqrt(3) / 12 * h**2)[..., None]
    write, value, rate = (
        _mean_and_half_difference(a, b)
        for a, b in ((one.write, two.write), (one.value, two.value), (one.rate, two.rate))
    )
    shared = one.read is one.write and two.read is two.write
    read = (
        None
        if one.read is None or two.read is None
        else write
        if shared
        else _mean_and_half_difference(one.read, two.read)
    )
    mixed_read = _blocks(*(torch.diag_embed(h[..., None] * r) for r in rate))
    if read is not None:
        (wm, wd), (rm, rd), (bm, bd) = write, read, (r[..., :, None] for r in rate)
        p, q = bm * bm.mT - bd * bd.mT, bm * bd.mT - bd * bm.mT
        along, across = wm @ rm.mT - wd @ rd.mT, wd @ rm.mT - wm @ rd.mT
        even, odd = 2 * c[..., None] * (p * across - q * along), 2 * c[..., None] * (p * along - q * across)
        mixed_read = mixed_read + torch.cat([torch.cat([even, -odd], -1), torch.cat([odd, -even], -1)], -2)
    both = torch.cat(write, -2)
    reads = None if read is None else both if shared else torch.cat(read, -2)
    whole = LowRankRate(both, torch.cat(value, -2), torch.cat(rate, -1), reads, None)
    if one.decay is None or two.decay is None:
        return _exponential(whole, mixed_read, mixed_read, None, filled)
    (bm, bd), (gm, gd) = rate, (g[..., None] for g in _mean_and_half_difference(one.decay, two.decay))
    by_decay = _blocks(torch.diag_embed(2 * c * (gm * bd - gd * bm)), torch.diag_embed(2 * c * (gm * bm - gd * bd)))
    return _exponential(whole, mixed_read + by_decay, mixed_read, h / 2 * (one.decay + two.decay), filled)


def _mean_and_half_difference(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    return (one + two) / 2, (two - one) / 2


def _blocks(even: Tensor, odd: Tensor) -> Tensor:
    """[[even, odd], [odd, even]]: what a matrix that is diagonal in the nodes is in their means and half differences."""
    return torch.cat([torch.cat([even, odd], -1), torch.cat([odd, even], -1)], -2)
