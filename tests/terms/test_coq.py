"""Printed Coq expressions mean what their terms mean: read back by a reader of their own, and compared to `evaluate`."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given

from fwp.rules import ALL
from fwp.terms import (
    Map,
    Primitive,
    Slot,
    State,
    ein,
    evaluate,
    eye,
    ones,
    rename,
    softmax,
    square,
    subterms,
    tanh,
    tril,
    variables,
)
from fwp.terms.coq import definition, expression, names_of
from fwp.terms.coq_embedding import embedded, quoted, wrt
from fwp.terms.syntax import Node, Role
from fwp.testing.numbers import error
from fwp.testing.terms import NAMESPACE, W, seeds, size, sizes, terms, values
from proofs.generate import definitions
from tests.terms import coq_reader

k, v, beta, A = (NAMESPACE[name] for name in ("k", "v", "beta", "A"))

RULES = "\n".join(d + "\n" for name, rule in ALL.items() for d in definitions(name, rule))  # test_stale: as in Rules.v


def value(term: Node, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Some entries of the term: as the reader understands its expression, and as `evaluate` has them."""
    names, arrays = names_of(term), values(seed, term)
    scope = {names.variables[name]: coq_reader.tensor(array) for name, array in arrays.items()}
    scope |= {name: size(axis) for axis, name in names.sizes.items()}
    text = f"fun {' '.join(term.axes)} => {expression(term, names)}" if term.axes else expression(term, names)
    read, whole = coq_reader.read(text, scope), evaluate(term, arrays, sizes(term))
    places = list(product(*map(range, whole.shape)))
    chosen = [places[i] for i in np.random.default_rng(seed).permutation(len(places))[:3]]
    ours = []
    for place in chosen:
        entry = read
        for i in place:
            entry = entry(i)
        ours.append(entry)
    return np.asarray(ours), np.asarray([whole[place] for place in chosen])


@pytest.mark.users
@given(terms(depth=2), seeds)
@example(-(beta * v * k), 0)
@example(v - 2 * v - v / 3 + v, 0)
@example(2 * (W @ k) * v, 0)
@example(ein("o i, o -> i o", W, v), 0)
@example(ein("o i, , i -> o", W, beta, k), 0)
@example(ein("o i, o, i ->", W, v, k), 0)
@example(ein("o i -> ", W), 0)
@example((W @ k) @ W, 0)
@example(rename(A, key="key2", key2="key") * A, 0)
@example(softmax(k - v @ W, "key"), 0)
@example(softmax(rename(softmax(A, "key"), key="key3"), "key2") * eye("key2", "key3"), 0)
@example(tril("value", "value2") @ rename(v, value="value2"), 0)
@example(1 - beta, 0)
@example(ones("key") - k / 2, 0)
@example(k - (k - k), 0)
@example(beta * (-v), 0)
@example(0 * v, 0)
def test_the_expression_means_the_term(term: Node, seed: int) -> None:
    ours, reference = value(term, seed)
    assert error(ours, reference) <= 1e-11


@pytest.mark.parametrize("primitive", Primitive, ids=lambda p: p.name.lower())
def test_every_primitive_is_printed(primitive: Primitive) -> None:
    inner = square(W) + ones("value", "key")  # positive, for those that need it
    term = Map(primitive, "key" if primitive.facts.over_axis else None, inner, inner.axes)
    assert primitive.facts.coq in coq_reader.LIBRARY
    ours, reference = value(term, 1)
    assert error(ours, reference) <= 1e-14


def test_names_of_primitives_are_distinct() -> None:
    assert len({p.facts.coq for p in Primitive}) == len(Primitive)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ALL)
def test_the_file_of_rules_means_the_rules(name: str, seed: int) -> None:
    found = coq_reader.definitions(RULES)
    rule = ALL[name]
    for each in rule.rules:
        arguments, kind, body = found[name if len(rule.rules) == 1 else f"{name}_{each.of.name}"]
        context = [t for r in rule.rules for t in (r.of, r.rate)]
        known = {n: a for n, a in values(seed, *context).items() if n in {x.name for x in variables(*context)}}
        scope = {n: coq_reader.tensor(known[n]) if t != "nat" else size(n.removeprefix("n_")) for n, t in arguments}
        of = {**known, **{x.name: known[x.name] for x in variables(each.rate)}}
        whole = evaluate(each.rate, of, sizes(*context))
        read = coq_reader.read(body, scope)
        place = tuple(n - 1 for n in whole.shape)
        for i in place:
            read = read(i)
        assert read == pytest.approx(whole[place], rel=1e-12, abs=1e-12)
        assert kind == {1: "vector", 2: "matrix"}[whole.ndim]


