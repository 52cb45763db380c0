"""Every rule against a formula in numpy, written from its reference and not from its line in fwp.rules."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fwp.rules import ALL, neural_cde
from fwp.terms import evaluate
from fwp.testing.numbers import error
from fwp.testing.terms import seeds, sizes, values

Array = NDArray[np.float64]
outer = np.outer


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum()


def hebb(W, beta, v, k, **_):
    """Irie, Faccio, Schmidhuber 2022, eq. 21."""
    return [beta * outer(v, k)]


def oja(W, beta, v, k, **_):
    """Ibidem: β v (k − Wᵀ v)ᵀ."""
    return [beta * outer(v, k - W.T @ v)]


def delta(W, beta, v, k, **_):
    """Ibidem: β (v − W k) kᵀ."""
    return [beta * outer(v - W @ k, k)]


def tanh_delta(W, beta, v, k, **_):
    """The published EigenWorms code: tanh of the error."""
    return [beta * outer(np.tanh(v - W @ k), k)]


def softmax_oja(W, beta, v, k, **_):
    """The published code: softmax after the subtraction."""
    return [beta * outer(v, softmax(k - W.T @ v))]


def classic_hebb(W, beta, k, **_):
    """Hebb 1949: Δw_ij ∝ y_i x_j with y = W x."""
    y = W @ k
    return [np.array([[beta * y[i] * k[j] for j in range(len(k))] for i in range(len(y))])]


def anti_hebb(W, beta, k, **_):
    """Földiák 1990: the sign turned."""
    return [-classic_hebb(W, beta, k)[0]]


def oja_neuron(w, beta, k, **_):
    """Oja 1982: Δw = η y (x − y w), y = wᵀ x."""
    y = (w * k).sum()
    return [beta * y * (k - y * w)]


def oja_subspace(W, beta, k, **_):
    """Oja 1989: ΔW = η (y xᵀ − y yᵀ W)."""
    y = W @ k
    return [beta * (outer(y, k) - outer(y, y) @ W)]


def sanger(W, beta, k, **_):
    """Sanger 1989: ΔC = γ (y xᵀ − LT[y yᵀ] C)."""
    y = W @ k
    return [beta * (outer(y, k) - np.tril(outer(y, y)) @ W)]


def leaky_delta(W, beta, gamma, v, k, **_):
    """delta with one decay."""
    return [delta(W, beta, v, k)[0] - gamma * W]


def gated_delta(W, beta, forget, v, k, **_):
    """delta with W diag(forget) taken away."""
    return [delta(W, beta, v, k)[0] - W @ np.diag(forget)]


def erase_write(W, write, erase, v, k, **_):
    """(w ⊙ v) kᵀ written, W (e ⊙ k) kᵀ erased."""
    return [outer(write * v, k) - outer(W @ (erase * k), k)]


def covariance(W, beta, gamma, v, k, k_mean, v_mean, **_):
    """Sejnowski 1977: the deviations from running means correlate."""
    return [beta * outer(v - v_mean, k - k_mean), gamma * (k - k_mean), gamma * (v - v_mean)]


def bcm(W, theta, beta, gamma, k, **_):
    """Bienenstock, Cooper, Munro 1982: φ(y, θ) = y (y − θ), θ follows y²."""
    y = W @ k
    return [beta * outer(y * (y - theta), k), gamma * (y**2 - theta)]


def momentum_delta(W, M, beta, gamma, v, k, **_):
    """Polyak 1964: Ẅ = −γ Ẇ − β ∇ ½|v − W k|²."""
    gradient = -outer(v - W @ k, k)
    return [M, -gamma * M - beta * gradient]


def self_reference(W, Wk, Wq, wb, u, **_):
    """Irie et al. 2022: W ← W + σ(β) (W φ(q) − W φ(k)) ⊗ φ(k), all of them rows of one matrix that reads the input."""
    whole = np.concatenate([W, Wk, Wq, wb[None]])
    m, d = W.shape
    _, key, query, rate = np.split(whole @ u, [m, m + d, m + 2 * d])
    key, query = softmax(key), softmax(query)
    moved = np.split(sigmoid(rate) * outer(whole @ query - whole @ key, key), [m, m + d, m + 2 * d])
    return [*moved[:3], moved[3][0]]


def ncde(z, A_in, b_in, A_out, b_out, dx, **_):
    """Kidger et al. 2020: f(z) dX, f an MLP with a hidden layer and a final tanh."""
    hidden = np.maximum(A_in @ z + b_in, 0)
    matrix = np.tanh(np.einsum("hci,i->hc", A_out, hidden) + b_out)
    return [matrix @ dx]


def nrde(z, A_in, b_in, A_h, b_h, A_out, b_out, dx, **_):
    """Morrill et al. 2021, as published: Linear, twice ReLU and one and the same Linear, tanh, Linear."""
    hidden = A_in @ z + b_in
    hidden = A_h @ np.maximum(hidden, 0) + b_h
    hidden = A_h @ np.maximum(hidden, 0) + b_h
    return [(np.einsum("hci,i->hc", A_out, np.tanh(hidden)) + b_out) @ dx]


def big_map(B, M_in, m_in, M_out, m_out, dx, **_):
    """Irie et al. 2022, eq. 22 as published: the matrix as one vector through an MLP, and the result a matrix of matrices."""
    hidden = np.maximum(M_in.reshape(len(m_in), -1) @ B.ravel() + m_in, 0)
    whole = np.tanh(M_out.reshape(-1, len(hidden)) @ hidden + m_out.ravel())
    return [whole.reshape(*B.shape, len(dx)) @ dx]


def gru_ode(z, r_x, u_x, g_x, U_r, U_u, U_g, **_):
    """De Brouwer et al. 2019: dh/dt = (1 − z) ⊙ (g − h), r and z the gates of a GRU."""
    reset, update = sigmoid(r_x + U_r @ z), sigmoid(u_x + U_u @ z)
    return [(1 - update) * (np.tanh(g_x + U_g @ (reset * z)) - z)]


FORMULAS: dict[str, Callable[..., list[Any]]] = {
    f.__name__: f
    for f in (hebb, oja, delta, tanh_delta, softmax_oja, classic_hebb, anti_hebb, oja_neuron, oja_subspace, sanger)
} | {
    f.__name__: f
    for f in (leaky_delta, gated_delta, erase_write, covariance, bcm, momentum_delta, self_reference, ncde, gru_ode)
}
FORMULAS |= {"nrde": nrde, "big_map": big_map}
FORMULAS |= {"hebb_transposed": hebb, "softmax_oja_transposed": softmax_oja}


def test_every_rule_has_a_formula() -> None:
    assert set(FORMULAS) == set(ALL)


@pytest.mark.users
@pytest.mark.parametrize("name", ALL)
@given(seed=seeds)
def test_rates(name: str, seed: int) -> None:
    rates = [r.rate for r in ALL[name].rules]
    arrays = values(seed, *(r.of for r in ALL[name].rules), *rates)
    expected = FORMULAS[name](**arrays)
    assert len(expected) == len(rates)
    for rate, reference in zip(rates, expected, strict=True):
        assert error(evaluate(rate, arrays, sizes(rate)), reference) <= 1e-12


@pytest.mark.parametrize("name", ALL)
@given(seed=seeds)
def test_read_outs(name: str, seed: int) -> None:
    rule = ALL[name]
    arrays = values(seed, rule.read)
    query = arrays.get("u", arrays.get("q"))
    if "transposed" in name:
        expected = arrays["W"].T @ arrays["q_value"]
    elif "B" in arrays:
        expected = arrays["B"] @ arrays["x"]
    elif "W" in arrays:
        expected = arrays["W"] @ query
    else:
        expected = arrays["w"] @ query if "w" in arrays else arrays["z"]
    assert error(evaluate(rule.read, arrays), expected) <= 1e-12


@given(seeds, st.floats(0, 2))
def test_duality(seed: int, rate: float) -> None:
    """T2: the field of Oja is the field of Delta on the transpose, keys and values exchanged."""
    arrays = values(seed, ALL["oja"].rate) | {"beta": np.asarray(rate)}
    ours = evaluate(ALL["oja"].rate, arrays)
    other = delta(arrays["W"].T, rate, arrays["k"], arrays["v"])[0].T
    assert error(ours, other) <= 1e-14
    assert error(evaluate(ALL["delta"].dual().rate, arrays), ours) <= 1e-14


@given(seeds, st.floats(0, 2))
def test_two_solutions_of_delta_never_part(seed: int, rate: float) -> None:
    """T5: d/dt |W₁ − W₂|² = −2 β |(W₁ − W₂) k|² ≤ 0 under equal controls; T7 for its monotone read-outs."""
    one = values(seed, ALL["delta"].rate) | {"beta": np.asarray(rate)}
    other = one | {"W": values(seed + 1, ALL["delta"].rate)["W"]}
    gap = one["W"] - other["W"]
    for name in ("delta", "tanh_delta", "oja", "softmax_oja"):
        change = 2 * (gap * (evaluate(ALL[name].rate, one) - evaluate(ALL[name].rate, other))).sum()
        assert change <= 1e-12
        if name == "delta":
            assert error(change, -2 * rate * ((gap @ one["k"]) ** 2).sum()) <= 1e-12


@given(seeds, st.floats(0, 2))
def test_growth_of_delta(seed: int, rate: float) -> None:
    """T6: d/dt |W|² = 2 β (v·Wk − |Wk|²) ≤ β/2 |v|²; for Oja with |k|² in place of |v|²."""
    arrays = values(seed, ALL["delta"].rate) | {"beta": np.asarray(rate)}
    W, k, v = arrays["W"], arrays["k"], arrays["v"]
    change = 2 * (W * evaluate(ALL["delta"].rate, arrays)).sum()
    assert error(change, 2 * rate * (v @ W @ k - ((W @ k) ** 2).sum())) <= 1e-12
    assert change <= rate / 2 * (v @ v) + 1e-12
    assert 2 * (W * evaluate(ALL["oja"].rate, arrays)).sum() <= rate / 2 * (k @ k) + 1e-12


@pytest.mark.parametrize("layers", [1, 2, 4])
@given(seed=seeds)
def test_neural_cdes_have_as_many_hidden_layers_as_asked_for(layers: int, seed: int) -> None:
    """Kidger et al. 2020: relu after each of them, tanh after the last map, times dX."""
    rate = neural_cde(layers).rate
    arrays = values(seed, rate)
    hidden = np.maximum(arrays["A_in"] @ arrays["z"] + arrays["b_in"], 0)
    for i in range(2, layers + 1):
        hidden = np.maximum(arrays[f"A_{i}"] @ hidden + arrays[f"b_{i}"], 0)
    matrix = np.tanh(np.einsum("hci,i->hc", arrays["A_out"], hidden) + arrays["b_out"])
    assert error(evaluate(rate, arrays, sizes(rate)), matrix @ arrays["dx"]) <= 1e-12


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_one_hidden_layer_is_the_plain_one(layers: int) -> None:
    assert (neural_cde(layers) == ALL["ncde"]) == (layers == 1)


@given(seeds, st.floats(0, 2))
def test_the_norm_of_one_neuron(seed: int, rate: float) -> None:
    """T14: d|w|²/dt = 2 η y² (1 − |w|²), so that the unit sphere is kept."""
    arrays = values(seed, ALL["oja_neuron"].rate) | {"beta": np.asarray(rate)}
    for w in (arrays["w"], arrays["w"] / np.linalg.norm(arrays["w"])):
        y = w @ arrays["k"]
        change = 2 * w @ evaluate(ALL["oja_neuron"].rate, arrays | {"w": w})
        assert error(change, 2 * rate * y**2 * (1 - w @ w)) <= 1e-12


@given(seeds, st.floats(0, 2))
def test_orthonormal_rows_of_the_subspace_rule(seed: int, rate: float) -> None:
    """T16: P = W Wᵀ obeys P' = Q (I − P) + (I − P) Q with Q = η y yᵀ, and |I − P|² never grows."""
    arrays = values(seed, ALL["oja_subspace"].rate) | {"beta": np.asarray(rate)}
    W = arrays["W"]
    moved = evaluate(ALL["oja_subspace"].rate, arrays)
    P, Q = W @ W.T, rate * outer(W @ arrays["k"], W @ arrays["k"])
    rest = np.eye(len(P)) - P
    change = moved @ W.T + W @ moved.T
    assert error(change, Q @ rest + rest @ Q) <= 1e-12
    assert error(-2 * np.trace(rest @ change), -4 * np.trace(rest @ Q @ rest)) <= 1e-12
    assert -4 * np.trace(rest @ Q @ rest) <= 1e-12


@given(seeds)
def test_the_fast_weight_oja_does_not_keep_the_sphere(seed: int) -> None:
    """T17: with a value from a slow net the norms of T14 and T16 are not conserved."""
    arrays = values(seed, ALL["oja"].rate)
    W = arrays["W"] / np.linalg.norm(arrays["W"])
    change = 2 * (W * evaluate(ALL["oja"].rate, arrays | {"W": W})).sum()
    v, k, beta = arrays["v"], arrays["k"], arrays["beta"]
    assert error(change, 2 * beta * (v @ W @ k - ((W.T @ v) ** 2).sum())) <= 1e-12
