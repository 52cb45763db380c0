"""The Coq files that are written from the rules are those of the rules as they are now."""

from functools import cache

import pytest

from fwp.rules import ALL
from proofs.generate import FOLDER, files

written = cache(files)


@pytest.mark.parametrize("name", ["Rules.v", "Terms.v"])
def test_the_file_is_what_generate_would_write(name: str) -> None:
    path = FOLDER / name
    assert path.read_text(encoding="utf-8") == written()[path], "write it anew: python proofs/generate.py"


def test_every_rule_is_there() -> None:
    text = "".join(written().values())
    for name, rule in ALL.items():
        for each in rule.rules:
            called = name if len(rule.rules) == 1 else f"{name}_{each.of.name}"
            assert f"Definition {called} (" in text and f"Lemma {called}_means :" in text
