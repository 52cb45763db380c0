from dataclasses import fields, replace
from math import inf, nan
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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query": "none"}, "query.*'own' or 'batch'"),
        ({"standardise": "no"}, "standardise.*bool"),
        ({"class_weights": "balance"}, "class_weights.*equal.*balanced.*tuple"),
        ({"width": 3.5}, "width.*int"),
        ({"clip": inf}, "not finite.*clip"),
        ({"class_weights": (nan, 1.0)}, "not finite.*class_weights"),
    ],
)
@pytest.mark.nohook
def test_a_value_of_another_kind_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(FwpError, match=f"(?s)recipe.*{words}|{words}"):
        replace(Recipe(), **change)


@pytest.mark.nohook
def test_stages_are_made_of_values_of_their_kinds() -> None:
    assert replace(Recipe(), clip=1, class_weights=(1, 10)).clip == 1
    with pytest.raises(FwpError, match=r"(?s)schedule.*watch.*'train_loss' or 'valid_loss'"):
        Plateau("loss")  # pyright: ignore[reportArgumentType]
    with pytest.raises(FwpError, match=r"(?s)task.*split.*expected.*Split"):
        replace(TASKS["worms"], split="stratified")


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
        ((TASKS["worms"], Recurrent("gru"), Recipe(pace=2.0)), r"(?s)no equation to be solved.*pace.*2\.0"),
        ((TASKS["worms"], MODEL, Recipe(), 1.5), r"(?s)a seed is a whole number.*1\.5"),
        ((TASKS["worms"], MODEL, TASKS["worms"].recipe), "(?s)only the words of a log-signature.*linear"),
    ],
)
@pytest.mark.nohook  # which would refuse them first, in its own words
def test_stages_that_do_not_fit_are_refused(stages: Any, words: str) -> None:
    with pytest.raises(FwpError, match=words):
        Run(*stages)


def test_a_run_does_not_change_with_what_it_was_made_of() -> None:
    sizes = {"inner": 3}
    run = Run(TASKS["worms"], MODEL, Recipe(), 0, sizes)
    before = hash(run)
    sizes["inner"] = 4
    assert run.sizes == {"inner": 3} and hash(run) == before


@pytest.mark.parametrize("name", TASKS)
def test_what_a_task_is_run_with_unless_told_otherwise_fits_it(name: str) -> None:
    own = TASKS[name]
    Run(own, delta @ direct() @ own.control, own.recipe)


def test_a_model_that_reads_features_needs_a_task_that_has_some() -> None:
    model = delta @ from_features(direct(), delta) @ linear
    assert hash(Run(TASKS["sepsis"], model, Recipe())) != hash(Run(TASKS["sepsis"], model, Recipe(), 1))
    with pytest.raises(CompositionError, match=r"(?s)static features.*worms"):
        Run(TASKS["worms"], model, Recipe())
