"""A run from data to result: everything that a run folder holds is written here, and a finished run is only read again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from fwp.bench.learner import Examples, Learner, seed_of
from fwp.bench.recipe import Recipe
from fwp.bench.split import stratified
from fwp.bench.surroundings import device_of, reproducible
from fwp.bench.task import Task
from fwp.bench.train import Fitted, fit
from fwp.data import Labelled, Normaliser
from fwp.errors import FwpError, SizeError
from fwp.fields import Model, to_json
from fwp.models import Classifier, Head, Solver, Trained, save
from fwp.models.files import make_folder, read_json, write_bytes, write_json
from fwp.plots import fast_weights, learning_curve
from fwp.solvers import prepare as compile_ahead

__all__ = ["Run", "run"]

FORMAT = 1
SPLIT = "archive"
"""The archive's own training and test series; validation examples are drawn from the training ones by the seed."""


@dataclass(frozen=True)
class Run:
    """What a run is, apart from where and on what device: equal runs end with equal bits."""

    task: Task
    model: Model
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

    @property
    def rule(self) -> str:
        """The names of its rules, from the first layer up."""
        return "+".join(layer.rule.name or str(layer.rule) for layer in self.model.spec.layers)

    def to_json(self) -> dict[str, Any]:
        """As kept in the run folder."""
        return {
            "format": FORMAT,
            "task": self.task.name,
            "model": to_json(self.model),
            "sizes": dict(self.sizes),
            "recipe": asdict(self.recipe),
            "seed": self.seed,
        }


def run(what: Run, folder: Path, device: str = "auto", root: Path | None = None) -> dict[str, Any]:
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
    train, test = what.task.load(root)
    kept, held = stratified(train.labels, what.recipe.validation, what.seed)
    with reproducible(what.recipe.threads):
        result = found(what, {"train": train[kept], "valid": train[held], "test": test}, folder, where)
    write_json(finished, result)
    return result


def found(what: Run, parts: Mapping[str, Labelled], folder: Path, device: torch.device) -> dict[str, Any]:
    """Train on the first part, choose on the second, test on the third; the folder gets the model and the pictures."""
    trained = untrained(what, parts["train"])
    classifier = trained.classifier
    examples = prepare(trained, parts["train"])
    if device.type == "cpu":  # a run takes far more steps than its kernel takes to compile
        compile_ahead(classifier.net @ examples.path[:1], what.recipe.method)
    learner = Learner(classifier, examples, what.recipe, what.seed)
    fitted = fit(learner, prepare(trained, parts["valid"]), folder, device)
    classifier.load_state_dict(fitted.weights)
    save(folder, trained)
    draw(folder, trained, fitted, parts["valid"])
    classifier.to(device)
    return {
        "task": what.task.name,
        "rule": what.rule,
        "control": what.model.control.name,
        "seed": what.seed,
        "split": SPLIT,
        "metric": "accuracy",
        "valid": {**measure(trained, parts["valid"]), "epoch": fitted.epoch},
        "test": measure(trained, parts["test"]),
        "parameters": sum(parameter.numel() for parameter in classifier.parameters()),
        "seconds": round(fitted.seconds, 1),
        "out": str(folder),
    }


def claim(folder: Path, what: Run) -> None:
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
    recipe = what.recipe
    normaliser = replace(Normaliser.fit(train.series), span=mean_step(train) / recipe.pace)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed_of(what.seed))
        sizes: dict[str, Any] = {"width": recipe.width, "heads": recipe.heads, **what.sizes}
        net = what.model.build(train.series.channels, **sizes)
        head = Head(len(train.classes), recipe.hidden, recipe.dropout)
        classifier = Classifier(net, head, Solver(recipe.method, recipe.steps))
    return Trained(classifier, normaliser, train.classes)


def mean_step(part: Labelled) -> float:
    """The mean time from one observation to the next; 1 if no series has two."""
    times, lengths = part.series.times, part.series.lengths
    steps = int((lengths - 1).sum())
    return float((times[:, -1] - times[:, 0]).sum()) / steps if steps else 1.0


def prepare(trained: Trained, part: Labelled) -> Examples:
    """Normalised, and with the control fitted: once, before training."""
    control = trained.classifier.net.model.control
    return Examples(control(trained.normaliser.apply(part.series)), part.labels)


def measure(trained: Trained, part: Labelled) -> dict[str, float | int]:
    """Accuracy and loss of the chosen weights."""
    probabilities = trained.predict(part.series).probabilities.cpu()
    return {
        "examples": len(part),
        "accuracy": (probabilities.argmax(-1) == part.labels).double().mean().item(),
        "loss": cross_entropy(probabilities.clamp_min(1e-30).log(), part.labels).item(),
    }


def draw(folder: Path, trained: Trained, fitted: Fitted, part: Labelled) -> None:
    """The pictures: how training went, and the state of the first series while it is read."""
    curve = learning_curve(fitted.metrics, fitted.epoch)
    picture(folder / "learning_curve.png", curve[0].figure)
    series, model = part.series[0], trained.classifier.net.model
    with torch.no_grad():
        solution = trained.classifier.eval().solve(trained.normaliser.apply(series), times="knots")
    rule = model.spec.layers[-1].rule
    name = list(solution.states)[-len(rule.rules)]  # the first state of the last layer
    times = solution.times[0] * trained.normaliser.span + trained.normaliser.origin
    last = torch.cat([times.diff() > 0, torch.tensor([True])])  # of knots at one time: padding, jumps
    state = solution.states[name][0, last]
    maps = fast_weights(state, times[last], heads=range(min(3, state.shape[1])), names=rule.rules[0].of.axes)
    picture(folder / "fast_weights.png", maps[0].figure)


def picture(file: Path, figure: Any) -> None:
    """Write a figure, whole or not at all."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    write_bytes(file, buffer.getvalue())
