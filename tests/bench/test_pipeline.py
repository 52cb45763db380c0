"""A run does what its recipe says, and says of what it is a result."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fwp.bench import Recipe, Run
from fwp.bench.pipeline import run
from fwp.bench.task import task
from fwp.controls import linear, log_signature
from fwp.errors import FormatError
from fwp.fields import wiring
from fwp.models.files import read_json
from fwp.rules import delta
from fwp.training import Plateau

MODEL = delta @ wiring("keys-from-increments") @ linear
SMALL = Recipe(
    width=8,
    heads=2,
    hidden=8,
    dropout=0.0,
    epochs=4,
    method="euler",
    schedule=Plateau("train_loss", 1),
    learning_rate=1e-9,
    evaluate_every=2,
)


def test_evaluations_are_as_rare_as_the_recipe_says(tmp_path: Path) -> None:
    report = run(Run(task("japanese-vowels"), MODEL, replace(SMALL, epochs=8)), tmp_path, "cpu")
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [("valid_accuracy" in row) for row in rows] == [False, True] * 4
    assert report.valid["epoch"] % 2 == 0 and report.epochs == 8


def test_training_ends_when_evaluations_stop_getting_better(tmp_path: Path) -> None:
    report = run(Run(task("japanese-vowels"), MODEL, replace(SMALL, epochs=8, patience=2)), tmp_path, "cpu")
    assert report.epochs == 4


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    what = Run(task("japanese-vowels"), MODEL, replace(SMALL, epochs=2))
    first = run(what, tmp_path, "cpu")
    assert run(what, tmp_path, "cpu") == first and first.to_json() == read_json(tmp_path / "result.json")
    (tmp_path / "result.json").write_text('{"task": "worms"}')
    with pytest.raises(FormatError, match=r"(?s)result\.json.*expected.*machine"):
        run(what, tmp_path, "cpu")


def test_a_result_names_what_computes_its_log_signatures() -> None:
    own = Run(task("worms"), MODEL, SMALL)
    assert own.signature is None
    windows = replace(own, model=delta @ wiring("direct") @ log_signature(2, 4))
    assert windows.signature == "closed form"
