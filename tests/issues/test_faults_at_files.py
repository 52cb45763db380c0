"""After a fault at any file operation there is the old or the new content, whole, and a run that is given again ends the same."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
import torch

from fwp.controls import linear
from fwp.data import Normaliser, series
from fwp.errors import FwpError, FwpWarning
from fwp.fields import Projection
from fwp.files import held, write_bytes, write_json
from fwp.models import Classes, Head, Predictor, Trained, load, save
from fwp.models.files import read_json
from fwp.rules import hebb
from fwp.training.state import load_tree, save_tree
from tests.issues.faults import KINDS, Killed, fault

ROOT = Path(__file__).parents[2]


@cache
def model(version: int) -> Trained:
    torch.manual_seed(version)
    net = (hebb @ Projection() @ linear).build(2, width=2, heads=1)
    return Trained(Predictor(net, Head(2)), Normaliser.fit(series(torch.randn(3, 4, 2))), Classes(("a", "b")))


def locked(folder: Path, version: int) -> None:
    with held(folder / ".lock", "another process is here", help="wait"):
        write_bytes(folder / "x", b"x" * version)


def bits(folder: Path) -> str:
    predictor = load(folder).predictor
    return str([parameter.tolist() for parameter in predictor.parameters()])


WORK: dict[str, tuple[Callable[[Path, int], object], Callable[[Path], object]]] = {
    "bytes": (lambda f, version: write_bytes(f / "x", b"x" * version * 100), lambda f: (f / "x").read_bytes()),
    "link": (lambda f, version: write_bytes(linked(f), b"x" * version), lambda f: (f / "x").read_bytes()),
    "json": (lambda f, version: write_json(f / "x", {"version": version}), lambda f: read_json(f / "x")),
    "state": (
        lambda f, version: save_tree(f / "x", {"v": torch.full((9,), version)}),
        lambda f: str(load_tree(f / "x")),
    ),
    "model": (lambda f, version: save(f, model(version)), bits),
    "lock": (locked, lambda f: (f / "x").read_bytes()),
}


def linked(folder: Path) -> Path:
    link = folder / "link"
    if not link.is_symlink():
        link.symlink_to("x")
        (folder / "x").touch()
    return link


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("work", WORK)
def test_there_is_the_old_or_the_new(tmp_path: Path, work: str, kind: str) -> None:
    write, read = WORK[work]

    def begun(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        write(folder, 1)
        return folder

    clean = begun("clean")
    old, names = read(clean), {file.name for file in clean.iterdir()}
    with fault(clean, -1, kind) as operations:
        write(clean, 2)
    new = read(clean)
    assert old != new and len(operations) > 3 and names == {file.name for file in clean.iterdir()}
    for at, operation in enumerate(operations):
        if kind == "short" and operation != "write":
            continue
        folder, where = begun(str(at)), f"{kind} at {operation}, {at} of {operations}"
        done = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FwpWarning)
            try:
                with fault(folder, at, kind):
                    write(folder, 2)
                done = True
            except (FwpError, Killed):
                pass
            found = read(folder)
            assert found in (old, new), where
            assert not done or found == new, f"{where}: it said that all was done"
            # What could not be removed is removed by the next writer, and new weights may be under their first name.
            if kind == "short" or (kind == "ENOSPC" and work != "model" and operation != "unlink"):
                assert {file.name for file in folder.iterdir()} == names, where
            close(folder)
            write(folder, 2)
        assert read(folder) == new and {file.name for file in folder.iterdir()} == names, where


def close(folder: Path) -> None:
    """What the end of a process does: files that a killed writer had open are closed, and their locks with them."""
    for opened in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the list itself is closed by now
            if opened.readlink().is_relative_to(folder):
                os.close(int(opened.name))


def faulty(folder: Path, *wanted: str) -> str:
    command = [sys.executable, "-m", "tests.issues.faulty_run", str(folder), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")
def test_a_run_with_a_fault_ends_with_the_same_bits_when_it_is_given_again(tmp_path: Path) -> None:
    assert int(faulty(tmp_path, "30:kill", "-8:ENOSPC").split()[0]) > 50


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")
@pytest.mark.parametrize("kind", KINDS)
def test_so_does_a_run_with_any_fault(tmp_path: Path, kind: str) -> None:
    count = int(faulty(tmp_path, f"0:{kind}").split()[0])
    assert faulty(tmp_path / "all", *(f"{at}:{kind}" for at in range(0, count, 10)))
