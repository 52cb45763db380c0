"""Rates that see their state through one vector are found to, however it is spelt, and so are those that close."""

import pytest

from fwp.rules import ALL, tanh_delta
from fwp.rules.vocabulary import W, beta, gamma, k, q, v, write
from fwp.terms import (
    Closed,
    Primitive,
    ReadOut,
    Slot,
    State,
    as_term,
    equivalent,
    exp,
    ones,
    relu,
    rename,
    sigmoid,
    softmax,
    sqrt,
    square,
    tanh,
)
from fwp.terms.syntax import ONE
from tests.structures import A, check, g, k2, of_closed, q2, real_rate, v2


def test_tanh_delta_reads_out_and_closes() -> None:
    found = check(tanh_delta.rate)
    assert isinstance(found, ReadOut) and (found.axis, found.read, found.write) == ("key", k, k)
    assert found.output == State("u", "value") and equivalent(found.response, beta * tanh(v - found.output))
    assert found.closed == Closed(Primitive.TANH, beta, v, as_term(-1))


def test_softmax_oja_reads_out_and_closes() -> None:
    for name in ("softmax_oja", "softmax_oja_transposed"):
        found = check(ALL[name].rate)
        assert isinstance(found, ReadOut) and (found.axis, found.read, found.write) == ("value", v, v)
        assert found.output == State("u", "key")
        assert found.closed == Closed(Primitive.SOFTMAX, beta, k, as_term(-1))


U = State("u", "value")

READ_OUT = {
    "a sum of keys in a map": (tanh(v - W @ (k + k2)) * k, k + k2, k, tanh(v - U)),
    "a difference of keys": (tanh(2 * v - W @ k * 4 + W @ k2 * 2) * k, 2 * k - k2, k, tanh(2 * v - 2 * U)),
    "scalars in the keys": (tanh(W @ (beta * k + gamma * k2)) * k, beta * k + gamma * k2, k, tanh(U)),
    "two maps": ((tanh(W @ k) + sigmoid(v * (W @ k))) * (k + k2), k, k + k2, tanh(U) + sigmoid(v * U)),
    "a map of a map": (beta * sigmoid(v - tanh(2 * W @ k)) * q, k, q, beta * sigmoid(v - tanh(2 * U))),
    "a polynomial": ((W @ (k + q)) ** 2 * k + (W @ (k + q)) ** 3 * k, k + q, k, U**2 + U**3),
    "its length": (sqrt(1 + (W @ k) @ (W @ k)) * v * k, k, k, sqrt(1 + U @ U) * v),
    "a number read": (tanh(v @ W @ k) * v * k, k, k, tanh(v @ U) * v),
    "softmax under another name": (
        (softmax(rename(W @ k, value="value2"), "value2") @ rename(v, value="value2")) * v * k,
        k,
        k,
        (softmax(U, "value") @ v) * v,
    ),
    "a map beside the error": ((v - W @ k) * exp(-gamma * square(W @ k)) * k, k, k, (v - U) * exp(-gamma * U**2)),
    "a matrix for the key": (relu(W @ (A @ q2)) * k, A @ q2, k, relu(U)),
    "every key": (relu(W @ ones("key")) * ones("key"), ones("key"), ones("key"), relu(U)),
    "values mixed after the read": (
        tanh(Slot("G", "value value2") @ rename(W @ k, value="value2")) * k,
        k,
        k,
        tanh(Slot("G", "value value2") @ rename(U, value="value2")),
    ),
}


@pytest.mark.parametrize("name", READ_OUT)
def test_what_is_read_gets_a_name(name: str) -> None:
    rate, read, write, response = READ_OUT[name]
    found = check(rate)
    assert isinstance(found, ReadOut), found
    assert found.axis == "key" and found.output == U
    assert equivalent(found.read, read) and equivalent(found.write, write)
    assert equivalent(found.response, response), found.response


def test_the_name_of_what_is_read_is_free() -> None:
    found = check(tanh(Slot("u", "value") - W @ k) * k)
    assert isinstance(found, ReadOut) and found.output == State("u2", "value")


CLOSED = {
    "a slope for each value": (g * tanh(v - 2 * v2 * (W @ k)) * k, Closed(Primitive.TANH, g, v, -2 * v2)),
    "no offset": (tanh(W @ k) * k, Closed(Primitive.TANH, ONE, None, ONE)),
    "signs": (-beta * tanh(v + W @ k) * q, Closed(Primitive.TANH, -beta, v, ONE)),
    "a sum of slopes": (tanh(v - beta * (W @ k) - W @ k) * k, Closed(Primitive.TANH, ONE, v, -1 - beta)),
    "a sum of slopes of two kinds": (
        tanh(v - beta * (W @ k) - g * (W @ k)) * k,
        Closed(Primitive.TANH, ONE, v, -beta * ones("value") - g),
    ),
    "softmax of values": (beta * softmax(v - gamma * W @ k, "value") * k, Closed(Primitive.SOFTMAX, beta, v, -gamma)),
    "softmax with a square for a rate": (
        (q @ k) ** 2 * sigmoid(q @ k) * softmax(v - W @ k / 2, "value") * k / (1 + k @ k),
        Closed(Primitive.SOFTMAX, (q @ k) ** 2 * sigmoid(q @ k) / (1 + k @ k), v, as_term(-0.5)),
    ),
    "softmax with two keys": (
        softmax(v - W @ (k - k2), "value") * (k - k2) * 3,
        Closed(Primitive.SOFTMAX, as_term(3), v, as_term(-1)),
    ),
    "softmax with signs inside": (
        softmax(v + W @ (k2 - k), "value") * (k - k2),
        Closed(Primitive.SOFTMAX, ONE, v, as_term(-1)),
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_responses_that_close(name: str) -> None:
    rate, expected = CLOSED[name]
    found = check(rate)
    assert isinstance(found, ReadOut) and found.closed is not None
    assert found.closed.primitive is expected.primitive
    for ours, theirs in zip(of_closed(found.closed), of_closed(expected), strict=True):
        assert equivalent(ours, theirs), found


OPEN = {
    "softmax that grows": softmax(v + W @ k, "value") * k,
    "softmax with a rate of any sign": real_rate * softmax(v - W @ k, "value") * k,
    "softmax with a negative rate": -beta * softmax(v - W @ k, "value") * k,
    "softmax with a slope of any sign": softmax(v - real_rate * W @ k, "value") * k,
    "softmax with a rate that may be negative": (q @ k) * softmax(v - W @ k, "value") * k,
    "softmax that reads another key": softmax(v - W @ q, "value") * k,
    "softmax that writes against its read": softmax(v - W @ (k - k2), "value") * (k2 - k),
    "softmax with a rate for each value": g * softmax(v - W @ k, "value") * k,
    "softmax with a slope for each value": softmax(v - write * (W @ k), "value") * k,
    "tanh of a product": tanh((v - W @ k) * (W @ k)) * k,
    "tanh that mixes": tanh(v - v * (v @ (W @ k))) * k,
    "tanh times the read": tanh(v - W @ k) * (W @ k) * k,
    "two terms": (tanh(v - W @ k) + v) * k,
    "two maps": tanh(v - W @ k) * sigmoid(W @ k) * k,
    "tanh of a map": tanh(v - sigmoid(W @ k)) * k,
    "tanh summed": (tanh(v - W @ k) @ v) * v * k,
    "another map": sigmoid(v - W @ k) * k,
}


@pytest.mark.parametrize("name", OPEN)
def test_responses_that_do_not_close(name: str) -> None:
    found = check(OPEN[name])
    assert isinstance(found, ReadOut) and found.closed is None
