"""The paper's tables as cells, and how their results are told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from fwp.bench import TASKS
from fwp.bench.many import digest
from fwp.bench.render import markdown, number, page, summaries, terminal
from fwp.bench.table import ABLATION, TABLE1, TABLE2, TABLES, Cell, chosen
from fwp.data import Labelled, series
from fwp.errors import FwpError
from fwp.models import Recurrent
from fwp.training import begun

ROOT = Path(__file__).parents[2]
CELLS = [cell for cells in TABLES.values() for cell in cells]
CHANNELS = {"sepsis": 34, "sepsis-oi": 68, "arabic-speech": 20, "speech": 20, "worms": 1}


def cell(name: str) -> Cell:
    return next(each for each in CELLS if each.name == name)


def test_the_tables_have_every_row_of_the_paper_on_every_task() -> None:
    names = {each.name for each in TABLE1}
    for column in ("sepsis/no-oi", "sepsis/oi", "speech", "arabic-speech"):
        for family in ("node", "cde"):
            assert {f"{column}/{rule}-{family}" for rule in ("hebb", "oja", "delta")} <= names
        assert {f"{column}/{row}" for row in ("ncde", "gru-ode", "ode-rnn", "gru-dt", "gru-d", "deltanet")} <= names
    worms = {each.name for each in TABLE2}
    for column in ("worms", "eigenworms", "eigenworms-unique"):
        assert {f"{column}/depth-{d}/{rule}" for d in (1, 2) for rule in ("hebb", "oja", "delta")} <= worms
        assert {f"{column}/ncde", f"{column}/nrde", f"{column}/depth-1/delta-published"} <= worms
    assert len({each.name for each in CELLS}) == len(CELLS)
    for cells in TABLES.values():
        assert len({digest(each.run(0)) for each in cells}) == len(cells)


@pytest.mark.parametrize("own", CELLS, ids=lambda own: own.name)
def test_every_cell_is_a_run_that_can_be_built(own: Cell) -> None:
    what = own.run(0)
    features = what.task.source.features
    channels = CHANNELS.get(what.task.name, 6)
    given = series(
        torch.randn(3, 9, channels), lengths=[9, 2, 5], static=torch.randn(3, features) if features else None
    )
    data = Labelled(given, torch.tensor([0, 1, 1]), ("a", "b"))
    trained = begun(what.model, data, what.recipe, what.task.metric, sizes=what.sizes)
    logits = trained.predictor.eval()(trained.normaliser.apply(given))
    assert logits.shape == (3, 1 if what.task.metric.one_logit else 2) and bool(logits.isfinite().all())


def test_recipes_are_told_apart() -> None:
    for own in CELLS:
        assert own.recipe.name.removesuffix(", changed") in ("corrected", "published", "published-exact")
        assert ("published" in own.name) == own.recipe.name.startswith("published")
    assert all(TASKS[name].published for name in ("sepsis", "sepsis-oi", "speech", "eigenworms"))


def test_a_name_stands_for_all_cells_that_begin_so() -> None:
    assert [own.name for own in chosen(TABLE1, ["sepsis/no-oi/delta-cde"])] == ["sepsis/no-oi/delta-cde"]
    assert len(chosen(TABLE1, ["sepsis"])) == len(TABLE1) // 2
    with pytest.raises(FwpError, match="did you mean sepsis/oi/delta-cde"):
        chosen(TABLE1, ["sepsis/oi/delta-cdes"])


def test_fewer_epochs_are_another_run_that_still_ends_with_an_evaluation() -> None:
    own = cell("sepsis/no-oi/delta-cde-published")
    assert own.run(0, 60).recipe.epochs == 60 and own.run(0, 60) == own.run(0, 65), "six evaluations, one name"
    assert own.run(0, 3).recipe.evaluate_every == 3
    assert own.run(0, 10**6) == own.run(0)


def line(own: Cell, seed: int, test: float, **more: Any) -> dict[str, Any]:
    parts = {name: {"auc": value, "loss": 0.5} for name, value in (("valid", test + 0.01), ("test", test))}
    found = {"cell": own.name, "digest": str(seed), "recipe": own.recipe.name, "seed": seed, "metric": "auc"}
    found |= {"run": own.run(seed).to_json()}
    about = {"parameters": 1234, "seconds": 60.0, "machine": "a machine", "split": f"stratified-{seed}", "data": "x"}
    return {**found, **parts, **about, **more}


FAILED = ("cell", "digest", "recipe", "seed", "run")


def test_a_table_says_mean_deviation_seeds_failures_and_the_papers_number() -> None:
    own, other = cell("sepsis/no-oi/delta-cde"), cell("sepsis/no-oi/gru")
    failed = {name: value for name, value in line(other, 0, 0.5).items() if name in FAILED} | {"error": "E"}
    short = line(own, 1, 0.5, run=own.run(1, 2).to_json(), recipe=own.run(1, 2).recipe.name)
    found = summaries(TABLE1, [line(own, 0, 0.88), line(own, 2, 0.90), failed, short])
    text = markdown("A table", "About it.", found)
    assert "| Delta, CDE | corrected | 0, 2 | 90.0 (1.4) | 89.0 (1.4) | 84.5 (0.7) | 1,234 | 60 |" in text
    assert "| GRU | corrected | none, 1 failed | failed | failed | - | - | - |" in text
    assert "| Delta, CDE | corrected, 2 epochs | 1 | 51.0 | 50.0 |" in text, (
        "never averaged with runs of another recipe"
    )
    assert "4 runs were started, 3 finished" in text and "a machine" in text and "stratified-2" in text
    console = Console(width=200, record=True)
    console.print(terminal("A table", found))
    assert "89.0 (1.4)" in console.export_text()


def test_one_run_has_no_deviation() -> None:
    assert number([88.06]) == "88.1" and number([]) == "failed" and number([1.0, 3.0]) == "2.0 (1.4)"


def test_the_page_of_results_is_that_of_the_committed_lines() -> None:
    assert (ROOT / "docs" / "results.md").read_text() == page(ROOT / "results")


def test_every_committed_line_is_of_a_cell(tmp_path: Path) -> None:
    for name, cells in TABLES.items():
        known = {own.name for own in cells}
        for text in (ROOT / "results" / f"{name}.jsonl").read_text().splitlines():
            assert json.loads(text)["cell"] in known
    assert ABLATION[0].recipe == replace(TASKS["sepsis"].recipe)
    assert isinstance(cell("speech/gru-d").model, Recurrent)
