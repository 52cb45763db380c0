"""The degree is a bound that holds: checked on random terms by evaluating them along lines."""

from math import comb, inf

import numpy as np
import pytest
from hypothesis import assume, example, given

from fwp.rules import ALL
from fwp.terms import Role, Slot, degree, evaluate, ones, parts, rename, square, tanh, variables
from fwp.terms.degree import concerns
from fwp.testing.numbers import error
from fwp.testing.terms import NAMESPACE, W, seeds, size, sizes, terms, values

k, v, beta, M, dx = (NAMESPACE[name] for name in ("k", "v", "beta", "M", "dx"))


@pytest.mark.users
@pytest.mark.parametrize(
    "term, wrt, expected",
    [
        (beta * v * k, W, 0),
        (beta * (v - W @ k) * k, W, 1),
        (beta * (v - W @ k) * k, k, 2),
        (beta * (v - W @ k) * k, Role.SLOT, 4 - 1),
        (beta * (v - W @ k) * k, Role.STATE, 1),
        ((W @ k) * (k - (W @ k) @ W), W, 3),
        (W * M, Role.STATE, 2),
        (W * M, W, 1),
        (rename(W, value="value2") @ k, W, 1),
        (tanh(v - W @ k) * k, W, inf),
        (tanh(v) * k, W, 0),
        (square(W @ k), W, 2),
        (square(square(k)), k, 4),
        (W**3, W, 3),
        (0 * W, W, 0),
        (v / beta, beta, inf),
        (v / 2, beta, 0),
        (ones("key"), Role.STATE, 0),
        (W - W, W, 1),
        (k * (dx @ dx), Role.INCREMENT, 2),
        (1 - beta, Role.SIGNAL, 0),
    ],
)
def test_degree(term, wrt, expected: float) -> None:
    assert degree(term, wrt) == expected


def test_two_variables_of_one_name_are_told_apart_by_role_only() -> None:
    assert degree(W @ k, Slot("W", "value key")) == 1  # by name: a term holds one variable of a name


@pytest.mark.parametrize(
    "name, expected", [("hebb", 0), ("oja", 1), ("delta", 1), ("tanh_delta", inf), ("oja_subspace", 3)]
)
def test_degree_of_rules(name: str, expected: float) -> None:
    assert degree(ALL[name].rules[0].rate, Role.STATE) == expected


@given(terms(), seeds)
@example((W @ k) * (k - (W @ k) @ W), 0)
def test_a_term_of_finite_degree_is_a_polynomial_of_at_most_that_degree_on_every_line(term, seed) -> None:
    """Along A + c B its (d+1)-th finite difference is zero."""
    for role in Role:
        d = degree(term, role)
        if d == inf:
            continue
        d = int(d)
        assume(d <= 8)
        start, step = values(seed, term), values(seed + 1, term)
        moved = {x.name for x in variables(term) if concerns(x, role)}

        def at(c: float) -> np.ndarray:
            point = {n: a + c * step[n] if n in moved else a for n, a in start.items()}
            return evaluate(term, point, sizes(term))

        samples = [at(i / (d + 1)) for i in range(d + 2)]
        difference = sum((-1) ** i * comb(d + 1, i) * s for i, s in enumerate(samples))
        scale = max(1.0, *(float(np.max(np.abs(s), initial=0)) for s in samples)) * 2 ** (d + 1)
        assert float(np.max(np.abs(difference), initial=0)) <= 1e-12 * scale


@given(terms(), seeds)
def test_a_term_of_degree_one_is_affine(term, seed) -> None:
    """f((A + B) / 2) = (f(A) + f(B)) / 2."""
    assume(degree(term, Role.SLOT) <= 1)
    one, other = values(seed, term), values(seed + 1, term)
    slots = {x.name for x in variables(term) if x.role is Role.SLOT}
    other = {n: other[n] if n in slots else one[n] for n in one}
    middle = {n: (one[n] + other[n]) / 2 for n in one}
    f = {name: evaluate(term, point, sizes(term)) for name, point in (("a", one), ("b", other), ("m", middle))}
    assert error(f["m"], (f["a"] + f["b"]) / 2) <= 1e-12


@given(terms(), seeds)
def test_parts_add_up_and_are_bounded_by_the_degree(term, seed) -> None:
    for wrt in (Role.STATE, Role.SLOT, W, k):
        split = parts(term, wrt)
        assert list(split) == sorted(split)
        assert max(split, default=0) <= degree(term, wrt)
        arrays = values(seed, term)
        total = sum((evaluate(t, arrays, sizes(term)) for t in split.values()), np.zeros(tuple(map(size, term.axes))))
        assert all(t.axes == term.axes for t in split.values())
        assert error(total, evaluate(term, arrays, sizes(term))) <= 1e-11


@given(terms(maps=False), seeds)
def test_each_part_is_homogeneous(term, seed) -> None:
    """f(c A) = c^d f(A)."""
    arrays = values(seed, term)
    scaled = {x.name: (2.0 if x.role is Role.STATE else 1.0) * arrays[x.name] for x in variables(term)}
    for d, part in parts(term, Role.STATE).items():
        ours = evaluate(part, scaled, sizes(term))
        assert error(ours, 2.0**d * evaluate(part, arrays, sizes(term))) <= 1e-12


def test_parts_of_the_delta_rule() -> None:
    split = parts(ALL["delta"].rules[0].rate, W)
    assert split == {0: beta * v * k, 1: -beta * (W @ k) * k}


def test_parts_see_cancellations() -> None:
    assert parts(W - W, W) == {}
    assert list(parts((W + v * k) ** 2 - W**2, W)) == [0, 1]


def test_what_stands_under_a_map_has_infinite_degree() -> None:
    assert list(parts(tanh(W @ k) + W @ k + v, W)) == [0, 1, inf]
