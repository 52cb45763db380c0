"""What is said of random rates is true, and random disguises do not hide a structure."""

from collections import Counter
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fwp.rules import leaky_delta
from fwp.rules.gallery import forget
from fwp.rules.vocabulary import W, beta, erase, gamma, k, q, v, write
from fwp.terms import (
    ConstantRate,
    GeneralRate,
    LowRank,
    Node,
    OneSided,
    ReadOut,
    Slot,
    TwoSided,
    as_term,
    ones,
    parts,
    relu,
    rename,
    sigmoid,
    softmax,
    square,
    structure,
    tanh,
    variables,
)
from fwp.terms.build import add, align
from fwp.terms.parts import monomials
from fwp.terms.syntax import ONE
from fwp.terms.witness import substitute
from fwp.testing.terms import seeds, terms
from tests.structures import A, B, check, g, k2, p, v2
from tests.terms.test_normal import rewritten


def freed(rate: Node) -> Node:
    """The rate with slots in place of the states other than W, which would couple it."""
    for x in variables(rate):
        if x.role is W.role and x.name != W.name:
            rate = substitute(rate, x, Slot(x.name, " ".join(x.declared)))
    return rate


@st.composite
def mixtures(draw: Callable[[st.SearchStrategy], object]) -> Node:
    """A sum of random terms, most of them with the state in a place where it has a structure."""

    def some(*axes: str) -> Node:
        return draw(terms(axes, depth=2))

    def part() -> Node:
        axis, other = draw(st.permutations(["key", "value"]))
        kinds = [
            lambda: some("value", "key"),
            lambda: some(other) * some(axis),
            lambda: some() * W,
            lambda: some(axis) * W,
            lambda: (some(other) - W @ some(axis)) * some(axis),
            lambda: rename(W @ some(axis, f"{axis}2"), **{f"{axis}2": axis}),
            lambda: tanh(some(other) - W @ some(axis)) * some(axis),
            lambda: softmax(some(other) - W @ some(axis), other) * some(axis),
            lambda: some(other) * (W @ some(axis)) * some(axis),
        ]
        return freed(align(draw(st.sampled_from(kinds))(), W.axes))

    return align(add([part() for _ in range(draw(st.sampled_from([1, 1, 2, 3])))]), W.axes)


random_rates = st.one_of(mixtures(), terms(("value", "key"), depth=4).map(freed))


@given(random_rates, seeds)
@example(leaky_delta.rate, 0)
@example(forget * W + v * k, 0)
def test_what_is_said_of_a_random_rate_is_true(rate: Node, seed: int) -> None:
    found = check(rate, W, seed)
    affine = isinstance(found, ConstantRate | LowRank | OneSided | TwoSided)
    assert affine == (max(parts(rate, W), default=0) <= 1)


def test_random_rates_are_of_every_kind() -> None:
    """The law above would be empty if all that is drawn were general."""
    drawn = Counter[type]()

    @settings(max_examples=200, database=None, derandomize=True, deadline=None)
    @given(random_rates)
    def draw(rate: Node) -> None:
        drawn[type(structure(rate, W))] += 1

    draw()
    assert set(drawn) == {ConstantRate, LowRank, OneSided, TwoSided, ReadOut, GeneralRate}, drawn
    assert min(drawn.values()) >= 3, drawn


vectors = {
    "key": [k, k2, p, erase * k, q - k, k + k2, beta * k + k2, A @ rename(k, key="key2"), 2 * p - k / 3, ones("key")],
    "value": [v, v2, g, write * v, v - v2, v + 2 * g, B @ k, gamma * v, (v @ g) * v2, ones("value")],
}
rates = [ONE, beta, gamma, as_term(-2), beta * gamma, sigmoid(k @ k), as_term(0.5)]


@st.composite
def low_ranks(draw: Callable[[st.SearchStrategy], object]) -> tuple[Node, int]:
    """A sum of outer products along one axis and a decay, and how many outer products there are."""
    axis, other = draw(st.permutations(["key", "value"]))
    number = draw(st.integers(1, 3))
    total = [draw(st.sampled_from(rates)) * W] if draw(st.booleans()) else []
    for _ in range(number):
        rate, read, write = (draw(st.sampled_from(choices)) for choices in (rates, vectors[axis], vectors[axis]))
        value = draw(st.sampled_from([0 * ones(other), *vectors[other]]))
        total.append(rate * (value - W @ read) * write)
    return align(add(total), W.axes), number


@given(low_ranks(), st.data(), seeds)
def test_no_disguise_hides_outer_products(drawn: tuple[Node, int], data, seed: int) -> None:
    rate, number = drawn
    disguised = align(rewritten(add(data.draw(st.permutations(monomials(rate)))), data.draw), W.axes)
    for spelling in (rate, disguised):
        found = check(spelling, W, seed)
        assert isinstance(found, LowRank | ConstantRate) and len(found.writes) <= number
    assert structure(disguised, W) == structure(rate, W)


@st.composite
def read_outs(draw: Callable[[st.SearchStrategy], object]) -> Node:
    """A response to one product of the state with a vector, times a vector."""
    axis, other = draw(st.permutations(["key", "value"]))
    read, write = (draw(st.sampled_from(vectors[axis])) for _ in range(2))
    u, x = W @ read, draw(st.sampled_from(vectors[other]))
    rate = draw(st.sampled_from(rates))
    responses = [tanh(x - u), softmax(x - rate * u, other), x * u * u, tanh(x + rate * u) * sigmoid(u), (u @ u) * x]
    responses += [relu(u) - x, tanh(rate * u @ x) * x, tanh(x - tanh(u - x)), square(u - x) * u]
    return align(rate * draw(st.sampled_from(responses)) * write, W.axes)


@given(read_outs(), st.data(), seeds)
def test_no_disguise_hides_a_read_out(rate: Node, data, seed: int) -> None:
    disguised = align(rewritten(rate, data.draw), W.axes)
    for spelling in (rate, disguised):
        assert isinstance(check(spelling, W, seed), ReadOut)
    assert structure(disguised, W) == structure(rate, W)
