"""Whatever bytes a file holds, reading it either succeeds or is refused in our words: within bounds of time and memory, without a crash."""

import io
import json
import random
import tarfile
import wave
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import fwp
from fwp import fields, rules, terms
from fwp.bench import render, report
from fwp.bench.many import read_lines, write_lines
from fwp.bench.render import markdown, summaries, terminal
from fwp.bench.table import TABLES
from fwp.cli.plot import finished, learning
from fwp.controls import Control, hermite
from fwp.data import Labelled, Normaliser, extract, read_ts
from fwp.data.cache import _load, _packed
from fwp.data.dataset import Dataset
from fwp.data.digest import tensors_digest
from fwp.data.owned import keep, own_cache
from fwp.data.sepsis import COLUMNS, read_sepsis
from fwp.data.speech import read_speech
from fwp.files import sealed_json, sealed_tensors
from fwp.models import Classes, Head, Predictor, Trained, save
from fwp.models.files import parse_json, read_json
from fwp.models.weights import read_weights
from fwp.rules import delta
from fwp.training.state import load_tree, save_tree
from tests.issues.mutants import EXTREMES, dumped, outcome, places, replaced, scrambled

SERIES = fwp.series(torch.arange(24.0).reshape(2, 4, 3).sin())
MODEL = delta @ fields.wiring("keys-from-increments") @ hermite
BUDGET, LARGE = 60, 500


@dataclass(frozen=True)
class Parser:
    """A file as it should be, made in a folder, and what reads it."""

    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    json: bool = False
    """Whether the values of its json are replaced, besides its bytes."""
    seal: Callable[[bytes], bytes] = bytes
    """Makes the digest right again for changed content, so that the change reaches what reads below the digest."""


def trained() -> Trained[Classes]:
    torch.manual_seed(0)
    return Trained(Predictor(MODEL.build(3, width=4), Head(2, 4)), Normaliser.fit(SERIES), Classes(("a", "b")))


def resealed(content: bytes) -> bytes:
    """A changed json with its digest made anew, where it is still a json of names."""
    try:
        data = json.loads(content)
        return sealed_json({name: value for name, value in data.items() if name not in ("digest", "sha256")})
    except (ValueError, AttributeError, TypeError, RecursionError):
        return content


def resealed_tensors(content: bytes) -> bytes:
    """Changed tensors with a digest made anew, where the header can still be read."""
    try:
        size = int.from_bytes(content[:8], "little")
        about = json.loads(content[8 : 8 + size])["__metadata__"]
        told = {name: value for name, value in about.items() if name not in ("digest", "sealed")}
        return sealed_tensors(content, told)[0]
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return content


def model(folder: Path) -> Path:
    save(folder, trained())
    return folder / "model.json"


def weights(folder: Path) -> Path:
    save(folder, trained())
    return folder / "weights.safetensors"


def weighed(file: Path) -> None:
    """The tensors of a file whose model is as it was."""
    described = {n: v for n, v in read_json(file.with_name("model.json")).items() if n not in ("weights", "origin")}
    read_weights(file, trained().predictor.state_dict(), described)


def state(folder: Path) -> Path:
    save_tree(folder / "state", {"epoch": 3, "loss": float("nan"), "states": [{"a": torch.zeros(3)}, (1, None, "x")]})
    return folder / "state"


def written(name: str, value: object) -> Callable[[Path], Path]:
    """A json without a digest, as earlier versions wrote it: a changed one is read all the same."""

    def make(folder: Path) -> Path:
        (folder / name).write_text(json.dumps(value, indent=1))
        return folder / name

    return make


def text(name: str, content: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder / name

    return make


METRICS = {"roc_auc": 0.9, "accuracy": 0.9, "loss": 0.3, "examples": 10}
REPORT = {
    **{
        "task": "sepsis",
        "rule": "delta",
        "control": "hermite",
        "seed": 0,
        "split": "stratified, seed 0",
        "metric": "accuracy",
    },
    **{"valid": {**METRICS, "epoch": 2}, "test": METRICS, "parameters": 100, "seconds": 1.5, "out": "runs/x"},
    **{"recipe": "own", "epochs": 3, "machine": "a machine", "data": "a file"},
}
RUN = {"format": 5, "task": "sepsis", "source": "x", "metric": "accuracy", "model": fields.to_json(MODEL), "sizes": {}}
RUN |= {"recipe": {"name": "own"}, "split": "stratified, seed 0", "seed": 0}
EPOCH = {"epoch": 0, "train_loss": 0.5, "valid_loss": 0.4, "valid_accuracy": 0.9, "learning_rate": 1e-3}


def run(folder: Path) -> Path:
    written("result.json", REPORT)(folder)
    (folder / "metrics.jsonl").write_text("".join(json.dumps({**EPOCH, "epoch": i}) + "\n" for i in range(3)))
    return written("run.json", RUN)(folder)


def of_run(name: str) -> Callable[[Path], Path]:
    return lambda folder: run(folder).with_name(name)


def lines(folder: Path) -> Path:
    cell = TABLES["table1"][0]
    line = {"cell": cell.name, "digest": "0" * 12, "recipe": "own", "seed": 0, "run": RUN}
    done = {name: value for name, value in REPORT.items() if name != "out"}
    write_lines(
        folder / "table1.jsonl", [{**line, **done}, {**line, "seed": 1, "task": "sepsis", "error": "OSError: x"}]
    )
    return folder / "table1.jsonl"


def rendered(file: Path) -> None:
    found = summaries(TABLES["table1"], read_lines(file))
    terminal("t", found)
    markdown("t", *render.ABOUT["table1"][1:], found)
    write_lines(file, read_lines(file))


def parquet(folder: Path) -> Path:
    arrow, library = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"series": ["a", "a", "b"], "time": [0.0, 1.5, 0.0], "channel": ["x"] * 3, "value": [1.0, None, 2.0]}
    library.write_table(arrow.table(columns), folder / "t.parquet")
    return folder / "t.parquet"


