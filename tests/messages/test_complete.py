"""Every complaint of the language has a golden file: no call of an error in these packages is left unreached."""

import ast
import sys
from pathlib import Path

import pytest

import fwp
from fwp import errors
from fwp.errors import FwpError
from tests.messages import test_lowering, test_rules, test_terms

ERRORS = {name for name in errors.__all__ if name.endswith("Error")}
ROOT = Path(fwp.__file__).parent
PACKAGES = {"terms": test_terms, "rules": test_rules, "lowering": test_lowering}


def written(package: str) -> dict[Path, list[range]]:
    """The lines of every call of one of our errors, by file."""
    found = {}
    for path in sorted((ROOT / package).glob("*.py")):
        calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
        ours = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id in ERRORS]
        found[path] = [range(c.lineno, c.end_lineno + 1) for c in ours]
    return found


def test_every_error_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: set[tuple[Path, int]] = set()
    original = FwpError.__init__

    def recorded(self: FwpError, *args: object, **options: object) -> None:
        caller = sys._getframe(1)
        reached.add((Path(caller.f_code.co_filename), caller.f_lineno))
        original(self, *args, **options)

    monkeypatch.setattr(FwpError, "__init__", recorded)
    for module in PACKAGES.values():
        for source in module.CASES.values():
            with pytest.raises(FwpError):
                eval(source, dict(module.NAMES))
    missed = [
        f"{path.relative_to(ROOT.parent)}:{lines[0]}"
        for package in PACKAGES
        for path, calls in written(package).items()
        for lines in calls
        if not any((path, line) in reached for line in lines)
    ]
    assert not missed, "no case of tests/messages reaches " + ", ".join(missed)


def test_no_golden_file_without_a_case() -> None:
    here = Path(__file__).parent
    for package, module in PACKAGES.items():
        assert {path.stem for path in (here / package).glob("*.txt")} == set(module.CASES)
