"""Theorems are about the very terms: where the definition of a rule is changed, Coq no longer accepts their proofs."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.proofs.coq import PROOFS, compile, coqc, needs_coq

Change = Callable[[str], str]

BASE = ("Tensor", "Primitives", "Calculus", "TensorMore", "ProductRoot", "Rules")
PROOFS_OF = {
    "hebb": ("Hebb",),
    "delta": ("MonotoneReadout", "DeltaStep"),
    "oja": ("MonotoneReadout", "DeltaStep", "DeltaFlow", "Duality"),
    "leaky_delta": ("MonotoneReadout", "DeltaStep", "RankOne"),
    "erase_write": ("MonotoneReadout", "DeltaStep", "RankOne"),
    "tanh_delta": ("MonotoneReadout", "TanhDelta"),
    "softmax_oja": ("SoftmaxOja",),
    "oja_neuron": ("OjaNeuron",),
    "oja_subspace": ("OjaSubspace",),
}
"""The files that have a rule's theorems, those that they need before them."""


def negative(body: str) -> str:
    return f"- ({body})"


def plus(body: str) -> str:
    return re.sub(r"(\s)- ", r"\1+ ", body, count=1)


def without_rate(body: str) -> str:
    return body.replace("beta * ", "", 1)


def transposed(body: str) -> str:
    return re.sub(r"W (\w+)\s+(\w+)", r"W \2 \1", body, count=1)


CHANGES = {
    "hebb": (negative, without_rate),
    "delta": (plus, without_rate, transposed),
    "oja": (plus, without_rate, transposed),
    "leaky_delta": (plus, without_rate, transposed),
    "erase_write": (plus, transposed),
    "tanh_delta": (plus, without_rate, transposed),
    "softmax_oja": (plus, without_rate, transposed),
    "oja_neuron": (plus, without_rate),
    "oja_subspace": (plus, without_rate, transposed),
}
ALWAYS = {("delta", plus), ("delta", without_rate), ("delta", transposed), ("hebb", negative), ("oja_neuron", plus)}
MUTANTS = [
    pytest.param(
        rule, change, id=f"{rule}-{change.__name__}", marks=[] if (rule, change) in ALWAYS else pytest.mark.slow
    )
    for rule, changes in CHANGES.items()
    for change in changes
]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all proofs need, compiled once, with the rules as they are."""
    folder = tmp_path_factory.mktemp("proofs")
    compile(folder, *BASE)
    return folder


@needs_coq
@pytest.mark.parametrize(("rule", "change"), MUTANTS)
def test_the_theorems_of_a_rule_do_not_hold_of_another(
    rule: str, change: Change, compiled: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(compiled, tmp_path / "proofs")
    file = folder / "Rules.v"
    text = file.read_text(encoding="utf-8")
    found = re.search(rf"Definition {rule} \(.*?=>\n?\s*(.*?)\.\n\n", text, re.DOTALL)
    assert found is not None
    changed = change(found[1])
    assert changed != found[1]
    file.write_text(text[: found.start(1)] + changed + text[found.end(1) :], encoding="utf-8")
    assert coqc(folder, "Rules").returncode == 0
    for name in PROOFS_OF[rule]:
        shutil.copy(PROOFS / f"{name}.v", folder)
        done = coqc(folder, name)
        if done.returncode:
            assert "Error" in done.stderr
            return
    pytest.fail(f"all proofs hold of\n{changed}")


@needs_coq
@pytest.mark.slow
@pytest.mark.parametrize("rule", PROOFS_OF)
def test_they_hold_of_the_rule(rule: str, compiled: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(compiled, tmp_path / "proofs")
    compile(folder, *PROOFS_OF[rule])
