"""What the README says of rules and proofs is so; that its blocks show what happens is tested with the documentation's."""

import runpy
from pathlib import Path

import pytest

from fwp.cli.show import describe
from fwp.rules import ALL, Rule, W
from fwp.terms import State, tanh

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_show_a_rule_without_laws() -> None:
    driven = Rule(tanh(W) * State("M", "value key"), name="driven")
    assert describe(driven).endswith("read out\n  W q : (value)")


def test_the_number_of_theorems() -> None:
    theorems = runpy.run_path(str(Path(__file__).parents[1] / "proofs" / "check.py"))["theorems"]
    count = sum(map(len, theorems().values()))
    assert f"Coq has read {count} theorems" in " ".join(README.split())


@pytest.mark.parametrize("name", ALL)
def test_table_of_rules(name: str) -> None:
    assert f"| `{name}` | {'<br>'.join(str(ALL[name]).splitlines())} | " in README
