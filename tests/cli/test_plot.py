import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from fwp.bench import Recipe, Run, task
from fwp.bench.pipeline import run as run_pipeline
from fwp.cli import main
from fwp.models import Recurrent
from fwp.models.files import read_json

SMALL = "--width 8 --heads 2 --hidden 8 --method auto --epochs 1 --batch 54 --device cpu".split()
PICTURES = [
    "learning_curve.png",
    "fast_weights.png",
    "fast_weights.gif",
    "spectrum.png",
    "fast_net.png",
    "readout_map.png",
    "writes.png",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "delta"
    main(["run", "japanese-vowels", "--out", str(folder), *SMALL])
    return folder


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(["plot", *arguments])
    shown = capsys.readouterr()
    assert caught.value.code == 1 and "help: " in shown.err and "Traceback" not in shown.err and not shown.out
    return shown.err


def test_a_run_is_drawn_whole(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file.name for file in finished.iterdir()}
    capsys.readouterr()
    main(["plot", str(finished)])
    shown = capsys.readouterr()
    assert shown.out.split() == [str(finished / name) for name in PICTURES] and not shown.err
    assert {file.name for file in finished.iterdir()} == before | set(PICTURES), "and no part of a file"
    for name in PICTURES:
        with Image.open(finished / name) as image:
            assert image.format == name[-3:].upper() and image.width > 300
            image.verify()


def test_another_series_and_head_somewhere_else(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["plot", str(finished), "--sample", "3", "--head", "1", "--out", str(tmp_path / "new" / "folder")])
    there = tmp_path / "new" / "folder"
    assert {file.name for file in there.iterdir()} == set(PICTURES)
    same = [name for name in PICTURES if (there / name).read_bytes() == (finished / name).read_bytes()]
    assert same == ["learning_curve.png"]
    told = refused([str(finished), "--sample", "370"], capsys)
    assert "no series of this number" in told and "370, counted from 0" in told
    assert "--sample 0 to 369" in refused([str(finished), "--sample=-1"], capsys)
    assert "--head 0 to 1" in refused([str(finished), "--head", "2"], capsys)


def test_what_is_no_finished_run_is_said(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no such folder" in refused([str(tmp_path / "nowhere")], capsys)
    assert "the folder holds no run" in refused([str(tmp_path)], capsys)
    shutil.copy(finished / "run.json", tmp_path)
    assert "has not finished" in refused([str(tmp_path)], capsys)
    for name in ("result.json", "model.json", "weights.safetensors"):
        shutil.copy(finished / name, tmp_path)
    assert "metrics.jsonl" in refused([str(tmp_path)], capsys)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1')
    assert "does not hold json" in refused([str(tmp_path)], capsys)
    shutil.copy(finished / "metrics.jsonl", tmp_path)
    told = read_json(finished / "run.json")
    (tmp_path / "run.json").write_text(json.dumps({"task": told["task"]}))
    assert "missing : seed, source, split" in refused([str(tmp_path)], capsys)
    (tmp_path / "run.json").write_text(json.dumps({**told, "split": "another"}))
    assert "the task has changed since this run" in refused([str(tmp_path)], capsys)
    assert not list(tmp_path.glob("*.png")), "all or nothing"


@pytest.mark.parametrize(
    ("rule", "pictures", "words"),
    [
        (
            "gated_delta",
            PICTURES[:-1],
            "left out: writes.png: the steps are not outer products of a value with a key\n",
        ),
        ("oja_neuron", PICTURES[:1], "left out: all but the learning curve: the state of the rule is no matrix"),
    ],
)
def test_what_a_rule_has_not_is_left_out(
    rule: str,
    pictures: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["run", "japanese-vowels", "--rule", rule, "--out", str(tmp_path), *SMALL])
    monkeypatch.setattr("fwp.cli.plot.picture", lambda file, figure: None)  # another test looks at files
    monkeypatch.setattr("fwp.cli.plot.film", lambda file, made: made._init_draw())
    capsys.readouterr()
    main(["plot", str(tmp_path)])
    shown = capsys.readouterr()
    assert shown.out.split() == [str(tmp_path / name) for name in pictures]
    assert shown.err.startswith(words) and shown.err.count("\n") == 1


def test_a_recurrence_has_a_learning_curve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Recipe(width=8, hidden=8, epochs=1)
    run_pipeline(Run(task("japanese-vowels"), Recurrent("gru-d"), recipe), tmp_path, "cpu")
    main(["plot", str(tmp_path)])
    shown = capsys.readouterr()
    assert shown.out.split() == [str(tmp_path / "learning_curve.png")]
    assert "the model is a recurrence, without fast weights" in shown.err
