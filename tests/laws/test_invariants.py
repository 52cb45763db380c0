"""The invariants of Oja and Delta (T2, T4, T5, T6, T14, T16), on the very code that runs: fields solved by dopri8.

An example is a batch of sixteen draws, so that a few examples are many draws.
"""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fwp import Rule
from fwp.rules import W, beta, delta, k, oja, oja_neuron, oja_subspace, softmax_oja, tanh_delta, v
from tests.laws.drawn import trajectory

TOLERANCE = 1e-6
"""What a solver told to keep 1e-9 may leave, with room for the batch's root-mean-square norm."""

few = settings(max_examples=5 if settings().max_examples <= 100 else settings().max_examples // 6)

seeds = st.integers(0, 2**32 - 1)
sizes = st.sampled_from([(2, 3), (3, 2), (5, 4), (1, 3), (4, 1), (7, 5)])


def draw(seed: int, size: tuple[int, int], knots: int = 5, batch: int = 16) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Keys, values and rates that change from knot to knot, and two states to begin with."""
    generator = torch.Generator().manual_seed(seed)
    m, d = size

    def normal(*shape: int) -> Tensor:
        return torch.randn(batch, *shape, dtype=torch.float64, generator=generator)

    slots = {"k": normal(knots, d), "v": normal(knots, m), "beta": normal(knots).sigmoid()}
    return slots, normal(m, d), normal(m, d)


def norm(state: Tensor) -> Tensor:
    """The Frobenius norm at every knot."""
    return torch.linalg.matrix_norm(state)


@few
@given(seeds, sizes)
def test_oja_is_delta_on_the_transpose(seed: int, size: tuple[int, int]) -> None:
    """T2, along whole trajectories; step by step it is exact, but an adaptive solver may choose other steps."""
    slots, start, _ = draw(seed, size)
    turned = {"k": slots["v"], "v": slots["k"], "beta": slots["beta"]}
    ours, theirs = trajectory(oja, slots, start), trajectory(delta, turned, start.mT)
    torch.testing.assert_close(ours, theirs.mT, rtol=0, atol=TOLERANCE)


@few
@given(seeds, sizes)
def test_error_contracts(seed: int, size: tuple[int, int]) -> None:
    """T4: with constant controls |v − W k| falls by e^{−βκ} in a unit of time, and Oja's |k − Wᵀv| likewise."""
    slots, start, _ = draw(seed, size)
    slots = {name: value[:, :1].expand_as(value) for name, value in slots.items()}
    states = trajectory(delta, slots, start)
    error = (slots["v"] - torch.einsum("btvk,btk->btv", states, slots["k"])).norm(dim=-1)
    rate = slots["beta"] * slots["k"].square().sum(-1)
    torch.testing.assert_close(error[:, 1:], error[:, :-1] * torch.exp(-rate[:, 1:]), rtol=0, atol=TOLERANCE)
    assert (error.diff(dim=1) <= TOLERANCE).all()
    states = trajectory(oja, slots, start)
    error = (slots["k"] - torch.einsum("btvk,btv->btk", states, slots["v"])).norm(dim=-1)
    assert (error.diff(dim=1) <= TOLERANCE).all()


@few
@given(seeds, sizes, st.sampled_from([delta, oja, tanh_delta, softmax_oja]))
def test_two_solutions_never_part(seed: int, size: tuple[int, int], rule: Rule) -> None:
    """T5, and T7 for monotone read-outs: under the same controls the distance of two solutions does not grow."""
    slots, one, other = draw(seed, size)
    apart = norm(trajectory(rule, slots, one) - trajectory(rule, slots, other))
    assert (apart.diff(dim=1) <= TOLERANCE).all()


def test_with_the_sign_flipped_they_do_part() -> None:
    """What the test above would say of a rule that claims too much."""
    slots, one, other = draw(0, (3, 2))
    flipped = Rule(-beta * (v - W @ k) * k)
    apart = norm(trajectory(flipped, slots, one) - trajectory(flipped, slots, other))
    assert (apart.diff(dim=1) > TOLERANCE).any()


@few
@given(seeds, sizes)
def test_growth(seed: int, size: tuple[int, int]) -> None:
    """T6: ‖W(t)‖² ≤ ‖W(0)‖² + ½∫β|v|², for Oja with |k|²; the integrand is at most quadratic times linear on each step."""
    slots, start, _ = draw(seed, size)
    for rule, written in ((delta, slots["v"]), (oja, slots["k"])):
        squared = norm(trajectory(rule, slots, start)).square()
        bound = squared[:, :1] + 0.5 * integral(slots["beta"], written)
        assert (squared[:, 1:] <= bound + TOLERANCE).all()


def integral(rate: Tensor, vector: Tensor) -> Tensor:
    """∫β|v|² up to every knot but the first, by Simpson's rule, exact for the cubic that linear interpolation makes of it."""
    middle_rate, middle = (rate[:, 1:] + rate[:, :-1]) / 2, (vector[:, 1:] + vector[:, :-1]) / 2
    ends = rate * vector.square().sum(-1)
    pieces = (ends[:, 1:] + 4 * middle_rate * middle.square().sum(-1) + ends[:, :-1]) / 6
    return pieces.cumsum(1)


@few
@given(seeds, st.integers(1, 6))
def test_the_sphere_of_one_neuron(seed: int, size: int) -> None:
    """T14: |w| = 1 stays 1, and |1 − |w|²| never grows, on any input."""
    slots, start, _ = draw(seed, (1, size))
    own = {name: slots[name] for name in ("k", "beta")}
    off = 1 - trajectory(oja_neuron, own, start[:, 0]).square().sum(-1)
    assert (off.abs().diff(dim=1) <= TOLERANCE).all()
    unit = start[:, 0] / start[:, 0].norm(dim=-1, keepdim=True)
    on = trajectory(oja_neuron, own, unit).square().sum(-1)
    torch.testing.assert_close(on, torch.ones_like(on), rtol=0, atol=TOLERANCE)


@few
@given(seeds, st.sampled_from([(2, 3), (3, 5), (1, 4), (4, 4)]))
def test_the_subspace(seed: int, size: tuple[int, int]) -> None:
    """T16: ‖I − W Wᵀ‖ never grows, on any input, and orthonormal rows stay orthonormal."""
    slots, start, _ = draw(seed, size)
    own = {name: slots[name] for name in ("k", "beta")}
    eye = torch.eye(size[0], dtype=torch.float64)
    states = trajectory(oja_subspace, own, start / norm(start)[:, None, None])
    off = norm(eye - states @ states.mT)
    assert (off.diff(dim=1) <= TOLERANCE).all()
    rows = torch.linalg.qr(start.mT).Q.mT
    states = trajectory(oja_subspace, own, rows)
    torch.testing.assert_close(states @ states.mT, eye.expand_as(states @ states.mT), rtol=0, atol=TOLERANCE)
