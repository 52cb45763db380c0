"""A run from data to result: everything that a run folder holds is written here, and a finished run is only read again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as Folder
from typing import Any

import torch

from fwp.bench.examples import Examples, batches
from fwp.bench.learner import Learner, answers, loss_of, seed_of
from fwp.bench.metric import measured
from fwp.bench.picture import picture
from fwp.bench.recipe import Recipe
from fwp.bench.surroundings import device_of, machine, reproducible
from fwp.bench.task import Task
from fwp.bench.train import EVALUATED_AT_ONCE, Fitted, fit
from fwp.controls import Control, LogSignature, Path, backend_of
from fwp.data import Labelled, Normaliser, Series
from fwp.errors import CompositionError, FwpError, SizeError
from fwp.fields import Model, Net, spread_rates, to_json
from fwp.models import Classifier, Head, Recurrent, Solver, Trained, evaluating, save
from fwp.models.files import make_folder, read_json, write_json
from fwp.plots import fast_weights, learning_curve
from fwp.solvers import prepare as compile_ahead

__all__ = ["Run", "run"]

FORMAT = 4
FEATURE_HIDDEN = 256
"""Hidden units between static features and the first state unless sizes say otherwise, as in the published code."""


@dataclass(frozen=True)
class Run:
    """What a run is, apart from where and on what device: equal runs end with equal bits.

    Its parts are stages that must fit each other: what the task's data have (static features, two classes for an AUC), the
    model and the recipe may ask for.

    Raises:
        FwpError: a negative seed, or a weight of positives where the metric knows none.
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
        if self.seed < 0:
            raise FwpError("a seed is not negative", ("seed", str(self.seed)), help="give 0 or more")
        if taken := {"channel", "channels", "width", "head", "heads", "dtype", "device"} & set(self.sizes):
            raise SizeError(
                "this size is not given among those of other axes",
                ("sizes", ", ".join(sorted(taken))),
                help="width and heads are the recipe's, channels are the data's",
            )
        if self.recipe.positive_weight != 1 and not self.task.metric.one_logit:
            raise FwpError(
                "positives can be weighted only where two classes share a logit",
                ("positive_weight", str(self.recipe.positive_weight)),
                ("metric", self.task.metric.value),
                help="leave `positive_weight` at 1",
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
    def signature(self) -> dict[str, str]:
        """What computes its log-signatures, where its control has some."""
        if isinstance(self.model, Recurrent) or not isinstance(self.model.control.kind, LogSignature):
            return {}
        return {"signature": backend_of(self.model.control.kind.depth)}

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


def run(what: Run, folder: Folder, device: str = "auto", root: Folder | None = None) -> dict[str, Any]:
    """Train, choose, test; or finish what a kill has interrupted; or only read what a finished run has found.

    The folder then holds run.json (what this run is), state.safetensors (to go on from), metrics.jsonl, model.json and
    weights.safetensors (for `fwp.load`), learning_curve.png, fast_weights.png, and result.json: what is returned.

    Args:
        what: the run.
        folder: its folder, made if need be.
        device: "auto", or what torch calls it.
        root: where data lie.

    Raises:
        FwpError: the folder holds another run, there is no such device, or the disk refused.
    """
    claim(folder, what)
    finished = folder / "result.json"
    if finished.exists():
        return read_json(finished)
    where = device_of(device)
    dataset = what.task.source.load(root)
    rows = dict(zip(("train", "valid", "test"), what.task.split.rows(dataset, what.seed), strict=True))
    parts = {name: dataset.everything[own] for name, own in rows.items()}
    source = dataset.source
    del dataset  # of thousands of series it is as large as all else together
    with reproducible(what.recipe.threads):
        result = {**found(what, parts, folder, where), "data": source}
    write_json(finished, result)
    return result


def found(what: Run, parts: Mapping[str, Labelled], folder: Folder, device: torch.device) -> dict[str, Any]:
    """Train on the first part, choose on the second, test on the third; the folder gets the model and the pictures."""
    recipe, metric = what.recipe, what.task.metric
    trained = untrained(what, parts["train"])
    classifier = trained.classifier
    examples = {name: prepare(trained, parts[name], recipe) for name in ("train", "valid")}
    net, path = classifier.net, examples["train"].inputs[:1]
    if device.type == "cpu" and isinstance(net, Net) and isinstance(path, Path):
        compile_ahead(net @ path, recipe.method)  # a run takes far more steps than its kernel takes to compile
    learner = Learner(classifier, examples["train"], recipe, what.seed)
    select = f"valid_{metric.value if recipe.select == 'metric' else recipe.select}"
    fitted = fit(learner, examples["valid"], select, folder, device)
    classifier.load_state_dict(fitted.weights)
    save(folder, trained)
    draw(folder, trained, fitted, parts["valid"], metric.value)
    classifier.to(device)
    return {
        "task": what.task.name,
        "rule": what.rule,
        "control": what.control,
        "seed": what.seed,
        "split": what.task.split.label(what.seed),
        "metric": metric.value,
        "valid": {**measure(what, classifier, examples["valid"], device), "epoch": fitted.epoch},
        "test": measure(what, classifier, prepare(trained, parts["test"], recipe), device),
        "parameters": sum(parameter.numel() for parameter in classifier.parameters()),
        "seconds": round(fitted.seconds, 1),
        "out": str(folder),
        "recipe": recipe.name,
        "epochs": len(fitted.metrics),
        "machine": machine(device, recipe.threads),
        **what.signature,
    }


def claim(folder: Folder, what: Run) -> None:
    """Make the folder this run's, or check that it is. One in which no epoch was finished has nothing to lose.

    Raises:
        FwpError: it is another run's.
    """
    file, mine = folder / "run.json", what.to_json()
    begun = any((folder / name).exists() for name in ("state.safetensors", "result.json"))
    if not file.exists() or not begun:
        make_folder(folder)
        write_json(file, mine)
        return
    theirs = read_json(file)
    if theirs == mine:
        return
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


def untrained(what: Run, train: Labelled) -> Trained:
    """The classifier with initial weights that depend on the seed alone, and the scale of the training series."""
    recipe, model, series = what.recipe, what.model, train.series
    normaliser = scale(series, recipe)
    head = Head(len(train.classes), recipe.hidden, recipe.dropout, logits=1 if what.task.metric.one_logit else None)
    features = 0 if series.static is None else series.static.shape[1]
    with torch.random.fork_rng([]):
        torch.manual_seed(seed_of(what.seed))
        if isinstance(model, Recurrent):
            encoder = model.build(series.channels, recipe.width, features)
        else:
            model = replace(model, control=paced(model.control, recipe.pace, mean_step(series) / normaliser.span))
            sizes: dict[str, Any] = {"width": recipe.width, "heads": recipe.heads, **what.sizes}
            if "feature" in model.axes:
                sizes = {"feature": features, "feature_hidden": FEATURE_HIDDEN, **sizes}
            encoder = model.build(series.channels, **sizes)
            if recipe.memory:
                spread_rates(encoder, recipe.memory * recipe.pace)
        classifier = Classifier(encoder, head, Solver(recipe.method, recipe.steps, recipe.gradient))
    return Trained(classifier, normaliser, train.classes)


def scale(series: Series, recipe: Recipe) -> Normaliser:
    """That of the training series, or none; their times run from -1 to 1, from 0 to 1, or as in the data."""
    found = Normaliser.fit(series)
    if not recipe.standardise:
        channels, features = len(found.mean), len(found.static_mean)
        found = replace(found, mean=(0.0,) * channels, std=(1.0,) * channels)
        found = replace(found, static_mean=(0.0,) * features, static_std=(1.0,) * features)
    match recipe.time:
        case "scaled":
            return replace(found, origin=found.origin + found.span / 2, span=found.span / 2)
        case "unit":
            return found
        case "raw":
            return replace(found, origin=0.0, span=1.0)


def paced(control: Control, pace: float, step: float) -> Control:
    """The control on a clock on which the mean step between observations, or a window of a log-signature, lasts `pace`.

    A pace of the control's own multiplies it.
    """
    unit = 1.0 if isinstance(control.kind, LogSignature) else step
    return replace(control, pace=control.pace * pace / unit)


def mean_step(series: Series) -> float:
    """The mean time from one observation to the next; 1 if no series has two."""
    times, lengths = series.times, series.lengths
    steps = int((lengths - 1).sum())
    return float((times[:, -1] - times[:, 0]).sum()) / steps if steps else 1.0


def prepare(trained: Trained, part: Labelled, recipe: Recipe) -> Examples:
    """Normalised, and with the control fitted: once, before training."""
    series = trained.normaliser.apply(part.series)
    ends = None
    if recipe.query == "batch":
        ends, series = series.times[:, -1:], lengthened(series)
    net = trained.classifier.net
    return Examples(net.model.control(series) if isinstance(net, Net) else series, part.labels, ends)


def lengthened(series: Series) -> Series:
    """All samples as long as the longest, nothing being observed after their own ends: as the published code pads them."""
    times = series.times
    longest = times[series.lengths.argmax()]
    after = torch.arange(times.shape[1]) >= series.lengths[:, None]
    step = longest - longest[series.lengths - 1][:, None]
    times = torch.where(after, times[:, -1:] + step, times)
    return Series(series.values, times, series.mask, torch.full_like(series.lengths, times.shape[1]), series.static)


@torch.no_grad()
def measure(what: Run, classifier: Classifier, examples: Examples, device: torch.device) -> dict[str, float | int]:
    """The metric and the loss of the chosen weights on all examples."""
    with evaluating(classifier):
        parts = (part.to(device) for batch in batches(examples, EVALUATED_AT_ONCE) for part in batch)
        logits, labels = answers(classifier, parts)
    loss = loss_of(logits, labels, positive_weight=what.recipe.positive_weight).item()
    return {"examples": len(examples), **measured(what.task.metric, logits, labels), "loss": loss}


def draw(folder: Folder, trained: Trained, fitted: Fitted, part: Labelled, measure: str) -> None:
    """The pictures: how training went, and the fast weights of the first series while it is read."""
    curve = learning_curve(fitted.metrics, fitted.epoch, measure=measure)
    picture(folder / "learning_curve.png", curve[0].figure)
    net = trained.classifier.net
    if not isinstance(net, Net) or len(net.model.spec.layers[-1].rule.rules[0].of.axes) != 2:
        return  # there are no fast weights to draw
    series, model = part.series[0], net.model
    with torch.no_grad():
        solution = trained.classifier.eval().solve(trained.normaliser.apply(series), times="knots")
    rule = model.spec.layers[-1].rule
    name = list(solution.states)[-len(rule.rules)]  # the first state of the last layer
    times = solution.times[0] * trained.normaliser.span + trained.normaliser.origin
    last = torch.cat([times.diff() > 0, torch.tensor([True])])  # of knots at one time: padding, jumps
    state = solution.states[name][0, last]
    maps = fast_weights(state, times[last], heads=range(min(3, state.shape[1])), names=rule.rules[0].of.axes)
    picture(folder / "fast_weights.png", maps[0].figure)
