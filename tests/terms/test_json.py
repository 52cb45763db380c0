"""Terms travel as json: the same value comes back, and nothing else ever gets in."""

import json
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwp.errors import FormatError, FwpError
from fwp.terms import Node, as_term, from_json, ones, subterms, tanh, to_json
from fwp.testing.terms import NAMESPACE, W, terms

k, v, beta = (NAMESPACE[name] for name in ("k", "v", "beta"))
DELTA = beta * (v - W @ k) * k

VARIABLE = {
    "node": "variable",
    "name": "k",
    "declared": ["key"],
    "role": "slot",
    "domain": ["real", None],
    "axes": ["key"],
}
ONES = {"node": "constant", "kind": "ones", "axes": ["key"]}


@pytest.mark.users
@given(terms())
def test_round_trip_through_text(term) -> None:
    data = json.loads(json.dumps(to_json(term), allow_nan=False))
    back = from_json(data)
    assert back == term
    assert to_json(back) == data


def test_sharing_survives() -> None:
    term = k
    for _ in range(12):
        term = tanh(term + term)
    assert len(to_json(term)) == len(subterms(term)) == 25
    assert from_json(to_json(term)) == term


@pytest.mark.parametrize(
    "factor", [Fraction(1, 3), 0.1, 5e-324, 1.7e308, -(2**60), Fraction(-7, 10**9 + 7), 0.1234567890123456]
)
def test_factors_are_exact(factor) -> None:
    assert from_json(to_json(factor * k)) == factor * k


def changed(base: dict, **entries: object) -> dict:
    """The node with entries changed; those that are `...` taken out."""
    return {key: value for key, value in (base | entries).items() if value is not ...}


