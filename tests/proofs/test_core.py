"""What Python finds out about terms, by the definitions that the theorems of `proofs/` are about: on random terms.

Types, degrees and classes are those of `proofs/Core.v`; normal forms are equal to their terms, and witnesses are right, by
the checkers of `proofs/Equality.v` and `proofs/Witness.v`, whose soundness is proved there.
"""

from dataclasses import fields, replace
from fractions import Fraction
from functools import cache
from math import inf
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fwp.errors import AxisError
from fwp.rules import ALL, Rule, delta
from fwp.terms import (
    Role,
    Slot,
    degree,
    ein,
    equivalent,
    eye,
    normal,
    ones,
    real,
    rename,
    softmax,
    square,
    tanh,
    to_term,
    tril,
)
from fwp.terms.coq import definition
from fwp.terms.coq_embedding import certificate, embedded, equation, quoted, wrt
from fwp.terms.syntax import Constant, ConstantKind, Map, Node, Product, Scale, Sum, Variable
from fwp.testing.terms import AXES, NAMESPACE, W, rules, terms
from tests.proofs.coq import compile, coqc, facts, needs_coq
from tests.terms.test_readout import CLOSED, READ_OUT
from tests.terms.test_structure import DISGUISED, ONE_SIDED, RANK_ONE, RANK_TWO

pytestmark = needs_coq
k, v, beta, A = (NAMESPACE[name] for name in ("k", "v", "beta", "A"))
WRT = (*Role, W, k)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("proofs")
    compile(made, "Tensor", "Primitives", "Core", "Monomials", "Identity", "Equality", "Witness")
    return made


