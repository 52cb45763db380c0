"""What a type checker tells users: nothing about pass.py; of fail.py, exactly the lines that end in `# error`."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
Complaints = dict[str, dict[int, str]]


@pytest.fixture(scope="module")
def complaints() -> Complaints:
    """File name → line, counted from 1 → what pyright says there; strict, by pyproject.toml."""
    files = [HERE / "pass.py", HERE / "fail.py"]
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(files)
    found: Complaints = defaultdict(dict)
    for one in report["generalDiagnostics"]:
        found[Path(one["file"]).name][one["range"]["start"]["line"] + 1] = one["message"]
    return found


def test_right_programs_pass(complaints: Complaints) -> None:
    assert complaints["pass.py"] == {}


def test_each_wrong_line_is_reported_and_no_other(complaints: Complaints) -> None:
    lines = (HERE / "fail.py").read_text(encoding="utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, start=1) if line.endswith("# error")}
    assert wrong, "fail.py marks no line"
    found = complaints["fail.py"]
    assert set(found) == wrong, "\n".join(f"{number}: {message}" for number, message in found.items())
