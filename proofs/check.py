"""Compiles the proofs, has coqchk read them, and prints on what each theorem rests: `make proofs`.

Needs coqc 8.16 with Coquelicot, and nothing of fwp.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent

ALLOWED = frozenset(
    {
        "ClassicalDedekindReals.sig_forall_dec",
        "ClassicalDedekindReals.sig_not_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)
"""What Coq's real numbers rest on, and functional extensionality."""

MISSING = """\
make proofs needs Coq 8.16 and its library Coquelicot, and {what} here.
  Debian, Ubuntu: apt-get install coq libcoq-coquelicot
  elsewhere:      opam repo add coq-released https://coq.inria.fr/opam/released && opam install coq.8.16.1 coq-coquelicot.3.2.0
"""

STATED = re.compile(r"^\s*(?:Theorem|Corollary) (\w+)", re.MULTILINE)


def modules(folder: Path = FOLDER) -> list[str]:
    """The files of the proofs without their endings, as _CoqProject lists them."""
    return re.findall(r"^(\w+)\.v$", (folder / "_CoqProject").read_text(), re.MULTILINE)


def theorems(folder: Path = FOLDER) -> dict[str, list[str]]:
    """The theorems that each file states, in their order."""
    return {name: STATED.findall((folder / f"{name}.v").read_text()) for name in modules(folder)}


def run(*command: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """What a command printed. Raises SystemExit with what it says where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])} … failed\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done


def need(tools: Sequence[str] = ("coqc", "coqchk", "coq_makefile", "make")) -> None:
    """Raises SystemExit, with where to get them, if Coq or Coquelicot is not there."""
    for tool in tools:
        if shutil.which(tool) is None:
            raise SystemExit(MISSING.format(what=f"{tool} is not"))
    with TemporaryDirectory() as folder:
        (Path(folder) / "Here.v").write_text("From Coquelicot Require Import Coquelicot.\n")
        done = subprocess.run(["coqc", "Here.v"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(MISSING.format(what="coqc does not find Coquelicot"))


def compile_all() -> None:
    """Compile what has changed, two files at a time."""
    run("coq_makefile", "-f", "_CoqProject", "-o", "Makefile.coq")
    run("make", "-s", "-f", "Makefile.coq", f"-j{min(2, os.cpu_count() or 1)}")


def checked() -> list[str]:
    """The axioms that coqchk finds when it reads the compiled proofs and all libraries again, and what else is not sound."""
    done = run("coqchk", "-silent", "-o", "-R", ".", "Fwp", *(f"Fwp.{name}" for name in modules()))
    said = done.stdout + done.stderr
    summary = said.partition("CONTEXT SUMMARY")[2]
    found: list[str] = []
    for part in re.split(r"^\* ", summary, flags=re.MULTILINE)[1:]:
        heading, _, rest = part.partition(":")
        if heading == "Axioms":
            found += [".".join(line.split(".")[-2:]) for line in rest.split() if line != "<none>"]
        elif heading != "Theory" and rest.strip() != "<none>":
            found.append(f"{heading}: {' '.join(rest.split())}")
    if not summary:
        raise SystemExit(f"coqchk printed no summary\n{said[-2000:]}")
    return found


def assumptions(stated: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """The axioms of each theorem, as `Print Assumptions` finds them."""
    names = [f"{module}.{name}" for module, own in stated.items() for name in own]
    with TemporaryDirectory() as folder:
        lines = [f"From Fwp Require {' '.join(stated)}."]
        # An index that fails would not stop Coq from printing the rest: the marks say what belongs to which theorem.
        lines += [f'Goal True. idtac "== {name}". exact I. Qed. Print Assumptions {name}.' for name in names]
        (Path(folder) / "Assumptions.v").write_text("\n".join(lines) + "\n")
        said = run(
            "coqc", "-w", "-ambiguous-paths", "-R", str(FOLDER), "Fwp", "Assumptions.v", folder=Path(folder)
        ).stdout
    parts = dict(part.split("\n", 1) for part in said.split("== ")[1:])
    if parts.keys() != set(names):
        raise SystemExit(f"Coq printed no assumptions of {', '.join(sorted(set(names) - parts.keys()))}")
    return {name: frozenset(re.findall(r"^(?!Axioms:)([\w.]+)\s*:", parts[name], re.MULTILINE)) for name in names}


def main() -> None:
    """Everything, and exit status 1 if anything rests on more than is allowed."""
    need()
    compile_all()
    stated = theorems()
    found = assumptions(stated)
    for name, axioms in found.items():
        more = axioms - ALLOWED
        print(f"{'✗' if more else '✓'} {name}: {', '.join(sorted(a.rpartition('.')[2] for a in axioms)) or 'no axiom'}")
    beyond = sorted({axiom for axioms in found.values() for axiom in axioms} - ALLOWED)
    read = checked()
    beyond += sorted(set(read) - ALLOWED - set(beyond))
    if beyond:
        sys.exit(f"the proofs rest on more than is allowed: {'; '.join(beyond)}")
    print(f"{len(found)} theorems in {len(stated)} files; coqchk agrees. Axioms used: {', '.join(sorted(read))}")


if __name__ == "__main__":
    main()
