"""UEA and UCR data sets: those that aeon ships, those in a folder, and files that are not what they claim."""

import hashlib
import json
import sys
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from aeon.datasets import tsc_datasets

from fwp.data import load_uea
from fwp.data import uea as module
from fwp.data.uea import uea_dataset
from fwp.errors import DataError

HEADER = "@problemName Tiny\n@timeStamps false\n@univariate false\n@equalLength false\n@classLabel true b A\n@data\n"
TRAIN = HEADER + "1,2,3:4,?,6:b\n7,8:NaN,10:A\n1:2:A\n"
TEST = HEADER + "1,2:3,4:A\n5:6:b\n"


@pytest.fixture
def root(tmp_path):
    write(tmp_path, TRAIN, TEST)
    return tmp_path


def write(root: Path, train: str, test: str) -> None:
    folder = root / "uea" / "Tiny"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Tiny_TRAIN.ts").write_text(train)
    (folder / "Tiny_TEST.ts").write_text(test)


def test_japanese_vowels(tmp_path):
    train, test = load_uea("JapaneseVowels", tmp_path)
    assert (len(train), len(test), train.series.channels) == (270, 370, 12)
    assert (int(train.series.lengths.min()), int(test.series.lengths.max())) == (7, 29)
    assert train.classes == tuple("123456789") == test.classes and train.labels.bincount().tolist() == [30] * 9
    assert (
        train.series.values[0, 0, 0] == torch.tensor(1.860936)
        and train.series.mask.sum() == 12 * train.series.lengths.sum()
    )


def test_basic_motions(tmp_path):
    train, test = load_uea("BasicMotions", tmp_path)
    assert train.series.values.shape == test.series.values.shape == (40, 100, 6)
    assert train.classes == ("badminton", "running", "standing", "walking")
    assert train.series.times[3].tolist() == list(range(100))


def test_unequal_lengths_missing_values_and_classes_out_of_order(root):
    train, test = load_uea("Tiny", root)
    assert train.classes == ("a", "b") and train.labels.tolist() == [1, 0, 0] and test.labels.tolist() == [0, 1]
    assert train.series.lengths.tolist() == [3, 2, 1] and train.series.values.dtype is torch.float32
    assert train.series.values[0].tolist() == [[1, 4], [2, 0], [3, 6]]
    assert train.series.mask[1].tolist() == [[True, False], [True, True], [False, False]]
    assert len(train[1:]) == 2 and train[torch.tensor([2, 0])].labels.tolist() == [0, 1]


def test_the_environment_names_the_folder(root, monkeypatch):
    monkeypatch.setenv("FWP_DATA", str(root))
    assert len(load_uea("Tiny")[0]) == 3
    (root / "uea" / "Tiny").rename(root / "Tiny")
    assert len(load_uea("Tiny")[0]) == 3


@pytest.mark.parametrize(
    "train, because",
    [
        ("", "holds no series"),
        (HEADER, "holds no series"),
        (HEADER[:60], "holds no series"),
        (TRAIN[:-3], "dimensions"),
        (TRAIN.replace("7,8:", "7,x:"), "could not convert"),
        (TRAIN.replace("7,8:", "7:"), "different number"),
        (TRAIN.replace("7,8:", "7,inf:"), "infinite"),
        (TRAIN.replace(":A\n1", ":C\n1"), "does not name the class 'c'"),
        (TRAIN.replace("@timeStamps false", "@timeStamps true"), ""),
        (TRAIN.replace("@classLabel true b A", "@targetLabel true"), ""),
        (TRAIN.replace("@equalLength false", "@equalLength true"), "different number"),
        (TRAIN.replace("@equalLength false", "@equalLength perhaps"), ""),
        ("\0\1\2", "holds no series"),
    ],
)
def test_a_file_that_is_malformed_or_truncated_is_named(root, train, because):
    write(root, train, TEST)
    with pytest.raises(DataError, match=rf"(?s)cannot be read.*Tiny_TRAIN.ts.*{because}"):
        load_uea("Tiny", root)


def test_a_file_that_is_absent_or_binary_is_named(root):
    (root / "uea" / "Tiny" / "Tiny_TEST.ts").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"(?s)cannot be read.*Tiny_TEST.ts.*codec"):
        load_uea("Tiny", root)
    (root / "uea" / "Tiny" / "Tiny_TEST.ts").unlink()
    with pytest.raises(DataError, match=r"(?s)cannot be read.*Tiny_TEST.ts"):
        load_uea("Tiny", root)


