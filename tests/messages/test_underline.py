"""What a person sees who runs a file with a wrong rule: Python's own traceback underlines the wrong operator."""

import os
import subprocess
import sys
from pathlib import Path

import fwp

WRONG = "Rule(beta * (v - v @ W) * k)"


def test_the_wrong_subtraction_is_underlined(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f"from fwp.rules import Rule, W, beta, k, v\n\nmine = {WRONG}\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(fwp.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=300
    )
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and not done.stdout
    place = next(i for i, line in enumerate(lines) if line.strip() == f"mine = {WRONG}")
    marks = lines[place + 1]
    underlined = "".join(c for c, mark in zip(lines[place].ljust(len(marks)), marks, strict=False) if mark in "~^")
    assert underlined == "v - v @ W"
    assert "\n".join(lines[-4:]) == "\n".join(
        [
            "fwp.errors.AxisError: cannot subtract terms whose axes differ",
            "    v     : (value)",
            "    v @ W : (key)",
            "  help: `W @ k`, with k : (key), has axes (value)",
        ]
    )
