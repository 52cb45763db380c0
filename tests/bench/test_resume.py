"""A run that is killed and given again ends with the bits of one that was left alone."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fwp.bench import Recipe, Run, run, task
from fwp.controls import linear
from fwp.errors import FormatError, FwpError
from fwp.fields import wiring
from fwp.models.files import read_json
from fwp.rules import delta
from fwp.training.recipe import Plateau
from fwp.training.state import load_tree

RECIPE = Recipe(width=8, heads=2, hidden=8, method="euler", epochs=4, batch=54, dropout=0.5)
PLATEAUS = replace(
    RECIPE, schedule=Plateau("train_loss", 1), learning_rate=2e-6, epochs=8
)  # all that moves the loss is dropout
ROOT = Path(__file__).parents[2]
FILES = ("metrics.jsonl", "weights.safetensors", "model.json", "run.json", "learning_curve.png", "fast_weights.png")


def small(seed: int = 3, recipe: Recipe = RECIPE) -> Run:
    return Run(task("japanese-vowels"), delta @ wiring("keys-from-increments") @ linear, recipe, seed)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    run(small(), folder, "cpu")
    return folder


def killed_at(folder: Path, event: str, what: str = "small()") -> None:
    """The same run in a process of its own, which kills itself (SIGKILL: nothing is tidied up) at an event."""
    code = f"""
import os, signal
from pathlib import Path
import fwp.models.files
from tests.bench.test_resume import PLATEAUS, small
from fwp.bench import run
from fwp.training import learner
here = Path({str(folder)!r})
def die():
    os.kill(os.getpid(), signal.SIGKILL)
step, replace = learner.Learner.training_step, Path.replace
def training_step(self, batch, index):
    if {event!r} == "epoch 2, batch 2" and self.current_epoch == 1 and index == 2:
        die()
    return step(self, batch, index)
def replacing(self, target):
    last = target.name == "state.safetensors" and sum(1 for _ in open(here / "metrics.jsonl")) == 2 \\
        if (here / "metrics.jsonl").exists() else False
    if {event!r} == "before the state of epoch 3" and last:
        die()
    found = replace(self, target)
    if {event!r} == "between state and metrics of epoch 3" and last:
        die()
    if {event!r} == f"after {{target.name}}":
        die()
    return found
learner.Learner.training_step, Path.replace = training_step, replacing
run({what}, here, "cpu")
"""
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (folder / "result.json").exists()


def same(one: Path, other: Path) -> None:
    for name in FILES:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    first, second = (read_json(folder / "result.json") for folder in (one, other))
    for result in (first, second):
        del result["seconds"], result["out"]
    assert first == second
    assert {file.name for file in one.iterdir()} == {file.name for file in other.iterdir()}


EVENTS = ["epoch 2, batch 2", "between state and metrics of epoch 3"]
MORE = [
    "before the state of epoch 3",
    "after run.json",
    "after weights.safetensors",
    "after model.json",
    "after fast_weights.png",
]


@pytest.mark.parametrize("event", [*EVENTS, *(pytest.param(event, marks=pytest.mark.slow) for event in MORE)])
def test_a_killed_run_ends_with_the_same_bits(whole: Path, tmp_path: Path, event: str) -> None:
    killed_at(tmp_path, event)
    run(small(), tmp_path, "cpu")
    same(whole, tmp_path)


@pytest.mark.parametrize("event", EVENTS)
def test_plateaus_survive_a_kill(tmp_path: Path, event: str) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(small(recipe=PLATEAUS), whole, "cpu")
    rates = [json.loads(row)["rate"] for row in (whole / "metrics.jsonl").read_text().splitlines()]
    assert rates[0] == 2e-6 > rates[-1], "the rate never fell"
    killed_at(killed, event, "small(recipe=PLATEAUS)")
    run(small(recipe=PLATEAUS), killed, "cpu")
    same(whole, killed)


def test_what_ran_before_makes_no_difference(whole: Path, tmp_path: Path) -> None:
    torch.rand(17)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    run(small(), tmp_path, "cpu")
    same(whole, tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_finished_run_only_reports(whole: Path) -> None:
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in whole.iterdir()}
    report = run(small(), whole, "cpu")
    assert report.to_json() == read_json(whole / "result.json")
    assert before == {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in whole.iterdir()}


def test_another_run_is_not_written_over(whole: Path) -> None:
    with pytest.raises(FwpError, match="holds another run") as caught:
        run(small(seed=4), whole, "cpu")
    assert "seed : 3 there, 4 now" in " ".join(str(caught.value).split())
    with pytest.raises(FwpError, match=r"recipe\.epochs"):
        run(small(recipe=replace(RECIPE, epochs=5)), whole, "cpu")


def test_early_stopping_survives_a_kill(tmp_path: Path) -> None:
    """The process dies after the last state; given again, the run must not train one more epoch."""
    recipe = Recipe(width=8, heads=2, hidden=0, method="euler", epochs=4, batch=54, learning_rate=1e-9, patience=1)
    folder = tmp_path / "run"
    run(small(recipe=recipe), folder, "cpu")
    rows = (folder / "metrics.jsonl").read_bytes()
    assert 1 < rows.count(b"\n") < 4
    (folder / "result.json").unlink()
    run(small(recipe=recipe), folder, "cpu")
    assert (folder / "metrics.jsonl").read_bytes() == rows


def test_a_damaged_state_is_said(tmp_path: Path, whole: Path) -> None:
    for name in ("run.json", "state.safetensors"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    state = tmp_path / "state.safetensors"
    assert load_tree(state)["callbacks"]["Keeper"]["done"]
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(FormatError, match="cannot be read"):
        run(small(), tmp_path, "cpu")
