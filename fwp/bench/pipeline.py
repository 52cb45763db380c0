"""A run from data to result: everything that a run folder holds is written here, and a finished run is only read again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as Folder
from typing import Any

import torch

from fwp.bench.code import code
from fwp.bench.machine import machine
from fwp.bench.origin import at_hand, require_same_data
from fwp.bench.picture import picture
from fwp.bench.report import Report, read
from fwp.bench.task import Task
from fwp.controls import LogSignature, backend_of
from fwp.data import Labelled
from fwp.data.digest import fingerprint
from fwp.errors import CompositionError, FwpError, SizeError, warn
from fwp.fields import Model, Net, to_json
from fwp.files import held, make_folder, sealed_lines, write_json
from fwp.files.seal import last_digest
from fwp.models import Recurrent, Trained, save
from fwp.models.files import read_json
from fwp.plots import course, fast_weights, learning_curve
from fwp.plots.course import last_state
from fwp.training import Fitted, Recipe, begun, measure, train
from fwp.training.prepare import words_of
from fwp.training.surroundings import device_of, reproducible

__all__ = ["Run", "run"]

FORMAT = 5


@dataclass(frozen=True)
class Run:
    """What a run is, apart from where and on what device: equal runs end with equal bits.

    Its parts are stages that must fit each other: the model may ask for static features that the task's data have, the recipe
    for words of a log-signature that the control has.

    Raises:
        FwpError: a stage is of another kind, a recurrence or a control is given what it does not have, or a negative seed.
        SizeError: a size that belongs to the recipe or the data.
        CompositionError: the model reads static features, and the task's series have none.
    """

    task: Task
    model: Model | Recurrent
    recipe: Recipe
    seed: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Of axes that neither width nor heads determine."""

    def __post_init__(self) -> None:
        stages = (
            ("task", self.task, (Task,)),
            ("model", self.model, (Model, Recurrent)),
            ("recipe", self.recipe, (Recipe,)),
        )
        for name, given, kinds in stages:  # users run without pyright
            if not isinstance(given, kinds):
                raise FwpError(
                    f"this is no {name}",
                    (name, f"a {type(given).__name__}, {given!r}"[:200]),
                    ("expected", " or ".join(kind.__name__ for kind in kinds)),
                    help="a run is Run(task, rule @ projection @ control, recipe)",
                )
        object.__setattr__(self, "sizes", dict(self.sizes))  # one of its own, which nobody changes later
        if isinstance(self.model, Recurrent):
            usual = Recipe()
            strange = {
                name: str(getattr(self.recipe, name))
                for name in ("method", "steps", "gradient", "pace", "memory", "increments")
                if getattr(self.recipe, name) != getattr(usual, name)
            }
            if strange or self.sizes:
                raise FwpError(
                    "a recurrence has no equation to be solved, and no axes but its width",
                    ("model", self.model.name),
                    *strange.items(),
                    ("sizes", ", ".join(self.sizes) or "none"),
                    help="leave them out",
                )
        elif self.recipe.increments == "scaled":
            words_of(self.model.control)
        if not isinstance(self.seed, int) or self.seed < 0:
            raise FwpError(
                "a seed is a whole number that is not negative", ("seed", repr(self.seed)), help="give 0 or more"
            )
        if taken := {"channel", "channels", "width", "head", "heads", "dtype", "device"} & set(self.sizes):
            raise SizeError(
                "this size is not given among those of other axes",
                ("sizes", ", ".join(sorted(taken))),
                help="width and heads are the recipe's, channels are the data's",
            )
        if isinstance(self.model, Model) and "feature" in self.model.axes and not self.task.source.features:
            raise CompositionError(
                "the model reads static features, and the series of this task have none",
                ("model", repr(self.model)),
                ("task", self.task.name),
                help="begin its states at something else",
            )

    def __hash__(self) -> int:
        return hash((self.task, self.model, self.recipe, self.seed, tuple(sorted(self.sizes.items()))))

    @property
    def rule(self) -> str:
        """The names of its rules, from the first layer up, or the name of its recurrence."""
        if isinstance(self.model, Recurrent):
            return self.model.name
        return "+".join(layer.rule.name or str(layer.rule) for layer in self.model.spec.layers)

    @property
    def control(self) -> str:
        """The name of its control; a recurrence takes observations as they are."""
        return "none" if isinstance(self.model, Recurrent) else self.model.control.name

    @property
    def signature(self) -> str | None:
        """What computes its log-signatures, where its control has some."""
        if isinstance(self.model, Recurrent) or not isinstance(self.model.control.kind, LogSignature):
            return None
        return backend_of(self.model.control.kind.depth)

    def to_json(self) -> dict[str, Any]:
        """As kept in the run folder."""
        model = self.model
        return {
            "format": FORMAT,
            "task": self.task.name,
            "source": repr(self.task.source),
            "metric": self.task.metric.value,
            "model": model.to_json() if isinstance(model, Recurrent) else to_json(model),
            "sizes": dict(self.sizes),
            "recipe": self.recipe.to_json(),
            "split": self.task.split.label(self.seed),
            "seed": self.seed,
        }