def test_truncation_at_any_byte_is_an_error_or_a_shorter_file(root):
    whole = TRAIN.encode()
    for length in range(len(whole)):
        write(root, whole[:length].decode(), TEST)
        try:
            train, _ = load_uea("Tiny", root)
        except DataError as error:
            assert "Tiny_TRAIN.ts" in str(error)
        else:
            assert train.labels.tolist() == [1, 0, 0][: len(train)]


def test_a_part_may_lack_a_class_that_the_header_names(root):
    write(root, TRAIN, TEST.replace(":b\n", ":A\n"))
    train, test = load_uea("Tiny", root)
    assert train.classes == test.classes == ("a", "b") and test.labels.tolist() == [0, 0]


def test_training_and_test_series_must_fit(root):
    write(root, TRAIN, TEST.replace("true b A", "true b A c"))
    with pytest.raises(DataError, match=r"(?s)different classes.*\('a', 'b'\).*\('a', 'b', 'c'\)"):
        load_uea("Tiny", root)
    write(root, TRAIN, HEADER + "1:A\n5:b\n")
    with pytest.raises(DataError, match=r"(?s)different channels.*2.*1"):
        load_uea("Tiny", root)


@pytest.mark.parametrize("name", ["", "../Tiny", "/Tiny", "a/b", "-x", "a b"])
def test_names_that_are_no_names_are_refused(name, tmp_path):
    with pytest.raises(DataError, match="not the name"):
        load_uea(name, tmp_path)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """The archive's site, where record 7 is that of Tiny: a folder of which each file is served."""
    site = tmp_path / "site"
    write(site, TRAIN, TEST)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(module, "RECORDS", address)
        monkeypatch.setitem(tsc_datasets.tsc_zenodo, "Tiny", 7)
        record = [
            {
                "key": file.name,
                "checksum": f"md5:{hashlib.md5(file.read_bytes()).hexdigest()}",
                "links": {"self": f"{address}/uea/Tiny/{file.name}"},
            }
            for file in (site / "uea" / "Tiny").iterdir()
        ]
        (site / "7").write_text(json.dumps({"id": 7, "files": record}))
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield site
        server.shutdown()


def test_what_is_not_there_is_downloaded_whole(tmp_path, archive):
    root = tmp_path / "data"
    assert len(load_uea("Tiny", root)[0]) == 3
    assert [path.name for path in (root / "uea").iterdir()] == ["Tiny"]


def test_a_download_that_breaks_off_goes_on(tmp_path, archive):
    root, lost = tmp_path / "data", archive / "uea" / "Tiny" / "Tiny_TEST.ts"
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(DataError, match=r"(?s)cannot be downloaded.*Tiny.*404.*put Tiny_TRAIN.ts"):
        load_uea("Tiny", root)
    assert not (root / "uea" / "Tiny").exists()
    (archive / "uea" / "Tiny" / "Tiny_TRAIN.ts").unlink()  # which is there, and not asked for again
    lost.write_bytes(content)
    assert len(load_uea("Tiny", root)[0]) == 3


def test_other_files_than_were_published_are_refused(tmp_path, archive):
    (archive / "uea" / "Tiny" / "Tiny_TEST.ts").write_text(TEST + "1,2,3:A\n")
    with pytest.raises(DataError, match=r"(?s)cannot be downloaded.*wrong checksum.*found +: md5:.*expected +: md5:"):
        load_uea("Tiny", tmp_path / "data")
    (archive / "7").write_text("<html>")
    with pytest.raises(DataError, match=r"the record of Tiny is not as expected"):
        load_uea("Tiny", tmp_path / "other")


def test_classes_that_differ_in_case_alone_are_refused(tmp_path):
    write(tmp_path, TRAIN.replace("true b A", "true a A").replace(":b", ":a"), TEST)
    with pytest.raises(DataError, match=r"(?s)cannot be read.*upper and lower case alone"):
        load_uea("Tiny", tmp_path)


def test_a_name_that_the_archive_does_not_have_is_said(tmp_path):
    with pytest.raises(DataError, match=r"the archive has no EigenWorm.*did you mean EigenWorms\?"):
        load_uea("EigenWorm", tmp_path)


def test_without_aeon_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "aeon", None)
    with pytest.raises(DataError, match=r"pip install 'fwp\[bench\]'"):
        load_uea("JapaneseVowels")