TABLE = "series,time,channel,value,note\n" + "".join(
    f'{s},{t if s != "c" else f"2024-01-{t + 1:02}T12:00"},x{c},{t * c - 1.5e-3},"a, b"\n'
    for s in "ab"
    for t in range(4)
    for c in range(2)
)
TS = """# about
@problemName Mine
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true a b
@data
1.0,2.0,?:3.0,4.0,5.0:a
-1e-3,2.0:0.5,NaN:b
"""


def zipped(name: str, content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "x.zip", "w", compression) as packed:
            packed.writestr("a/", "")
            packed.writestr(f"a/{name}", content)
            packed.writestr("b.txt", b"b" * 300)
        return folder / "x.zip"

    return make


def taped(folder: Path) -> Path:
    return tape(folder / "x.tar.gz", {"a/b.txt": b"b" * 300, "a/" + "c" * 150: b"c", "d": b""})


def tape(file: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w:gz") as packed:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return file


def unpacked(file: Path) -> None:
    folder = file.parent / f"out{random.random()}"
    extract(file, folder)


def tape_inside(file: Path) -> None:
    """A tape whose bytes were changed before they were compressed, so that the change reaches what reads headers."""
    packed = file.with_name("y.tar.gz")
    squeezed = zlib.compressobj(1, wbits=31)
    packed.write_bytes(squeezed.compress(file.read_bytes()) + squeezed.flush())
    unpacked(packed)


def bare_tape(folder: Path) -> Path:
    content = zlib.decompress(taped(folder).read_bytes(), wbits=31)
    return text("x.tar", content)(folder)


def patient(folder: Path) -> Path:
    row = ["NaN" if i % 3 else "1.5" for i in range(34)] + ["50", "1", "NaN", "1", "-3.5"]
    body = "".join("|".join([*row, str(hour), "0"]) + "\n" for hour in range(1, 5))
    return text("p1.psv", "|".join(COLUMNS) + "\n" + body)(folder)


def patients(file: Path) -> None:
    with zipfile.ZipFile(file.with_name("set.zip"), "w") as packed:
        packed.write(file, "p1.psv")
    read_sepsis([file.with_name("set.zip")])


def sound(folder: Path) -> Path:
    with wave.open(str(folder / "yes.wav"), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(16_000)
        clip.writeframes(np.arange(16_000, dtype="<i2").tobytes())
    return folder / "yes.wav"


def heard(file: Path) -> None:
    lists = {"validation_list.txt": b"yes/2.wav\n", "testing_list.txt": b"yes/3.wav\n"}
    packed = tape(file.with_name("speech.tar.gz"), {"yes/1.wav": file.read_bytes(), **lists})
    read_speech(packed, ["yes"])


def listed(file: Path) -> None:
    with wave.open(str(sound(file.parent)), "rb"):
        clip = (file.parent / "yes.wav").read_bytes()
    packed = tape(
        file.with_name("l.tar.gz"),
        {"yes/1.wav": clip, "testing_list.txt": b"", "validation_list.txt": file.read_bytes()},
    )
    read_speech(packed, ["yes"])


def kept(folder: Path) -> Path:
    parts = {"train": torch.tensor([0]), "test": torch.tensor([1])}
    data = Dataset(Labelled(SERIES, torch.tensor([0, 1]), ("a", "b")), parts)
    (folder / "cache").write_bytes(safetensors.torch.save(_packed(data)))
    return folder / "cache"


def unpacked_cache(file: Path) -> None:
    """What the cache makes of tensors whose digest, as it is made here, is right: a data set, or nothing."""
    try:
        tensors = safetensors.torch.load(file.read_bytes())
    except (safetensors.SafetensorError, ValueError, LookupError, TypeError):
        return
    own = file.with_name("own")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FWP_CACHE", str(own))
        keep(own_cache(make=True) / "x", safetensors.torch.save(tensors, {"digest": tensors_digest(tensors)}))
        _load("x")


def by(decode: Callable[[object], object]) -> Callable[[Path], object]:
    """A decoder of json, and of what json cannot hold besides."""

    def read(file: Path) -> object:
        try:
            data = parse_json(file.read_text())
        except ValueError:
            return None
        return decode(data)

    return read


PARSERS = {
    "model": Parser(model, lambda file: fwp.load(file.parent).predict(SERIES), json=True, seal=resealed),
    "weights": Parser(weights, weighed, seal=resealed_tensors),
    "state": Parser(state, load_tree, seal=resealed_tensors),
    "result": Parser(written("result.json", REPORT), lambda file: report.table(report.read(file)), json=True),
    "run": Parser(run, lambda file: finished(file.parent), json=True),
    "result of a run": Parser(
        of_run("result.json"), lambda file: learning(file.parent, finished(file.parent)), json=True
    ),
    "metrics": Parser(of_run("metrics.jsonl"), lambda file: learning(file.parent, finished(file.parent))),
    "a line of metrics": Parser(written("metrics.jsonl", EPOCH), lambda file: plotted(file), json=True),
    "results": Parser(lines, rendered),
    "a line of results": Parser(lambda folder: one_line(folder), rendered, json=True),
    "term": Parser(written("term.json", terms.to_json(delta.rate)), by(terms.from_json), json=True),
    "rule": Parser(written("rule.json", rules.to_json(delta)), by(rules.from_json), json=True),
    "projection": Parser(written("model.json", fields.to_json(MODEL)), by(fields.from_json), json=True),
    "control": Parser(
        written("c.json", {"kind": "log-signature", "depth": 2, "step": 3, "time": True, "pace": 1.0, "scale": [1.0]}),
        by(Control.from_json),
        json=True,
    ),
    "normaliser": Parser(written("n.json", Normaliser.fit(SERIES).to_json()), by(Normaliser.from_json), json=True),
    "json": Parser(written("x.json", {"a": [1, {"b": None}], "c": "é\\n"}), read_json, json=True),
    "csv": Parser(text("t.csv", TABLE), fwp.read_table),
    "parquet": Parser(parquet, fwp.read_table),
    "ts": Parser(text("x.ts", TS), read_ts),
    "zip": Parser(zipped("x.txt", b"abc" * 100), unpacked),
    "zip of lzma": Parser(zipped("x.txt", b"abc" * 100, zipfile.ZIP_LZMA), unpacked),
    "zip of bzip2": Parser(zipped("x.txt", b"abc" * 100, zipfile.ZIP_BZIP2), unpacked),
    "tar.gz": Parser(taped, unpacked),
    "tar": Parser(bare_tape, tape_inside),
    "psv": Parser(patient, patients),
    "wav": Parser(sound, heard),
    "list of clips": Parser(text("validation_list.txt", "yes/2.wav\nyes/4.wav\n"), listed),
    "cache": Parser(kept, unpacked_cache),
}


def one_line(folder: Path) -> Path:
    file = lines(folder)
    file.write_text(file.read_text().splitlines()[0] + "\n")
    return file


def plotted(file: Path) -> object:
    folder = file.parent / "run"
    folder.mkdir(exist_ok=True)
    run(folder)
    written("result.json", {**REPORT, "epochs": 1})(folder)
    (folder / "metrics.jsonl").write_bytes(b" ".join(file.read_bytes().split(b"\n")))
    return learning(folder, finished(folder))


def fuzzed(parser: Parser, folder: Path, budget: int, seed: int = 0) -> None:
    file = parser.make(folder)
    good = file.read_bytes()
    parser.read(file)
    source = random.Random(seed)
    changed = [scrambled(good, source) for _ in range(budget)]
    if parser.json:
        pairs = [(path, value) for path in places(json.loads(good)) for value in EXTREMES]
        changed += [
            dumped(replaced(json.loads(good), path, value))
            for path, value in source.sample(pairs, min(budget, len(pairs)))
        ]
    for number, content in enumerate(changed):
        file.write_bytes(parser.seal(content))
        found = outcome(lambda: parser.read(file), seconds=20, memory=2**31)
        assert found is None, (number, content[:300], found)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PARSERS)
def test_changed_bytes_are_read_or_refused(name: str, tmp_path: Path) -> None:
    fuzzed(PARSERS[name], tmp_path, BUDGET)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PARSERS)
def test_many_changed_bytes_are_read_or_refused(name: str, tmp_path: Path) -> None:
    fuzzed(PARSERS[name], tmp_path, LARGE, seed=1)