def run(what: Run, folder: Folder, device: str = "auto", root: Folder | None = None) -> Report:
    """Train, choose, test; or finish what a kill has interrupted; or only read what a finished run has found.

    The folder then holds run.json (what this run is), state.safetensors (to go on from), metrics.jsonl, model.json and
    weights.safetensors (for `fwp.load`), learning_curve.png, fast_weights.png, and result.json: what is returned.

    Args:
        what: the run.
        folder: its folder, made if need be.
        device: "auto", or what torch calls it.
        root: where data lie.

    Raises:
        FwpError: the folder holds another run, another process is at it, its data were others than those that are here now,
            there is no such device, or the disk refused.
    """
    if (folder / "result.json").exists():
        return finished(folder, what, root)
    where = device_of(device)
    make_folder(folder)
    help = "wait until it ends, or choose another folder with --out"
    with held(folder / ".lock", "another process is at this run", ("folder", str(folder)), help=help):
        if (folder / "result.json").exists():  # by now
            return finished(folder, what, root)
        return undone(folder, what, where, root)


def finished(folder: Folder, what: Run, root: Folder | None) -> Report:
    """What a run has found; if its data are here, they are what it was found on."""
    claimed(folder, what)
    report = read(folder / "result.json")
    if now := at_hand(what.task.source, root):
        require_same_data(folder, report.data, now, root)
    else:
        warn(
            "a result is reported whose data are not here, and so cannot be compared with what they were",
            ("folder", str(folder)),
            ("its data", report.data),
            help="point FWP_DATA at them to have them compared",
        )
    return report


def undone(folder: Folder, what: Run, where: torch.device, root: Folder | None) -> Report:
    """Train, or go on, in a folder that nobody else is at."""
    recorded = claimed(folder, what)
    dataset = what.task.source.load(root)
    if recorded is None:
        write_json(folder / "run.json", {**what.to_json(), "data": dataset.source})
    elif recorded:
        require_same_data(folder, recorded, dataset.source, root)
    rows = dict(zip(("train", "valid", "test"), what.task.split.rows(dataset, what.seed), strict=True))
    parts = {name: dataset.everything[own] for name, own in rows.items()}
    source = dataset.source
    del dataset  # of thousands of series it is as large as all else together
    with reproducible(what.recipe.threads):
        report = found(what, parts, folder, where, source)
    write_json(folder / "result.json", report.to_json())
    return report


def found(what: Run, parts: Mapping[str, Labelled], folder: Folder, device: torch.device, source: str) -> Report:
    """Train on the first part, choose on the second, test on the third; the folder gets the model and the pictures."""
    recipe, metric = what.recipe, what.task.metric
    trained = begun(what.model, parts["train"], recipe, metric, what.seed, what.sizes)
    fitted = train(trained, parts["train"], parts["valid"], recipe, metric, what.seed, folder, device)
    training = last_digest(sealed_lines(fitted.metrics))  # the state itself holds seconds, which are never the same
    save(folder, trained, {"data": fingerprint(parts["train"]), "training": training})
    draw(folder, trained, fitted, parts["valid"], metric.value)
    trained.predictor.to(device)
    return Report(
        task=what.task.name,
        rule=what.rule,
        control=what.control,
        seed=what.seed,
        split=what.task.split.label(what.seed),
        metric=metric.value,
        valid={**measure(trained, parts["valid"], recipe, metric), "epoch": fitted.epoch},
        test=measure(trained, parts["test"], recipe, metric),
        parameters=sum(parameter.numel() for parameter in trained.predictor.parameters()),
        seconds=round(fitted.seconds, 1),
        out=str(folder),
        recipe=recipe.name,
        epochs=len(fitted.metrics),
        machine=machine(device, recipe.threads),
        signature=what.signature,
        data=source,
        version=code().version or None,
        commit=code().commit or None,
    )


def claimed(folder: Folder, what: Run) -> str | None:
    """The data that this run was begun with, "" if an earlier version did not keep them; None of a folder that is free.

    One in which no epoch was finished has nothing to lose.

    Raises:
        FwpError: it is another run's.
    """
    file, mine = folder / "run.json", what.to_json()
    begun = any((folder / name).exists() for name in ("state.safetensors", "result.json"))
    if not file.exists() or not begun:
        return None
    theirs = read_json(file)
    told = theirs.pop("data", "") if isinstance(theirs, dict) else ""
    if theirs == mine and isinstance(told, str):
        return told
    other = dict(differences(theirs, mine)) or {"": (theirs, mine)}
    raise FwpError(
        "the folder holds another run",
        ("folder", str(folder)),
        *((name, f"{str(old)[:60]} there, {str(new)[:60]} now") for name, (old, new) in list(other.items())[:5]),
        help="choose another folder with --out, or remove this one",
    )


def differences(old: Any, new: Any, name: str = "") -> list[tuple[str, tuple[Any, Any]]]:
    """Where two json values differ, as dotted names with both values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = dict.fromkeys((*old, *new))
        return [d for key in names for d in differences(old.get(key), new.get(key), f"{name}.{key}".lstrip("."))]
    return [] if old == new else [(name, (old, new))]


def draw(folder: Folder, trained: Trained, fitted: Fitted, part: Labelled, measure: str) -> None:
    """The pictures: how training went, and the fast weights of the first series while it is read."""
    curve = learning_curve(fitted.metrics, fitted.epoch, measure=measure)
    picture(folder / "learning_curve.png", curve[0].figure)
    net = trained.predictor.net
    if not isinstance(net, Net) or len(last_state(net)[1].axes) != 2:
        return  # there are no fast weights to draw
    with torch.no_grad():
        solution = trained.predictor.eval().solve(trained.normaliser.apply(part.series[0]), times="knots")
    found = course(solution)
    times = found.times * trained.normaliser.span + trained.normaliser.origin
    maps = fast_weights(found.states, times, heads=range(min(3, found.states.shape[1])), names=found.axes)
    picture(folder / "fast_weights.png", maps[0].figure)
