"""A trained model as two files: model.json says what it is, weights.safetensors holds its numbers. Nothing is ever unpickled.

Each has a digest of its bytes and names the other. New weights lie beside the old ones until model.json names them, so that a
model is the old or the new one at any moment.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, overload

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from fwp.data import Normaliser, Series
from fwp.data import series as as_series
from fwp.data.series import Array
from fwp.errors import CompositionError, FormatError, FwpError, SolveError
from fwp.fields import Net, from_json, to_json
from fwp.files import held, make_folder, sealed_tensors, write_json
from fwp.files.seal import digest_of
from fwp.kinds import explained
from fwp.models.answer import Answer, Classes, Estimate, Prediction, Values, answer_from_json, answer_to_json
from fwp.models.files import decode, read_sealed, undigested
from fwp.models.predictor import Head, Predictor, Solver
from fwp.models.recurrent import Recurrence, Recurrent
from fwp.models.weights import new_weights, read_weights, safetensors, weights_of
from fwp.solvers.budget import MAX_STEPS
from fwp.solvers.finite import all_finite

__all__ = ["Trained", "bare", "evaluating", "load", "model_digest", "save"]

FORMAT = 3
READ = (2, FORMAT)
"""In format 2 no file had a digest, and neither named the other."""
PATIENCE = 30.0
"""Seconds to wait for another process that saves into the same folder."""


A = TypeVar("A", bound=Answer)


@explained
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
    def predict(self: "Trained[Classes]", series: Series | Array, batch: int = 256) -> Prediction: ...

    @overload
    def predict(self: "Trained[Values]", series: Series | Array, batch: int = 256) -> Estimate: ...

    @explained
    @torch.no_grad()
    def predict(self, series: Series | Array, batch: int = 256) -> Prediction | Estimate:
        """Classes, or numbers, of series as they come, in the units of the training data.

        Args:
            series: on any device; of as many channels as the training series. An array of values is what `fwp.series`
                makes of it, with times 0, 1, 2, …
            batch: how many series are solved at once.

        Raises:
            DataError: other channels than the model was trained on.
            SolveError: the solver could not reach the end, or outputs are not finite.
        """
        parameter = next(self.predictor.parameters())
        series = series if isinstance(series, Series) else as_series(series)
        if batch < 1:
            raise FwpError("a batch has at least one series", ("batch", str(batch)), help="leave it at 256")
        series = self.normaliser.apply(series).to(parameter.device, parameter.dtype)
        series, ends = self.queried(series)
        parts = [slice(i, i + batch) for i in range(0, len(series), batch)]
        with evaluating(self.predictor):
            outputs = torch.cat([self.predictor(series[own], None if ends is None else ends[own]) for own in parts])
        if not all_finite(outputs):
            raise self._unfinished(outputs)
        return self.answer.read(outputs)

    def _unfinished(self, outputs: Float[Tensor, "batch *time output"]) -> SolveError:
        """The complaint about outputs that are not finite, though what was read of the states is."""
        which = (~torch.isfinite(outputs).flatten(1).all(1)).nonzero().flatten().tolist()
        parameters = [name for name, own in self.predictor.named_parameters() if not all_finite(own)]
        return SolveError(
            "the outputs of the model are not finite",
            ("series", f"{len(which)} of {len(outputs)}, the first is {which[0]}"),
            ("parameters that are not finite", ", ".join(parameters) or "none"),
            help="train again, with a smaller learning_rate" if parameters else "look at the scale of these series",
        )

    def queried(self, series: Series) -> tuple[Series, Float64[Tensor, "batch 1"] | None]:
        """The series as the predictor takes them, with the times of their own ends where the query is made later."""
        return (series, None) if self.query == "own" else (series.lengthened(), series.times[:, -1:])


@contextmanager
def evaluating(predictor: Predictor) -> Iterator[None]:
    """Without dropout; afterwards as before."""
    training = predictor.training
    predictor.eval()
    try:
        yield
    finally:
        predictor.train(training)


@explained
def save(folder: Path | str, trained: Trained, origin: Mapping[str, str] | None = None) -> None:
    """Write a model into a folder, which is made if need be. Killed at any moment, it leaves the old model or the new one, whole.

    Each file has a digest of its bytes, and names the other's.

    Args:
        folder: of model.json and weights.safetensors.
        trained: the model.
        origin: digests of what the model comes from, by name, to be kept with it: "data", "training".

    Raises:
        FwpError: the disk refused, and what was there before is unchanged; or another process saves there for half a minute.
        CompositionError: the projection holds a module of the user's own, which no json can describe.
    """
    folder, description = Path(folder), _description(trained)
    weights, digest = sealed_tensors(_serialised(trained), {"model": digest_of(description)})
    make_folder(folder)
    what, help = "another process saves a model into this folder", "give each its own folder"
    lock = held(folder / ".model.lock", what, ("folder", str(folder)), help=help, wait=PATIENCE)
    with lock, new_weights(folder, weights, digest):
        write_json(folder / "model.json", {**description, "weights": digest, "origin": dict(origin or {})})


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
        "prepared": isinstance(net, Net) and net.prepared,
    }


def model_digest(trained: Trained) -> str | None:
    """The SHA-256 of what is said of the model but for its scale; None of one that no json can describe.

    The last bits of means and deviations are another machine's, and no other model.
    """
    try:
        description = _description(trained)
    except CompositionError:
        return None
    return digest_of({name: description[name] for name in ("model", "sizes", "head", "solver", "query")})


def bare(data: Mapping[str, Any]) -> dict[str, Any]:
    """What model.json says of the model itself, without what it names."""
    return {name: value for name, value in data.items() if name not in ("weights", "origin")}


def _serialised(trained: Trained) -> bytes:
    """The weights as safetensors."""
    tensors = trained.predictor.state_dict().items()
    return safetensors().torch.save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors})


@explained
def load(folder: Path | str, device: str = "cpu") -> Trained[Any]:
    """The model that `save` or `fwp run` wrote into a folder. The file of a rule of your own is not needed.

    Raises:
        FormatError: a file is missing, damaged, of another version, or its tensors are not those of the model.
    """
    folder = Path(folder)
    file = folder / "model.json"
    data, digest = read_sealed(file)
    trained = _described(str(file), data)
    if digest is None and data["format"] == FORMAT:
        raise FormatError(
            "a file has no digest, which this version writes into it",
            ("file", str(file)),
            help="the file was changed: restore it, or save the model again",
        )
    own = weights_of(folder, data.get("weights"))
    if digest is None:
        undigested(file, own)
    weights = read_weights(own, trained.predictor.state_dict(), bare(data))
    trained.predictor.load_state_dict(weights, assign=True)
    return replace(trained, predictor=trained.predictor.to(device).eval())


def _described(file: str, data: Any) -> Trained[Any]:
    """What model.json says, with a predictor on the meta device: sizes out of all proportion cost no memory."""
    if not isinstance(data, Mapping) or data.get("format") not in READ:
        found = data.get("format") if isinstance(data, Mapping) else type(data).__name__
        raise FormatError(
            "this model was not written in the format of this version",
            ("file", file),
            ("format", f"{READ[0]} and {FORMAT} are read here, {found!r} found"),
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
        if not isinstance(data.get("prepared", True), bool):
            raise ValueError("`prepared` is true or false")
        if isinstance(
            predictor.net, Net
        ):  # solved as when it was saved, to the last bit; before it was said, all trained ones were
            predictor.net.prepared = data.get("prepared", True)
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
