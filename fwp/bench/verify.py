"""Whether a run folder is as it was written: each file by its own digest, and each file beside the others."""

import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fwp.bench.origin import at_hand, same_data
from fwp.bench.task import TASKS
from fwp.errors import FwpError, FwpWarning
from fwp.files import sealed_lines, unsealed_lines, unsealed_tensors
from fwp.files.seal import last_digest
from fwp.models import load
from fwp.models.files import parse_json, read_bytes, read_sealed
from fwp.training.state import load_tree

__all__ = ["Verdict", "verify"]

MODEL = ("model.json", "weights.safetensors")
RUN = (
    "run.json",
    "state.safetensors",
    "metrics.jsonl",
    *MODEL,
    "learning_curve.png",
    "fast_weights.png",
    "result.json",
)
"""In the order in which a run writes them."""
OPTIONAL = ("fast_weights.png",)
"""A model without fast weights has none."""
MOST_BYTES = 2**26
"""Of metrics.jsonl and of a picture."""
OLD = "has no digest: an earlier version wrote it"


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a file, and whether it is wrong."""

    name: str
    said: str
    wrong: bool = False


def verify(folder: Path, root: Path | None = None) -> list[Verdict]:
    """Check what `fwp run` or `fwp.models.save` has written into a folder, and the data of the run if they are here.

    Args:
        folder: of the run or the model.
        root: where data lie; default the environment's FWP_DATA, else ~/.cache/fwp.

    Raises:
        FwpError: there is nothing of either in it.
    """
    there = [name for name in RUN if (folder / name).exists()]
    if "model.json" in there and not (folder / "weights.safetensors").exists() and [*folder.glob(".weights-*")]:
        there.append("weights.safetensors")  # under its first name: whoever saved it was killed before the last step
    if not there:
        raise FwpError(
            "the folder holds neither a run nor a model" if folder.is_dir() else "there is no such folder",
            ("folder", str(folder)),
            ("looked for", ", ".join(RUN)),
            help="point at a folder that `fwp run` or `fwp.models.save` has written",
        )
    is_run = not set(there) <= set(MODEL)
    found: dict[str, Any] = {"finished": "result.json" in there}
    verdicts = [_one(folder, name, there, found) for name in (RUN if is_run else MODEL)]
    return [own for own in (*verdicts, *(_data(found, root) if is_run else ())) if own is not None]


def _one(folder: Path, name: str, there: Sequence[str], found: dict[str, Any]) -> Verdict | None:
    """A file by itself and beside those before it, whose content is in `found`."""
    if name not in there:
        finished = "result.json" in there or not set(there) - set(MODEL)
        if name in OPTIONAL:
            return None
        return Verdict(name, "is not there" if finished else "is not there yet", finished)
    try:
        digested = _read(folder, name, found)
        wrong = [*_beside(name, found)]
    except FwpError as error:
        facts = [
            fact if isinstance(fact, str) else f"{fact[0]} {fact[1]}" for fact in error.facts if "file" not in fact
        ]
        return Verdict(name, "; ".join([error.what, *facts]), True)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return Verdict(name, str(error) or type(error).__name__, True)
    if wrong:
        return Verdict(name, "; ".join(wrong), True)
    return Verdict(name, "whole" if digested else OLD)


def _read(folder: Path, name: str, found: dict[str, Any]) -> bool:
    """Read a file into `found`; whether it has a digest."""
    file = folder / name
    match file.suffix:
        case ".png":
            _require_png(read_bytes(file, MOST_BYTES))
            return True
        case ".jsonl":
            lines, digested = unsealed_lines(read_bytes(file, MOST_BYTES))
            found[name] = [parse_json(line.decode()) for line in lines]
            return digested
        case ".json":
            told, digest = read_sealed(file)
            if not isinstance(told, Mapping):
                raise ValueError("it has no names, which every file of a run has")
            found[name] = told
            return digest is not None
        case _ if name == "weights.safetensors" and "model.json" in found:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", FwpWarning
                )  # that there is no digest, which is said here in other words
                found[name] = load(folder)
            return "weights" in found["model.json"]
        case _:
            if name == "state.safetensors":
                found[name] = load_tree(file)["callbacks"]["Keeper"]
            return unsealed_tensors(file) is not None


def _beside(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    """What does not fit the files before."""
    state, run = found.get("state.safetensors"), found.get("run.json")
    match name:
        case "metrics.jsonl" if state is not None:
            rows = state["rows"]  # and a kill may have come between the two
            if found[name] != rows and (found["finished"] or found[name] != rows[:-1]):
                yield "its rows are not those of the state"
        case "model.json":
            origin = found[name].get("origin", {})
            if origin and state is not None:
                if origin["training"] != last_digest(sealed_lines(state["rows"])):
                    yield "it comes from another training than the state's"
                if origin["data"] != state.get("origin", {}).get("training data", origin["data"]):
                    yield "it was trained on other data than the state"
        case "weights.safetensors" if state is not None and "model.json" in found:
            own = found[name].predictor.state_dict()
            best = state["best"]
            if own.keys() != best.keys() or not all(torch.equal(own[tensor], best[tensor]) for tensor in own):
                yield "they are not the best of the state"
        case "result.json":
            result = found[name]
            if run is not None and (result["task"], result["seed"]) != (run["task"], run["seed"]):
                yield "it is the result of another run"
            if run is not None and "data" in run and not same_data(result["data"], run["data"]):
                yield "it is a result on other data than the run's"
            if "metrics.jsonl" in found and result["epochs"] != len(found["metrics.jsonl"]):
                yield f"it tells of {result['epochs']} epochs, and metrics.jsonl has {len(found['metrics.jsonl'])}"
        case _:
            pass


def _data(found: Mapping[str, Any], root: Path | None) -> Iterator[Verdict]:
    """The data of a run whose task is known by name."""
    run, result = found.get("run.json", {}), found.get("result.json", {})
    told, task = run.get("data") or result.get("data"), TASKS.get(run.get("task", ""))
    if not isinstance(told, str) or task is None or repr(task.source) != run.get("source"):
        return
    now = at_hand(task.source, root)
    if not now:
        yield Verdict("data", f"are not here: {told}")
    elif same_data(told, now):
        yield Verdict("data", "are those of the run")
    else:
        yield Verdict("data", f"are others now; of the run: {told}; here: {now}", True)


def _require_png(data: bytes) -> None:
    """Each piece of a png has a checksum. Raises: ValueError: one is wrong, or there is more or less than a picture."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("it is no png")
    place, kind = 8, b""
    while kind != b"IEND" and place + 12 <= len(data):
        size, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        end = place + 8 + size
        if zlib.crc32(data[place + 4 : end]) != int.from_bytes(data[end : end + 4]):
            raise ValueError("its bytes are not those that were written")
        place = end + 4
    if kind != b"IEND" or place != len(data):
        raise ValueError("it does not end where a png ends")
