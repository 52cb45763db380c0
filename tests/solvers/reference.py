"""The solution of a field by scipy's DOP853 in float64, interval by interval; the rules written out in numpy."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.special import softmax
from torch import Tensor

from fwp.fields import VectorField
from fwp.solvers.torchdiffeq import takes

Arrays = Mapping[str, NDArray]


def choices(method: str, steps: int, tolerance: float) -> dict[str, Any]:
    """The method, with what it takes of steps and tolerances: to solve by all methods in one loop."""
    counts, tolerates = takes(method)
    found: dict[str, Any] = {"method": method} | ({"steps": steps} if counts else {})
    return found | ({"rtol": tolerance, "atol": tolerance} if tolerates else {})


def outer(a: NDArray, b: NDArray) -> NDArray:
    return a[..., :, None] * b[..., None, :]


def forward(W: NDArray, k: NDArray) -> NDArray:
    return np.einsum("...ij,...j->...i", W, k)


def backward(v: NDArray, W: NDArray) -> NDArray:
    return np.einsum("...i,...ij->...j", v, W)


def bcm(s: Arrays, beta: NDArray, k: NDArray, gamma: NDArray) -> Arrays:
    y = forward(s["W"], k)
    return {
        "W": beta[..., None, None] * outer(y * (y - s["theta"]), k),
        "theta": gamma[..., None] * (y**2 - s["theta"]),
    }


RATES: Mapping[str, Callable[..., Arrays]] = {
    "hebb": lambda s, beta, k, v: {"W": beta[..., None, None] * outer(v, k)},
    "oja": lambda s, beta, k, v: {"W": beta[..., None, None] * outer(v, k - backward(v, s["W"]))},
    "delta": lambda s, beta, k, v: {"W": beta[..., None, None] * outer(v - forward(s["W"], k), k)},
    "tanh_delta": lambda s, beta, k, v: {"W": beta[..., None, None] * outer(np.tanh(v - forward(s["W"], k)), k)},
    "softmax_oja": lambda s, beta, k, v: {"W": beta[..., None, None] * outer(v, softmax(k - backward(v, s["W"]), -1))},
    "bcm": bcm,
}
"""States and slots, `(batch head *axes)` → rates."""


def exact(field: VectorField, initial: Mapping[str, Tensor], rule: str) -> dict[str, Tensor]:
    """States at every knot, `(batch knot head *axes)`."""
    shapes = {name: tuple(state.shape) for name, state in initial.items()}
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    found = [np.concatenate([state.numpy().reshape(-1) for state in initial.values()])]

    def split(y: NDArray) -> Arrays:
        return {
            name: part.reshape(shape)
            for (name, shape), part in zip(shapes.items(), np.split(y, ends[:-1]), strict=True)
        }

    for interval in range(field.path.intervals):

        def rate(fraction: float, y: NDArray, interval=interval) -> NDArray:
            with torch.no_grad():
                slots = {n: s.numpy() for n, s in field.at(interval, fraction).slots.items()}
            states = split(y)
            rates = RATES[rule](states, **slots)
            steps = field.path.steps[:, interval].numpy()
            return np.concatenate([(rates[n].T * steps).T.reshape(-1) for n in shapes])

        found.append(solve_ivp(rate, (0, 1), found[-1], "DOP853", rtol=1e-12, atol=1e-13).y[:, -1])
    knots = [{n: torch.from_numpy(s.copy()) for n, s in split(y).items()} for y in found]
    return {name: torch.stack([k[name] for k in knots], 1) for name in shapes}
