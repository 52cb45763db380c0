"""What `structure` says of a rate is true, its witnesses give the rate back, and no spelling hides the structure."""

from collections import Counter

import pytest

from fwp.errors import AxisError
from fwp.rules import ALL, delta, oja
from fwp.rules.gallery import forget
from fwp.rules.vocabulary import W, beta, erase, gamma, k, q, v, write
from fwp.terms import (
    Closed,
    ConstantRate,
    GeneralRate,
    LowRank,
    Node,
    OneSided,
    Primitive,
    ReadOut,
    Slot,
    State,
    TwoSided,
    Variable,
    Write,
    as_term,
    degree,
    ein,
    equivalent,
    eye,
    ones,
    reconstruct,
    rename,
    sigmoid,
    softmax,
    structure,
    tanh,
    tril,
)
from fwp.terms.build import align
from fwp.terms.syntax import ONE
from tests.structures import W2, A, B, M, check, eta, k2, mu, p, s, v2, w


def only(rate: Node, state: Variable = W) -> Write:
    """The one write of a low-rank rate."""
    found = check(rate, state)
    assert isinstance(found, LowRank) and len(found.writes) == 1, found
    return found.writes[0]


DELTA = Write(beta, v, k, k)

EXACT = {
    "hebb": ConstantRate(beta * v * k, "key", (Write(beta, v, None, k),)),
    "hebb_transposed": ConstantRate(beta * v * k, "key", (Write(beta, v, None, k),)),
    "oja": LowRank("value", None, (Write(beta, k, v, v),)),
    "delta": LowRank("key", None, (DELTA,)),
    "leaky_delta": LowRank("key", gamma, (DELTA,)),
    "erase_write": LowRank("key", None, (Write(ONE, v * write, erase * k, k),)),
    "classic_hebb": LowRank("key", None, (Write(-beta, None, k, k),)),
    "anti_hebb": LowRank("key", None, (Write(beta, None, k, k),)),
}


@pytest.mark.parametrize("name", EXACT)
def test_rules_have_exactly_these_witnesses(name: str) -> None:
    (rule,) = ALL[name].rules
    assert check(rule.rate) == EXACT[name]


def test_a_decay_for_each_key_is_a_generator_on_the_side_of_the_keys() -> None:
    found = check(ALL["gated_delta"].rate)
    generator = -eye("key2", "key") * forget - beta * rename(k, key="key2") * k
    assert isinstance(found, OneSided) and (found.axis, found.other) == ("key", "key2")
    assert equivalent(found.generator, generator) and equivalent(found.offset, beta * v * k)


def test_every_rule_of_the_library_has_the_structure_it_should_have() -> None:
    expected = Counter(
        {
            ConstantRate: 2,  # hebb twice
            LowRank: 6 + 2,  # the rules of EXACT, and the two means of covariance
            OneSided: 1,  # gated_delta
            ReadOut: 3,  # tanh_delta, softmax_oja twice
            GeneralRate: 3
            + 4
            + 9,  # oja_neuron, oja_subspace, sanger; ncde, nrde, big_map, gru_ode; what Systems couple
        }
    )
    rules = [(name, rule) for name, several in ALL.items() for rule in several.rules]
    found = {(name, rule.of.name): structure(rule.rate, rule.of) for name, rule in rules}
    assert Counter(map(type, found.values())) == expected
    for name, rule in rules:
        back = reconstruct(found[name, rule.of.name], rule.of)
        assert back is None or equivalent(back, rule.rate)
    assert found["oja_subspace", "W"] == found["sanger", "W"] == found["oja_neuron", "w"] == GeneralRate(3)
    assert found["gru_ode", "z"] == found["ncde", "z"] == GeneralRate(float("inf"))
    assert found["covariance", "k_mean"] == LowRank("key", gamma, (Write(gamma, ONE, None, k),))
    assert found["momentum_delta", "W"] == GeneralRate(0)  # coupled: it does not depend on itself, but on M
    assert found["bcm", "theta"] == GeneralRate(1)


