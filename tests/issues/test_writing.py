"""What is written replaces a file of its name in one step, and nothing else: no device, no link, no file of another writer."""

import os
import re
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure

from fwp.bench import Recipe, Run, run, task
from fwp.bench.many import write_lines
from fwp.bench.picture import picture
from fwp.cli import main
from fwp.controls import linear
from fwp.data import extract
from fwp.data.fetch import fetch
from fwp.errors import DataError, FwpError, FwpWarning
from fwp.fields import wiring
from fwp.files import held, write_bytes, write_json
from fwp.models import Trajectory, save
from fwp.rules import delta
from fwp.training.state import save_tree
from tests.issues.test_faults_at_files import model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="devices, pipes and modes are those of Unix")
ROOT = Path(__file__).parents[2]
WHAT = Run(
    task("japanese-vowels"),
    delta @ wiring("keys-from-increments") @ linear,
    Recipe(width=2, heads=1, hidden=0, method="euler", epochs=1, batch=270),
)


def trajectory(file: Path) -> None:
    values = torch.zeros(2, 1, 3).numpy()
    Trajectory("W", values, ("time", "head", "key"), torch.arange(2.0, dtype=torch.float64).numpy()).save(file)


WRITERS: dict[str, Callable[[Path], object]] = {
    "bytes": lambda file: write_bytes(file, b"content"),
    "file.json": lambda file: write_json(file, {"a": 1}),
    "state.safetensors": lambda file: save_tree(file, {"a": torch.ones(3)}),
    "picture.png": lambda file: picture(file, Figure()),
    "trajectory.npz": trajectory,
    "lines.jsonl": lambda file: write_lines(file, []),
    "page.md": lambda file: main(["bench", "render", "--results", str(ROOT / "results"), "--out", str(file)]),
    "model.json": lambda file: save(file.parent, model(1)),
    "weights.safetensors": lambda file: save(file.parent, model(1)),
}
"""By the name of the file that each writes."""


@pytest.mark.parametrize("name", WRITERS)
def test_a_link_stays_and_its_file_keeps_its_mode(tmp_path: Path, name: str) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    file, link = there / "file", here / name
    file.write_bytes(b"old")
    file.chmod(0o600)
    link.symlink_to("../there/file")
    WRITERS[name](link)
    assert link.is_symlink() and link.readlink() == Path("../there/file")
    assert file.read_bytes() != b"old" and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [own.name for own in there.iterdir()] == ["file"]


@pytest.mark.parametrize("name", WRITERS)
def test_what_others_have_planted_is_not_followed(tmp_path: Path, name: str) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    folder.mkdir()
    victim.write_bytes(b"mine")
    for planted in (f".{name}.part", f".{name}.0123456789abcdef.part", f"{name}.part", f"{name}.tmp"):
        (folder / planted).symlink_to(victim)
    os.mkfifo(folder / f".{name}.fedcba9876543210.part")
    WRITERS[name](folder / name)
    assert victim.read_bytes() == b"mine" and (folder / name).is_file() and not (folder / name).is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_a_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "x"
    file.touch()
    file.chmod(mode)
    write_bytes(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == mode and file.read_bytes() == b"new"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o027])
def test_a_new_file_has_the_mode_that_the_user_wants_of_new_files(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_bytes(tmp_path / "x", b"new")
        save(tmp_path, model(1))
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o666 & ~mask}


@pytest.mark.skipif(sys.platform != "linux", reason="knows Linux's numbers of devices")
def test_a_device_stays_a_device_and_a_full_one_says_so(tmp_path: Path) -> None:
    """Devices of its own, as /dev/full and /dev/null are: if they were lost, nobody would miss them."""
    full, null = tmp_path / "full", tmp_path / "null"
    try:
        for device, minor in ((full, 7), (null, 3)):
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            device.open("rb").close()
    except OSError:
        pytest.skip("no device may be made here")
    with pytest.raises(FwpError, match="a stream could not be written") as caught:
        write_bytes(full, b"content")
    assert "No space left" in str(caught.value) and "unchanged" not in str(caught.value)
    write_bytes(null, b"content")
    assert all(stat.S_ISCHR(device.stat().st_mode) for device in (full, null)) and len([*tmp_path.iterdir()]) == 2


def test_a_pipe_is_written_to_as_soon_as_somebody_reads(tmp_path: Path) -> None:
    pipe, content = tmp_path / "pipe", bytes(range(256)) * 4096  # more than a pipe holds
    os.mkfifo(pipe)
    writer = threading.Thread(target=write_bytes, args=(pipe, content))
    writer.start()
    assert pipe.read_bytes() == content
    writer.join()
    assert stat.S_ISFIFO(pipe.lstat().st_mode) and len([*tmp_path.iterdir()]) == 1


def test_a_pipe_that_nobody_reads_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fwp.files.stream.READER", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FwpError, match="nobody reads"):
        write_bytes(tmp_path / "pipe", b"content")


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_a_stream_of_this_process_goes_on(tmp_path: Path, name: str) -> None:
    """Its file may be one into which the shell lets others write, too."""
    file = tmp_path / "log"
    with file.open("wb", buffering=0) as opened:
        opened.write(b"before ")
        path = Path(name.format(opened.fileno()))
        if name == "link":
            path = tmp_path / "link"
            path.symlink_to(f"/dev/fd/{opened.fileno()}")
        write_bytes(path, b"content")
        opened.write(b" after")
        assert os.path.samestat(os.fstat(opened.fileno()), file.stat())
    assert file.read_bytes() == b"before content after"


