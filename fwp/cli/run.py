"""`fwp run TASK`: train a rule on real data."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from math import inf
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console
from tyro.conf import AvoidSubcommands, OmitArgPrefixes, Positional, arg

from fwp.bench import TASKS, Recipe, Run, task
from fwp.bench.pipeline import run as run_pipeline
from fwp.bench.report import table
from fwp.bench.split import Split
from fwp.cli.target import resolve
from fwp.controls import by_name, hermite
from fwp.errors import FwpError
from fwp.fields import from_features, suited, wiring

__all__ = ["command", "folder_of", "task_of"]


def command(arguments: Sequence[str]) -> Callable[..., None]:
    """The command as a function whose recipe and control are, unless options say otherwise, those of the task that is named."""
    named = TASKS.get(task_of(arguments))
    usual = hermite if named is None else named.control
    default = Recipe() if named is None else named.recipe
    if named is not None and named.published is not None and "--published" in arguments:
        default = named.published

    def run(
        task_name: Annotated[Positional[str], arg(name="task", metavar="TASK")],
        /,
        rule: str = "delta",
        control: str = usual.name,
        projection: str = "keys-from-increments",
        published: bool = False,
        split: Literal["archive", "stratified", "published", "fixed-1234", "unique"] | None = None,
        seed: int = 0,
        device: str = "auto",
        out: Annotated[Path | None, arg(metavar="DIR")] = None,
        sizes: dict[str, int] = {},  # noqa: B006  # read only
        recipe: OmitArgPrefixes[AvoidSubcommands[Recipe]] = default,
    ) -> None:
        """Train a rule on real data: epoch and weights are chosen on validation examples, then tested.

        Progress is on stderr, the result one line of json on stdout. A killed run goes on when the command is given again.

        Args:
            task_name: japanese-vowels, basic-motions, sepsis, sepsis-oi, speech, arabic-speech, eigenworms, eigenworms-unique,
                worms, or uea:<Name> for any data set of the UEA and UCR archives.
            rule: A name that `fwp show` knows, module:name, or path/to/file.py:name.
            control: How the path between observations runs: linear, rectilinear, natural-cubic, hermite, or
                log-signature-<depth>-<step> for windows of that many steps.
            projection: Which slots are fed from the series and which from its derivative: plain, direct, keys-from-signal,
                keys-from-increments, increments-only, ncde, big-map, nrde or gru-ode. A slot without a map gets one into its
                domain.
            published: Begin from the recipe of the paper's code for this task, not from the one found here.
            split: Another than the task's own. archive: the publisher's parts; stratified: 70, 15 and 15 % of each class, drawn
                by the seed; published and fixed-1234: drawn once, as by the paper's code; unique: no series twice.
            seed: Decides initial weights, order, dropout, and which examples are for validation and, where parts are drawn, test.
            device: auto, cpu, cuda, cuda:1, …
            out: Folder for model, metrics and pictures. None is runs/<task>/<rule>-<control>-<seed>.
            sizes: Sizes of axes that neither width nor heads determine, as in --sizes inner 32.
            recipe: How it is trained.
        """
        found, what_task = resolve(rule), task(task_name)
        if split is not None:
            what_task = replace(what_task, split=Split.archive() if split == "archive" else Split(split))
        if published and what_task.published is None:
            known = ", ".join(name for name, own in TASKS.items() if own.published is not None)
            raise FwpError("the paper has no recipe for this task", ("task", task_name), help=f"it has for {known}")
        feeds = suited(wiring(projection), found)
        if what_task.source.features:
            feeds = from_features(feeds, found)
        if recipe != default and recipe.name == default.name:
            recipe = replace(recipe, name=f"{default.name}, changed")
        what = Run(what_task, found @ feeds @ by_name(control), recipe, seed, sizes)
        report = run_pipeline(what, folder_of(what) if out is None else out, device)
        Console(stderr=True).print(table(report))
        print(json.dumps(report.to_json()), flush=True)

    return run


def task_of(arguments: Sequence[str]) -> str:
    """The first argument of `run` that is neither an option nor a value of one."""
    none = {"published", *(each.name for each in fields(Recipe) if each.type is bool)}
    many = {"sizes", "class_weights"}  # which take all up to the next option
    awaited = 0.0  # values of the option before
    for each in arguments[1:]:
        if each.startswith("--"):
            option = each.removeprefix("--").removeprefix("no-").replace("-", "_")
            awaited = inf if option in many else 0 if "=" in option or option in none else 1
        elif awaited:
            awaited -= 1
        elif not each.startswith("-"):
            return each
    return ""


def folder_of(what: Run) -> Path:
    """Where a run is kept unless its user says otherwise."""
    names = (what.task.name, f"{what.rule}-{what.control}-{what.seed}")
    return Path("runs", *(re.sub(r"[^\w.+-]", "-", name) for name in names))
