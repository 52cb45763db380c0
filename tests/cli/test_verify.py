"""`fwp verify`: nothing to say of what is whole, and in words what is wrong."""

import json
import shutil
from pathlib import Path

import pytest

from fwp.cli import main
from fwp.files import write_json
from fwp.models import load, save
from fwp.models.files import read_json

SMALL = "--width 4 --heads 2 --hidden 4 --method euler --epochs 2 --batch 270 --device cpu".split()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "delta"
    main(["run", "japanese-vowels", "--out", str(folder), *SMALL])
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """The status, and what is said of each file."""
    capsys.readouterr()
    status = 0
    try:
        main(["verify", str(folder)])
    except SystemExit as ended:
        status = int(ended.code or 0)
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return status, dict(line.split(maxsplit=1) for line in shown.out.splitlines())  # type: ignore


def test_a_run_is_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    status, said = verified(folder, capsys)
    assert status == 0
    assert said == dict.fromkeys(before, "whole") | {"data": "are those of the run"}
    assert before == {file.name: file.read_bytes() for file in folder.iterdir()}, "it only reads"


def test_a_model_alone_is_whole(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "model", load(folder))
    assert verified(tmp_path / "model", capsys) == (0, {"model.json": "whole", "weights.safetensors": "whole"})
    (tmp_path / "model" / "weights.safetensors").unlink()
    assert verified(tmp_path / "model", capsys)[0] == 1


def test_what_is_wrong_is_said_and_of_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in sorted(folder.iterdir()):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        status, said = verified(folder, capsys)
        assert status == 1 and said[file.name].startswith("WRONG: ") and "bytes are not those" in said[file.name]
        others = [name for name, words in said.items() if words.startswith("WRONG") and name != file.name]
        assert not others or (file.name, others) == ("model.json", ["weights.safetensors"])
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        file.rename(folder / "away")
        status, said = verified(folder, capsys)
        if file.name == "fast_weights.png":  # which a recurrence does not have
            assert status == 0 and file.name not in said
        elif file.name == "result.json":
            assert (status, said[file.name]) == (0, "is not there yet")
        else:
            assert (status, said[file.name]) == (1, "WRONG: is not there")
        (folder / "away").rename(file)


def test_a_run_that_goes_on_is_no_wrong_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("result.json", "fast_weights.png", "learning_curve.png", "model.json", "weights.safetensors"):
        (folder / name).unlink()
    lines = (folder / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    for left in (lines, lines[:-1]):  # a kill between the state and the metrics
        (folder / "metrics.jsonl").write_bytes(b"".join(left))
        status, said = verified(folder, capsys)
        assert status == 0 and said["metrics.jsonl"] == "whole" and said["model.json"] == "is not there yet"
    (folder / "metrics.jsonl").write_bytes(b"")
    assert verified(folder, capsys)[1]["metrics.jsonl"] == "WRONG: its rows are not those of the state"


def test_files_of_two_runs_do_not_go_together(
    whole: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    main(["run", "japanese-vowels", "--seed", "1", "--out", str(other), *SMALL])
    for name in ("metrics.jsonl", "model.json", "result.json", "state.safetensors"):
        shutil.copy(other / name, tmp_path / "run" / name)
        status, said = verified(folder, capsys)
        assert status == 1 and any("WRONG" in words for words in said.values()), name
        shutil.copytree(whole, folder, dirs_exist_ok=True)
    told = read_json(folder / "result.json")
    write_json(folder / "result.json", {**told, "data": told["data"].replace("SHA-256 6", "SHA-256 7")})
    assert "other data than the run's" in verified(folder, capsys)[1]["result.json"]


def test_other_data_are_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "data" / "uea" / "JapaneseVowels"
    own.mkdir(parents=True)
    for part in ("TRAIN", "TEST"):
        (own / f"JapaneseVowels_{part}.ts").write_text("others")
    monkeypatch.setenv("FWP_DATA", str(tmp_path / "data"))
    status, said = verified(folder, capsys)
    assert status == 1 and said["data"].startswith(
        "WRONG: are others now; of the run: JapaneseVowels_TRAIN.ts, SHA-256"
    )


def test_a_folder_of_neither_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, words in ((tmp_path, "neither a run nor a model"), (tmp_path / "none", "there is no such folder")):
        with pytest.raises(SystemExit) as caught:
            main(["verify", str(folder)])
        shown = capsys.readouterr()
        assert caught.value.code == 1 and words in shown.err and "help: " in shown.err and not shown.out


def test_json_that_is_none_of_ours_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("run.json", "result.json", "model.json"):
        content = (folder / name).read_bytes()
        (folder / name).write_text(json.dumps([1]))
        assert verified(folder, capsys)[0] == 1
        (folder / name).write_bytes(content)
