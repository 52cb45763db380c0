"""Every block of the README and of the documentation runs, and what they show is what happens."""

from difflib import unified_diff
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Shown, apart, run

pytestmark = pytest.mark.nohook  # as users run the library

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_shows_what_happens(page: Path, tmp_path: Path) -> None:
    with apart(tmp_path):
        wrong = [_said(each, page) for each in run(page) if not each.agrees]
    assert not wrong, "\n".join(wrong)


def _said(each: Shown, page: Path) -> str:
    difference = unified_diff(each.shown.splitlines(), each.happened.splitlines(), "shown", "happened", lineterm="")
    help = f"python -m tests.docs.blocks {page.relative_to(ROOT)}"
    return "\n".join([f"{page.name}, line {each.block.line}: {each.what}", *difference, f"help: {help}"])


@pytest.mark.parametrize(
    ("shown", "happened", "agrees"),
    [
        ("a\nb\n", "a\nb", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\n", "b\n", False),
        ("loss … accuracy …\n", "loss 1.25 accuracy 0.5\n", True),
        ("loss … accuracy …\n", "loss 1.25\naccuracy 0.5\n", False),
        ("19 passed in 7.1 s\n", "19 passed in 12.0 s\n", True),
        ("19 passed in 7.1 s\n", "18 passed in 7.1 s\n", False),
        ("", "x\n", False),
    ],
)
def test_what_agrees(shown: str, happened: str, agrees: bool) -> None:
    from tests.docs.blocks import Block

    assert Shown("", shown, happened, Block("text", None, shown, 0, 1, "")).agrees is agrees


@pytest.mark.parametrize(
    "page",
    [
        "```python\nprint(1)\n```\n",  # what is printed and not shown
        "```python\nprint(1)\n```\n\n```text\n2\n```\n",
        "```python title='x'\nx = 1\n```\n\n```console\n$ fwp show no-such-rule\n```\n",
        "```console\n$ cat a.py\nx\n```\n\n```console\n$ cat a.py\ny\n```\n",
    ],
)
def test_a_wrong_page_is_found(page: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    with apart(tmp_path):
        assert not all(each.agrees for each in run(tmp_path / "page.md"))


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("```rust\nfn main() {}\n```\n", "nobody knows how to run rust"),
        ("```console\n$ rm -r home\n```\n", "nobody knows how to run rm"),
        ("```console\n$ make coffee\n```\n", "coffee"),
        ("```console\n$ pip install 'fwp[sugar]'\n```\n", "no extras sugar"),
        ("```text\n1\n```\n", "text follows a python block"),
    ],
)
def test_a_block_that_cannot_be_run_is_not_passed_over(page: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    with apart(tmp_path), pytest.raises(AssertionError, match=words):
        list(run(tmp_path / "page.md"))


def test_an_excuse_is_for_one_block(tmp_path: Path) -> None:
    block = "```python\nprint(1)\n```\n"
    (tmp_path / "page.md").write_text(f"<!-- not run: takes hours -->\n{block}\n{block}", encoding="utf-8")
    with apart(tmp_path):
        assert len(list(run(tmp_path / "page.md"))) == 1
