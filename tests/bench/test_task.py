from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fwp.bench import TASKS, Recipe, Run, task
from fwp.controls import linear
from fwp.errors import CompositionError, DataError, FwpError
from fwp.fields import direct, from_features
from fwp.models import Recurrent
from fwp.rules import delta
from fwp.training.recipe import OneCycle, Plateau


@pytest.mark.parametrize(
    ("name", "sizes", "lengths"),
    [("japanese-vowels", (270, 370, 12, 9), (7, 29)), ("basic-motions", (40, 40, 6, 4), (100, 100))],
)
def test_the_named_tasks_are_at_hand(name: str, sizes: tuple[int, ...], lengths: tuple[int, int]) -> None:
    data = task(name).source.load()
    everything = data.everything
    parts = [len(data.parts[part]) for part in ("train", "test")]
    assert (*parts, everything.series.channels, len(everything.classes)) == sizes
    assert (int(everything.series.lengths.min()), int(everything.series.lengths.max())) == lengths
    assert TASKS[name].name == name


def test_any_set_of_the_archive_is_a_task(tmp_path: Path) -> None:
    folder = tmp_path / "uea" / "Tiny"
    folder.mkdir(parents=True)
    head = "@problemName Tiny\n@timeStamps false\n@missing true\n@univariate false\n@dimensions 2\n@equalLength false\n"
    head += "@classLabel true up down\n@data\n"
    for part in ("TRAIN", "TEST"):
        (folder / f"Tiny_{part}.ts").write_text(head + "1,2,3:4,?,6:up\n3,2:1,1:down\n")
    data = task("uea:Tiny").source.load(tmp_path)
    train = data.everything[data.parts["train"]]
    assert train.series.lengths.tolist() == [3, 2]
    assert int((~train.series.mask[0]).sum()) == 1
    assert task("uea:Tiny").recipe == Recipe()


def test_a_source_says_how_many_static_features_it_has() -> None:
    assert {name: own.source.features for name, own in TASKS.items() if own.source.features} == {
        "sepsis": 5,
        "sepsis-oi": 7,
    }


def test_tasks_are_values() -> None:
    assert len({hash(own) for own in TASKS.values()}) == len(TASKS)
    assert all(task(name) is own and own.name == name for name, own in TASKS.items())


def test_a_task_that_is_none_is_said() -> None:
    with pytest.raises(FwpError, match="did you mean japanese-vowels"):
        task("japanese_vowels")
    for name in ("uea:", "Worms", ""):
        with pytest.raises(FwpError, match="uea:<Name>"):
            task(name)
    with pytest.raises(DataError):
        task("uea:../etc").source.load()


@pytest.mark.parametrize("name", [f.name for f in fields(Recipe) if f.type in (int, float)])
def test_every_number_of_a_recipe_has_a_range(name: str) -> None:
    with pytest.raises(FwpError, match="outside its range") as caught:
        replace(Recipe(), **{name: type(getattr(Recipe(), name))(-1)})
    assert name in str(caught.value)
    if name in ("rate", "clip", "pace"):
        with pytest.raises(FwpError):
            replace(Recipe(), **{name: np.nan})


def test_a_schedule_has_ranges_too_and_training_ends_with_an_evaluation() -> None:
    for schedule in (lambda: OneCycle(1.0), lambda: Plateau(stall=0)):
        with pytest.raises(FwpError, match="outside its range"):
            replace(Recipe(), schedule=schedule())
    with pytest.raises(FwpError, match=r"(?s)end with an evaluation.*evaluate_every : 7"):
        replace(Recipe(), evaluate_every=7)


def test_a_recipe_as_json_says_which_schedule_it_has() -> None:
    assert Recipe().to_json()["schedule"] == {"kind": "OneCycle", "warmup": 0.25}
    assert replace(Recipe(), schedule=Plateau()).to_json()["schedule"]["kind"] == "Plateau"


MODEL = delta @ direct() @ linear


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        (("worms", MODEL, Recipe()), "this is no task"),
        ((TASKS["worms"], delta @ direct(), Recipe()), "this is no model"),
        ((TASKS["worms"], MODEL, TASKS["worms"]), "this is no recipe"),
        ((TASKS["worms"], Recurrent("gru"), Recipe(method="rk4")), "no equation to be solved"),
        ((TASKS["worms"], Recurrent("gru"), Recipe(), 0, {"inner": 3}), "no equation to be solved"),
    ],
)
@pytest.mark.nohook  # which would refuse them first, in its own words
def test_stages_that_do_not_fit_are_refused(stages: Any, words: str) -> None:
    with pytest.raises(FwpError, match=words):
        Run(*stages)


def test_a_model_that_reads_features_needs_a_task_that_has_some() -> None:
    model = delta @ from_features(direct(), delta) @ linear
    assert hash(Run(TASKS["sepsis"], model, Recipe())) != hash(Run(TASKS["sepsis"], model, Recipe(), 1))
    with pytest.raises(CompositionError, match=r"(?s)static features.*worms"):
        Run(TASKS["worms"], model, Recipe())
