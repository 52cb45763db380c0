"""A trained model as two files: model.json says what it is, weights.safetensors holds its numbers. Nothing is ever unpickled."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from fwp.data import Normaliser, Series
from fwp.errors import DataError, FormatError, FwpError
from fwp.fields import Net, from_json, to_json
from fwp.models.classifier import Classifier, Head, Solver
from fwp.models.files import decode, make_folder, read_json, write_bytes, write_json
from fwp.models.recurrent import Recurrence, Recurrent

__all__ = ["Prediction", "Trained", "evaluating", "load", "save"]

FORMAT = 1
FLOATING = ("F64", "F32", "F16", "BF16")
"""What safetensors calls them."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of a batch of series."""

    probabilities: Float[Tensor, "batch class"]
    classes: tuple[str, ...]

    @property
    def best(self) -> Int64[Tensor, "batch"]:
        """The number of the likeliest class of each series."""
        return self.probabilities.argmax(-1)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the likeliest class of each series."""
        return tuple(self.classes[i] for i in self.best.tolist())


@dataclass(frozen=True, eq=False)
class Trained:
    """A classifier with the scale of the data that it was trained on and the names of its classes."""

    classifier: Classifier
    normaliser: Normaliser
    classes: tuple[str, ...]

    @torch.no_grad()
    def predict(self, series: Series, batch: int = 256) -> Prediction:
        """Classes of series as they come, in the units of the training data.

        Args:
            series: on any device; of as many channels as the training series.
            batch: how many series are solved at once.

        Raises:
            DataError: other channels than the model was trained on.
            SolveError: the solver could not reach the end.
        """
        parameter = next(self.classifier.parameters())
        series = self.normaliser.apply(series).to(parameter.device, parameter.dtype)
        with evaluating(self.classifier):
            chunks = [self.classifier(series[i : i + batch]) for i in range(0, len(series), batch)]
        logits = torch.cat(chunks)
        if self.classifier.head.one_logit:
            logits = torch.cat([torch.zeros_like(logits), logits], -1)
        return Prediction(logits.softmax(-1), self.classes)


@contextmanager
def evaluating(classifier: Classifier) -> Iterator[None]:
    """Without dropout; afterwards as before."""
    training = classifier.training
    classifier.eval()
    try:
        yield
    finally:
        classifier.train(training)


def save(folder: Path | str, trained: Trained) -> None:
    """Write a model into a folder, which is made if need be; each file whole or not at all.

    Raises:
        FwpError: the disk refused; what was there before is unchanged.
        CompositionError: the projection holds a module of the user's own, which no json can describe.
    """
    folder, classifier = Path(folder), trained.classifier
    net = classifier.net
    if len(trained.classes) != classifier.head.classes:
        raise DataError(
            "the model does not have as many classes as there are names",
            ("model", f"{classifier.head.classes} classes"),
            ("names", f"{len(trained.classes)}"),
            help="name every class once",
        )
    description = {
        "format": FORMAT,
        "model": to_json(net.model) if isinstance(net, Net) else net.model.to_json(),
        "sizes": dict(net.sizes),
        "head": asdict(classifier.head),
        "solver": asdict(classifier.solver),
        "normaliser": trained.normaliser.to_json(),
        "classes": list(trained.classes),
    }
    weights = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in classifier.state_dict().items()}
    make_folder(folder)
    write_bytes(folder / "weights.safetensors", _safetensors().torch.save(weights))
    write_json(folder / "model.json", description)


def load(folder: Path | str, device: str = "cpu") -> Trained:
    """The model that `save` or `fwp run` wrote into a folder. The file of a rule of your own is not needed.

    Raises:
        FormatError: a file is missing, damaged, of another version, or its tensors are not those of the model.
    """
    folder = Path(folder)
    file = folder / "model.json"
    data = read_json(file)
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, Mapping) else type(data).__name__
        raise FormatError(
            "this model was not written in the format of this version",
            ("file", str(file)),
            ("format", f"{FORMAT} is read here, {found!r} found"),
            help="load it with the version that wrote it, or train again",
        )
    classifier, normaliser, classes = _described(file, data)
    weights = _weights(folder / "weights.safetensors", classifier.state_dict())
    classifier.load_state_dict(weights, assign=True)
    return Trained(classifier.to(device).eval(), normaliser, classes)


def _described(file: Path, data: Mapping[str, Any]) -> tuple[Classifier, Normaliser, tuple[str, ...]]:
    """What model.json says, with a classifier on the meta device: sizes out of all proportion cost no memory."""
    try:
        sizes, classes = data["sizes"], data["classes"]
        if not isinstance(sizes, dict) or not all(type(size) is int for size in sizes.values()):
            raise ValueError("`sizes` are whole numbers by name")
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError("`classes` is a list of names")
        head = decode(Head, {"logits": None, **data["head"]}, "head")  # files written before `logits` was do without it
        solver, normaliser = decode(Solver, data["solver"], "solver"), Normaliser.from_json(data["normaliser"])
        with torch.device("meta"):
            classifier = Classifier(_encoder(data["model"], sizes), head, solver)
        if len(classes) != head.classes or len(normaliser.mean) != sizes["channel"]:
            raise ValueError("numbers of classes or channels disagree")
        return classifier, normaliser, tuple(classes)
    except FormatError as error:
        raise FormatError(error.what, ("file", str(file)), *error.facts, help=error.help) from error
    except (KeyError, ValueError, TypeError, RuntimeError, FwpError) as error:
        raise FormatError(
            "this file does not describe a model",
            ("file", str(file)),
            ("because", f"{type(error).__name__}: {error}".replace("\n", "\n      ")),
            help="restore the file, or train again",
        ) from error


def _encoder(data: Any, sizes: Mapping[str, int]) -> Net | Recurrence:
    """The net or the recurrence that json describes."""
    if isinstance(data, Mapping) and "recurrent" in data:
        model = Recurrent.from_json(data)
        known = {"channel", "width", "feature"}
        if not set(sizes) <= known:
            raise ValueError(f"`sizes` of a recurrence are {', '.join(sorted(known))}")
        return model.build(sizes["channel"], sizes["width"], sizes.get("feature", 0))
    others: dict[str, Any] = {axis: size for axis, size in sizes.items() if axis not in ("channel", "head")}
    return from_json(data).build(sizes["channel"], heads=sizes["head"], **others)


def _weights(file: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors in the file, if they are those that the model has."""
    library = _safetensors()
    try:
        with library.safe_open(file, framework="pt") as stored:
            slices = {name: stored.get_slice(name) for name in stored.keys()}  # noqa: SIM118  # it is no dictionary
            found = {name: (tuple(part.get_shape()), part.get_dtype() in FLOATING) for name, part in slices.items()}
            wanted = {name: (tuple(tensor.shape), tensor.is_floating_point()) for name, tensor in expected.items()}
            for name in sorted(found.keys() | wanted.keys()):
                if found.get(name) != wanted.get(name):
                    raise FormatError(
                        "the weights are not those of the model",
                        ("folder", str(file.parent)),
                        ("tensor", name),
                        ("model", _kind(wanted.get(name))),
                        ("file", _kind(found.get(name))),
                        help="keep model.json and weights.safetensors of one run together",
                    )
            return {name: stored.get_tensor(name) for name in wanted}
    except (OSError, library.SafetensorError) as error:
        raise FormatError(
            "the weights cannot be read",
            ("file", str(file)),
            ("because", str(error)),
            help="the file is missing or damaged: restore it, or train again",
        ) from error


def _safetensors() -> ModuleType:
    """The library, when it is needed: `import fwp` does without the extra."""
    try:
        import safetensors.torch
    except ModuleNotFoundError as error:
        raise FwpError(
            "weights are kept as safetensors", ("missing", str(error.name)), help="pip install 'fwp[bench]'"
        ) from error
    return safetensors


def _kind(tensor: tuple[tuple[int, ...], bool] | None) -> str:
    return "none of that name" if tensor is None else f"shape {tensor[0]}, {'real' if tensor[1] else 'other'} numbers"
