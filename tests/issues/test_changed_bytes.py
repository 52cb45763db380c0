"""A changed byte is refused where it is read, and so are files of two runs, and a run whose data have changed."""

import json
import random
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fwp.bench import Recipe, Run, run, task
from fwp.bench.code import Code, code
from fwp.bench.many import read_lines, write_lines
from fwp.bench.report import read
from fwp.bench.source import Uea
from fwp.bench.verify import verify
from fwp.cli.plot import finished, learning
from fwp.controls import linear
from fwp.data import Labelled, series
from fwp.data.digest import fingerprint
from fwp.errors import FormatError, FwpError, FwpWarning
from fwp.fields import wiring
from fwp.files import sealed_tensors, write_json
from fwp.models import load, save
from fwp.models.files import read_json
from fwp.rules import hebb
from fwp.training import begun, train
from fwp.training.metric import Metric
from fwp.training.state import load_tree
from tests.issues.test_faults_at_files import model

ROOT = Path(__file__).parents[2]
OLD = Path(__file__).parent / "old_run"
"""What version 0.1.0 wrote before its files had digests."""
RECIPE = Recipe(width=2, heads=1, hidden=0, method="euler", epochs=2, batch=270)
MODEL = hebb @ wiring("keys-from-increments") @ linear
HEAD = "@problemName Tiny\n@timeStamps false\n@missing false\n@univariate true\n@equalLength true\n@classLabel true a b\n@data\n"


