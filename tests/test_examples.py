"""The examples run as users run them, and what they print is so."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from fwp.cli.target import find_all
from fwp.testing import check_rule

pytestmark = pytest.mark.nohook  # they run as users run the library

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """What `python examples/<name>.py …` prints."""

    def run(name: str, *arguments: str) -> str:
        file = str(EXAMPLES / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [file, *arguments])
        runpy.run_path(file, run_name="__main__")
        return capsys.readouterr().out

    return run


def numbers(pattern: str, text: str) -> list[float]:
    """The one number of each match."""
    return [float(found.replace(",", "")) for found in re.findall(pattern, text)]


def test_each_example_has_its_line_and_fits_on_a_screen() -> None:
    files = {file.name for file in EXAMPLES.glob("*.py")}
    assert set(re.findall(r"\| \[(\w+\.py)\]\(\1\) \| \w", (EXAMPLES / "README.md").read_text())) == files
    for name in files - {"principal_components.py"}:
        assert len((EXAMPLES / name).read_text().splitlines()) <= 66, name


def test_a_rule_in_one_line(printed) -> None:
    text = printed("one_line_rule")
    assert text.startswith("dW/dt = β (v − W k) kᵀ − γ W free freeᵀ\nlaws: ")
    assert "non-expansiveness, growth bound" in text
    assert re.findall(r"of rank (\d)", text) == ["1", "2"]
    delta, tidy = numbers(r"error ([\d.]+)", text)
    assert tidy < 0.02 and 0.15 < delta < 0.35


def test_irregular_series(printed) -> None:
    text = printed("irregular")
    (known,), (withheld,) = numbers(r"accuracy ([\d.]+)", text), numbers(r"and ([\d.]+) where", text)
    assert known > 0.85 and abs(withheld - 0.5) < 0.08
    padded, doubled = numbers(r"differ by (\S+)", text)
    assert padded <= 1e-6 and doubled <= 1e-6


def test_a_forecast(printed) -> None:
    text = printed("forecast")
    ours, still = numbers(r"R² ([\d.]+)", text)
    assert ours > still > 0.5
    assert numbers(r"forecasts by (\S+)", text) == [0.0]


def test_streaming(printed) -> None:
    text = printed("streaming")
    held = numbers(r"state of ([\d,]+) numbers", text)
    assert len(held) == 4 and len(set(held)) == 1
    points = numbers(r"([\d,]+) time points: ", text)
    assert points == sorted(points) and points[-1] > 100 * points[0]
    (apart,) = numbers(r"differ from those of one call by (\S+)", text)
    assert apart < 1e-5


def test_a_claim_of_ones_own(printed) -> None:
    robust, hasty = printed("own_ci").strip().split("\n\n")
    assert "✓ claim: speed limit" in robust and "counterexample" not in robust
    assert "✗ claim: speed limit" in hasty and "counterexample\n  value = 1, key = 1\n" in hasty
    way, most = (float(found) for found in re.findall(r"= (\S+) and ∫ β \|k\| ds = (\S+)", hasty)[0])
    assert way > most


def test_what_ci_finds_in_the_file() -> None:
    (rule,) = find_all(str(EXAMPLES / "own_ci.py"))
    assert rule.name == "robust" and [law.name for law in rule.rules[0].laws] == ["speed limit"]


@pytest.mark.slow
def test_ci_passes() -> None:
    (rule,) = find_all(str(EXAMPLES / "own_ci.py"))
    report = check_rule(rule)
    assert report.passed and "claim: speed limit" in str(report), str(report)


def test_a_typed_pipeline(printed) -> None:
    *refused, result = printed("typed_pipeline").rstrip().split("\n\n")
    assert [text.splitlines()[1] for text in refused] == [
        "a Control cannot stand left of a Projection",
        "a number of the recipe is outside its range",
        "the model reads static features, and the series of this task have none",
    ]
    assert all("  help: " in text for text in refused)
    assert "'task': 'basic-motions', 'rule': 'delta', 'control': 'hermite'" in result and "'examples': 40" in result
    (accuracy,) = numbers(r"'accuracy': ([\d.]+)", result)
    assert accuracy > 0.5, "chance is 0.25"


def test_a_type_checker_refuses_what_the_example_says_it_does(tmp_path: Path) -> None:
    """Each comment that silences pyright is needed, and it has nothing else to say."""
    text = (EXAMPLES / "typed_pipeline.py").read_text()
    file = tmp_path / "typed_pipeline.py"
    file.write_text(f"# pyright: reportUnnecessaryTypeIgnoreComment=true\n{text}")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(file)]
    silent = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert silent.returncode == 0 and "0 errors" in silent.stdout, silent.stdout + silent.stderr
    assert text.count("# pyright: ignore") == 3


def test_two_meanings(printed) -> None:
    text = printed("two_meanings")
    assert text.startswith("solved by exact; ") and numbers(r"by hand: (\S+)", text)[0] < 1e-13
    coarse, *_, fine, finest = numbers(r"token: (\S+) from", text)
    assert coarse > 100 * finest and 3.6 < fine / finest < 4.4, "a quarter of the step, a quarter of the error"
    stiff, flow, euler = (numbers(rf"{name} ([\d.e+]+\d)", text) for name in (r"up to", r"\|W\| is", "by the flow,"))
    assert stiff[0] < 2 < stiff[-1]
    assert max(flow) < 10 and abs(euler[0] - flow[0]) < 1 and euler[-1] > 1e6


def million(text: str) -> tuple[float, float]:
    """The seconds of both passes together, and the memory that they took, in MB."""
    (norm,) = numbers(r"has norm (\S+)", text)
    assert 0 < norm < float("inf")
    (forward,), (backward,) = numbers(r"forward ([\d.]+) s", text), numbers(r"backward ([\d.]+) s", text)
    (own,) = numbers(r"of which (\d+) MB", text)
    return forward + backward, own


def test_many_steps(printed) -> None:
    text = printed("million_steps", "20000")
    assert "20,000 steps: " in text and "gradient  exact for the steps taken" in text
    million(text)


@pytest.mark.slow
def test_a_million_steps() -> None:
    """In a process of its own, whose peak is nobody else's. Measured: 12 s and 231 MB; all slots would be 1.1 GB."""
    command = [sys.executable, str(EXAMPLES / "million_steps.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "states kept between segments" in done.stdout, done.stderr
    seconds, memory = million(done.stdout)
    assert memory < 500 and seconds < 120
