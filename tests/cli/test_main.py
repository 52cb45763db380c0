import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from fwp.cli import main
from fwp.cli.main import COMMANDS
from fwp.cli.run import folder_of, task_of
from fwp.data import load_uea
from fwp.models import load

SMALL = "--width 8 --heads 2 --hidden 8 --method euler --epochs 2 --batch 54 --device cpu".split()
KEYS = ["task", "rule", "control", "seed", "split", "metric", "valid", "test", "parameters", "seconds", "out"]
KEYS += ["recipe", "epochs", "machine", "data", "version", "commit"]
MINE = """
from fwp import Rule, Slot
from fwp.rules import W, beta, k, v
decay = Slot("decay")
leaky = Rule(beta * (v - W @ k) * k - decay * W)
"""


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    command = [sys.executable, "-m", "fwp.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[2])


@pytest.mark.users
def test_a_rule_from_a_file_trains_and_is_loaded_without_it(tmp_path: Path) -> None:
    file, out = tmp_path / "mine.py", tmp_path / "out"
    file.write_text(MINE)
    done = called("run", "japanese-vowels", "--rule", f"{file}:leaky", "--out", str(out), *SMALL)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert [key for key in KEYS if key in result or key != "commit"] == list(result), (
        "a commit where there is a checkout"
    )
    assert [result[key] for key in KEYS[:4]] == ["japanese-vowels", "leaky", "hermite", 0] and result["out"] == str(out)
    assert "epoch 1/2" in done.stderr and "japanese-vowels: leaky" in done.stderr
    assert done.stderr.startswith("epoch 1/2") and "arn" not in done.stderr, "no advice of other libraries"
    file.unlink()
    wanted = "run.json state.safetensors metrics.jsonl model.json weights.safetensors "
    wanted += "learning_curve.png fast_weights.png result.json"
    assert {file.name for file in out.iterdir()} == set(wanted.split())
    assert len([json.loads(row) for row in (out / "metrics.jsonl").read_text().splitlines()]) == 2
    _, test = load_uea("JapaneseVowels")
    prediction = load(out).predict(test.series)
    assert (prediction.best == test.labels).double().mean().item() == result["test"]["accuracy"]
    assert torch.allclose(prediction.probabilities.sum(-1), torch.ones(370))


@pytest.mark.users
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_end_says_so_and_goes_on_later(tmp_path: Path, end: signal.Signals) -> None:
    arguments = [*"run japanese-vowels --out".split(), str(tmp_path), *SMALL, "--epochs", "100000"]
    # A shell lets what it runs in the background ignore SIGINT, and the tests may be such.
    heeding = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from fwp.cli import main; main()"
    )
    command = [sys.executable, "-c", heeding, *arguments]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as process:
        while not (tmp_path / "metrics.jsonl").exists():
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(end)
        out, said = process.communicate(timeout=60)
    assert process.returncode == 130 and not out
    assert said.splitlines()[-1].startswith("interrupted; what is done is kept") and "Traceback" not in said
    assert (tmp_path / "state.safetensors").exists() and not (tmp_path / "result.json").exists()


@pytest.mark.users
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m fwp.cli show | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert not done.stderr


def test_run_again_only_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [*"run japanese-vowels --rule hebb --control linear --out".split(), str(tmp_path / "out"), *SMALL]
    main(command)
    first = capsys.readouterr()
    main(command)
    again = capsys.readouterr()
    assert first.out == again.out and "epoch" not in again.err.split("japanese-vowels")[0]
    with pytest.raises(SystemExit) as caught:
        main([*command, "--seed", "1"])
    assert caught.value.code == 1
    assert "holds another run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "no-such-task"], "no task has this name"),
        (["run", "japanese-vowels", "--rule", "no-such-rule"], "no rule has this name"),
        (["run", "japanese-vowels", "--control", "cubic"], "no control has this name"),
        (["run", "japanese-vowels", "--projection", "sideways"], "no projection has this name"),
        (["run", "japanese-vowels", "--epochs", "0"], "outside its range"),
        (["run", "japanese-vowels", "--published"], "no recipe for this task"),
        (["run", "japanese-vowels", "--device", "abacus"], "no such device"),
        (["run", "japanese-vowels", "--width", "7", "--heads", "2"], "not a multiple"),
        (["run", "japanese-vowels", "--method", "guess"], "no method has this name"),
        (["data", "uea:../../etc"], "not the name of a data set"),
        (["show", "no-such-rule"], "no rule has this name"),
        (["bench", "table1", "--only", "sepsis/delta"], "no cell of the table has this name"),
        (["bench", "table2", "--only", "worms,", "--device", "abacus"], "no such device"),
        (["bench", "table1", "--only", ""], "no cell of the table has this name"),
        (["bench", "table1", "--jobs", "0"], "nothing can be run"),
        (["bench", "render"], "there are no results"),
        (["bench", "table2", "--only", "worms", "--device", "abacus"], "no such device"),
    ],
)
def test_a_users_error_is_one_message(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    shown = capsys.readouterr()
    assert caught.value.code == 1
    assert words in shown.err and "help: " in shown.err and "Traceback" not in shown.err and not shown.out


def test_data_are_described(capsys: pytest.CaptureFixture[str]) -> None:
    main(["data", "japanese-vowels"])
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("270", "370", "7 to 26", "7 to 29", "class 9", "missing"))


def test_the_published_recipe_is_the_one_to_start_from_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for more in ([], ["--published"]):
        with pytest.raises(SystemExit):
            main(["run", "sepsis", *more, "--help"])
        shown.append(capsys.readouterr().out)
    assert ["(default: 0.03)" in re.sub(r"[│\s]+", " ", text) for text in shown] == [False, True]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("run sepsis", "sepsis"),
        ("run --published sepsis --seed 1", "sepsis"),
        ("run --no-standardise --out speech sepsis", "sepsis"),
        ("run uea:Worms --out sepsis", "uea:Worms"),
        ("run --class-weights 1 10 --epochs 1 sepsis", "sepsis"),
        ("run --sizes inner 32 --seed=1 worms", "worms"),
        ("run --help", ""),
    ],
)
def test_the_recipe_is_that_of_the_task_and_not_of_an_options_value(line: str, found: str) -> None:
    assert task_of(line.split()) == found


def test_a_split_may_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "basic-motions", "--split", "stratified", "--seed", "3", "--out", str(tmp_path), *SMALL])
    assert json.loads(capsys.readouterr().out)["split"] == "stratified-3"


def test_help_shows_the_recipe_of_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["run", "--help"], ["run", "basic-motions", "--help"], ["--help"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
    assert "Passes through the training examples" in capsys.readouterr().out


def test_no_command_imports_what_another_needs() -> None:
    """Training and pictures take seconds to import."""
    code = "import sys; from fwp.cli import main; main(['show', 'delta']); print(sorted({'lightning', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n") and done.stdout.startswith("delta")


def test_every_command_has_a_line_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = re.sub(r"[│\s]+", " ", capsys.readouterr().out)
    assert all(re.search(rf"• {name} [A-Z]", shown) for name in COMMANDS)


def test_the_folder_has_a_name_that_every_system_allows() -> None:
    from fwp.bench import Recipe, Run, task
    from fwp.controls import natural_cubic
    from fwp.fields import Projection
    from fwp.rules import delta

    model = delta.renamed("my / rule:1") @ Projection() @ natural_cubic
    assert folder_of(Run(task("uea:Worms"), model, Recipe(), 4)) == Path("runs/uea-Worms/my---rule-1-natural-cubic-4")