def tiny(root: Path, last: int = 3) -> Run:
    """A run on a data set of its own."""
    folder = root / "uea" / "Tiny"
    folder.mkdir(parents=True)
    rows = "".join(f"{i},2,{i % 3},1:{'ab'[i % 2]}\n" for i in range(20))
    for part in ("TRAIN", "TEST"):
        (folder / f"Tiny_{part}.ts").write_text(f"{HEAD}{rows}1,2,2,{last}:a\n1,1,2,2:b\n")
    return Run(replace(task("japanese-vowels"), name="tiny", source=Uea("Tiny")), MODEL, RECIPE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(Run(task("japanese-vowels"), MODEL, RECIPE), folder, "cpu")
    return folder


READERS: dict[str, Callable[[Path], object]] = {
    "run.json": lambda folder: read_json(folder / "run.json"),
    "state.safetensors": lambda folder: load_tree(folder / "state.safetensors"),
    "metrics.jsonl": lambda folder: learning(folder, finished(folder)),
    "model.json": load,
    "weights.safetensors": load,
    "result.json": lambda folder: read(folder / "result.json"),
    "learning_curve.png": lambda folder: None,
    "fast_weights.png": lambda folder: None,
}


def changes(content: bytes, count: int) -> list[bytes]:
    """The content with something else in one place: a bit, a byte, bytes added, taken away or exchanged, an end."""
    drawn, found = random.Random(0), [content[:-1], content + b"\n", content + b"\0", b""]
    for _ in range(count):
        at, more = drawn.randrange(len(content)), drawn.randbytes(drawn.randrange(1, 9))
        found += [
            content[:at] + bytes([content[at] ^ (1 << drawn.randrange(8))]) + content[at + 1 :],
            content[:at] + more + content[at + len(more) :],
            content[:at] + more + content[at:],
            content[:at] + content[at + len(more) :],
            content[:at] + content[at:][::-1],
        ]
    return [changed for changed in found if changed != content]


@pytest.mark.parametrize("name", READERS)
def test_every_change_is_refused_where_the_file_is_read(whole: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    content = (folder / name).read_bytes()
    for changed in changes(content, 12):
        (folder / name).write_bytes(changed)
        if not name.endswith("png"):
            with warnings.catch_warnings():
                warnings.simplefilter("error", FwpWarning)
                with pytest.raises(FormatError):
                    READERS[name](folder)
        assert name in [own.name for own in verify(folder) if own.wrong]
    (folder / name).write_bytes(content)
    READERS[name](folder)
    assert not [own for own in verify(folder) if own.wrong]


def test_what_is_changed_with_its_digest_does_not_fit_the_others(whole: Path, tmp_path: Path) -> None:
    """Somebody who writes files of the right form: of another run, that is."""
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    other = load(folder)
    with torch.no_grad():
        next(other.predictor.parameters()).add_(1.0)
    save(tmp_path / "other", other)
    for name in ("weights.safetensors", "model.json"):
        shutil.copy(tmp_path / "other" / name, folder / name)
        with pytest.raises(FormatError, match="the weights are not those of the model"):
            load(folder)
        assert [own.name for own in verify(folder) if own.wrong] == ["weights.safetensors"]
        shutil.copy(whole / name, folder / name)
    for name in ("weights.safetensors", "model.json"):
        shutil.copy(tmp_path / "other" / name, folder / name)
    assert "they are not the best of the state" in [own.said for own in verify(folder)]
    tensors, _ = sealed_tensors((folder / "weights.safetensors").read_bytes(), {"model": "0" * 64})
    (folder / "weights.safetensors").write_bytes(tensors)
    with pytest.raises(FormatError, match="the weights are not those of the model"):
        load(folder)


@pytest.mark.parametrize("name", ["model.json", "result.json"])
def test_a_file_that_has_lost_its_digest_is_not_taken_for_an_old_one(whole: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    data = read_json(folder / name)
    (folder / name).write_text(json.dumps({"digest": "sha256", **data}, indent=1) + "\n")
    with pytest.raises(FormatError, match="digest is gone"):
        READERS[name](folder)
    if name == "model.json":
        (folder / name).write_text(json.dumps(data, indent=1) + "\n")
        with pytest.raises(FormatError, match="has no digest"):
            load(folder)


def test_files_of_before_are_read_with_one_warning(tmp_path: Path) -> None:
    folder, own = tmp_path / "run", Run(task("japanese-vowels"), MODEL, replace(RECIPE, name="corrected, changed"))
    own = replace(own, model=hebb @ wiring("keys-from-increments") @ task("japanese-vowels").control)
    shutil.copytree(OLD, folder)
    with pytest.warns(FwpWarning, match="earlier version have no digest") as caught:
        trained = load(folder)
    assert len(caught) == 1
    told = json.loads((OLD / "result.json").read_text())
    data = own.task.source.load()
    right = (
        trained.predict(data.everything.series[data.parts["test"]]).best == data.everything.labels[data.parts["test"]]
    )
    assert right.double().mean().item() == told["test"]["accuracy"]
    assert all(
        "no digest" in each.said or not (OLD / each.name).exists() for each in verify(folder) if each.name != "data"
    )
    with pytest.warns(FwpWarning) as caught:
        report = run(own, folder, "cpu")
    assert len(caught) == 1 and report.to_json() == told
    (folder / "result.json").unlink()
    with pytest.warns(FwpWarning) as caught:
        report = run(own, folder, "cpu")  # goes on from the state of before
    assert len(caught) == 1 and report.test["accuracy"] == told["test"]["accuracy"]
    assert load(folder).predictor.state_dict().keys() == trained.predictor.state_dict().keys()
    assert {each.name for each in verify(folder) if "no digest" in each.said} == {"run.json", "state.safetensors"}


@pytest.mark.parametrize("ended", [True, False])
def test_a_run_is_neither_reported_nor_gone_on_with_on_other_data(tmp_path: Path, ended: bool) -> None:
    what, folder = tiny(tmp_path / "one"), tmp_path / "run"
    run(what, folder, "cpu", root=tmp_path / "one")
    if not ended:
        (folder / "result.json").unlink()
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    tiny(tmp_path / "two", last=4)
    with pytest.raises(FwpError, match="the data are not those of this run") as caught:
        run(what, folder, "cpu", root=tmp_path / "two")
    sums = [own.task.source.load(tmp_path / name).source for name, own in (("one", what), ("two", what))]
    assert all(own in str(caught.value) for own in sums) and str(tmp_path / "two") in str(caught.value)
    assert before == {file.name: file.read_bytes() for file in folder.iterdir()}
    run(what, folder, "cpu", root=tmp_path / "one")


def test_a_result_whose_data_are_not_here_is_reported_with_a_warning(tmp_path: Path) -> None:
    what, folder = tiny(tmp_path / "one"), tmp_path / "run"
    first = run(what, folder, "cpu", root=tmp_path / "one")
    with pytest.warns(FwpWarning, match="data are not here"):
        assert run(what, folder, "cpu", root=tmp_path / "none") == first


def test_the_state_of_a_training_on_other_data_or_of_another_model_is_not_gone_on_with(tmp_path: Path) -> None:
    def drawn(seed: int) -> Labelled:
        values = torch.randn(6, 5, 2, generator=torch.Generator().manual_seed(seed))
        return Labelled(series(values), torch.arange(6) % 2, ("a", "b"))

    def trained(own: Labelled, valid: Labelled, width: int = 2) -> None:
        recipe = replace(RECIPE, width=width)
        one = begun(MODEL, own, recipe, Metric.ACCURACY)
        train(one, own, valid, recipe, Metric.ACCURACY, folder=tmp_path, show=False)

    trained(drawn(1), drawn(2))
    trained(drawn(1), drawn(2))
    for other, words in (
        ((drawn(3), drawn(2)), "another training data"),
        ((drawn(1), drawn(3)), "another validation data"),
        ((drawn(1), drawn(2), 4), "another model"),
    ):
        with pytest.raises(FwpError, match=words) as caught:
            trained(*other)
        assert len(str(caught.value).split("SHA-256 ")) == 3


def test_a_fingerprint_changes_with_anything_of_the_data() -> None:
    values = torch.randn(3, 4, 2)
    own = Labelled(series(values), torch.tensor([0, 1, 0]), ("a", "b"))
    others = [
        own.series,
        Labelled(series(values + 1e-6), own.labels, own.classes),
        Labelled(series(values, times=[0.0, 1.0, 2.0, 4.0]), own.labels, own.classes),
        Labelled(series(values, lengths=[4, 4, 3]), own.labels, own.classes),
        Labelled(series(values, static=torch.ones(3, 1)), own.labels, own.classes),
        Labelled(own.series, torch.tensor([0, 1, 1]), own.classes),
        Labelled(own.series, own.labels, ("a", "c")),
        Labelled(series(values.bfloat16()), own.labels, own.classes),
    ]
    assert len({fingerprint(own), *map(fingerprint, others)}) == 9
    assert fingerprint(own) == fingerprint(Labelled(series(values.clone()), own.labels, own.classes))


def test_lines_of_results_say_the_code_and_old_ones_stay_as_they_are(tmp_path: Path) -> None:
    for file in sorted((ROOT / "results").glob("*.jsonl")):
        before = file.read_text().splitlines()
        lines = read_lines(file)
        new = {**lines[0], "cell": "zzz", **Code("0.1.0", "abc").to_json()}
        write_lines(tmp_path / "x", [*lines, new])
        *after, added = (tmp_path / "x").read_text().splitlines()
        assert sorted(after) == sorted(before)
        assert json.loads(added)["commit"] == "abc" and read_lines(tmp_path / "x")[-1] == new
    content = (tmp_path / "x").read_bytes()
    start = content.rstrip().rindex(b"\n") + 1
    for changed in changes(content[start:], 20)[1:]:
        if changed not in (b"", content[start:] + b"\n") and changed.isascii():
            (tmp_path / "x").write_bytes(content[:start] + changed)
            with pytest.raises(FormatError, match="no line of results"):
                read_lines(tmp_path / "x")


def test_a_commit_is_that_of_the_package_and_not_of_whoever_installed_it(tmp_path: Path) -> None:
    from fwp.bench.code import _commit

    assert code().version and code().commit == _commit(ROOT / "fwp")
    (tmp_path / "fwp").mkdir()
    (tmp_path / "fwp" / "__init__.py").touch()
    if (ROOT / ".git").exists():
        assert code().commit
        shutil.copytree(ROOT / "fwp" / "files", ROOT / "build" / "fwp", dirs_exist_ok=True)
        try:
            assert _commit(ROOT / "build" / "fwp") == "", "a copy inside the checkout is no part of it"
        finally:
            shutil.rmtree(ROOT / "build")
    assert _commit(tmp_path / "fwp") == ""


def test_two_that_save_at_a_time_leave_one_of_the_two(tmp_path: Path) -> None:
    from threading import Thread

    models = [model(1), model(2)]
    threads = [Thread(target=lambda own=own: [save(tmp_path, own) for _ in range(5)]) for own in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = load(tmp_path).predictor.state_dict()
    assert any(
        all(torch.equal(tensor, found[name]) for name, tensor in own.predictor.state_dict().items()) for own in models
    )
    assert {file.name for file in tmp_path.iterdir()} == {"model.json", "weights.safetensors"}


def test_new_weights_that_have_not_got_their_name_are_found(tmp_path: Path) -> None:
    save(tmp_path, model(1))
    before = (tmp_path / "weights.safetensors").read_bytes()
    save(tmp_path, model(2))
    new = tmp_path / f".weights-{json.loads((tmp_path / 'model.json').read_text())['weights'][:16]}.safetensors"
    (tmp_path / "weights.safetensors").rename(new)
    (tmp_path / "weights.safetensors").write_bytes(before)
    expected = model(2).predictor.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in load(tmp_path).predictor.state_dict().items())
    assert not [own for own in verify(tmp_path) if own.wrong]


def test_json_that_names_the_digest_itself_is_kept(tmp_path: Path) -> None:
    for value in ({"a": '"sha256": "'}, {"ä": {"digest": "sha256"}}, {}):
        write_json(tmp_path / "x", value)
        assert read_json(tmp_path / "x") == value
