"""Equal normal forms mean equal terms; terms that ring laws or names of summed axes tell apart have equal ones."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fwp.terms import (
    Constant,
    Map,
    Node,
    Product,
    Scale,
    Sum,
    Term,
    as_term,
    ein,
    equivalent,
    evaluate,
    exp,
    eye,
    normal,
    ones,
    parts,
    relu,
    rename,
    softmax,
    sqrt,
    square,
    subterms,
    tanh,
    to_term,
    tril,
)
from fwp.terms.build import add, align, multiply
from fwp.terms.rename import bound_axes, substitute_axes
from fwp.testing.numbers import error
from fwp.testing.terms import NAMESPACE, W, factors, seeds, sizes, terms, values

k, v, w, beta, gamma, A, M = (NAMESPACE[name] for name in ("k", "v", "w", "beta", "gamma", "A", "M"))
W2, W3, v2, k2 = rename(W, value="value2"), rename(W, key="key2"), rename(v, value="value2"), rename(k, key="key2")

EQUAL = [
    (v * k, k * v),
    (beta * v * k, v * (beta * k)),
    (beta * (v - W @ k) * k, beta * v * k - beta * (W @ k) * k),
    (W @ k, k @ W),
    (W @ k, W3 @ k2),
    (v @ W @ k, v @ (W @ k)),
    ((W @ k) @ v, ein("o i, i, o ->", W, k, v)),
    (W @ W2, rename(W, value="value2", key="key2") @ W3),
    ((W @ k) ** 2, (W @ k) * (W @ k)),
    ((W @ k) ** 2, (W3 @ k2) * (W @ k)),
    (square(k + w), k * k + 2 * k * w + w * w),
    (k**3, k * square(k)),
    (W - W, 0 * W),
    (W + W, 2 * W),
    (W / 3, W * (1 / 3)),
    (0.1 * k + 0.2 * k, 0.3 * k),
    (v * k - k * v, 0 * W),
    (-(k - w), w - k),
    (tanh(k + w), tanh(w + k)),
    (tanh(2 * k), tanh(k + k)),
    (tanh(W @ k), tanh(k2 @ W3)),
    (tanh(v * k), tanh(k * v)),
    (rename(tanh(W), key="key2") @ k2, tanh(W) @ k),
    (softmax(W, "key") @ k, rename(softmax(W, "key"), key="key2") @ k2),
    (ones("key") * k, k),
    (ones("value", "key") * W, W),
    (W @ k * ones("value"), W @ k),
    (eye("key", "key2") @ k, k2),
    (eye("key2", "key") @ k, k2),
    (eye("value", "value2") @ eye("value2", "value3") @ rename(v, value="value3"), v),
    (eye("value", "value2") @ rename(eye("value", "value2"), value="value2", value2="value3"), eye("value", "value3")),
    (eye("key", "key2") @ A, eye("key2", "key") @ A),
    (A @ k, rename(A @ k, key2="value") @ eye("value", "key2")),
    (eye("value", "value2") ** 2, eye("value2", "value") * 1),
    ((eye("value", "value2") ** 2) @ v2, v),
    (tril("value", "value2") * tril("value", "value2"), tril("value", "value2")),
    (eye("value", "value2") @ ones("value2"), ones("value")),
    (ones("value") * ones("key"), ones("value", "key")),
    (eye("value", "value2") * v, eye("value", "value2") * v2),
    (eye("value", "value2") * v * v2, v**2 * eye("value2", "value")),
    (tril("value", "value2") @ v2, tril("value", "value3") @ rename(v, value="value3")),
    ((k @ k) * (w @ w), (w @ w) * (k @ k)),
    ((v + ones("value")) * k, v * k + ones("value") * k),
    ((1 + beta) * (1 - beta), 1 - beta**2),
    ((ones("key") @ ones("key")) * k, k * (ones("key") @ ones("key"))),
    (as_term(1), as_term(3) / 3),
    (k / beta, (1 / beta) * k),
    (W @ (k + w), W @ k + W @ w),
    ((W + M) @ k, M @ k + W @ k),
    (W @ (v @ W), W @ (v2 @ W2)),
]

DIFFERENT = [
    (W, M),
    (k, w),
    (k, k2),
    (W @ k, W @ w),
    (A, rename(A, key="key2", key2="key")),
    (A @ k2, rename(A, key="key2", key2="key") @ k2),
    ((W @ k) ** 2, ein("o i, i, i -> o", W, k, k)),
    ((k @ k) * k, k * k * k),
    ((k @ k) * (w @ w), (k @ w) ** 2),
    (W @ W2, (W * W) @ ones("key") * ones("value2")),
    (tril("value", "value2"), tril("value2", "value")),
    (tril("value", "value2"), eye("value", "value2")),
    (ones("value", "value2"), eye("value", "value2")),
    (tanh(k) + tanh(w), tanh(k + w)),
    (tanh(2 * k), 2 * tanh(k)),
    (softmax(W, "key"), softmax(W, "value")),
    (tanh(k), sqrt(exp(k))),
    (relu(k), k),
    (0.1 * k, 0.1000000001 * k),
    (ones("value") @ ones("value"), ones("key") @ ones("key")),
    (beta * (ones("value") @ ones("value")), beta),
    ((v + ones("value")) @ ones("value"), v @ ones("value") + ones("key") @ ones("key")),
    (tril("value", "value2") @ ones("value2") @ ones("value"), tril("key", "key2") @ ones("key2") @ ones("key")),
    (tanh(ones("value") @ ones("value")), tanh(ones("key") @ ones("key"))),
]


@pytest.mark.users
@pytest.mark.parametrize("one, other", EQUAL, ids=[f"{a} = {b}" for a, b in EQUAL])
def test_equal(one: Node, other: Node) -> None:
    assert equivalent(one, other)
    assert hash(normal(one)) == hash(normal(other))


@pytest.mark.parametrize("one, other", DIFFERENT, ids=[f"{a} ≠ {b}" for a, b in DIFFERENT])
def test_different(one: Node, other: Node) -> None:
    assert not equivalent(one, other)


def rewritten(term: Node, draw: Callable[[st.SearchStrategy], object]) -> Node:
    """The same function in other words: every node commuted, associated, distributed or renamed inside as it falls."""
    match term:
        case Product(operands, axes) if operands:
            names = {a: f"{a.rstrip('0123456789')}{draw(st.integers(20, 40))}" for a in bound_axes(term)}
            if len(set(names.values())) < len(names) or any(isinstance(n, Constant) for n in subterms(term)):
                names = {}  # a summed axis that only constants have is known by its name
            parts = [substitute_axes(rewritten(o, draw), names) for o in draw(st.permutations(operands))]
            place = next((i for i, p in enumerate(parts) if isinstance(p, Sum)), None)
            if place is not None and draw(st.booleans()):
                before, total, after = parts[:place], parts[place], parts[place + 1 :]
                return add([multiply([*before, t, *after], axes) for t in total.terms])
            if len(parts) > 1 and draw(st.booleans()):
                cut = draw(st.integers(1, len(parts) - 1))
                left, right = parts[:cut], parts[cut:]
                needed = {*axes, *(a for p in right for a in p.axes)}
                kept = tuple(a for a in dict.fromkeys(a for p in left for a in p.axes) if a in needed)
                return multiply([multiply(left, kept), *right], axes)
            return multiply(parts, axes)
        case Sum(parts, axes):
            mixed = [rewritten(t, draw) for t in draw(st.permutations(parts))]
            if draw(st.booleans()):
                extra = rewritten(draw(st.sampled_from(parts)), draw)
                mixed = [*mixed, extra, -1 * extra]
            return align(add(mixed), axes)
        case Scale(factor, inner, _):
            half = Fraction(draw(factors))
            return (factor - half) * rewritten(inner, draw) + half * rewritten(inner, draw)
        case Map(primitive, over, inner, axes):
            moved = align(rewritten(inner, draw), tuple(draw(st.permutations(inner.axes))))
            if primitive.name == "SQUARE" and draw(st.booleans()):
                return align(moved * moved, axes)
            return align(Map(primitive, over, moved, moved.axes), axes)
        case _ if term.axes and draw(st.integers(0, 3)) == 0:
            axis = draw(st.sampled_from(term.axes))
            other = f"{axis.rstrip('0123456789')}{draw(st.integers(50, 60))}"
            return align(eye(axis, other) @ substitute_axes(term, {axis: other}), term.axes)
    return term


@given(terms(eyes=False), st.data(), seeds)  # identity matrices come in by rewriting
@example(eye("value", "value2") @ eye("value2", "value3") @ rename(v, value="value3"), None, 0)
def test_ring_laws_and_names_of_summed_axes_do_not_matter(term: Term, data, seed) -> None:
    other = term if data is None else align(rewritten(term, data.draw), term.axes)
    arrays = values(seed, term, other)
    assert error(evaluate(other, arrays, sizes(term, other)), evaluate(term, arrays, sizes(term, other))) <= 1e-10
    assert normal(other) == normal(term)


@given(terms(("key",), depth=2), terms(("key",), depth=2), seeds)
@example(ones("key") * (ones("value") @ ones("value")), ones("key") * (ones("channel") @ ones("channel")), 0)
def test_terms_with_one_normal_form_have_one_value(one: Term, other: Term, seed) -> None:
    if normal(one) == normal(other):
        arrays = values(seed, one, other)
        assert error(evaluate(one, arrays, sizes(one)), evaluate(other, arrays, sizes(other))) <= 1e-10


@given(terms(), seeds)
@example((v @ ones("value")) / (ones("value") @ ones("value")) * k, 0)
@example(tanh(tril("value", "value2") @ ones("value2")) * v, 0)
def test_a_normal_form_is_a_term_again(term: Term, seed) -> None:
    form = normal(term)
    for (
        monomial,
        _,
    ) in form.monomials:  # of two sums of 1 over one axis in one product, one gets a name that says no size
        labelled = {a for factor in monomial for a in factor.axes if a not in form.axes and "_" in a}
        assume(len({a.partition("_")[2] for a in labelled}) == len(labelled))
    back = to_term(form, term.axes)
    arrays = values(seed, term)
    assert back.axes == term.axes
    assert error(evaluate(back, arrays, sizes(term)), evaluate(term, arrays, sizes(term))) <= 1e-11
    assert normal(back) == form


def test_a_summed_axis_that_only_constants_have_keeps_its_size() -> None:
    """The mean of the values: the sum over value of 1 is the size of value, and of nothing else."""
    mean = (v @ ones("value")) / (ones("value") @ ones("value"))
    (part,) = parts(mean, v).values()
    assert evaluate(part, {"v": [1.0, 2.0, 6.0]}) == 3
