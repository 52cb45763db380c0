"""A rule's file is executed where it lies and takes nobody's place: not an installed module's, not another file's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fwp.cli.target import ImportFailed, find, find_all
from fwp.errors import FwpError
from fwp.rules import delta, hebb, oja

RULE = "from fwp.rules import {0}\nmine = 2 * {0}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder; what is imported from it is forgotten after the test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize("target", ["mine.py:mine", "mine.py", "mine:mine", "mine"])
def test_what_lies_beside_a_rule_takes_no_installed_modules_place(folder: Path, target: str) -> None:
    """A module that nothing has imported yet, as aeon when `fwp run` begins."""
    spoilt = "raise AssertionError('the wrong one')\n"
    for name in ("aeon", "lightning", "this", "tabnanny", "torchcde", "fwp", "torch", "string"):
        written(folder / f"{name}.py", spoilt)
    sys.modules.pop("tabnanny", None)
    written(folder / "beside.py", "from fwp.rules import delta as helper\n")
    written(folder / "mine.py", "import tabnanny\nfrom beside import helper\nmine = 2 * helper\n")
    (found,) = find_all(target)
    assert found == 2 * delta
    import tabnanny

    import aeon.datasets

    assert not any(str(module.__file__).startswith(str(folder)) for module in (tabnanny, aeon.datasets))


def test_nor_does_the_current_folder_where_the_command_is_a_module(folder: Path) -> None:
    """`python -m fwp.cli` from a folder in which `tyro.py` lies."""
    for name in ("tyro", "rich", "aeon"):
        written(folder / f"{name}.py", "raise AssertionError('the wrong one')\n")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "fwp.cli", "show", "hebb"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0 and done.stdout.startswith("hebb"), done.stderr


def test_files_of_one_name_have_each_its_own_neighbours(folder: Path) -> None:
    for place, name in (("one", "delta"), ("two", "oja")):
        written(folder / place / "neighbour.py", f"from fwp.rules import {name} as rule\n")
        written(folder / place / "mine.py", "import neighbour\nmine = 2 * neighbour.rule\n")
    for place, rule in (("one", delta), ("two", oja), ("one", delta), ("two", oja)):
        assert find(f"{place}/mine.py:mine") == 2 * rule
    assert len([name for name in sys.modules if name.startswith("_fwp_mine")]) == 2


@pytest.mark.parametrize("name", ["random", "types", "torch", "fwp", "json", "a name with blanks", "1st", "é"])
def test_a_file_may_be_called_anything(folder: Path, name: str) -> None:
    written(folder / f"{name}.py", RULE.format("hebb"))
    before = sys.modules.get(name)
    assert find(f"{name}.py:mine") == find(f"{folder / name}.py") == 2 * hebb
    assert sys.modules.get(name) is before


def test_a_package_of_an_installed_ones_name_is_refused(folder: Path) -> None:
    """It would be passed over for it without a word."""
    for name in ("torchcde", "json"):
        written(folder / name / "__init__.py", "")
        written(folder / name / "rules.py", RULE.format("hebb"))
        with pytest.raises(FwpError, match=f"another module(.|\n)*{name}(.|\n)*another name"):
            find(f"{name}/rules.py:mine")
    written(folder / "my_own" / "__init__.py", RULE.format("oja"))
    written(folder / "my_own" / "rules.py", "from . import mine as other\nmine = 2 * other\n")
    assert find("my_own/rules.py:mine") == 4 * oja and find("my_own/__init__.py:mine") == 2 * oja


def test_two_rules_of_one_name_are_told_apart_by_their_attributes(folder: Path) -> None:
    text = "from fwp.rules import delta, oja\none = (2 * delta).renamed('same')\nother = (2 * oja).renamed('same')\n"
    written(folder / "two.py", text)
    with pytest.raises(FwpError) as caught:
        find("two.py")
    assert "one, other" in str(caught.value) and "two.py:one" in caught.value.help
    assert find("two.py:other") == 2 * oja
    assert [rule.name for rule in find_all("two.py")] == ["same", "same"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (":mine", "nothing before the colon"),
        (":", "nothing before the colon"),
        ("mine.py:", "has no ``"),
        (".:mine", "a file is path/to/file.py"),
        ("..mine:mine", "a file is path/to/file.py"),
        ("mine.:mine", "a file is path/to/file.py"),
        ("mine..inner:mine", "a file is path/to/file.py"),
        ("folder/mine:mine", "a file is path/to/file.py"),
        ("/:mine", "a file is path/to/file.py"),
        ("mine.txt:mine", "no such module"),
        (".py:mine", "no such file"),
        ("mine.py:mine:mine", "no such module"),
        ("no_module\0:mine", "no such module"),
        ("no_file\0.py:mine", "no such file"),
        ("folder.py:mine", "no such file"),
        ("mine.py:__name__", "is no rule"),
    ],
)
def test_what_is_no_target_is_said_in_our_words(folder: Path, target: str, words: str) -> None:
    written(folder / "mine.py", RULE.format("delta"))
    (folder / "folder.py").mkdir()
    for ask in (find, find_all):
        with pytest.raises(FwpError) as caught:
            ask(target)
        assert words in str(caught.value)


def test_a_current_folder_that_was_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find("delta") is delta and find("fwp.rules:oja") is oja
    for target, words in (("mine.py", "no such file"), ("nowhere_at_all:mine", "no such module")):
        with pytest.raises(FwpError, match=words):
            find_all(target)
    monkeypatch.chdir(folder)


def test_what_the_users_file_raises_is_theirs(folder: Path) -> None:
    for text in ("1 / 0", "from .beside import rule", "raise SystemExit(3)", "\0", "é".encode("latin-1")):
        file = folder / "wrong.py"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ImportFailed):
            find("wrong.py")
