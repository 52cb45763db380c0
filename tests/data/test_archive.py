"""An archive is unpacked whole and inside its folder, or not at all."""

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fwp.data import extract
from fwp.data.archive import entries, sha256
from fwp.errors import DataError

FILES = {"a.txt": b"first", "inner/b.bin": bytes(range(256)) * 40, "inner/deep/c": b""}


def packed(file: Path, entries: list[tuple[str, bytes]]) -> Path:
    """A .zip or .tar.gz of files."""
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries:
                archive.writestr(name, content)
    else:
        with tarfile.open(file, "w:gz") as archive:
            for name, content in entries:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return file


@pytest.fixture(params=["x.zip", "x.tar.gz", "x.tgz"])
def file(request, tmp_path):
    return tmp_path / request.param


def refused(file: Path, words: str, **bounds) -> None:
    """There is a clear error, and nothing beside the archive."""
    with pytest.raises(DataError, match="(?s)" + words):
        extract(file, file.parent / "out", **bounds)
    assert list(file.parent.iterdir()) == ([file] if file.exists() else [])


def test_all_files_are_there(file):
    out = extract(packed(file, list(FILES.items())), file.parent / "new" / "out")
    assert {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()} == FILES
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_folders_and_dots_in_names_are_normal(file):
    with tarfile.open(file.with_suffix(".tgz"), "w:gz") as archive:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        archive.addfile(tarfile.TarInfo("./yes/1.wav"))
        folder.name = "./yes"
        archive.addfile(folder)
    assert (extract(file.with_suffix(".tgz"), file.parent / "out") / "yes" / "1.wav").exists()


@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "a/../../x", "a/..", "C:x", "C:/x", "\\\\host\\share\\x", "..\\x", "\\x"]
)
def test_paths_that_lead_out_are_refused(file, name):
    refused(packed(file, [("a.txt", b"a"), (name, b"x")]), "leads out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "a.txt"
        archive.addfile(info)
    refused(tmp_path / "x.tar.gz", "neither a file nor a folder.*link")


def test_links_in_zips_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "x.zip", "neither a file nor a folder")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("again", ["a", "./a", "b/..//a", ".//a"])
def test_the_same_file_twice_is_refused(file, again):
    refused(packed(file, [("a", b"one"), (again, b"two")]), "leads out" if ".." in again else "same file twice")


def test_a_file_that_is_also_a_folder_is_refused(file):
    refused(packed(file, [("a", b"one"), ("a/b", b"two")]), "could not be unpacked")


def test_bounds(file):
    packed(file, [("a", bytes(17_000_000)), ("b", b"b"), ("c", b"c")])
    refused(file, "too many entries", members=2, ratio=1e6)
    refused(file, "unpacks to too much", total=17_000_000, ratio=1e6)
    refused(file, "unpacks to too much")
    assert extract(file, file.parent / "out", members=3, total=18_000_000, ratio=1e6)


def test_a_header_that_fills_the_memory_is_refused(tmp_path):
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.pax_headers = {"comment": "a" * 20_000_000}
        archive.addfile(info)
    refused(tmp_path / "x.tar.gz", "unpacks to too much")


def test_truncated_archives_are_refused(file):
    whole = packed(file, list(FILES.items())).read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        refused(file, "truncated or damaged")


def test_a_truncated_tar_inside_a_whole_gzip_is_refused(tmp_path):
    file = packed(tmp_path / "x.tar.gz", list(FILES.items()))
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes())[:2000]))
    refused(file, "truncated or damaged")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_anywhere_is_refused_or_harmless(file, data):
    whole = bytearray(packed(file, list(FILES.items())).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(whole)
    out = file.parent / "out"
    try:
        extract(file, out)
    except DataError:
        assert list(file.parent.iterdir()) == [file]
    else:
        assert sorted(path.name for path in file.parent.iterdir()) == ["out", file.name]
        for path in sorted(out.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        out.rmdir()


def test_a_full_disk_leaves_nothing(file, monkeypatch):
    packed(file, list(FILES.items()))
    real = Path.open

    def full(self, mode="r", *rest, **named):
        opened = real(self, mode, *rest, **named)
        if mode == "xb" and self.name == "b.bin":
            opened = FullDisk(opened.detach())
        return opened

    monkeypatch.setattr(Path, "open", full)
    refused(file, "could not be unpacked.*No space left")


class FullDisk(io.BufferedWriter):
    def write(self, block):
        raise OSError(28, "No space left on device")


def test_other_files_are_refused(tmp_path):
    refused(tmp_path / "absent.zip", "could not be unpacked.*No such file")
    (tmp_path / "x.rar").write_bytes(b"Rar!")
    refused(tmp_path / "x.rar", "unknown kind.*give a .zip")


def test_a_folder_that_exists_is_left_alone(file):
    packed(file, list(FILES.items()))
    (file.parent / "out").mkdir()
    with pytest.raises(DataError, match="exists"):
        extract(file, file.parent / "out")
    assert not list((file.parent / "out").iterdir())


def test_an_encrypted_zip_is_refused(tmp_path):
    file = packed(tmp_path / "x.zip", [("a", b"a")])
    whole = bytearray(file.read_bytes())
    whole[6] |= 1  # the flag of the entry, and below that of the directory
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(whole)
    refused(file, "encrypted")


def test_entries_are_read_in_order_and_nothing_is_written(file):
    packed(file, list(FILES.items()))
    found = [(str(entry.path), entry.size, b"".join(entry.blocks())) for entry in entries(file) if entry.kind == "file"]
    assert found == [(name, len(content), content) for name, content in FILES.items()]
    assert list(file.parent.iterdir()) == [file]


def test_entries_may_be_passed_over(file):
    packed(file, list(FILES.items()))
    assert [entry.content(10_240) for entry in entries(file) if entry.path.name == "b.bin"] == [FILES["inner/b.bin"]]


def test_an_entry_larger_than_allowed_is_refused_before_it_is_read(file):
    packed(file, list(FILES.items()))
    with pytest.raises(DataError, match=r"(?s)too large.*inner/b.bin.*10240 bytes; 10239 are allowed"):
        [entry.content(10_239) for entry in entries(file)]


def test_entries_of_a_truncated_archive_end_in_an_error(file):
    whole = packed(file, list(FILES.items())).read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        with pytest.raises(DataError, match="truncated or damaged"):
            [entry.content(10_240) for entry in entries(file)]


def test_the_checksum_is_that_of_the_file(tmp_path):
    (tmp_path / "x").write_bytes(bytes(3_000_000))
    assert sha256(tmp_path / "x") == hashlib.sha256(bytes(3_000_000)).hexdigest()
