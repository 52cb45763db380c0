"""A task: real data under a short name, how they are split and measured, and the recipe that suits them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fwp.bench.recipes import (
    ARABIC,
    EIGENWORMS,
    EIGENWORMS_PUBLISHED,
    SEPSIS,
    SEPSIS_OI,
    SEPSIS_OI_PUBLISHED,
    SEPSIS_PUBLISHED,
    SPEECH,
    SPEECH_PUBLISHED,
    WORMS,
)
from fwp.bench.source import Sepsis, Source, Speech, Uea
from fwp.bench.split import Split
from fwp.controls import Control, hermite, log_signature
from fwp.errors import FwpError, did_you_mean
from fwp.training.kinds import require_kinds
from fwp.training.metric import Metric
from fwp.training.recipe import Recipe

__all__ = ["TASKS", "Task", "task"]


@dataclass(frozen=True)
class Task:
    """A data set with its usual name and what it is about, its split, its metric, two recipes, and a control.

    `recipe` is the one to use; `published` is that of the paper's code where it had this task or one like it. `control` is
    what `fwp run` takes unless told otherwise.

    Raises:
        FwpError: a value is of another kind.
    """

    name: str
    source: Source
    about: str
    split: Split = field(default_factory=Split.archive)
    metric: Metric = Metric.ACCURACY
    recipe: Recipe = field(default_factory=Recipe)
    published: Recipe | None = None
    control: Control = hermite

    def __post_init__(self) -> None:
        require_kinds(self, "task")


ARABIC_WORDS = ("yes", "no", "up", "down", "left", "right", "start", "stop", "open", "close")
_SEPSIS = (
    "Will this patient of an intensive care unit have sepsis? PhysioNet/CinC Challenge 2019, the first 72 hours of each"
)
_WORMS = "Which of five strains is this worm of? Its movement as a sum of eigenworms, UEA archive"
_TASKS = (
    Task(
        "japanese-vowels",
        Uea("JapaneseVowels"),
        "Which of nine men says the vowels /ae/? Kudo, Toyama, Shimbo, "
        "Multidimensional curve classification using passing-through regions (1999).",
    ),
    Task(
        "basic-motions",
        Uea("BasicMotions"),
        "Standing, walking, running or badminton? Worn accelerometer and gyroscope.",
        recipe=Recipe(batch=8),
    ),
    Task("sepsis", Sepsis(), f"{_SEPSIS}.", Split.stratified(), Metric.AUC, SEPSIS, SEPSIS_PUBLISHED),
    Task(
        "sepsis-oi",
        Sepsis(intensity=True),
        f"{_SEPSIS}, and how often each quantity has been measured so far (observational intensity).",
        Split.stratified(),
        Metric.AUC,
        SEPSIS_OI,
        SEPSIS_OI_PUBLISHED,
    ),
    Task(
        "speech",
        Speech(),
        "Which of ten words is said? Google Speech Commands v0.02, Warden (2018).",
        Split.stratified(),
        recipe=SPEECH,
        published=SPEECH_PUBLISHED,
    ),
    Task(
        "arabic-speech",
        Speech("arabic_speech_commands_10.tar.gz", ARABIC_WORDS),
        "Which of ten words is said, by a speaker never heard before? Arabic Speech Commands, Ghandoura (2021).",
        recipe=ARABIC,
        published=SPEECH_PUBLISHED,
    ),
    Task(
        "eigenworms",
        Uea("EigenWorms"),
        f"{_WORMS}, in the paper's split.",
        Split.fixed(),
        recipe=EIGENWORMS,
        published=EIGENWORMS_PUBLISHED,
        control=log_signature(1, 4),
    ),
    Task(
        "eigenworms-unique",
        Uea("EigenWorms"),
        f"{_WORMS}, without the series that it holds twice.",
        Split.unique(),
        recipe=EIGENWORMS,
        published=EIGENWORMS_PUBLISHED,
        control=log_signature(1, 4),
    ),
    Task(
        "worms",
        Uea("Worms"),
        "Which of five strains is this worm of? Its first eigenworm alone, UCR archive.",
        recipe=WORMS,
        published=EIGENWORMS_PUBLISHED,
        control=log_signature(1, 4),
    ),
)
TASKS: Mapping[str, Task] = MappingProxyType({task.name: task for task in _TASKS})
"""The tasks that have a name of their own."""


def task(name: str) -> Task:
    """The task of that name: one of `TASKS`, or any data set of the archive as `uea:<Name>`.

    Raises:
        FwpError: there is none.
    """
    if name in TASKS:
        return TASKS[name]
    if name.startswith("uea:") and (archive := name.removeprefix("uea:")):
        return Task(name, Uea(archive), f"{archive} of the UEA and UCR archives.")
    raise FwpError(
        "no task has this name",
        ("name", repr(name)),
        ("tasks", ", ".join((*TASKS, "uea:<Name>"))),
        help=did_you_mean(name, TASKS, "any UEA or UCR data set is uea:<Name>, as in uea:EigenWorms"),
    )
