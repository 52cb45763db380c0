"""`fwp check`: what it prints, and the status that it ends with."""

import re
import sys
from pathlib import Path

import pytest

from fwp.cli import main
from fwp.cli.target import find_all

pytestmark = pytest.mark.nohook

MINE = """
from fwp import Rule, State, System
from fwp.rules import W, beta, delta, gamma, k, v
from fwp.rules.laws import error_contraction, quadrature

both = System(Rule(beta * v * k - gamma * W))
half = Rule(State("M", "value key"))
flipped = Rule(-beta * v * (k - v @ W), laws=[error_contraction])
"""


@pytest.fixture
def folder(own_folder: Path) -> Path:
    (own_folder / "mine.py").write_text(MINE)
    return own_folder


def checked(*targets: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["check", *targets])
    return ended.value.code


def test_delta_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert checked("delta") == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0] == "delta" and lines[1] == "  dW/dt = β (v − W k) kᵀ" and not shown.err
    for name in ("types", "shapes", "folds", "gradcheck", "scans", "law: semigroup", "law: error contraction"):
        assert any(re.match(rf"  ✓ {name} +\d+\.\d s  \S", line) for line in lines), name
    assert re.fullmatch(r"  \d+ passed in \d+\.\d s", lines[-1]) and not any("✗" in line for line in lines)


def test_a_false_claim_fails_with_the_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oja with its sign flipped claims that it contracts."""
    assert checked("mine.py:flipped") == 1
    shown = capsys.readouterr().out
    failed = shown[shown.index("✗") :]
    assert shown.count("✗") == 1 and failed.startswith("✗ claim: error contraction")
    for words in ("= e^{−βκh} |v − W r|", "is broken by", "counterexample", "value = 1, key = 1", "1 failed"):
        assert words in failed


def test_a_rule_with_wrong_axes_fails_with_the_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The constructor's own words, and python's underline below the operator."""
    (folder / "wrong.py").write_text(MINE + "wrong = Rule(beta * (v - v @ W) * k)\n")
    assert checked("wrong.py") == 1
    shown = capsys.readouterr()
    assert "AxisError: cannot subtract terms whose axes differ" in shown.err and not shown.out
    assert "v @ W : (key)" in shown.err and "~~^~~" in shown.err and "help: `W @ k`" in shown.err


@pytest.mark.parametrize("target", ["mine.py", "mine"])
def test_every_rule_of_a_module_is_checked(
    folder: Path, target: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that it imports from the library are the library's."""
    import fwp.testing
    from fwp.testing import Report

    monkeypatch.setattr(fwp.testing, "check_rule", lambda rule: Report(rule.name, "", ()))
    assert checked(target, "bcm") == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line[:1].strip()] == [
        "both",
        "half",
        "flipped",
        "bcm",
    ]


@pytest.mark.parametrize(
    "target, words",
    [
        ("no_such_rule", "no rule has this name"),
        ("no.such.module", "no such module"),
        ("no_such_file.py", "no such file"),
        ("mine.py:nothing", "has no `nothing`"),
        ("mine.py:delta2", "its rules"),
        ("empty.py", "has no rules of its own"),
        ("broken.py", "ZeroDivisionError"),
        ("syntax.py", "SyntaxError"),
        ("needs.py", "No module named 'not_installed_anywhere'"),
    ],
)
def test_what_cannot_be_loaded_is_said(
    folder: Path, target: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty.py").write_text("from fwp.rules import delta\n")
    (folder / "broken.py").write_text("1 / 0\n")
    (folder / "syntax.py").write_text("rule = (\n")
    (folder / "needs.py").write_text("import not_installed_anywhere\n")
    assert checked(target) == 2
    shown = capsys.readouterr()
    assert words in shown.err and not shown.out and "target.py" not in shown.err


def test_a_file_of_a_package_is_imported_as_part_of_it(folder: Path) -> None:
    package = folder / "ownpackage" / "inner"
    package.mkdir(parents=True)
    for place in (package, package.parent):
        (place / "__init__.py").touch()
    (package / "keys.py").write_text("from fwp import Slot\nown_key = Slot('own_key', 'key')\n")
    (package / "rules.py").write_text(
        "from fwp import Rule\nfrom fwp.rules import v\nfrom ownpackage.inner.keys import own_key\n"
        "from .keys import own_key as same\nassert same is own_key\nmine = Rule(v * own_key)\nalias = mine\n"
    )
    (found,) = find_all("ownpackage/inner/rules.py")
    assert found.name == "mine"


def test_without_a_target_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert checked() == 2
    assert "fwp check delta" in capsys.readouterr().err


def test_what_is_loaded_first_is_not_checked_in_vain(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All targets are loaded before the first is checked."""
    assert checked("delta", "no_such_rule") == 2
    assert not capsys.readouterr().out


def test_without_hypothesis_it_says_which_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("fwp.testing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    assert checked("delta") == 2
    assert "pip install 'fwp[testing]'" in capsys.readouterr().err
