"""Texts that a person has read once and that must not change by accident: one file each.

`FWP_GOLDEN=write pytest …` writes them anew; then read the difference before you commit it.
"""

import os
from pathlib import Path


def check(path: Path, text: str) -> None:
    """The file holds exactly this text."""
    if os.environ.get("FWP_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path} is not there: run once with FWP_GOLDEN=write, and read what it wrote"
    assert text == path.read_text(encoding="utf-8"), (
        f"{path} differs: if the change is meant, run with FWP_GOLDEN=write"
    )
