"""The site leaves nothing out: every public name has its entry, every command its page, and every link its target."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
import yaml

import fwp
from tests.docs.blocks import ROOT, called

DOCS = ROOT / "docs"
ROOMS = sorted(page.stem for page in (DOCS / "api").glob("*.md") if page.stem != "index")


def public(room: str) -> list[str]:
    """What a package gives its users; without `__all__`, all that it imports under its own name."""
    module = importlib.import_module(f"fwp.{room}")
    return getattr(module, "__all__", None) or [
        name for name, value in vars(module).items() if name[0] != "_" and not inspect.ismodule(value)
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_an_entry(room: str) -> None:
    page = (DOCS / "api" / f"{room}.md").read_text(encoding="utf-8")
    there = [entry.rpartition(".")[2] for entry in re.findall(r"^::: ([\w.]+)$", page, re.MULTILINE)]
    assert len(there) == len(set(there))
    # an entry is `::: ` and the name where it is defined: `::: fwp.solvers.solve.solve`
    assert {"without an entry": set(public(room)) - set(there), "not public": set(there) - set(public(room))} == {
        "without an entry": set(),
        "not public": set(),
    }


def test_the_core_names_are_listed() -> None:
    page = (DOCS / "api" / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| \[`(\w+)`\]", page, re.MULTILINE))
    assert (set(fwp.__all__) - listed, listed - set(fwp.__all__)) == (set(), set())


def test_every_command_has_a_page_with_its_help() -> None:
    (commands,) = re.findall(r"\{(.+?)\}", called(["--help"]).splitlines()[0])
    pages = {page.stem: page.read_text(encoding="utf-8") for page in (DOCS / "commands").glob("*.md")}
    assert sorted(commands.split(",")) == sorted(pages.keys() - {"index"})
    assert all(f"$ fwp {name} --help\n" in page for name, page in pages.items() if name != "index")


def test_every_page_can_be_found() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    listed = re.findall(r"[\w/-]+\.md", str(nav))
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_every_link_has_a_target(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]
