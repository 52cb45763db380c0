"""What the demo promises: a Delta CDE tells nine speakers apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from fwp.bench import Recipe, Run, run, task
from fwp.controls import hermite
from fwp.fields import wiring
from fwp.rules import delta

MODEL = delta @ wiring("keys-from-increments") @ hermite


def accuracy(folder: Path, recipe: Recipe, seed: int) -> float:
    vowels = task("japanese-vowels")
    return run(Run(vowels, MODEL, recipe, seed), folder / str(seed), "cpu").test["accuracy"]


def test_a_short_training_goes_most_of_the_way(tmp_path: Path) -> None:
    short = replace(task("japanese-vowels").recipe, epochs=12, batch=18, method="euler")
    assert accuracy(tmp_path, short, 0) >= 0.9


@pytest.mark.slow
def test_the_mean_of_five_seeds(tmp_path: Path) -> None:
    found = [accuracy(tmp_path, task("japanese-vowels").recipe, seed) for seed in range(5)]
    assert sum(found) / 5 >= 0.95, found