def test_what_cannot_be_replaced_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "round").symlink_to("round")
    for name, words in (("folder", "this is a folder"), ("link", "leads nowhere"), ("round", "leads nowhere")):
        with pytest.raises(FwpError, match=words):
            write_bytes(tmp_path / name, b"content")
    assert {file.name for file in tmp_path.iterdir()} == {"folder", "link", "round"}


def test_a_very_long_name_is_a_name(tmp_path: Path) -> None:
    for name in ("x" * 255, "ü" * 127):
        write_bytes(tmp_path / name, b"content")
        assert [file.name for file in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()


def test_of_many_writers_none_fails_and_readers_see_a_whole_file(tmp_path: Path) -> None:
    file, wrong = tmp_path / "x", list[object]()
    write_bytes(file, b"0" * 10_000)

    def writer(letter: bytes) -> None:
        try:
            for _ in range(20):
                write_bytes(file, letter * 10_000)
        except BaseException as error:
            wrong.append(error)

    def reader() -> None:
        while any(own.is_alive() for own in writers):
            content = file.read_bytes()
            if len(content) != 10_000 or len(set(content)) != 1:
                wrong.append(content[:20])

    writers = [threading.Thread(target=writer, args=(bytes([65 + i]),)) for i in range(6)]
    readers = [threading.Thread(target=reader) for _ in range(2)]
    for own in (*writers, *readers):
        own.start()
    for own in (*writers, *readers):
        own.join()
    assert not wrong and [own.name for own in tmp_path.iterdir()] == ["x"]


def killed(path: Path) -> None:
    """Write, and be killed when all is written but the name."""
    pid = os.fork()
    if pid == 0:
        os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
        write_bytes(path, b"content")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    for _ in range(2):
        killed(tmp_path / "x")
    (left,) = tmp_path.iterdir()
    assert re.fullmatch(r"\.x\.[0-9a-f]{16}\.part", left.name), "the second has removed that of the first"
    write_bytes(tmp_path / "y", b"of another name")
    assert left.exists()
    write_bytes(tmp_path / "x", b"new")
    assert {file.name for file in tmp_path.iterdir()} == {"x", "y"}


def test_a_folder_that_does_not_keep_names_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(5, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.warns(FwpWarning, match="written whole, but its new name may not survive a loss of power"):
        write_bytes(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"


@contextmanager
def holding(path: Path) -> Iterator[int]:
    """Another process that holds a lock, and is killed at the end; gives its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with held(path, "", help=""):
            os.write(writing, b"!")
            signal.pause()
    assert os.read(reading, 1) == b"!"
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(reading)
    os.close(writing)


def test_of_two_that_want_the_same_one_is_told_who_has_it(tmp_path: Path) -> None:
    folder, file, out = tmp_path / "run", tmp_path / "data" / "set.zip", tmp_path / "unpacked"
    wants: dict[Path, tuple[Callable[[], object], str]] = {
        folder / ".lock": (lambda: run(WHAT, folder, "cpu"), "another process is at this run"),
        file.with_name(".set.zip.lock"): (lambda: fetch("http://127.0.0.1:9/x", file, None), "downloads this file"),
        out.with_name(".unpacked.lock"): (lambda: extract(tmp_path / "x.zip", out), "unpacks into this folder"),
    }
    (tmp_path / "x.zip").touch()
    for lock, (want, words) in wants.items():
        with holding(lock) as pid, pytest.raises(FwpError, match=words) as caught:
            want()
        assert f"process {pid} on " in str(caught.value)
        assert lock.exists() and not (folder / "run.json").exists()
    with pytest.raises(DataError, match="refused"):  # by the server: who was killed holds nothing any more
        fetch("http://127.0.0.1:9/x", file, None)
    assert not file.with_name(".set.zip.lock").exists()


def test_a_lock_is_waited_for_as_long_as_was_said(tmp_path: Path) -> None:
    lock, order = tmp_path / ".lock", list[str]()

    def second() -> None:
        with held(lock, "no", help="", wait=60):
            order.append("second")

    with held(lock, "no", help=""):
        waiting = threading.Thread(target=second)
        waiting.start()
        order.append("first")
    waiting.join()
    assert order == ["first", "second"] and not lock.exists()


def test_a_part_of_a_download_that_is_a_link_is_not_written_to(tmp_path: Path) -> None:
    from tests.data.test_fetch import CONTENT, Server

    victim, file = tmp_path / "victim", tmp_path / "file.zip"
    victim.write_bytes(b"mine")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        for plant in (lambda part: part.symlink_to(victim), lambda part: part.hardlink_to(victim)):
            plant(tmp_path / "file.zip.part")
            with pytest.raises(DataError):
                fetch(server.url(), file, None, progress=lambda line: None)
            (tmp_path / "file.zip.part").unlink()
            assert victim.read_bytes() == b"mine" and not file.exists()
        target = tmp_path / "elsewhere.zip"
        assert fetch(server.url(), target, None, progress=lambda line: None).read_bytes() == CONTENT
        server.shutdown()
        thread.join()
