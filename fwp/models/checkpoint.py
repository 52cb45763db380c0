"""A trained model as two files: model.json says what it is, weights.safetensors holds its numbers. Nothing is ever unpickled."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Literal, TypeVar, overload

import torch
from jaxtyping import Float64
from torch import Tensor

from fwp.data import Normaliser, Series
from fwp.data.extra import extra
from fwp.errors import FormatError, FwpError
from fwp.fields import Net, from_json, to_json
from fwp.models.answer import Answer, Classes, Estimate, Prediction, Values, answer_from_json, answer_to_json
from fwp.models.files import decode, make_folder, read_json, write_bytes, write_json
from fwp.models.predictor import Head, Predictor, Solver
from fwp.models.recurrent import Recurrence, Recurrent
from fwp.solvers.budget import MAX_STEPS

__all__ = ["Trained", "evaluating", "load", "save"]

FORMAT = 2
FLOATING = ("F64", "F32", "F16", "BF16")
"""What safetensors calls them."""


A = TypeVar("A", bound=Answer)


@dataclass(frozen=True, eq=False)
class Trained(Generic[A]):
    """A predictor with the scale of the data that it was trained on, and what its outputs mean.

    Raises:
        FwpError: the predictor has other outputs than the answer, or tells classes apart at every time point.
    """

    predictor: Predictor
    normaliser: Normaliser
    answer: A
    query: Literal["own", "batch"] = "own"
    """Where each query is made: at its own series' end, or, as published, where the longest of those given ends."""

    def __post_init__(self) -> None:
        head = self.predictor.head
        if head.outputs != self.answer.outputs or (head.every and isinstance(self.answer, Classes)):
            raise FwpError(
                "the predictor does not give what the answer is read from",
                ("predictor", f"{head.outputs} outputs, {'at every time point' if head.every else 'at the end'}"),
                ("answer", f"{self.answer.outputs} outputs for {', '.join(self.answer.names)}"),
                help="name every class or quantity once; classes are told apart at the end",
            )

    @overload
    def predict(self: "Trained[Classes]", series: Series, batch: int = 256) -> Prediction: ...

    @overload
    def predict(self: "Trained[Values]", series: Series, batch: int = 256) -> Estimate: ...

    @torch.no_grad()
    def predict(self, series: Series, batch: int = 256) -> Prediction | Estimate:
        """Classes, or numbers, of series as they come, in the units of the training data.

        Args:
            series: on any device; of as many channels as the training series.
            batch: how many series are solved at once.

        Raises:
            DataError: other channels than the model was trained on.
            SolveError: the solver could not reach the end.
        """
        parameter = next(self.predictor.parameters())
        series = self.normaliser.apply(series).to(parameter.device, parameter.dtype)
        series, ends = self.queried(series)
        parts = [slice(i, i + batch) for i in range(0, len(series), batch)]
        with evaluating(self.predictor):
            outputs = [self.predictor(series[own], None if ends is None else ends[own]) for own in parts]
        return self.answer.read(torch.cat(outputs))

    def queried(self, series: Series) -> tuple[Series, Float64[Tensor, "batch 1"] | None]:
        """The series as the predictor takes them, with the times of their own ends where the query is made later."""
        return (series, None) if self.query == "own" else (series.lengthened(), series.times[:, -1:])

    def __reduce__(self) -> tuple[object, ...]:
        """For pickle and copy, by the same description as `save`: what comes back is on the CPU, its functions made anew.

        Raises:
            CompositionError: as `save`.
        """
        return _rebuilt, (json.dumps(_description(self)), _serialised(self))


@contextmanager
def evaluating(predictor: Predictor) -> Iterator[None]:
    """Without dropout; afterwards as before."""
    training = predictor.training
    predictor.eval()
    try:
        yield
    finally:
        predictor.train(training)


def save(folder: Path | str, trained: Trained) -> None:
    """Write a model into a folder, which is made if need be; each file whole or not at all.

    Raises:
        FwpError: the disk refused; what was there before is unchanged.
        CompositionError: the projection holds a module of the user's own, which no json can describe.
    """
    folder, description, weights = Path(folder), _description(trained), _serialised(trained)
    make_folder(folder)
    write_bytes(folder / "weights.safetensors", weights)
    write_json(folder / "model.json", description)


