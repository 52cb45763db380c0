"""A task: real data under a short name, and the recipe that suits them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from fwp.bench.recipe import Recipe
from fwp.data import Labelled, load_uea
from fwp.errors import FwpError

__all__ = ["TASKS", "Task", "task"]


@dataclass(frozen=True)
class Task:
    """A data set of the UEA or UCR archive, its usual name and what it is about."""

    name: str
    archive: str
    about: str
    recipe: Recipe = field(default_factory=Recipe)

    def load(self, root: Path | None = None) -> tuple[Labelled, Labelled]:
        """The training and the test series, as the archive splits them.

        Args:
            root: the folder where data lie; default the environment's FWP_DATA.

        Raises:
            DataError: they are nowhere to be had, or damaged.
        """
        return load_uea(self.archive, root)


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "japanese-vowels": Task(
            "japanese-vowels",
            "JapaneseVowels",
            "Which of nine men says the vowels /ae/? Kudo, Toyama, Shimbo, "
            "Multidimensional curve classification using passing-through regions (1999).",
        ),
        "basic-motions": Task(
            "basic-motions",
            "BasicMotions",
            "Standing, walking, running or badminton? Worn accelerometer and gyroscope.",
            Recipe(batch=8),
        ),
    }
)
"""The tasks that have a name of their own."""


def task(name: str) -> Task:
    """The task of that name: one of `TASKS`, or any data set of the archive as `uea:<Name>`.

    Raises:
        FwpError: there is none.
    """
    if name in TASKS:
        return TASKS[name]
    if name.startswith("uea:") and (archive := name.removeprefix("uea:")):
        return Task(name, archive, f"{archive} of the UEA and UCR archives.")
    near = get_close_matches(name, TASKS, n=1)
    raise FwpError(
        "no task has this name",
        ("name", repr(name)),
        ("tasks", ", ".join((*TASKS, "uea:<Name>"))),
        help=f"did you mean {near[0]}?" if near else "any UEA or UCR data set is uea:<Name>, as in uea:EigenWorms",
    )
