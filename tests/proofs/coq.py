"""Running Coq on files that tests write, against a copy of the proofs."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

PROOFS = Path(__file__).parents[2] / "proofs"

needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc, the compiler of Coq, is not installed")

HEAD = """\
From Coq Require Import Reals QArith String List.
From Fwp Require Import Core Equality Witness.
Import ListNotations.
Open Scope string_scope.
Open Scope list_scope.
Ltac compute_it := match goal with |- _ = ?x => vm_cast_no_check (eq_refl x) end.
"""


def compile(folder: Path, *names: str) -> None:
    """Compile files of the proofs into the folder, in this order."""
    for name in names:
        shutil.copy(PROOFS / f"{name}.v", folder)
        done = coqc(folder, name)
        assert done.returncode == 0, f"{name}.v does not compile: {done.stderr}"


def coqc(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    command = ["coqc", "-R", ".", "Fwp", f"{name}.v"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def facts(folder: Path, name: str, claims: Sequence[tuple[str, str]], about: Sequence[object]) -> None:
    """Each expression computes to its value; otherwise the first that does not is shown, with what it is about."""
    first = HEAD.count("\n") + 1
    lines = [f"Goal ({e}) = ({x}). Proof. compute_it. Qed." for e, x in claims]
    (folder / f"{name}.v").write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    done = coqc(folder, name)
    if done.returncode:
        place = int(done.stderr.partition(", line ")[2].partition(",")[0]) - first
        expression, value = claims[place]
        pytest.fail(f"of {about[place]!r} Coq does not say that {value} is the value of\n{expression}\n{done.stderr}")
