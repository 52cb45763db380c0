"""Pages as programs: the fenced blocks of a markdown file are run in order, and what it shows is compared with what happens.

    ```python                 runs; the blocks of a page share one namespace, and `title="mine.py"` also keeps it as that file
    ```text                   what the python block above printed
    ```console                `$ fwp …` and `$ python FILE` run; `$ cat FILE` shows a file, and makes it where there is none;
                              of `$ make TARGET` and `$ pip install …` the targets and extras must exist
    ```yaml                   can be read
    <!-- not run: reason -->  on the line above a block excuses it

In what is shown, `…` stands for anything on its line, and a line with nothing else for any lines. Seconds may differ.

`python -m tests.docs.blocks docs/start.md` writes what happens into a page, where nothing is cut.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent, indent

import yaml

ROOT = Path(__file__).parents[2]
FENCE = re.compile(
    r"^(?P<pad> *)```(?P<kind>\w+)(?P<rest>[^\n]*)\n(?P<text>.*?)^(?P=pad)```$", re.MULTILINE | re.DOTALL
)
EXCUSED = re.compile(r"<!-- not run: \S.*-->\s*\Z")
SECONDS = re.compile(r" *\b\d+\.\d s\b")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what stands in it, and the place of that in the page."""

    kind: str
    title: str | None
    text: str
    start: int
    line: int
    pad: str


@dataclass(frozen=True)
class Shown:
    """What a page shows, what happened, and where it shows it."""

    what: str
    shown: str
    happened: str
    block: Block

    @property
    def agrees(self) -> bool:
        """The page is right."""
        return re.fullmatch(_pattern(_clean(self.shown)), _clean(self.happened)) is not None


def blocks(page: str) -> Iterator[Block]:
    """The blocks that are to be run."""
    for found in FENCE.finditer(page):
        if EXCUSED.search(page[: found.start()]):
            continue
        title = re.search(r'title="([^"]+)"', found["rest"])
        text, pad = dedent(found["text"]), found["pad"]
        line = page[: found.start("text")].count("\n")
        yield Block(found["kind"], title and title[1], text, found.start("text"), line, pad)


def run(page: Path) -> Iterator[Shown]:
    """Run a page in the current folder, which should be empty."""
    own = Running(page)
    before: Block | None = None
    printed = ""
    for block in (*blocks(page.read_text(encoding="utf-8")), None):
        if printed and (block is None or block.kind != "text"):
            assert before is not None
            yield Shown("this block prints, and no text block follows", "", printed, before)
        printed, before, last = "", block, before
        match block:
            case None:
                return
            case Block(kind="python"):
                printed = own.python(block)
            case Block(kind="text"):
                assert last is not None and last.kind == "python", f"line {block.line}: text follows a python block"
                yield Shown("the block above prints", block.text, own.printed, block)
            case Block(kind="console"):
                yield from own.console(block)
            case Block(kind="yaml"):
                yaml.safe_load(block.text)
            case _:
                raise AssertionError(f"{page.name}, line {block.line}: nobody knows how to run {block.kind}")


@dataclass
class Running:
    """A page that is being run: the names its python blocks have in common."""

    page: Path
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "__main__"})
    printed: str = ""

    def python(self, block: Block) -> str:
        """Run a block of python; what it prints."""
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        code = compile("\n" * block.line + block.text, str(self.page), "exec")  # tracebacks show the page's own lines
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, self.names)
        self.printed = out.getvalue()
        return self.printed

    def console(self, block: Block) -> Iterator[Shown]:
        """Run the commands of a block, one after the other."""
        assert block.text.startswith("$ "), f"{self.page.name}, line {block.line}: a console block begins with $"
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            happened = self._command(shlex.split(command, comments=True), shown)
            yield Shown(f"$ {command}", shown, happened, block)

    def _command(self, words: Sequence[str], shown: str) -> str:
        match words:
            case ["fwp", *arguments]:
                return called(arguments)
            case ["python", *arguments]:
                done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
                return (done.stdout + done.stderr).replace(f"{Path.cwd()}{os.sep}", "")
            case ["cat", name]:
                file = Path(name)
                if not file.exists():
                    file.write_text(shown, encoding="utf-8")
                return file.read_text(encoding="utf-8")
            case ["make", *targets]:
                known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
                assert set(targets) <= set(known), f"the Makefile does not have all of {targets}"
                return shown
            case ["pip", "install", *arguments]:
                project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
                for extras in re.findall(r"\[(.+?)\]", " ".join(arguments)):
                    assert set(extras.split(",")) <= set(project["optional-dependencies"]), f"no extras {extras}"
                return shown
            case _:
                raise AssertionError(f"{self.page.name}: nobody knows how to run {shlex.join(words)}")


def called(arguments: Sequence[str]) -> str:
    """What `fwp` with these arguments writes, errors and progress included, on a terminal of 80 columns."""
    from fwp.cli import main

    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)  # with an encoding, as a terminal has
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(list(arguments))
        except SystemExit as left:  # also the way in which --help ends
            if isinstance(left.code, str):
                print(left.code)
    out.seek(0)
    return out.read()


@contextlib.contextmanager
def apart(folder: Path) -> Iterator[None]:
    """As in a user's shell: in this folder, 80 columns wide; what is imported from the folder is forgotten afterwards."""
    path, modules, columns = list(sys.path), set(sys.modules), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
                del sys.modules[name]
        os.environ.pop("COLUMNS")
        os.environ |= {} if columns is None else {"COLUMNS": columns}


def _clean(text: str) -> str:
    """Without what may differ: blanks at the ends of lines and of all, and how many seconds something took."""
    lines = [line.rstrip() for line in SECONDS.sub(" 0.0 s", text).splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


def _pattern(shown: str) -> str:
    """What is shown, as a regular expression for what may happen."""
    parts = [r"(?:.*\n)*?" if line.strip() == "…" else _line(line) for line in shown.splitlines()]
    return "".join(parts)


def _line(line: str) -> str:
    return ".*".join(map(re.escape, line.split("…"))) + r"\n"


def _write(page: Path) -> None:
    """Put what happens in the place of what is shown; what is cut there stays as it is."""
    with TemporaryDirectory() as folder, apart(Path(folder)):
        found = [each for each in run(page) if not each.agrees]
    text = page.read_text(encoding="utf-8")
    for each in reversed(found):  # from the end, so that places before stay where they are
        at, old = each.block.start, indent(each.shown, each.block.pad)
        if "…" in each.shown or each.block.kind not in ("console", "text"):
            print(f"{page.name}, line {each.block.line}: {each.what}: not mended; what happens:\n{each.happened}")
            continue
        if each.block.kind == "console":
            at = text.index("\n", text.index(each.what, at)) + 1
        text = text[:at] + indent(each.happened.strip("\n") + "\n", each.block.pad) + text[at + len(old) :]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        _write(Path(argument).resolve())
