"""φ₁ of numbers and of small matrices: its value to the last digits, its derivatives, and nothing that is not a number."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from torch import Tensor
from torch.autograd import grad, gradcheck, gradgradcheck

from fwp.solvers.phi import phi1, phi1_matrix

DOUBLE = torch.float64
SIZES = (0.0, 1e-300, 1e-30, 1e-12, 1e-8, 1e-4, 0.01, 0.3, 0.49, 0.5, 0.51, 0.9, 1.0, 3.0, 20.0)
NUMBERS = [*(-s for s in (*SIZES, 80.0, 1e3, 1e6, 1e30)), *SIZES, 80.0]


def moment(z: float, n: int) -> float:
    """∫₀¹ sⁿ eᶻˢ ds as its power series in 100 digits: for |z| up to 80."""
    with localcontext(prec=100):
        term, total = Decimal(1), Decimal(0)
        for j in range(400):
            total += term / (n + j + 1)
            term *= Decimal(z) / (j + 1)
        return float(total)


def derivatives(z: Tensor, order: int) -> list[Tensor]:
    """φ₁ and its derivatives up to this order."""
    z = z.clone().requires_grad_()
    found = [phi1(z)]
    for _ in range(order):
        found.append(grad(found[-1].sum(), z, create_graph=True)[0])
    return [f.detach() for f in found]


def off(ours: Tensor, reference: np.ndarray | Tensor) -> float:
    """The largest relative error."""
    theirs = np.asarray(reference, dtype=np.float64)
    return float(np.max(np.abs(ours.double().numpy() - theirs) / np.abs(theirs)))


def test_numbers_to_the_last_digit() -> None:
    z = np.array(NUMBERS, dtype=np.longdouble)
    with np.errstate(divide="ignore", invalid="ignore"):
        reference = np.where(z == 0, 1, np.expm1(z) / z)
    assert off(phi1(torch.tensor(NUMBERS, dtype=DOUBLE)), reference.astype(np.float64)) < 5e-16


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_numbers(order: int) -> None:
    """The recursion from one moment to the next is left before its digits are: where z is small, a series takes over."""
    chosen = [n for n in NUMBERS if abs(n) <= 80]
    found = derivatives(torch.tensor(chosen, dtype=DOUBLE), order)[order]
    assert off(found, np.array([moment(z, order) for z in chosen])) < 5e-16 * 4**order


def test_derivatives_of_large_numbers() -> None:
    """For z → −∞ the moment is n!/(−z)ⁿ⁺¹: nothing overflows on the way."""
    z = torch.tensor([-1e3, -1e6, -1e30], dtype=DOUBLE)
    for order, (found, factorial) in enumerate(zip(derivatives(z, 3), (1, 1, 2, 6), strict=True)):
        assert off(found, factorial / (-z.numpy()) ** (order + 1)) < 1e-14
    end = derivatives(torch.tensor([-torch.inf], dtype=DOUBLE), 2)
    assert [f.item() for f in end] == [0, 0, 0]


def test_single_precision_is_double_rounded() -> None:
    z = torch.tensor([n for n in NUMBERS if abs(n) < 1e10])
    for order, (ours, exact) in enumerate(zip(derivatives(z, 2), derivatives(z.double(), 2), strict=True)):
        assert ours.dtype == torch.float32
        assert off(ours, exact) < (2e-7, 2e-6, 1e-5)[order]


@pytest.mark.parametrize("value", [-50.0, -3.0, -0.51, -0.49, -1e-3, -1e-9, 0.0, 1e-9, 0.2, 0.49, 0.51, 2.0, 5.0])
def test_gradients_of_numbers(value: float) -> None:
    z = torch.tensor([value, value], dtype=DOUBLE, requires_grad=True)
    assert gradcheck(phi1, z, atol=1e-9, rtol=1e-6)
    assert gradgradcheck(phi1, z, atol=1e-9, rtol=1e-6)


def test_what_is_no_number_stays_so_alone() -> None:
    z = torch.tensor([torch.nan, -1.0], requires_grad=True)
    found = phi1(z)
    assert found.isnan().tolist() == [True, False]
    (slope,) = grad(found[1], z)
    assert slope[1].isfinite()
    assert phi1(torch.zeros(0, 3)).shape == (0, 3)


def augmented(z: Tensor) -> Tensor:
    """exp([[z, I], [0, 0]]) = [[exp z, φ₁(z)], [0, I]]."""
    n = z.shape[-1]
    block = np.zeros((*z.shape[:-2], 2 * n, 2 * n))
    block[..., :n, :n], block[..., :n, n:] = z.numpy(), np.eye(n)
    return torch.from_numpy(np.stack([expm(b) for b in block]))[..., :n, n:]


def contracting(count: int, n: int, norm: float, seed: int = 0) -> Tensor:
    """−K Kᵀ B of positive rates, scaled to this norm: what low-rank steps take φ₁ of."""
    generator = torch.Generator().manual_seed(seed)
    k = torch.randn(count, n, n + 2, generator=generator, dtype=DOUBLE)
    z = k @ k.mT * (0.5 + torch.rand(count, 1, n, generator=generator, dtype=DOUBLE))
    return -norm * z / torch.linalg.matrix_norm(z, 2)[:, None, None].clamp(min=1e-300)


@pytest.mark.parametrize("n", [1, 2, 4, 7])
@pytest.mark.parametrize("norm", [0.0, 1e-12, 1e-3, 1.0, 8.0])
def test_any_matrix_against_the_exponential(norm: float, n: int) -> None:
    z = torch.randn(20, n, n, dtype=DOUBLE)
    z = norm * z / torch.linalg.matrix_norm(z, 2)[:, None, None]
    reference = augmented(z)
    error = (phi1_matrix(z) - reference).abs().amax((-1, -2)) / reference.abs().amax((-1, -2)).clamp(min=1)
    assert error.max() < (1e-14 if norm <= 1 else 2e-12)  # at 8, the condition of exp itself


@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("norm", [50.0, 1e4, 1e6, 1e7])
def test_contracting_matrices_against_their_eigenvalues(norm: float, n: int) -> None:
    """z = U λ Uᵀ, of which φ₁ is known by numbers; the rounding of z alone costs as many digits as the norm has."""
    own = torch.linalg.qr(torch.randn(20, n, n, dtype=DOUBLE)).Q
    values = -norm * torch.logspace(0, -3, n, dtype=DOUBLE)
    z = own * values @ own.mT
    reference = own * phi1(values) @ own.mT
    found = phi1_matrix(z)
    assert found.isfinite().all()
    relative = (found - reference).abs().amax((-1, -2)) / reference.abs().amax((-1, -2))
    assert relative.max() < 1e-16 * norm + 1e-13
    left = own * torch.expm1(values) @ own.mT
    assert (z @ found - left).abs().max() < 1e-13 * norm


def test_a_batch_of_all_norms_at_once() -> None:
    """Each matrix is doubled as often as it needs: neighbours do not touch it."""
    z = torch.cat([contracting(4, 3, norm) for norm in (0.0, 1e-12, 1.0, 50.0, 1e6)])
    whole = phi1_matrix(z)
    assert whole.isfinite().all()
    assert torch.equal(whole, torch.cat([phi1_matrix(own[None]) for own in z]))
    assert torch.equal(whole[:4], torch.eye(3, dtype=DOUBLE).expand(4, 3, 3))


def test_one_by_one_matrices_are_numbers() -> None:
    z = torch.tensor([n for n in NUMBERS if -1e7 < n <= 20], dtype=DOUBLE)
    assert off(phi1_matrix(z[:, None, None])[:, 0, 0], phi1(z)) < 1e-13


@pytest.mark.parametrize("norm", [1e-12, 1.0, 50.0, 1e4])
def test_single_precision_matrices(norm: float) -> None:
    z = contracting(50, 2, norm)
    ours, exact = phi1_matrix(z.float()).double(), phi1_matrix(z.float().double())
    assert ((ours - exact).abs().amax((-1, -2)) / exact.abs().amax((-1, -2))).max() < 1e-6 * max(1, norm**0.5)


@pytest.mark.parametrize("norm", [0.0, 1e-12, 0.4, 1.0, 12.0])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_matrices(norm: float, n: int) -> None:
    z = contracting(2, n, norm).requires_grad_()
    assert gradcheck(phi1_matrix, z, atol=1e-9, rtol=1e-6)
    assert gradgradcheck(phi1_matrix, z, atol=1e-8, rtol=1e-5)


def test_gradients_of_matrices_of_all_norms_are_numbers() -> None:
    z = torch.cat([contracting(4, 2, norm) for norm in (0.0, 1e-12, 1.0, 50.0, 1e6)]).requires_grad_()
    (slope,) = grad(phi1_matrix(z).sum(), z)
    assert slope.isfinite().all()
    single = z.detach().float().requires_grad_()
    assert grad(phi1_matrix(single).sum(), single)[0].isfinite().all()
