"""Every rule that comes with the library, against its formula as the reference writes it, by hand in numpy."""

from collections.abc import Callable
from inspect import signature

import numpy as np
import pytest
from numpy.typing import NDArray

from fwp.rules import ALL
from fwp.terms import axis_classes, evaluate, variables

Array = NDArray[np.float64]


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max())
    return e / e.sum()


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def sanger(W: Array, beta: Array, k: Array) -> Array:
    """ΔW_ij = η y_i (x_j − Σ_{l ≤ i} y_l W_lj), row by row as Sanger writes it."""
    y = W @ k
    return np.array([[beta * y[i] * (k[j] - y[: i + 1] @ W[: i + 1, j]) for j in range(len(k))] for i in range(len(y))])


def self_reference(row: str) -> Callable[..., Array]:
    """W ← W + σ(β)(W φ(q) − W φ(k)) ⊗ φ(k), where W produces output, key, query and rate from the input (SRWM)."""

    def rate(W: Array, Wk: Array, Wq: Array, wb: Array, u: Array) -> Array:
        whole = np.concatenate([W, Wk, Wq, wb[None]])
        produced = whole @ u
        m, d = W.shape
        key, query, b = softmax(produced[m : m + d]), softmax(produced[m + d : m + 2 * d]), sigmoid(produced[-1])
        change = b * np.outer(whole @ query - whole @ key, key)
        parts = {"W": change[:m], "Wk": change[m : m + d], "Wq": change[m + d : m + 2 * d], "wb": change[-1]}
        return parts[row]

    return rate


def gru_ode(z: Array, r_x: Array, u_x: Array, g_x: Array, U_r: Array, U_u: Array, U_g: Array) -> Array:
    r, u = sigmoid(r_x + U_r @ z), sigmoid(u_x + U_u @ z)
    return (1 - u) * (np.tanh(g_x + U_g @ (r * z)) - z)


FORMULAS: dict[str, dict[str, Callable[..., Array]]] = {
    "hebb": {"W": lambda W, beta, v, k: beta * np.outer(v, k)},
    "oja": {"W": lambda W, beta, v, k: beta * np.outer(v, k - W.T @ v)},
    "delta": {"W": lambda W, beta, v, k: beta * np.outer(v - W @ k, k)},
    "tanh_delta": {"W": lambda W, beta, v, k: beta * np.outer(np.tanh(v - W @ k), k)},
    "softmax_oja": {"W": lambda W, beta, v, k: beta * np.outer(v, softmax(k - W.T @ v))},
    "hebb_transposed": {"W": lambda W, beta, v, k: beta * np.outer(v, k)},
    "softmax_oja_transposed": {"W": lambda W, beta, v, k: beta * np.outer(v, softmax(k - W.T @ v))},
    "classic_hebb": {"W": lambda W, beta, k: beta * np.outer(W @ k, k)},
    "anti_hebb": {"W": lambda W, beta, k: -beta * np.outer(W @ k, k)},
    "oja_neuron": {"w": lambda w, beta, k: beta * (w @ k) * (k - (w @ k) * w)},
    "oja_subspace": {"W": lambda W, beta, k: beta * (np.outer(W @ k, k) - np.outer(W @ k, W @ k) @ W)},
    "sanger": {"W": sanger},
    "leaky_delta": {"W": lambda W, beta, v, k, gamma: -gamma * W + beta * np.outer(v - W @ k, k)},
    "gated_delta": {"W": lambda W, beta, v, k, forget: -W @ np.diag(forget) + beta * np.outer(v - W @ k, k)},
    "erase_write": {"W": lambda W, k, v, erase, write: np.outer(write * v - W @ (erase * k), k)},
    "covariance": {
        "W": lambda W, beta, v, k, v_mean, k_mean: beta * np.outer(v - v_mean, k - k_mean),
        "k_mean": lambda k_mean, gamma, k: gamma * (k - k_mean),
        "v_mean": lambda v_mean, gamma, v: gamma * (v - v_mean),
    },
    "bcm": {
        "W": lambda W, beta, k, theta: beta * np.outer((W @ k) * (W @ k - theta), k),
        "theta": lambda W, gamma, k, theta: gamma * ((W @ k) ** 2 - theta),
    },
    "momentum_delta": {
        "W": lambda W, M: M,
        "M": lambda W, M, beta, v, k, gamma: beta * np.outer(v - W @ k, k) - gamma * M,
    },
    "self_reference": {row: self_reference(row) for row in ("W", "Wk", "Wq", "wb")},
    "ncde": {
        "z": lambda z, A_in, b_in, A_out, b_out, dx: np.tanh(A_out @ np.maximum(A_in @ z + b_in, 0) + b_out) @ dx,
    },
    "gru_ode": {"z": gru_ode},
}


@pytest.mark.parametrize("name", ALL)
def test_rate_is_the_formula(name: str) -> None:
    rule = ALL[name]
    rates = {r.of.name: r.rate for r in rule.rules}
    assert set(rates) == set(FORMULAS[name])
    classes = axis_classes([t for r in rule.rules for t in (r.of, r.rate)])
    size = {axis: n for equal, n in zip(classes, (3, 2, 5, 7), strict=False) for axis in equal}
    generator = np.random.default_rng(0)
    values = {x.name: generator.normal(size=[size[a] for a in x.declared]) for x in rule.variables}
    for state, rate in rates.items():
        own = {x.name: values[x.name] for x in variables(rate)}
        formula = FORMULAS[name][state]
        expected = formula(**{n: x for n, x in values.items() if n in signature(formula).parameters})
        np.testing.assert_allclose(evaluate(rate, own), expected, rtol=1e-13, atol=1e-13)


def test_transposed_readout() -> None:
    generator = np.random.default_rng(0)
    W, query = generator.normal(size=(3, 2)), generator.normal(size=3)
    np.testing.assert_allclose(evaluate(ALL["hebb_transposed"].read, {"W": W, "q_value": query}), W.T @ query)


def test_norm_of_one_neuron() -> None:
    """T14: d|w|²/dt = 2 η y² (1 − |w|²)."""
    generator = np.random.default_rng(1)
    w, x, eta = generator.normal(size=4), generator.normal(size=4), 0.7
    dw = evaluate(ALL["oja_neuron"].rules[0].rate, {"w": w, "k": x, "beta": eta})
    np.testing.assert_allclose(2 * w @ dw, 2 * eta * (w @ x) ** 2 * (1 - w @ w), rtol=1e-12)


def test_projector_of_the_subspace() -> None:
    """T16: with P = W Wᵀ and Q = η y yᵀ, P' = Q(I − P) + (I − P)Q."""
    generator = np.random.default_rng(2)
    W, x, eta = generator.normal(size=(3, 5)), generator.normal(size=5), 0.7
    dW = evaluate(ALL["oja_subspace"].rules[0].rate, {"W": W, "k": x, "beta": eta})
    P, Q = W @ W.T, eta * np.outer(W @ x, W @ x)
    rest = np.eye(3) - P
    np.testing.assert_allclose(dW @ W.T + W @ dW.T, Q @ rest + rest @ Q, rtol=1e-12, atol=1e-12)
