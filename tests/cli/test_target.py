from pathlib import Path

import pytest

from fwp.cli import main
from fwp.cli.target import resolve
from fwp.errors import FwpError
from fwp.rules import ALL, System, delta

MINE = """
from helper import rate
from fwp.rules import Rule, System, W, beta, delta, k, v
leaky = Rule(rate * (v - W @ k) * k)
both = System(leaky)
named = leaky.renamed("another")
number = 3
"""


@pytest.fixture
def folder(own_folder: Path) -> Path:
    inner = own_folder / "my rules"
    inner.mkdir()
    (inner / "mine.py").write_text(MINE)
    (inner / "helper.py").write_text("from fwp.rules import beta as rate")
    return inner


def test_a_name_is_a_rule_of_the_library() -> None:
    assert all(resolve(name) is rule for name, rule in ALL.items())
    with pytest.raises(FwpError, match="did you mean delta"):
        resolve("detla")
    with pytest.raises(FwpError, match="no rule has this name"):
        resolve("")


def test_a_file_is_imported_beside_its_neighbours(folder: Path) -> None:
    """`helper` lies in the folder of the file, as for `python mine.py`."""
    rule = resolve(f"{folder}/mine.py:leaky")
    assert rule == delta and rule.name == "leaky"
    assert resolve("my rules/mine.py:named").name == "another"
    assert isinstance(both := resolve("my rules/mine.py:both"), System) and both.name == "both"


def test_a_file_of_one_rule_needs_no_name(folder: Path) -> None:
    (folder / "one.py").write_text("from fwp.rules import delta\nmine = 2 * delta")
    assert resolve("my rules/one.py") == 2 * delta


def test_a_file_alone_shows_all_its_rules(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "my rules/mine.py"])
    shown = capsys.readouterr().out
    assert all(f"{name}\n" in f"\n{shown}" for name in ("leaky", "both, 1 states", "another"))


def test_a_module_is_found_in_the_current_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert resolve("mine:leaky") == delta
    assert resolve("fwp.rules:oja").name == "oja"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("my rules/mine.py:leeky", "leaky, both, named"),
        ("my rules/mine.py:number", "found : int 3"),
        ("my rules/other.py:leaky", "no such file"),
        ("nowhere.at_all:leaky", "no such module"),
        ("./my rules/mine:leaky", "a file is path/to/file.py"),
        ("my rules/mine.py:", "has no ``"),
        ("my rules/mine.py", "say which, as in my rules/mine.py:leaky"),
    ],
)
def test_what_is_no_rule_is_said(folder: Path, target: str, words: str) -> None:
    with pytest.raises(FwpError) as caught:
        resolve(target)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Rule(beta * (v - v @ W) * k)", ["mine.py", "v - v @ W", "(value)", "(key)", "help:"]),
        ("import not_installed_anywhere", ["not_installed_anywhere"]),
        ("leaky = (", ["SyntaxError", "mine.py"]),
        ("raise SystemExit(0)", ["SystemExit", "mine.py"]),
    ],
)
def test_an_error_in_the_users_file_is_shown_there(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, words: list[str]
) -> None:
    (folder / "mine.py").write_text(MINE + line)
    for target in ("my rules/mine.py:leaky",):
        with pytest.raises(SystemExit) as caught:
            resolve(target)
        assert caught.value.code == 1
        shown = capsys.readouterr().err
        assert all(word in shown for word in words), shown
        assert "importlib" not in shown and "target.py" not in shown