def drawn(strategy: st.SearchStrategy, examples: int) -> list:
    """Different values of a strategy, for Coq to look at all of them at once."""
    found: dict[object, None] = {}

    @settings(max_examples=examples, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(value: object) -> None:
        found[value] = None

    collect()
    return list(found)


def short(term: Node) -> bool:
    """Shared subterms are written out, and random terms share much."""
    return len(embedded(term)) < 5_000


@cache
def random_terms() -> list[Node]:
    return [t for t in drawn(terms(), 120) if short(t)]


def boolean(value: bool) -> str:
    return str(value).lower()


def number(d: int | float) -> str:
    return "None" if d == inf else f"Some {int(d)}%nat"


SUMMARY = (
    f"let w := [{'; '.join(map(wrt, WRT))}] in "
    "(infer t, map (fun w => degree w t) w, map (fun w => is_constant w t) w, map (fun w => is_affine w t) w)"
)


def summary(term: Node) -> tuple[str, str]:
    """The type of a term, its degrees, and whether it is constant or affine: as Coq computes them, as Python does."""
    degrees = [degree(term, w) for w in WRT]
    columns = [map(number, degrees), (boolean(d == 0) for d in degrees), (boolean(d <= 1) for d in degrees)]
    lists = [f"[{'; '.join(column)}]" for column in columns]
    return f"let t := {embedded(term)} in {SUMMARY}", ", ".join([f"Some {quoted(term.axes)}", *lists])


def test_types_and_degrees_are_those_of_coq(folder: Path) -> None:
    found = [*random_terms(), *(r.rate for rule in ALL.values() for r in rule.rules)]
    found += [0 * W, square(square(k)), tanh(0 * W + W), tril("key", "key2") @ k, (W @ k) * (k - (W @ k) @ W)]
    assert len(found) >= 80
    assert {degree(t, Role.STATE) for t in found} >= {0, 1, 2, 3, inf}
    facts(folder, "Summaries", [summary(t) for t in found], found)


def broken(node: Node, **changes: object) -> Node:
    """A node that its constructor would refuse."""
    made = object.__new__(type(node))
    for f in fields(node):
        object.__setattr__(made, f.name, changes.get(f.name, getattr(node, f.name)))
    return made


def changed(node: Node, axes: tuple[str, ...]) -> list[dict[str, object]]:
    """Ways to change one field of the node, most of which break its type."""
    some: list[dict[str, object]] = [{"axes": axes}, {"axes": node.axes[1:]}, {"axes": node.axes[::-1]}]
    some += [{"axes": (*node.axes, *node.axes[:1])}, {"axes": (*node.axes, "other")}]
    match node:
        case Sum(terms, _):
            some += [{"terms": ()}, {"terms": (*terms, ones("other"))}, {"terms": terms[:1]}]
        case Product(operands, _):
            some += [{"operands": operands[1:]}, {"operands": (*operands, ones("other"))}]
        case Map():
            some += [{"over": None}, {"over": "other"}, {"over": next(iter(node.axes), None)}]
        case Scale(_, inner, _):
            some += [{"term": k}, {"term": v}, {"factor": Fraction(0)}, {"term": inner}]
        case Variable():
            some += [{"declared": ("key", "key"), "domain": real}, {"declared": node.axes, "domain": real}]
        case Constant():
            some += [{"kind": kind} for kind in ConstantKind]
    return some


def test_coq_refuses_the_types_that_python_refuses(folder: Path) -> None:
    cases, claims = [], []
    for i, term in enumerate(random_terms()[::2]):
        for change in changed(term, AXES[i % len(AXES)]):
            try:
                good = replace(term, **change)
                claims.append((f"infer {embedded(good)}", f"Some {quoted(good.axes)}"))
            except AxisError:
                claims.append((f"infer {embedded(broken(term, **change))}", "None"))
            cases.append((term, change))
    refused = sum(expected == "None" for _, expected in claims)
    assert refused >= 80 and len(claims) - refused >= 40
    facts(folder, "Refusals", claims, cases)


def test_normal_forms_equal_their_terms_for_all_sizes_and_values(folder: Path) -> None:
    pairs = [(t, to_term(normal(t), t.axes)) for t in random_terms()]
    pairs += [(r.rate, to_term(normal(r.rate), r.of.axes)) for rule in ALL.values() for r in rule.rules]
    pairs = [(t, n) for t, n in pairs if short(t) and short(n)]
    assert len(pairs) >= 80
    facts(folder, "Normal", [(equation(t, n), "true") for t, n in pairs], pairs)


def test_coq_tells_terms_apart_as_python_does(folder: Path) -> None:
    rate = beta * (v - W @ k) * k
    pairs = [
        (rate, beta * v * k - (W @ (beta * k)) * k),
        (rate, beta * (v + W @ k) * k),
        (rate, (v - W @ k) * k),
        (rate, beta * (v - W @ k) * (2 * k)),
        (rename(A, key="key2", key2="key"), A),
        (ein("i j -> i j", A), ein("i j -> j i", A)),
        (k @ A, ein("i, i j -> j", k, A)),
        (k @ A, rename(A, key="key2", key2="key") @ k),
        (A @ rename(k, key="key2"), rename(rename(A, key="key2", key2="key") @ k, key2="key")),
        (ein("i j, i j ->", A, A), ein("i j, j i ->", rename(A, key="key2", key2="key"), A)),
        (tanh(W @ k + v), tanh(v + W @ k)),
        (tanh(W @ k + v), tanh(v - W @ k)),
        (square(W @ k), (W @ k) * (W @ k)),
        (tril("key", "key2"), tril("key2", "key")),
        (eye("key", "key2"), eye("key2", "key")),
        (ones("key") @ ones("key"), ones("value") @ ones("value")),
        (ones("key") @ k, ones("key") @ (ones("key") * k)),
    ]
    aligned = [(a, b if a.axes == b.axes else ein(f"{' '.join(b.axes)} -> {' '.join(a.axes)}", b)) for a, b in pairs]
    answers = [equivalent(a, b) for a, b in aligned]
    assert answers.count(True) >= 6 and answers.count(False) >= 6
    facts(folder, "Apart", [(equation(a, b), boolean(x)) for (a, b), x in zip(aligned, answers, strict=True)], aligned)


def test_witnesses_are_right_for_all_sizes_and_values(folder: Path) -> None:
    library = [(r.rate, r.of) for rule in ALL.values() for r in rule.rules]
    random = [(r.rate, r.of) for r in drawn(rules(depth=2), 60)]
    written = [(t, W) for t in DISGUISED.values()] + [(t, W) for t in RANK_TWO.values()]
    written += [(case[0], W) for cases in (RANK_ONE, ONE_SIDED, READ_OUT, CLOSED) for case in cases.values()]
    found = [
        (t, c) for t, of in library + random + written if (c := certificate(t, of)) is not None and len(c) < 15_000
    ]
    assert len(found) >= 90
    assert {c.split()[0] for _, c in found} == {"low_rank", "one_sided", "read_out"}
    assert len({t for t, _ in found} & {t for t, _ in library}) >= 12
    facts(folder, "Witnesses", [(c, "true") for _, c in found], [t for t, _ in found])


def test_wrong_witnesses_are_refused(folder: Path) -> None:
    right = certificate(delta.rate, W)
    assert right is not None
    head, _, _ = right.rpartition(embedded(delta.rate))
    wrong = [beta * (v + W @ k) * k, (v - W @ k) * k, delta.rate * 2, tanh(beta) * (v - W @ k) * k, delta.rate + W]
    claims = [(head + embedded(rate), "false") for rate in wrong]
    # The state must not hide in a witness: W ⊙ (something) written as if it were a value.
    hidden = f"Write (Product [] []) (Some {embedded(W @ k)}) None {embedded(k)}"
    claims.append((f'low_rank [] "W" ["value"; "key"] "key" None [{hidden}] {embedded((W @ k) * k)}', "false"))
    facts(folder, "Wrong", [(right, "true"), *claims], [delta.rate, *wrong, "hidden"])


def test_printed_definitions_compile(folder: Path) -> None:
    """Those of random terms, and of variables and axes called as Coq's words and functions are."""
    awkward = (
        Slot("sum", "end")
        @ Slot("exp", "end")
        * Slot("match", "nat")
        * Slot("μ")
        * softmax(Slot("fun", "tanh"), "tanh")
    )
    found = [*random_terms()[:60], awkward]
    made = [definition(f"made{i}", t, t.axes, [t], str(t)) for i, t in enumerate(found)]
    head = "From Coq Require Import Reals.\nFrom Fwp Require Import Tensor Primitives.\nOpen Scope R_scope.\n"
    (folder / "Made.v").write_text(head + "\n".join(made) + "\n", encoding="utf-8")
    done = coqc(folder, "Made")
    assert done.returncode == 0, done.stderr


def test_general_rates_have_no_certificate() -> None:
    assert certificate(ALL["oja_subspace"].rules[0].rate, W) is None
    assert certificate(Rule(tanh(W)).rate, W) is None
