"""The log-signature as its definition says it, in numpy: slow, of any depth, and obviously right."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

Levels = list[NDArray]
"""An element of the truncated tensor algebra: a scalar, a vector, a matrix, …"""


def log_signature(points: NDArray, depth: int) -> NDArray:
    """Of the straight lines through points (point channel): one number for each Lyndon word."""
    found = log(signature(points, depth))
    return np.array([found[len(word)][word] for word in lyndon_words(points.shape[1], depth)])


def signature(points: NDArray, depth: int) -> Levels:
    """Chen's identity: the product of the pieces' signatures, each the exponential of its increment."""
    total = one(points.shape[1], depth)
    for increment in np.diff(points, axis=0):
        total = multiply(total, exponential(increment, depth))
    return total


def one(channels: int, depth: int) -> Levels:
    return [np.array(1.0), *(np.zeros((channels,) * n) for n in range(1, depth + 1))]


def exponential(vector: NDArray, depth: int) -> Levels:
    levels = [np.array(1.0)]
    for n in range(1, depth + 1):
        levels.append(np.multiply.outer(levels[-1], vector) / n)
    return levels


def multiply(a: Levels, b: Levels) -> Levels:
    return [sum(np.multiply.outer(a[i], b[n - i]) for i in range(n + 1)) for n in range(len(a))]


def log(a: Levels) -> Levels:
    """log(1 + z) = z − z²/2 + z³/3 − …, where z has no scalar part."""
    z = [np.zeros(()), *a[1:]]
    total, power = [np.zeros_like(level) for level in a], one(len(a[1]), len(a) - 1)
    for n in range(1, len(a)):
        power = multiply(power, z)
        total = [t - (-1) ** n / n * p for t, p in zip(total, power, strict=True)]
    return total


def lyndon_words(letters: int, depth: int) -> list[tuple[int, ...]]:
    """Words that are smaller than all their rotations; short ones first, equally long ones in lexicographic order."""
    words = [word for n in range(1, depth + 1) for word in product(range(letters), repeat=n)]
    return [word for word in words if all(word < word[i:] + word[:i] for i in range(1, len(word)))]