DISGUISED = {
    "expanded": beta * v * k - beta * (W @ k) * k,
    "re-associated": (k * (v - k @ W)) * beta,
    "as a pattern": ein("o, i -> o i", ein(", o -> o", beta, v - ein("o i, i -> o", W, k)), k),
    "summed under another name": beta * (v - rename(W, key="key7") @ rename(k, key="key7")) * k,
    "in halves": delta.rate / 3 + beta * (2 * v - W @ k * 2) * k / 3,
    "through an identity": beta * (v - W @ (eye("key", "key2") @ rename(k, key="key2"))) * k,
    "with a term that cancels": delta.rate + tanh(W) * 2 - tanh(W) - tanh(W + 0 * W),
    "with signs": -beta * (W @ k - v) * k,
    "with the square of one": (W @ k - v) * (beta**2 - (beta + 1) * beta) * k,
    "axes swapped": align(delta.rate, ("key", "value")),
}


@pytest.mark.parametrize("spelling", DISGUISED)
def test_no_spelling_hides_the_delta_rule(spelling: str) -> None:
    assert check(DISGUISED[spelling]) == LowRank("key", None, (DELTA,))


RANK_ONE = {
    "a sum of keys": ((v - W @ k) * (k + k2), Write(ONE, v, k, k + k2)),
    "a sum of keys on both sides": ((v - W @ (k + k2)) * (k + k2), Write(ONE, v, k + k2, k + k2)),
    "a sum of values": ((v + 2 * v2 - W @ k) * k, Write(ONE, v + 2 * v2, k, k)),
    "a difference in the rate": ((1 - beta) * (v - W @ k) * k, Write(1 - beta, v, k, k)),
    "a sum of rates": ((beta + gamma) * (v - W @ k) * (k + p), Write(beta + gamma, v, k, k + p)),
    "a product of rates": (beta * gamma * (v - W @ k) * k / 2, Write(beta * gamma / 2, v, k, k)),
    "a rate from the slots": (sigmoid(k @ k) * (v - W @ k) * k, Write(sigmoid(k @ k), v, k, k)),
    "a normalised key": ((v - W @ k) * k / (k @ k), Write(1 / (k @ k), v, k, k)),
    "a scalar for each side": ((beta * v - gamma * W @ k) * k, Write(ONE, beta * v, gamma * k, k)),
    "scalars on three sides": (
        (beta * v - gamma * W @ k) * (eta * k + mu * k2),
        Write(ONE, beta * v, gamma * k, eta * k + mu * k2),
    ),
    "a scalar in the keys": ((v - W @ k) * (beta * k + k2), Write(ONE, v, k, beta * k + k2)),
    "numbers": (3 * (2 * v - 4 * W @ k) * k, Write(as_term(6), v, 2 * k, k)),
    "signs": ((v + W @ k) * k, Write(as_term(-1), -v, k, k)),
    "another query": ((v - W @ q) * k, Write(ONE, v, q, k)),
    "a matrix for the key": ((v - W @ (A @ rename(q, key="key2"))) * k, Write(ONE, v, A @ rename(q, key="key2"), k)),
    "the sum of a row": ((v - W @ ones("key")) * k, Write(ONE, v, ones("key"), k)),
    "the same for every key": ((v - W @ k) * ones("key"), Write(ONE, v, k, ones("key"))),
    "forgetting alone": (-(W @ p) * k, Write(ONE, None, p, k)),
    "the other side": (beta * (k - v @ W) * v2, Write(beta, k, v, v2)),
    "an inner product of values": ((v @ v) * v * k - (W @ k) * k, Write(ONE, (v @ v) * v, k, k)),
}


@pytest.mark.parametrize("name", RANK_ONE)
def test_one_outer_product_is_found_as_one(name: str) -> None:
    rate, expected = RANK_ONE[name]
    found = only(rate)
    for ours, theirs in zip(*([x.rate, x.value, x.read, x.write] for x in (found, expected)), strict=True):
        assert ours == theirs or (ours is not None and equivalent(ours, theirs)), found