_UNSAID = ("max_steps", MAX_STEPS)
"""What a model's file says only where it is otherwise: models of before it could be asked for do not have it."""


def _said(solver: object) -> object:
    return dict([_UNSAID]) | dict(solver) if isinstance(solver, Mapping) else solver


def _description(trained: Trained) -> dict[str, Any]:
    """All but the weights, as plain json."""
    predictor, net = trained.predictor, trained.predictor.net
    return {
        "format": FORMAT,
        "model": to_json(net.model) if isinstance(net, Net) else net.model.to_json(),
        "sizes": dict(net.sizes),
        "head": asdict(predictor.head),
        "solver": {name: value for name, value in asdict(predictor.solver).items() if (name, value) != _UNSAID},
        "normaliser": trained.normaliser.to_json(),
        "answer": answer_to_json(trained.answer),
        "query": trained.query,
    }


def _serialised(trained: Trained) -> bytes:
    """The weights as safetensors."""
    tensors = trained.predictor.state_dict().items()
    return _safetensors().torch.save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors})


def load(folder: Path | str, device: str = "cpu") -> Trained[Any]:
    """The model that `save` or `fwp run` wrote into a folder. The file of a rule of your own is not needed.

    Raises:
        FormatError: a file is missing, damaged, of another version, or its tensors are not those of the model.
    """
    folder = Path(folder)
    file = folder / "model.json"
    trained = _described(str(file), read_json(file))
    weights = _weights(folder / "weights.safetensors", trained.predictor.state_dict())
    trained.predictor.load_state_dict(weights, assign=True)
    return replace(trained, predictor=trained.predictor.to(device).eval())


def _rebuilt(description: str, weights: bytes) -> Trained:
    """What `Trained.__reduce__` took apart."""
    trained = _described("a pickle", json.loads(description))
    tensors = _safetensors().torch.load(weights).items()
    copies = {name: tensor.clone() for name, tensor in tensors}  # as in `_weights`
    trained.predictor.load_state_dict(copies, assign=True)
    return replace(trained, predictor=trained.predictor.eval())


def _described(file: str, data: Any) -> Trained[Any]:
    """What model.json says, with a predictor on the meta device: sizes out of all proportion cost no memory."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, Mapping) else type(data).__name__
        raise FormatError(
            "this model was not written in the format of this version",
            ("file", file),
            ("format", f"{FORMAT} is read here, {found!r} found"),
            help="load it with the version that wrote it, or train again",
        )
    try:
        sizes = data["sizes"]
        if not isinstance(sizes, dict) or not all(type(size) is int for size in sizes.values()):
            raise ValueError("`sizes` are whole numbers by name")
        head, answer = decode(Head, data["head"], "head"), answer_from_json(data["answer"])
        solver, normaliser = decode(Solver, _said(data["solver"]), "solver"), Normaliser.from_json(data["normaliser"])
        with torch.device("meta"):
            predictor = Predictor(_encoder(data["model"], sizes), head, solver)
        if len(normaliser.mean) != sizes["channel"]:
            raise ValueError("numbers of channels disagree")
        query = data.get("query", "own")  # models of before it could be asked for
        if query not in ("own", "batch"):
            raise ValueError(f"a query is made at its own end or the batch's, not at {query!r}")
        return Trained(predictor, normaliser, answer, query)
    except FormatError as error:
        raise FormatError(error.what, ("file", file), *error.facts, help=error.help) from error
    except (KeyError, ValueError, TypeError, RuntimeError, FwpError) as error:
        raise FormatError(
            "this file does not describe a model",
            ("file", file),
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
            # Copies: a file maps its tensors to where they stand, and last bits of a product depend on alignment.
            return {name: stored.get_tensor(name).clone() for name in wanted}
    except (OSError, library.SafetensorError) as error:
        raise FormatError(
            "the weights cannot be read",
            ("file", str(file)),
            ("because", str(error)),
            help="the file is missing or damaged: restore it, or train again",
        ) from error


def _safetensors() -> ModuleType:
    return extra("safetensors.torch", "weights are kept as safetensors", FwpError)


def _kind(tensor: tuple[tuple[int, ...], bool] | None) -> str:
    return "none of that name" if tensor is None else f"shape {tensor[0]}, {'real' if tensor[1] else 'other'} numbers"
