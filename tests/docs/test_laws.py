"""The page of laws is what its script writes, and every law on it that is called proved has its theorem."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_current() -> None:
    own = runpy.run_path(str(DOCS / "laws.py"))
    assert own["PAGE"].read_text(encoding="utf-8") == own["page"](), "write it anew: python docs/laws.py"


def test_no_formula_ends_its_cell() -> None:
    rows = [line for line in (DOCS / "laws.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert rows and all(row.count("|") == 5 for row in rows)
