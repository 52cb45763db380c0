"""What the README shows is what happens."""

import re
import runpy
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from fwp.cli.explain import explain
from fwp.cli.show import describe
from fwp.rules import ALL, Rule, W
from fwp.terms import State, tanh
from fwp.testing import check_rule

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def console(command: str) -> str:
    """What the README shows below a command."""
    shown = next(text for kind, text in BLOCKS if kind == "console" and f"$ {command}\n" in text)
    return shown.split(f"$ {command}\n", 1)[1].split("\n$ ", 1)[0].rstrip()


@pytest.mark.users
def test_python_blocks_print_what_stands_below_them(tmp_path: Path) -> None:
    shown = [(code, text) for (kind, code), (below, text) in pairwise(BLOCKS) if kind == "python" and below == "text"]
    assert len(shown) == 2
    script = tmp_path / "readme.py"
    script.write_text("\n".join(code for code, _ in shown))
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.stdout == "".join(expected for _, expected in shown), run.stderr


def test_show_delta() -> None:
    assert console("fwp show delta") == describe(ALL["delta"])


def test_show_a_rule_without_laws() -> None:
    driven = Rule(tanh(W) * State("M", "value key"), name="driven")
    assert describe(driven).endswith("read out\n  W q : (value)")


def test_explain_delta(capsys: pytest.CaptureFixture[str]) -> None:
    explain("delta")
    shown = console("fwp explain delta")
    assert shown.endswith("\n…") and capsys.readouterr().out.startswith(shown.removesuffix("…"))


def test_check_delta() -> None:
    def timeless(text: str) -> str:
        return re.sub(r" *\d+\.\d s", " … s", text)

    assert timeless(console("fwp check delta")) == timeless(str(check_rule(ALL["delta"])))


def test_the_number_of_theorems() -> None:
    theorems = runpy.run_path(str(Path(__file__).parents[1] / "proofs" / "check.py"))["theorems"]
    count = sum(map(len, theorems().values()))
    assert f"Coq has read {count} theorems" in " ".join(README.split())


@pytest.mark.users
def test_a_wrong_rule_fails_where_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(console("cat mine.py") + "\n")
    run = subprocess.run([sys.executable, "mine.py"], capture_output=True, text=True, cwd=tmp_path, check=False)
    before, after = console("python mine.py").split("\n  …\n")
    assert run.returncode == 1
    assert run.stderr.replace(f"{tmp_path}/", "").startswith(before)
    assert run.stderr.rstrip().endswith(after)


def test_a_rule_of_ones_own(tmp_path: Path) -> None:
    code = next(text for kind, text in BLOCKS if kind == "python" and "leaky" in text)
    scope: dict[str, object] = {}
    exec(code, scope)
    assert repr(scope["leaky"]) == "Rule(β * (v - W @ k) * k - decay * W)"


@pytest.mark.parametrize("name", ALL)
def test_table_of_rules(name: str) -> None:
    assert f"| `{name}` | {'<br>'.join(str(ALL[name]).splitlines())} | " in README
