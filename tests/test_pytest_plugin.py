"""`pytest --fwp-rules`: a test of every check of every rule, in processes of their own, as users run it."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.nohook

MINE = """
from fwp import Rule, State, System
from fwp.rules import W, beta, delta, gamma, k, v
from fwp.rules.laws import quadrature

both = System(Rule(beta * v * k - gamma * W))
half = Rule(State("M", "value key"))
false = Rule(-gamma * W, laws=[quadrature])
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "mypackage"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rules.py").write_text(MINE)
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")
    return tmp_path


def test_every_rule_of_a_module_is_collected(folder: Path) -> None:
    done = run(folder, "--fwp-rules", "mypackage.rules", "--collect-only", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    ids = done.stdout.splitlines()
    assert "test_other.py::test_other" in ids
    assert [i for i in ids if "::both::" in i] == [
        f"mypackage.rules::both::{name}" for name in ("types", "shapes", "folds", "gradcheck", "start", "bounded")
    ]
    assert "mypackage.rules::false::claim: quadrature" in ids and "mypackage.rules::half::scans" in ids
    assert not any("delta" in i for i in ids), "delta is the library's"


def test_passes_failures_and_what_does_not_apply_reach_junit(folder: Path) -> None:
    wanted = "both or half or claim or test_other"
    done = run(folder, "--fwp-rules", "mypackage.rules", "--junitxml", "out.xml", "-k", wanted)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "counterexample" in done.stdout and "Traceback" not in done.stdout
    assert "mypackage.rules::false::claim: quadrature" in done.stdout
    cases = {(c.get("classname"), c.get("name")): c for c in ElementTree.parse(folder / "out.xml").iter("testcase")}
    assert ("test_other", "test_other") in cases
    assert cases["mypackage.rules.both", "types"].find("failure") is None
    assert cases["mypackage.rules.half", "scans"].find("skipped") is not None
    (failure,) = [case for case in cases.values() if case.find("failure") is not None]
    assert failure.get("classname") == "mypackage.rules.false" and failure.get("name") == "claim: quadrature"
    found = failure.find("failure")
    assert found is not None and "is broken by" in (found.text or "") and "durations" in (found.text or "")


def test_a_rule_with_wrong_axes_is_a_failed_test(folder: Path) -> None:
    (folder / "wrong.py").write_text("from fwp import Rule\nfrom fwp.rules import *\nRule(beta * (v - v @ W) * k)\n")
    done = run(folder, "--fwp-rules", "wrong.py", "test_other.py")
    assert done.returncode == 1 and "wrong.py::import" in done.stdout
    assert "cannot subtract terms whose axes differ" in done.stdout and "1 failed, 1 passed" in done.stdout


def test_what_is_not_there_ends_the_session(folder: Path) -> None:
    done = run(folder, "--fwp-rules", "mypackage.nothing")
    assert done.returncode == 4 and "no such module" in done.stderr
    assert run(folder, "--fwp-rules", "bcm", "-k", "types").returncode == 0, "a name will do"


def test_workers_and_the_hook_of_jaxtyping_are_welcome(folder: Path) -> None:
    """The hook aborts the session where anything imports fwp before it."""
    hook = "--jaxtyping-packages=fwp,beartype.beartype"
    done = run(folder, "--fwp-rules", "mypackage.rules", "-k", "both and types or half and types", hook, "-n", "1")
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_alone_imports_nothing_of_fwp() -> None:
    code = "import sys, pytest_fwp; assert not [m for m in sys.modules if m == 'fwp' or m.startswith('fwp.')]"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1]).returncode == 0