HOSTILE = {
    "not a list": {"node": "constant"},
    "nothing": [],
    "none": None,
    "a number": 5,
    "a text": "W @ k",
    "nodes that are no dicts": [1, 2],
    "a list as node": [["variable"]],
    "none as node": [None],
    "a text as node": ["variable"],
    "no kind": [changed(VARIABLE, node=...)],
    "an unknown kind": [changed(VARIABLE, node="exec")],
    "a list as kind": [changed(VARIABLE, node=["variable"])],
    "no name": [changed(VARIABLE, name=...)],
    "a number as name": [changed(VARIABLE, name=5)],
    "a list as name": [changed(VARIABLE, name=["k"])],
    "a name that is code": [changed(VARIABLE, name="k); import os; (k")],
    "a keyword as name": [changed(VARIABLE, name="lambda")],
    "a name that Python reads as another": [changed(VARIABLE, name="\u00b5")],
    "a text as axes": [changed(VARIABLE, axes="key")],
    "numbers as axes": [changed(VARIABLE, axes=[1])],
    "an axis that is code": [changed(VARIABLE, declared=["key,"], axes=["key,"])],
    "one axis twice": [changed(VARIABLE, declared=["a", "a"], axes=["a", "a"])],
    "too few axes": [changed(VARIABLE, axes=[])],
    "an unknown role": [changed(VARIABLE, role="oracle")],
    "a list as role": [changed(VARIABLE, role=["slot"])],
    "an unknown domain": [changed(VARIABLE, domain=["complex", None])],
    "a domain over an axis that is not there": [changed(VARIABLE, domain=["simplex", "value"])],
    "a domain without its axis": [changed(VARIABLE, domain=["simplex", None])],
    "a domain with a list as axis": [changed(VARIABLE, domain=["simplex", ["key"]])],
    "a domain of one": [changed(VARIABLE, domain=["real"])],
    "a domain of three": [changed(VARIABLE, domain=["real", None, None])],
    "an unknown constant": [changed(ONES, kind="zeros")],
    "an identity of one axis": [changed(ONES, kind="eye")],
    "a cycle": [{"node": "product", "terms": [0], "axes": []}],
    "a forward reference": [VARIABLE, {"node": "product", "terms": [0, 2], "axes": ["key"]}, VARIABLE],
    "a negative reference": [VARIABLE, {"node": "product", "terms": [-1], "axes": ["key"]}],
    "a truth value as reference": [VARIABLE, ONES, {"node": "product", "terms": [True], "axes": ["key"]}],
    "a fraction as reference": [VARIABLE, {"node": "product", "terms": [0.0], "axes": ["key"]}],
    "a text as references": [VARIABLE, {"node": "product", "terms": "0", "axes": ["key"]}],
    "a number as references": [VARIABLE, {"node": "product", "terms": 0, "axes": ["key"]}],
    "a product with an axis of its own": [VARIABLE, {"node": "product", "terms": [0], "axes": ["key", "value"]}],
    "a sum of nothing": [{"node": "sum", "terms": [], "axes": []}],
    "a sum over other axes": [VARIABLE, {"node": "sum", "terms": [0], "axes": ["value"]}],
    "a factor that is a number": [VARIABLE, {"node": "scale", "factor": 2, "term": 0}],
    "a factor that is a list": [VARIABLE, {"node": "scale", "factor": ["2"], "term": 0}],
    "a factor that is no number": [VARIABLE, {"node": "scale", "factor": "two", "term": 0}],
    "a factor over zero": [VARIABLE, {"node": "scale", "factor": "1/0", "term": 0}],
    "a factor that is not finite": [VARIABLE, {"node": "scale", "factor": "inf", "term": 0}],
    "a factor that is not a number": [VARIABLE, {"node": "scale", "factor": "nan", "term": 0}],
    "a factor of a million digits": [VARIABLE, {"node": "scale", "factor": "9" * 10**6, "term": 0}],
    "a factor that unfolds": [VARIABLE, {"node": "scale", "factor": "1e999999999", "term": 0}],
    "a factor that unfolds downwards": [VARIABLE, {"node": "scale", "factor": "1e-999999999", "term": 0}],
    "a factor beyond every float": [VARIABLE, {"node": "scale", "factor": "1" + "0" * 400, "term": 0}],
    "a multiple of nothing": [VARIABLE, {"node": "scale", "factor": "2"}],
    "an unknown primitive": [VARIABLE, {"node": "map", "primitive": "eval", "over": None, "term": 0}],
    "a method as primitive": [VARIABLE, {"node": "map", "primitive": "facts", "over": None, "term": 0}],
    "a primitive without its axis": [VARIABLE, {"node": "map", "primitive": "softmax", "over": None, "term": 0}],
    "a primitive with an axis that it does not take": [
        VARIABLE,
        {"node": "map", "primitive": "tanh", "over": "key", "term": 0},
    ],
    "a primitive over another axis": [VARIABLE, {"node": "map", "primitive": "softmax", "over": "value", "term": 0}],
    "a list as the axis of a primitive": [
        VARIABLE,
        {"node": "map", "primitive": "softmax", "over": ["key"], "term": 0},
    ],
    "a hundred thousand nodes": [VARIABLE] * 100_000,
    "a thousand levels": [VARIABLE]
    + [{"node": "map", "primitive": "tanh", "over": None, "term": i} for i in range(1000)],
    "a term that doubles at every level": [
        VARIABLE,
        *({"node": "sum", "terms": [i, i], "axes": ["key"]} for i in range(150)),
        {"node": "sum", "terms": [150, 150], "axes": ["value"]},
    ],
    "a well-formed term that doubles at every level": [
        VARIABLE,
        *({"node": "sum", "terms": [i, i], "axes": ["key"]} for i in range(150)),
    ],
    "a node with a million children": [VARIABLE, {"node": "sum", "terms": [0] * 1_000_000, "axes": ["key"]}],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_json_is_refused_at_once(case: str) -> None:
    start = time.perf_counter()
    with pytest.raises(FormatError) as caught:
        from_json(HOSTILE[case])
    assert time.perf_counter() - start < 5
    assert len(str(caught.value)) < 5000


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*VARIABLE, "terms", "term", "factor"]), inner)
    ),
    max_leaves=8,
)


@given(terms(depth=2), st.data())
def test_a_damaged_term_is_a_term_or_refused(term, data) -> None:
    """One entry of one node replaced by anything: never another exception."""
    nodes = to_json(term)
    entry = data.draw(st.sampled_from(nodes))
    entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(anything)
    try:
        assert isinstance(from_json(nodes), Node)
    except FwpError as error:
        assert isinstance(error, FormatError)


@pytest.mark.parametrize("entries", [{"term": "x"}, {"terms": 5}, {"term": 10**9}, {"more": None}])
def test_what_a_node_does_not_need_is_not_read(entries: dict) -> None:
    assert from_json([ONES | entries]) == ones("key")


@pytest.mark.parametrize("number", [0, 1, Fraction(-2, 3)])
def test_numbers_travel(number) -> None:
    assert from_json(to_json(as_term(number))) == as_term(number)


def test_the_message_says_which_node() -> None:
    nodes = to_json(DELTA)
    nodes[2] = {"node": "what"}
    with pytest.raises(FormatError, match="node 2"):
        from_json(nodes)
