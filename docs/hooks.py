"""What mkdocs does to the pages beyond its plugins: formulas become MathML, and linked files of the repository become pages.

Both are done while the site is built, so that it needs no script and no other site, and a link that leads nowhere ends the
build. `mkdocs.yml` names this file as a hook.
"""

import re
from collections.abc import Iterator
from functools import partial
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from posixpath import relpath

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

__all__ = ["on_files", "on_page_content", "on_page_markdown"]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"\]\((?![\w+]+:|[#/])(?P<path>[^)#\s]+)(?:#L(?P<line>\d+))?\)")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
PLACE = "source"
"""Where the site has the files of the repository; `mkdocs.yml` knows it, too."""
FONT = "STIXTwoMath-Regular.ttf"
LANGUAGES = {".py": "python", ".v": "coq", ".toml": "toml", ".json": "json"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file outside docs/ that a page links to, and for those that these link to; and the font of formulas."""
    files.append(File.generated(config, f"style/{FONT}", abs_src_path=str(_font())))
    seen: set[Path] = set()
    waiting = [Path(f.abs_src_path) for f in files.documentation_pages() if f.abs_src_path]
    while waiting:
        page = waiting.pop()
        for target in _outside(page, page.read_text(encoding="utf-8")):
            if target not in seen:
                seen.add(target)
                files.append(File.generated(config, _place(target), content=_as_page(target)))
                waiting += [target] if target.suffix == ".md" else []
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to files of the repository at the pages that show them."""
    uri = page.file.src_uri
    place, _, shown = uri.partition("/")
    origin = ROOT / shown.removesuffix(".md") if place == PLACE else DOCS / uri
    if origin.suffix != ".md":
        return markdown  # code
    return LINK.sub(partial(_relinked, origin, uri), markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Typeset the formulas, and tell mkdocs of the anchors of lines, which it does not find by itself."""
    page.present_anchor_ids = (page.present_anchor_ids or set()) | set(re.findall(r'id="(__codelineno[^"]+)"', html))
    return FORMULA.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    formula = unescape(found[3])
    if found[2] == "[":
        return convert(formula, display="block")
    # Browsers break lines between formulas, never inside one.
    return " ".join(map(convert, re.split(r"(?<=,)\\quad", formula)))


def _font() -> Path:
    """STIX Two Math, from a package of Python's that has it, so that readers need no other site."""
    package = find_spec("ziamath")  # not imported: nothing else of it is needed
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "fonts" / FONT


def _outside(page: Path, text: str) -> Iterator[Path]:
    """The files outside docs/ that a page links to."""
    for found in LINK.finditer(text):
        target = (page.parent / found["path"]).resolve()
        if target.is_file() and target.is_relative_to(ROOT) and not _on_site(target):
            yield target


def _on_site(target: Path) -> bool:
    """What mkdocs takes to the site by itself."""
    return target.is_relative_to(DOCS) and target.suffix != ".py"


def _relinked(origin: Path, uri: str, found: re.Match[str]) -> str:
    """The link as it is to be from the page `uri`, which shows `origin`."""
    target = (origin.parent / found["path"]).resolve()
    if not target.is_file() or not target.is_relative_to(ROOT):
        return found[0]  # for mkdocs to complain about
    place = target.relative_to(DOCS).as_posix() if _on_site(target) else _place(target)
    line = f"#__codelineno-0-{found['line']}" if found["line"] else ""
    return f"]({relpath(place, Path(uri).parent.as_posix())}{line})"


def _place(target: Path) -> str:
    return f"{PLACE}/{target.relative_to(ROOT).as_posix()}.md"


def _as_page(target: Path) -> str:
    text = target.read_text(encoding="utf-8")
    if target.suffix == ".md":
        return text
    name = target.relative_to(ROOT).as_posix()
    return f'# {name}\n\n````{LANGUAGES.get(target.suffix, "text")} linenums="1"\n{text.rstrip()}\n````\n'
