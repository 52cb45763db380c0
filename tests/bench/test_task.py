from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from fwp.bench import TASKS, Recipe, task
from fwp.errors import DataError, FwpError


@pytest.mark.parametrize(
    ("name", "sizes", "lengths"),
    [("japanese-vowels", (270, 370, 12, 9), (7, 29)), ("basic-motions", (40, 40, 6, 4), (100, 100))],
)
def test_the_named_tasks_are_at_hand(name: str, sizes: tuple[int, ...], lengths: tuple[int, int]) -> None:
    train, test = task(name).load()
    assert (len(train), len(test), train.series.channels, len(train.classes)) == sizes
    every = [int(n) for part in (train, test) for n in part.series.lengths]
    assert (min(every), max(every)) == lengths
    assert TASKS[name].name == name


def test_any_set_of_the_archive_is_a_task(tmp_path: Path) -> None:
    folder = tmp_path / "uea" / "Tiny"
    folder.mkdir(parents=True)
    head = "@problemName Tiny\n@timeStamps false\n@missing true\n@univariate false\n@dimensions 2\n@equalLength false\n"
    head += "@classLabel true up down\n@data\n"
    for part in ("TRAIN", "TEST"):
        (folder / f"Tiny_{part}.ts").write_text(head + "1,2,3:4,?,6:up\n3,2:1,1:down\n")
    train, _ = task("uea:Tiny").load(tmp_path)
    assert train.series.lengths.tolist() == [3, 2]
    assert int((~train.series.mask[0]).sum()) == 1
    assert task("uea:Tiny").recipe == Recipe()


def test_a_task_that_is_none_is_said() -> None:
    with pytest.raises(FwpError, match="did you mean japanese-vowels"):
        task("japanese_vowels")
    for name in ("uea:", "Worms", ""):
        with pytest.raises(FwpError, match="uea:<Name>"):
            task(name)
    with pytest.raises(DataError):
        task("uea:../etc").load()


@pytest.mark.parametrize("name", [f.name for f in fields(Recipe) if f.type in (int, float)])
def test_every_number_of_a_recipe_has_a_range(name: str) -> None:
    with pytest.raises(FwpError, match="outside its range") as caught:
        replace(Recipe(), **{name: type(getattr(Recipe(), name))(-1)})
    assert name in str(caught.value)
    if name in ("rate", "clip", "pace"):
        with pytest.raises(FwpError):
            replace(Recipe(), **{name: np.nan})