RANK_TWO = {
    "two delta rules": beta * (v - W @ k) * k + gamma * (v2 - W @ k2) * k2,
    "two delta rules and a decay": beta * (v - W @ k) * k + (v2 - W @ k2) * k2 - (gamma + 1) * W,
    "keys that overlap": (v - W @ k) * (k + k2) + (v2 - W @ k2) * (k + p),
    "everything overlaps": (v + v2 - W @ (k + p)) * (k + k2) + (v2 - v - W @ (k - p)) * (k + 2 * p + k2),
    "scalars overlap": beta * (v - W @ k) * (k + k2) + gamma * (v2 - W @ k2) * (k + p),
}


@pytest.mark.parametrize("name", RANK_TWO)
def test_two_outer_products_are_found_as_two(name: str) -> None:
    found = check(RANK_TWO[name])
    assert isinstance(found, LowRank) and len(found.writes) == 2
    assert found.decay is None if "decay" not in name else equivalent(found.decay, gamma + 1)


def test_the_side_with_fewer_outer_products_is_taken() -> None:
    found = check(v * k + v2 * k2 - v * (v @ W))  # from the keys' side this is no product at all
    assert isinstance(found, LowRank) and found.axis == "value" and len(found.writes) == 2
    assert check(v * k + v * k2) == ConstantRate(v * k + v * k2, "key", (Write(ONE, v, None, k + k2),))


def test_nothing_is_written_where_there_is_only_decay() -> None:
    assert check(-gamma * W) == LowRank("key", gamma, ())
    assert check(W * 2) == LowRank("key", as_term(-2), ())
    assert check(v * k - W) == LowRank("key", ONE, (Write(ONE, v, None, k),))


def test_what_cancels_is_not_there() -> None:
    assert check(W @ k * k - k * (k @ W) + v * k) == ConstantRate(v * k, "key", (Write(ONE, v, None, k),))
    nothing = check(beta * (W @ k) * k - (W @ k) * (beta * k))
    assert isinstance(nothing, ConstantRate) and (nothing.axis, nothing.writes) == (None, ())
    assert check(delta.rate + (W @ k) * (v @ W) - (v @ W) * (W @ k)) == check(delta.rate)


ONE_SIDED = {
    "a matrix": (rename(W @ A, key2="key"), rename(A, key="key2", key2="key"), None),
    "a triangle": (rename(W @ tril("key", "key2"), key2="key"), tril("key2", "key"), None),
    "a decay for each key": (W * k + B, eye("key2", "key") * k, B),
    "no outer product for a constant": (B - beta * W, -beta * eye("key2", "key"), B),
    "an outer product and a decay for each key": (
        (W @ k) * k2 - W * erase,
        rename(k, key="key2") * k2 - eye("key2", "key") * erase,
        None,
    ),
    "the mean of a row": ((W @ ones("key")) * k + B, ones("key2") * k, B),
}


@pytest.mark.parametrize("name", ONE_SIDED)
def test_matrices_on_one_side(name: str) -> None:
    rate, generator, offset = ONE_SIDED[name]
    found = check(rate)
    assert isinstance(found, OneSided) and (found.axis, found.other) == ("key", "key2")
    assert equivalent(found.generator, generator)
    assert found.offset == offset


def test_a_matrix_on_the_side_of_the_values() -> None:
    G = Slot("G", "value value2")
    found = check(G @ rename(W, value="value2") + v * k)
    assert isinstance(found, OneSided) and (found.axis, found.other) == ("value", "value2")
    assert equivalent(found.generator, G) and equivalent(found.offset, v * k)


def test_a_second_name_is_free() -> None:
    S = State("S", "key key2")
    found = check(align(S * k - S, S.axes), S)
    assert isinstance(found, OneSided) and (found.axis, found.other) == ("key", "key3")


S2 = State("S", "key key2")

