"""`make proofs` reads every file, takes no theorem on trust, and says where Coq is to be had."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.coq import PROOFS, needs_coq


def check(folder: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ if path is None else os.environ | {"PATH": path}
    command = [sys.executable, str(folder / "check.py")]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)


def project(folder: Path, text: str) -> Path:
    """A folder of proofs with one file, and the check that is used on ours."""
    shutil.copy(PROOFS / "check.py", folder)
    (folder / "_CoqProject").write_text("-R . Fwp\nOwn.v\n")
    (folder / "Own.v").write_text(text)
    return folder


def test_every_file_is_compiled() -> None:
    listed = re.findall(r"^(\w+\.v)$", (PROOFS / "_CoqProject").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(file.name for file in PROOFS.glob("*.v"))


@pytest.mark.parametrize("word", ["Admitted", "admit", "Axiom", "Parameter", "Conjecture", "bypass_check"])
def test_nothing_is_taken_on_trust(word: str) -> None:
    for file in PROOFS.glob("*.v"):
        assert not re.search(rf"\b{word}\b", re.sub(r"\(\*.*?\*\)", "", file.read_text(), flags=re.DOTALL)), file.name


def test_where_there_is_no_coq_it_says_where_to_get_it(tmp_path: Path) -> None:
    done = check(PROOFS, str(tmp_path))
    assert done.returncode == 1
    assert "coqc is not here" in done.stderr
    assert "apt-get install coq libcoq-coquelicot" in done.stderr and "opam install coq.8.16.1" in done.stderr


@needs_coq
def test_a_proof_is_accepted_with_what_it_rests_on(tmp_path: Path) -> None:
    done = check(project(tmp_path, "Theorem own : 1 = 1.\nProof. reflexivity. Qed.\n"))
    assert done.returncode == 0, done.stderr
    assert "✓ Own.own: no axiom" in done.stdout and "1 theorems in 1 files; coqchk agrees" in done.stdout


@needs_coq
def test_some_axioms_are_allowed(tmp_path: Path) -> None:
    text = """From Coq Require Import FunctionalExtensionality.
Theorem own : (fun n => n + 0) = (fun n : nat => n).
Proof. apply functional_extensionality. auto. Qed.
"""
    done = check(project(tmp_path, text))
    assert done.returncode == 0, done.stderr
    assert "✓ Own.own: functional_extensionality_dep" in done.stdout


@needs_coq
@pytest.mark.parametrize(
    "text",
    [
        "Theorem own : 1 = 2.\nProof. Admitted.\n",
        "Axiom wrong : False.\nTheorem own : 1 = 2.\nProof. destruct wrong. Qed.\n",
        "Axiom unused : False.\nTheorem own : 1 = 1.\nProof. reflexivity. Qed.\n",
    ],
)
def test_a_proof_that_rests_on_more_is_refused(text: str, tmp_path: Path) -> None:
    done = check(project(tmp_path, text))
    assert done.returncode == 1 and "rest on more than is allowed" in done.stderr