def worms(part: str, labels: str) -> str:
    """EigenWorms as the publisher writes it, but short: 6 channels of 20 numbers, equal lengths, classes 1 to 5."""
    header = (
        "#The data were collected by Brown et al.\n@problemName EigenWorms\n@timeStamps false\n@missing false\n"
        "@univariate false\n@dimensions 6\n@equalLength true\n@seriesLength 20\n@classLabel true 1 2 3 4 5\n@data\n"
    )
    begin = {"TRAIN": 0.0, "TEST": 0.5}[part]
    rows = []
    for place, label in enumerate(labels):
        channels = [
            ",".join(f"{begin + place + channel / 8 + t / 1000:.6f}" for t in range(20)) for channel in range(6)
        ]
        rows.append(":".join([*channels, label]))
    return header + "\n".join(rows) + "\n"


def packed(root: Path, entries: dict[str, str]) -> Path:
    (root / "uea").mkdir(parents=True)
    with zipfile.ZipFile(root / "uea" / "EigenWorms.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return root


@pytest.fixture
def published() -> dict[str, str]:
    return {
        "EigenWorms.txt": "about",
        "EigenWorms_TRAIN.ts": worms("TRAIN", "15243"),
        "EigenWorms_TEST.ts": worms("TEST", "3512414"),
        "EigenWorms_TRAIN.arff": "@relation EigenWorms",
        "EigenWorms_TEST.arff": "@relation EigenWorms",
        "EigenWormsDimension1_TRAIN.arff": "@relation EigenWormsDimension1",
    }


def test_eigenworms_in_the_publishers_zip(tmp_path, published):
    data = uea_dataset("EigenWorms", packed(tmp_path, published))
    assert data.everything.series.values.shape == (12, 20, 6) and bool(data.everything.series.mask.all())
    assert data.everything.classes == tuple("12345")
    assert data.everything.labels.tolist() == [0, 4, 1, 3, 2, 2, 4, 0, 1, 3, 0, 3]
    assert {name: rows.tolist() for name, rows in data.parts.items()} == {"train": [*range(5)], "test": [*range(5, 12)]}
    expected = torch.tensor([0.0, 0.5])[:, None] + torch.arange(6) / 8 + 19 / 1000
    torch.testing.assert_close(data.everything.series.values[[0, 5], 19], expected)
    names = ("EigenWorms_TRAIN.ts", "EigenWorms_TEST.ts")
    sums = [hashlib.sha256(published[name].encode()).hexdigest() for name in names]
    assert data.source == "; ".join(f"{name}, SHA-256 {own}" for name, own in zip(names, sums, strict=True))


def test_a_zip_is_unpacked_once_and_a_folder_comes_first(tmp_path, published):
    packed(tmp_path, published)
    train, test = load_uea("EigenWorms", tmp_path)
    (tmp_path / "uea" / "EigenWorms.zip").write_bytes(b"")
    again = load_uea("EigenWorms", tmp_path)
    assert torch.equal(train.series.values, again[0].series.values) and len(test) == len(again[1]) == 7


def test_a_hostile_or_incomplete_zip_is_refused(tmp_path, published):
    with pytest.raises(DataError, match="leads out"):
        load_uea("EigenWorms", packed(tmp_path / "a", {**published, "../x": ""}))
    assert [path.name for path in (tmp_path / "a" / "uea").iterdir()] == ["EigenWorms.zip"]
    del published["EigenWorms_TEST.ts"]
    with pytest.raises(DataError, match=r"(?s)cannot be read.*EigenWorms_TEST.ts"):
        load_uea("EigenWorms", packed(tmp_path / "b", published))


def test_a_data_set_of_unequal_lengths_is_both_parts_one_after_the_other(tmp_path):
    data = uea_dataset("JapaneseVowels", tmp_path)
    train, test = load_uea("JapaneseVowels", tmp_path)
    assert len(data) == 640 and data.everything.classes == train.classes
    for rows, part in ((data.parts["train"], train), (data.parts["test"], test)):
        own = data.everything[rows]
        time = part.series.values.shape[1]
        assert torch.equal(own.labels, part.labels) and torch.equal(own.series.lengths, part.series.lengths)
        assert torch.equal(own.series.values[:, :time], part.series.values)
        assert torch.equal(own.series.mask[:, :time], part.series.mask) and not bool(own.series.mask[:, time:].any())