TWO_SIDED = {
    "delta and oja": (delta.rate + oja.rate, W, beta * (v * k + v * k)),
    "a weight for each entry": (B - B * W, W, B),
    "a value for each row": (v * (W @ k) * k, W, None),
    "one number": ((v @ W @ k) * v * k, W, None),
    "its transpose": (rename(S2, key="key2", key2="key") - S2, S2, None),
    "its diagonal": (eye("key", "key2") * S2, S2, None),
    "both sides": (-gamma * W - v * (v @ W) - (W @ k) * k, W, None),
    "a number": (beta - gamma * s, s, beta),
}


@pytest.mark.parametrize("name", TWO_SIDED)
def test_affine_but_on_both_sides(name: str) -> None:
    rate, state, offset = TWO_SIDED[name]
    found = check(rate, state)
    assert isinstance(found, TwoSided)
    assert (found.offset is None and offset is None) or equivalent(found.offset, offset)


def test_vector_states_are_read_as_numbers() -> None:
    assert only(beta * (gamma - w @ k) * k, w) == Write(beta, gamma, k, k)
    assert only(-(w @ k) * k + 2 * k, w) == Write(ONE, as_term(2), k, k)
    assert check(k - w, w) == LowRank("key", ONE, (Write(ONE, ONE, None, k),))
    found = check(p - w * erase, w)
    assert isinstance(found, OneSided) and found.offset == p
    found = check(tanh(beta - w @ k) * k, w)
    assert isinstance(found, ReadOut) and found.output == State("u", "")
    assert found.closed == Closed(Primitive.TANH, ONE, beta, as_term(-1))


def test_states_without_axes_have_no_side() -> None:
    assert check(beta, s) == ConstantRate(beta, None, ())
    assert check(s * s, s) == GeneralRate(2)


def test_states_of_three_axes() -> None:
    T, e = State("T", "value channel key"), Slot("e", "value channel")
    assert check(beta * (e - T @ k) * k, T) == LowRank("key", None, (Write(beta, e, k, k),))
    found = check(tanh(e - T @ k) * k, T)
    assert isinstance(found, ReadOut) and found.closed == Closed(Primitive.TANH, ONE, e, as_term(-1))
    found = check(softmax(e - T @ k, "value") * k, T)
    assert isinstance(found, ReadOut) and found.closed is None  # a softmax for each channel


GENERAL = {
    "two reads": tanh(W @ k) * k + tanh(W @ k2) * k,
    "two reads in a map": tanh(W @ k - v * (W @ k2)) * k,
    "two writes": tanh(W @ k) * k + sigmoid(W @ k) * k2,
    "a decay besides": tanh(W @ k) * k - gamma * W,
    "a map of the state": tanh(W) * v,
    "written by the state": tanh(W @ k) * (v @ W),
    "weighed by the state": tanh(W @ k) * (k + (v @ W @ k) ** 2 * k2),
    "a read that the state chooses": tanh(W @ softmax(v @ W, "key")) * k,
    "a decay that the state chooses": sigmoid(v @ W @ k) * W,
    "the sum of squares": ((W * W) @ ones("key")) * k,
    "correlations of values": rename(W @ W2 @ v, value2="value") * k,
    "read along both sides": tanh(W @ k) * k + tanh(v @ W) * v,
}


@pytest.mark.parametrize("name", GENERAL)
def test_everything_else_is_general(name: str) -> None:
    rate = GENERAL[name]
    assert check(rate) == GeneralRate(degree(rate, W))


def test_other_states_couple_an_equation() -> None:
    assert check(delta.rate - gamma * M) == GeneralRate(1)
    assert check(tanh(M @ k) * k) == GeneralRate(0)
    assert check(delta.rate + M - M) == check(delta.rate)


def test_a_rate_of_other_axes_is_refused() -> None:
    for rate, state in ((v, W), (beta, w), (delta.rate, W2)):
        with pytest.raises(AxisError, match="does not have the axes of the state"):
            structure(rate, state)
