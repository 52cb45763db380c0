"""Many runs: none twice, none lost, and a run that fails says why without stopping the others."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from fwp.bench import Recipe, Run, task
from fwp.bench.many import Job, Line, digest, read_lines, run_all, spread, write_lines
from fwp.bench.source import Source, Uea
from fwp.controls import linear
from fwp.data import Dataset
from fwp.errors import DataError, FormatError
from fwp.fields import Projection, external, wiring
from fwp.rules import delta
from fwp.rules.vocabulary import x

ROOT = Path(__file__).parents[2]
RECIPE = Recipe(width=8, heads=2, hidden=8, method="euler", epochs=1)
MODEL = delta @ wiring("keys-from-increments") @ linear


def job(seed: int, recipe: Recipe = RECIPE) -> Job:
    return Job("vowels/delta", Run(task("japanese-vowels"), MODEL, recipe, seed))


@pytest.mark.users
def test_runs_are_done_once_two_at_a_time_and_in_order(tmp_path: Path) -> None:
    said: list[str] = []
    results, runs = tmp_path / "results" / "table.jsonl", tmp_path / "runs"
    lines = run_all([job(1), job(0)], results, runs, "cpu", at_once=2, say=said.append)
    assert [line["seed"] for line in lines] == [1, 0]
    assert [line["seed"] for line in read_lines(results)] == [0, 1]
    assert all("out" not in line and line["test"]["examples"] == 370 for line in lines)
    assert said[0] == "2 runs, 0 of them done before" and len(said) == 3
    before = results.read_bytes()
    assert (runs / job(0).folder / "result.json").exists()

    said.clear()
    again = run_all([job(0), job(1)], results, tmp_path / "elsewhere", "cpu", at_once=1, say=said.append)
    assert said == ["2 runs, 2 of them done before"] and again == lines[::-1]
    assert results.read_bytes() == before and not (tmp_path / "elsewhere").exists()


def test_a_run_that_fails_has_a_line_and_is_tried_again(tmp_path: Path) -> None:
    bad = Job("vowels/bad", Run(replace(task("japanese-vowels"), source=task("uea:None").source), MODEL, RECIPE))
    results = tmp_path / "table.jsonl"
    for _ in range(2):
        said: list[str] = []
        lines = run_all([bad], results, tmp_path / "runs", "cpu", at_once=1, root=tmp_path, say=said.append)
        assert lines[0]["error"].startswith("DataError") and lines[0]["cell"] == "vowels/bad"
        assert said[0] == "1 runs, 0 of them done before" and len(read_lines(results)) == 1
        assert "\n  help: " in said[1]


def test_data_that_cannot_be_had_are_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Source] = []

    def load(source: Uea, root: Path | None = None) -> Dataset:
        asked.append(source)
        raise DataError("no connection", help="try again")

    monkeypatch.setattr(Uea, "load", load)  # here, and not in the processes of runs
    jobs = [job(seed) for seed in (0, 1)]
    lines = run_all(jobs, tmp_path / "table.jsonl", tmp_path / "runs", "cpu", at_once=2)
    assert asked == [jobs[0].run.task.source]
    assert [line["error"].splitlines()[0] for line in lines] == ["DataError: no connection"] * 2
    assert read_lines(tmp_path / "table.jsonl") == lines


LONG = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.bench.test_many import RECIPE, job, run_all
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    run_all([job(0, replace(RECIPE, epochs=100_000))], folder / "t.jsonl", folder, "cpu", at_once=1)
"""


def test_a_place_is_given_when_a_job_begins() -> None:
    """The first job lasts as long as all others together, which follow each other on the second place."""
    jobs = [Job(str(i), job(0).run) for i in range(4)]
    begun: list[tuple[str, str]] = []
    futures: dict[str, Future[Line]] = {own.cell: Future() for own in jobs}

    def start(own: Job, place: str) -> Future[Line]:
        begun.append((own.cell, place))
        for ended in {"0": (), "3": ("0", "3")}.get(own.cell, (own.cell,)):
            futures[ended].set_result({})
        return futures[own.cell]

    assert sorted(own.cell for own, _ in spread(jobs, ["a", "b"], start)) == ["0", "1", "2", "3"]
    assert begun == [("0", "a"), ("1", "b"), ("2", "b"), ("3", "b")]


@pytest.fixture
def training(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command that would train for hours, and the process in which it does."""
    file = tmp_path / "long.py"
    file.write_text(LONG)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(file), str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        while not any("epoch 1/" in log.read_text() for log in tmp_path.glob("vowels/delta/*/log.txt")):
            assert process.poll() is None
            time.sleep(0.1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield process, next(int(c) for c in children if "spawn_main" in Path(f"/proc/{c}/cmdline").read_text())
        process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the child in /proc")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_where_a_run_is_killed_the_command_says_so(
    training: tuple[subprocess.Popen[str], int], tmp_path: Path, end: signal.Signals
) -> None:
    process, child = training
    os.kill(child, end)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "was ended from outside" in said and "fewer --jobs" in said
    assert "Exception in thread" not in said
    assert not (tmp_path / "t.jsonl").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the child in /proc")
def test_where_the_command_is_killed_its_runs_end_too(training: tuple[subprocess.Popen[str], int]) -> None:
    process, child = training
    process.kill()
    for _ in range(600):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the run went on")


LINE = {"cell": "a", "digest": "0", "recipe": "corrected", "seed": 0, "run": {}, "error": "DataError: none"}


def test_lines_that_another_command_adds_meanwhile_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "table.jsonl"
    theirs = LINE | {"cell": "theirs"}

    def add(said: str) -> None:
        if "done before" in said:
            write_lines(file, [theirs])

    run_all([job(0)], file, tmp_path / "runs", "cpu", at_once=1, say=add)
    assert [line["cell"] for line in read_lines(file)] == ["theirs", job(0).cell]


def test_a_digest_changes_with_anything_of_a_run() -> None:
    own = job(0).run
    others = [job(1).run, replace(own, recipe=replace(RECIPE, learning_rate=1e-3)), replace(own, sizes={"key": 3})]
    others.append(replace(own, model=delta @ wiring("direct") @ linear))
    assert len({digest(own), *map(digest, others)}) == 5
    assert digest(own) == digest(job(0).run)


def test_what_is_no_line_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "table.jsonl"
    for text in ("{", "[]", '{"cell": "a"}', "3"):
        file.write_text(json.dumps(LINE) + "\n" + text + "\n")
        with pytest.raises(FormatError, match=r"(?s)no line of results.*table.jsonl:2"):
            read_lines(file)


def test_a_module_of_ones_own_cannot_be_kept_with_results() -> None:
    own = Projection(k=external(nn.Linear(13, 8), x, "head key"))
    with pytest.raises(Exception, match="module"):
        digest(replace(job(0).run, model=delta @ own @ linear))