def test_arguments_come_in_the_agreed_order() -> None:
    found = coq_reader.definitions(RULES)
    assert [n for n, _ in found["delta"][0]] == ["n_value", "n_key", "W", "beta", "v", "k"]
    assert dict(found["delta"][0]) == {
        **dict.fromkeys(("n_value", "n_key"), "nat"),
        "W": "matrix",
        "beta": "R",
        "v": "vector",
        "k": "vector",
    }
    assert [n for n, _ in found["oja_neuron"][0]] == ["n_key", "w", "beta", "k"]
    assert [n for n, _ in found["momentum_delta_M"][0]] == ["n_value", "n_key", "W", "M", "beta", "v", "k", "gamma"]
    assert "q" not in dict(found["hebb"][0])


@pytest.mark.parametrize(
    "term, text",
    [
        (beta * (v - W @ k) * k, "beta * (v value - sum n_key (fun key0 => W value key0 * k key0)) * k key"),
        (-beta * v, "- (beta * v value)"),
        (v / 2, "(1 / 2) * v value"),
        (v - 2 * v / 3, "v value - (2 / 3) * v value"),
        (softmax(k, "key"), "softmax n_key (fun key0 => k key0) key"),
        (tanh(v), "tanh (v value)"),
        (tanh(beta), "tanh beta"),
        (tril("key", "key2"), "tril key key2"),
        (ein("o i, , i -> o", W, beta, k), "sum n_key (fun key0 => W value key0 * beta * k key0)"),
        (ein(", o i, i -> o", beta, W, k), "beta * sum n_key (fun key0 => W value key0 * k key0)"),
        (k @ rename(A, key2="key3"), "sum n_key (fun key0 => k key0 * A key0 key3)"),
        (beta + 1, "beta + 1"),
    ],
)
def test_spelling(term: Node, text: str) -> None:
    assert expression(term, names_of(term)) == text


def test_names_hide_nothing() -> None:
    """A variable called as an axis, as a function, or as one of Coq's words; letters beyond ASCII."""
    awkward = State("key0", "key")
    total, match, greek, under = Slot("sum", "key"), Slot("end"), Slot("μ"), Slot("_")
    key = Slot("key")
    term = (awkward @ total) * match * greek * under * key * awkward
    names = names_of(term)
    assert len({*names.variables.values(), *names.sizes.values()}) == 7
    text = expression(term, names)
    assert re.fullmatch(r"[ -~]*", text)
    assert text == "sum n_key (fun key2 => key0 key2 * sum0 key2) * end0 * u3bc_ * _0 * key * key0 key1"
    made = definition("awkward", term, term.axes, [term], 'says "(* *)"')
    assert made.startswith("(* says '( * * )' *)\n")


def test_axes_of_one_size_share_it() -> None:
    names = names_of(W @ k, rename(v, value="value2"), tril("value2", "value3"))
    assert names.sizes == {"value": "n_value", "key": "n_key", "value2": "n_value", "value3": "n_value"}


def test_the_embedding_has_every_node() -> None:
    term = tanh(W @ k / -2 + v) * ones("key") + softmax(W, "key")
    inner = '(Product [(Var "W" ["value"; "key"] State ["value"; "key"]); (Var "k" ["key"] Slot ["key"])] ["value"])'
    assert f'(Scale (-1 # 2)%Q {inner} ["value"])' in embedded(term)
    assert '(Map Softmax (Some "key") (Var "W"' in embedded(term)
    assert '(Const Ones ["key"])' in embedded(term)
    assert embedded(rename(v, value="value2")) == '(Var "v" ["value"] Slot ["value2"])'
    assert quoted(()) == "[]"
    assert wrt(Role.INCREMENT) == "(OfRole Increment)" and wrt(W) == '(OfVariable "W")'


@given(terms(depth=2))
def test_the_embedding_writes_every_subterm(term: Node) -> None:
    whole = embedded(term)
    assert all(embedded(t) in whole for t in subterms(term))


def test_definitions_of_a_system_bear_its_states() -> None:
    heads = [d.partition("Definition ")[2].split()[0] for d in definitions("bcm", ALL["bcm"])]
    assert heads == ["bcm_W", "bcm_theta"]
