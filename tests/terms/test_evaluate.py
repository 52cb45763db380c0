"""The meaning of terms: against numpy written out by hand, and its derivative against finite differences."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, example, given

from fwp.terms import (
    Primitive,
    differentiate,
    ein,
    evaluate,
    eye,
    fold,
    ones,
    relu,
    rename,
    softmax,
    subterms,
    tanh,
    tril,
    variables,
)
from fwp.terms.schedule import schedule
from fwp.terms.syntax import Map, Product
from fwp.testing.numbers import error
from fwp.testing.terms import NAMESPACE, W, seeds, sizes, terms, values

k, v, beta, A, T, x = (NAMESPACE[name] for name in ("k", "v", "beta", "A", "T", "x"))
w_, k_, v_, b_, a_, t_, x_ = (
    values(0, term)[name] for name, term in [("W", W), ("k", k), ("v", v), ("beta", beta), ("A", A), ("T", T), ("x", x)]
)
ARRAYS = {"W": w_, "k": k_, "v": v_, "beta": b_, "A": a_, "T": t_, "x": x_}


@pytest.mark.users
@pytest.mark.parametrize(
    "term, expected",
    [
        (beta * v * k, b_ * np.outer(v_, k_)),
        (beta * (v - W @ k) * k, b_ * np.outer(v_ - w_ @ k_, k_)),
        (k * v, np.outer(k_, v_)),
        (v * k + k * v, 2 * np.outer(v_, k_)),
        (k * v - v * k, np.zeros((2, 3))),
        (v @ W @ k, v_ @ w_ @ k_),
        (W @ rename(W, value="value2"), w_ @ w_.T),
        (ein("o i -> i o", W), w_.T),
        (ein("o i -> i", W), w_.sum(0)),
        (ein("o i ->", W), w_.sum()),
        (A @ k, a_.T @ k_),
        (A @ rename(k, key="key2"), a_ @ k_),
        (T @ x, np.einsum("ocq,c->oq", t_, x_)),
        (1 - beta, 1 - b_),
        (v / beta, v_ / b_),
        (v**3, v_**3),
        (tril("value", "value2") @ rename(v, value="value2"), np.cumsum(v_)),
        (eye("key", "key2") * A, np.diag(np.diag(a_))),
        (A @ eye("key", "key2"), np.trace(a_)),
        (ones("value") @ ones("value"), 3.0),
        (v + 2 * ones("value"), v_ + 2),
        (softmax(W, "value"), np.exp(w_) / np.exp(w_).sum(0)),
        (softmax(W, "key"), np.exp(w_) / np.exp(w_).sum(1, keepdims=True)),
        (relu(tanh(v)), np.maximum(np.tanh(v_), 0)),
        ((W @ k) * v, (w_ @ k_) * v_),
    ],
)
def test_meaning(term, expected) -> None:
    assert error(evaluate(term, ARRAYS, sizes(term)), expected) <= 1e-15


def test_values_may_be_lists_and_numbers() -> None:
    assert evaluate(beta * k, {"beta": 0.5, "k": [1, 2]}).tolist() == [0.5, 1.0]


def test_a_value_is_an_array_in_float64_even_without_axes() -> None:
    for term in (k @ k, 1 - beta, tanh(beta), beta + beta, 2 * beta, beta):
        found = evaluate(term, ARRAYS)
        assert isinstance(found, np.ndarray) and found.shape == () and found.dtype == np.float64
        assert isinstance(differentiate(term, ARRAYS, ARRAYS), np.ndarray)


@given(terms(), seeds)
@example(tanh(v - W @ k) * k, 0)
def test_the_derivative_is_the_limit_of_differences(term, seed) -> None:
    """Central differences, fourth order, along a random direction; away from the corners of relu."""
    arrays, directions = values(seed, term), values(seed + 1, term)
    near = [n.term for n in subterms(term) if isinstance(n, Map) and n.primitive is Primitive.RELU]
    assume(all((np.abs(e) > 0.05).all() or not e.any() for n in near for e in [evaluate(n, arrays, sizes(term))]))
    h = 1e-3

    def at(c: float) -> np.ndarray:
        return evaluate(term, {n: a + c * h * directions[n] for n, a in arrays.items()}, sizes(term))

    samples = {c: at(c) for c in (-2, -1, 1, 2)}
    reference = (8 * (samples[1] - samples[-1]) - (samples[2] - samples[-2])) / (12 * h)
    curvature = max(float(np.max(np.abs(samples[c]), initial=0)) for c in samples)
    assume(curvature < 1e4)
    ours = differentiate(term, arrays, directions, sizes(term))
    assert error(ours, reference) <= 1e-5 * max(1.0, curvature)


@given(terms(), seeds)
def test_the_derivative_is_linear_in_the_direction(term, seed) -> None:
    arrays, one, other = values(seed, term), values(seed + 1, term), values(seed + 2, term)
    both = {n: 2 * one[n] - other[n] for n in one}
    parts = [differentiate(term, arrays, d, sizes(term)) for d in (one, other, both)]
    assert error(parts[2], 2 * parts[0] - parts[1]) <= 1e-10


def test_variables_that_are_not_named_stand_still() -> None:
    assert error(differentiate(W @ k, ARRAYS, {"k": k_}), w_ @ k_) <= 1e-15
    assert not differentiate(W @ k, ARRAYS, {}).any()


@given(terms())
def test_terms_survive_copying(term) -> None:
    assert pickle.loads(pickle.dumps(term)) == copy.deepcopy(term) == copy.copy(term) == term


def test_a_pickled_term_is_the_same_value_in_another_process() -> None:
    """Python's hashes of texts differ there; a hash kept inside would make equal terms unequal."""
    term = beta * tanh(v - W @ k) * k
    hash(term)
    script = (
        "import pickle, sys; from fwp.rules import tanh_delta; term = pickle.loads(sys.stdin.buffer.read());"
        "assert term == tanh_delta.rate and hash(term) == hash(tanh_delta.rate)"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps(term),
        check=True,
        timeout=100,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
    )


@given(terms())
def test_each_distinct_subterm_is_visited_once_children_first(term) -> None:
    seen: list[object] = []
    fold(term, lambda node, parts: seen.append(node))
    assert seen == list(subterms(term)) and len(set(seen)) == len(seen) and seen[-1] == term
    assert {x.name for x in variables(term)} == {n.name for n in seen if hasattr(n, "declared")}


@given(terms(), seeds)
def test_a_schedule_of_binary_steps_gives_the_product(term, seed) -> None:
    size = sizes(term)
    for node in subterms(term):
        if not isinstance(node, Product) or len(node.operands) < 2:
            continue
        generator = np.random.default_rng(seed)
        slots = [(o.axes, generator.normal(size=[size[a] for a in o.axes])) for o in node.operands]
        letter = {a: chr(97 + i) for i, a in enumerate(size)}

        def einsum(arrays, output) -> np.ndarray:
            sides = ",".join("".join(letter[a] for a in axes) for axes, _ in arrays)
            return np.einsum(f"{sides}->{''.join(letter[a] for a in output)}", *(array for _, array in arrays))

        reference = einsum(slots, node.axes)
        for step in schedule([axes for axes, _ in slots], node.axes):
            pair = [slots[step.left], slots[step.right]]
            assert set(step.summed) == {a for axes, _ in pair for a in axes} - set(step.axes)
            slots.append((step.axes, einsum(pair, step.axes)))
        assert slots[-1][0] == node.axes
        assert error(slots[-1][1], reference) <= 1e-12
