"""What is read once is kept, and never believed when its source or the kept file has changed."""

import resource
import sys
import threading
from dataclasses import replace
from types import MappingProxyType

import pytest
import torch

from fwp.data import cache as module
from fwp.data import series
from fwp.data.cache import cached
from fwp.data.dataset import Dataset
from fwp.data.labelled import Labelled
from fwp.errors import DataError, FwpWarning

NAN = float("nan")
FULL = series(torch.arange(24.0).reshape(2, 4, 3), [0.5, 1.0, 2.0, 7.0])
SPARSE = series(
    torch.tensor([1.0, NAN, 0.0]).repeat(5, 7, 1), lengths=[7, 1, 3, 2, 5], static=[[1.0, 2.0]] * 5
)  # an observed 0 is not a missing one
PARTS = MappingProxyType({"train": torch.tensor([1, 0]), "test": torch.zeros(0, dtype=torch.int64)})
SETS = {
    "full": Dataset(Labelled(FULL, torch.tensor([1, 0]), ("a", "b")), PARTS, "2 clips left out"),
    "sparse": Dataset(Labelled(SPARSE, torch.arange(5), tuple("abcde"))),
    "double": Dataset(Labelled(SPARSE.to(dtype=torch.float64), torch.arange(5), tuple("abcde"))),
    "never observed": Dataset(Labelled(series(torch.full((1, 3, 2), NAN)), torch.tensor([0]), ("α",))),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FWP_CACHE", str(tmp_path / "kept" / "here"))
    return tmp_path / "kept" / "here"


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "set.zip"
    file.write_bytes(b"content")
    return file


class Make:
    """Counts how often it was asked."""

    def __init__(self, data: Dataset = SETS["full"]) -> None:
        self.data, self.times = data, 0

    def __call__(self) -> Dataset:
        self.times += 1
        return self.data


def same(one: Dataset, other: Dataset) -> None:
    for name in ("values", "times", "mask", "lengths", "static"):
        a, b = (getattr(each.everything.series, name) for each in (one, other))
        assert a is b is None or (torch.equal(a, b) and a.dtype is b.dtype)
    assert torch.equal(one.everything.labels, other.everything.labels)
    assert one.everything.classes == other.everything.classes and list(one.parts) == list(other.parts)
    assert all(torch.equal(one.parts[name], other.parts[name]) for name in one.parts)


@pytest.mark.parametrize("name", SETS)
def test_what_was_kept_is_what_was_made(name, source, folder):
    make = Make(SETS[name])
    made, kept = cached("x", [source], make), cached("x", [source], make)
    assert make.times == 1
    same(made, SETS[name])
    same(kept, SETS[name])
    assert made.source == kept.source
    assert [file.suffix for file in folder.iterdir()] == [".safetensors"]


def test_the_source_names_the_files_and_their_checksums(source):
    told = cached("x", [source], Make()).source
    assert told == "set.zip, SHA-256 ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73; 2 clips left out"


def test_other_content_name_order_or_version_is_made_again(source, tmp_path, monkeypatch):
    other = tmp_path / "other.zip"
    other.write_bytes(b"other")
    make = Make()
    cached("x", [source, other], make)
    cached("y", [source, other], make)
    cached("x", [other, source], make)
    cached("x", [source], make)
    assert make.times == 4
    source.write_bytes(b"Content")
    cached("x", [source], make)
    monkeypatch.setattr(module, "VERSION", "another")
    cached("x", [source], make)
    assert make.times == 6


def test_a_source_of_another_name_and_the_same_content_is_the_same(source):
    make = Make()
    cached("x", [source], make)
    assert cached("x", [source.rename(source.with_name("new.zip"))], make).source.startswith("new.zip, ")
    assert make.times == 1


def test_a_change_to_what_was_loaded_stays_there(source):
    make = Make()
    cached("x", [source], make)
    loaded = cached("x", [source], make)
    for tensor in (loaded.everything.labels, loaded.everything.series.times, loaded.parts["train"]):
        tensor.fill_(5)
    same(cached("x", [source], make), make.data)
    assert make.times == 1


def test_a_damaged_file_is_made_again(source, folder):
    make = Make(SETS["sparse"])
    cached("x", [source], make)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    damaged = [whole[:place] for place in range(0, len(whole), 41)]
    damaged += [whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :] for place in range(0, len(whole), 23)]
    damaged += [whole + b"\0", b"PK\x03\x04", b"\xff" * 100]
    for times, content in enumerate(damaged, start=2):
        file.write_bytes(content)
        same(cached("x", [source], make), make.data)
        assert make.times == times and file.read_bytes() == whole


def test_a_folder_in_the_place_of_the_file_costs_only_time(source, folder):
    make = Make()
    cached("x", [source], make)
    (file,) = folder.iterdir()
    file.unlink()
    file.mkdir()
    with pytest.warns(FwpWarning, match="could not be kept"):
        same(cached("x", [source], make), make.data)


def test_a_cache_that_cannot_be_made_costs_only_time(source, folder):
    folder.parent.write_bytes(b"a file")
    with pytest.warns(FwpWarning, match=r"(?s)could not be kept in .*here.*FWP_CACHE"):
        same(cached("x", [source], Make()), SETS["full"])


@pytest.mark.skipif(sys.platform == "win32", reason="no bound on the size of files")
def test_a_full_disk_costs_only_time_and_leaves_nothing(source, folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.warns(FwpWarning, match="could not be kept"):
            same(cached("x", [source], Make()), SETS["full"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(folder.iterdir())


def test_what_a_reader_refuses_is_refused_and_nothing_is_kept(source, folder):
    def refuse() -> Dataset:
        raise DataError("no", help="no")

    with pytest.raises(DataError, match="no"):
        cached("x", [source], refuse)
    assert not folder.exists()


def test_a_source_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"(?s)cannot be read.*absent.zip.*No such file"):
        cached("x", [tmp_path / "absent.zip"], Make())


def test_many_at_once_find_a_whole_file_or_make_it(source, folder):
    found: list[Dataset] = []
    threads = [threading.Thread(target=lambda: found.append(cached("x", [source], Make()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for data in found:
        same(data, SETS["full"])
    assert len(found) == 8 and len(list(folder.iterdir())) == 1


def test_the_users_own_cache_is_the_default(source, tmp_path, monkeypatch):
    monkeypatch.delenv("FWP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    cached("x", [source], Make(replace(SETS["full"], source="")))
    assert [file.parent for file in tmp_path.rglob("*.safetensors")] == [tmp_path / "xdg" / "fwp"]
