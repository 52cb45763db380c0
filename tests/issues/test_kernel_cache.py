"""What is kept between processes is code and data of one's own or nothing: planted, damaged, unusable, it costs time alone."""

import ctypes
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest
import torch

import fwp
from fwp.controls import linear
from fwp.data.cache import cached
from fwp.data.dataset import Dataset
from fwp.data.labelled import Labelled
from fwp.errors import FwpWarning, SolveError
from fwp.rules import tanh_delta
from fwp.solvers import prepare
from fwp.solvers.kernels import KernelSpec, Step, available, fused_scan, shapes, source
from fwp.solvers.kernels import build as building
from fwp.solvers.plan import Scan

GCC = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(sys.platform != "linux" or GCC is None, reason="no C compiler of Linux")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")

SPEC = KernelSpec(Step.AFFINE, 2, 2, "float64", shared=True)
ANOTHER = 12345
"""The number of a user who is nobody here."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is not there yet; whatever was found out about another one is forgotten."""
    monkeypatch.setenv("FWP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def opened() -> ctypes.CDLL:
    """The kernel, as a process opens it that has not done so yet."""
    return building.library.__wrapped__(SPEC)


@pytest.fixture(scope="module")
def code() -> bytes:
    """The kernel's bytes."""
    return building._compiled(building.command() or (), source(SPEC), 120)


@pytest.fixture
def compiled(code: bytes, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows whenever the kernel is compiled, which takes no time here."""
    found: list[int] = []

    def again(*_: object) -> bytes:
        found.append(1)
        return code

    monkeypatch.setattr(building, "_compiled", again)
    return found


def right(library: ctypes.CDLL) -> bool:
    """Whether one step of W ↦ W + gain v kᵀ − erase (W k) kᵀ, by hand, is what the library says."""
    W, k = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64), torch.tensor([0.5, -1.0], dtype=torch.float64)
    v, gain, erase = torch.tensor([2.0, 1.0], dtype=torch.float64), 0.7, 0.3
    inputs = [torch.tensor(gain, dtype=torch.float64), torch.tensor(erase, dtype=torch.float64), v, k]
    pointers = (ctypes.c_void_p * 4)(*[x.data_ptr() for x in inputs])
    found, at = torch.empty(2, 2, dtype=torch.float64), (ctypes.c_long * 1)(1)
    failed = library.forward(W.data_ptr(), pointers, at, 1, 1, 1, 1, found.data_ptr(), None, 0, 1)
    expected = W + gain * torch.outer(v, k) - erase * torch.outer(W @ k, k)
    return not failed and torch.allclose(found, expected, rtol=1e-12)


def silently() -> ctypes.CDLL:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return opened()


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A library whose constructor leaves a mark: the file `ran` beside it."""
    code = (
        f'#include <stdio.h>\n__attribute__((constructor)) void f(void) {{ fclose(fopen("{tmp_path}/ran", "w")); }}\n'
    )
    (tmp_path / "evil.c").write_text(code + "int forward(void) { return 0; }\nint backward(void) { return 0; }\n")
    made = tmp_path / "evil.so"
    subprocess.run([str(GCC), "-shared", "-fPIC", str(tmp_path / "evil.c"), "-o", str(made)], check=True)
    return made


def by_mode(mode: int):
    return lambda folder, file: folder.chmod(mode)


def given_away(folder: Path, file: Path) -> None:
    os.chown(folder, ANOTHER, ANOTHER)


def file_given_away(folder: Path, file: Path) -> None:
    os.chown(file, ANOTHER, ANOTHER)


def linked(folder: Path, file: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))
    os.chown(folder, ANOTHER, ANOTHER, follow_symlinks=False)


def file_linked(folder: Path, file: Path) -> None:
    file.rename(folder.with_name("linked.so"))
    file.symlink_to(folder.with_name("linked.so"))


def file_of_a_group(folder: Path, file: Path) -> None:
    file.chmod(0o664)


FOLDERS = {
    "everybody's": by_mode(0o1777),
    "a group's": by_mode(0o770),
    "everybody's without the bit": by_mode(0o777),
    "another's": pytest.param(given_away, marks=as_root),
    "another's link": pytest.param(linked, marks=as_root),
}
FILES = {
    "another's": pytest.param(file_given_away, marks=as_root),
    "a link": file_linked,
    "a group's": file_of_a_group,
}


@pytest.mark.parametrize("spoil", FOLDERS.values(), ids=FOLDERS)
def test_no_code_is_run_from_a_folder_that_others_may_write_to(
    cache: Path, planted: Path, compiled: list[int], spoil
) -> None:
    assert right(silently())
    (file,) = cache.iterdir()
    shutil.copy(planted, file)
    # Whoever knows the name knows how its digest is made, too.
    file.write_bytes(planted.read_bytes() + building._digest(file.name, planted.read_bytes()))
    file.chmod(0o600)
    spoil(cache, file)
    before = file.read_bytes()
    with pytest.warns(FwpWarning, match="cannot be kept") as told:
        assert right(opened())
        assert right(opened())
    assert not (cache.parent / "ran").exists() and file.read_bytes() == before
    assert len(told) == 1 and str(cache) in str(told[0].message)


@pytest.mark.parametrize("spoil", FILES.values(), ids=FILES)
def test_no_code_is_run_from_a_file_that_others_may_write_to(
    cache: Path, planted: Path, compiled: list[int], spoil
) -> None:
    """It lies in a folder of one's own, and is replaced."""
    assert right(silently()) and right(silently()) and len(compiled) == 1
    (file,) = cache.iterdir()
    file.write_bytes(planted.read_bytes() + building._digest(file.name, planted.read_bytes()))
    spoil(cache, file)
    assert right(silently())
    assert not (cache.parent / "ran").exists() and not file.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.stat().st_uid == os.geteuid()
    if (cache.parent / "linked.so").exists():
        assert planted.read_bytes() in (cache.parent / "linked.so").read_bytes()


def test_the_librarys_own_folder_is_made_its_users_alone(
    tmp_path: Path, compiled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody has named one: data that were fetched first, with the mask of a group, are no reason to compile for ever."""
    monkeypatch.delenv("FWP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "fwp").mkdir()
    (tmp_path / "fwp").chmod(0o775)
    assert right(silently())
    assert stat.S_IMODE((tmp_path / "fwp").stat().st_mode) == 0o755
    assert right(silently()) and len(compiled) == 1


def test_a_damaged_kernel_is_compiled_again(cache: Path, compiled: list[int]) -> None:
    """Whatever changed: each byte of some hundred, its length, its name. None is ever opened."""
    assert right(silently())
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    places = range(0, len(whole), len(whole) // 100)
    damaged = [whole[:n] + bytes([whole[n] ^ 1 << n % 8]) + whole[n + 1 :] for n in places]
    damaged += [b"", b"\0", whole[:20], whole[: len(whole) // 2], whole[:-1], whole + b"\0", b"\0" * len(whole)]
    for times, content in enumerate(damaged, start=2):
        file.write_bytes(content)
        assert right(silently())
        assert len(compiled) == times and file.read_bytes() == whole
    assert right(silently()) and len(compiled) == 1 + len(damaged)
    other = file.with_name(building._name("another text", building.command() or ()))
    file.rename(other)
    assert building._kept(other.name) is None and building._kept(file.name) is None


def test_a_kernel_is_opened_from_a_copy_that_nobody_reaches(cache: Path, compiled: list[int]) -> None:
    """What is written into the file while it is in use changes nothing: it was read once."""
    library = silently()
    (file,) = cache.iterdir()
    file.write_bytes(b"\0" * 100)
    assert right(library)
    mapped = Path("/proc/self/maps").read_text()
    assert str(cache) not in mapped
    assert [each.name for each in cache.iterdir()] == [file.name]


def field(width: int) -> fwp.VectorField:
    """A field whose plan is the fused scan, of a size of its own: no other test has its kernel."""
    torch.manual_seed(width)
    net = (tanh_delta @ fwp.Projection() @ linear).build(channels=2, width=width, heads=1)
    return net(fwp.series(torch.randn(1, 1300, 2)))


@torch.no_grad()
def same(own: fwp.VectorField, solution: fwp.Solution) -> bool:
    expected = fwp.solve(own, scan="sequential").final["W"]
    return torch.allclose(solution.final["W"], expected, rtol=1e-4, atol=1e-5)


CACHES = {"in /proc": "/proc/fwp", "a device": "/dev/null", "below a file": "/dev/null/fwp"}


@pytest.mark.parametrize(("place", "width"), list(zip(CACHES.values(), (3, 5, 6), strict=True)), ids=CACHES)
def test_a_cache_that_cannot_be_used_costs_time_alone(place: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FWP_CACHE", place)
    own = field(width)
    with pytest.warns(FwpWarning, match=r"every process compiles its own(.|\n)*" + place) as told:
        solution = fwp.solve(own)
        assert prepare(own)
    assert solution.plan.scan is Scan.FUSED and same(own, solution)
    assert len([each for each in told if each.category is FwpWarning]) == 1


MOUNTED = """
import os, sys, tempfile, warnings
from pathlib import Path
from tests.issues.test_kernel_cache import field, same
import fwp
from fwp.solvers.decide import decide
from fwp.solvers.plan import Scan

told = []
warnings.showwarning = lambda message, category, *_: told.append((category.__name__, str(message)))
warnings.simplefilter("always")
def said(width, cache, temporary):
    os.environ["FWP_CACHE"], tempfile.tempdir = f"{root}/{cache}", f"{root}/{temporary}"
    told.clear()
    own = field(width)
    chosen = decide(own)
    words = "".join(text for kind, text in told if kind == "FwpWarning")
    assert chosen.scan is not Scan.FUSED or same(own, fwp.solve(own))
    return chosen.scan.value, words
root = sys.argv[1]
assert said(3, "noexec", "free") == ("fused", "")  # kept there, and opened elsewhere
assert said(5, "free", "full") == ("fused", "")
scan, words = said(6, "full", "free")
assert scan == "fused" and "No space left" in words
scan, words = said(7, "readonly", "free")
assert scan == "fused" and "Read-only file system" in words
scan, words = said(10, "noexec", "noexec")
assert scan == "sequential" and "failed to map segment" in words
scan, words = said(12, "full", "full")
assert scan == "sequential" and "No space left" in words
try:
    fwp.solve(field(12), scan="fused")
    raise AssertionError
except fwp.FwpError as error:
    assert "compiler" in str(error)
assert not fwp.prepare(field(13))
assert not any(Path(root, "full").glob(".*")) and not any(Path(root, "free").glob(".*"))
print("all")
"""


def test_disks_that_are_full_or_let_nothing_run(tmp_path: Path) -> None:
    """In mounts that this process alone sees."""
    for name in ("noexec", "full", "readonly", "free"):
        (tmp_path / name).mkdir()
    mounts = f"""
        mount -t tmpfs -o mode=700,noexec none {tmp_path}/noexec &&
        mount -t tmpfs -o mode=700,size=4k none {tmp_path}/full && head -c 4096 /dev/zero > {tmp_path}/full/filled &&
        mount -t tmpfs -o mode=700,ro none {tmp_path}/readonly && exec "$@"
    """
    mounted = ["unshare", "-m", "sh", "-c", textwrap.dedent(mounts), "sh"]
    if not shutil.which("unshare") or subprocess.run([*mounted, "true"], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    done = subprocess.run(
        [*mounted, sys.executable, "-c", MOUNTED, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.stdout == "all\n", done.stderr


def script(folder: Path, text: str) -> str:
    """A compiler that does this."""
    file = folder / "a compiler"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


COMPILERS = {
    "an open quote": lambda _: 'gcc "',
    "nothing but quotes": lambda _: "''",
    "not there": lambda _: "/no/such/compiler",
    "a folder": str,
    "bytes that are no text": lambda _: "\udcff\udcfe",
    "it refuses": lambda own: script(own, "exit 3"),
    "it says what is no text": lambda own: script(own, r"printf '\377\376\0\200'; exit 1"),
    "it makes nothing": lambda own: script(own, "exit 0"),
    "it makes what is no library": lambda own: script(own, "echo garbage > kernel.so"),
    "it makes another library": lambda own: script(own, "echo 'int main(void){}' > a.c; gcc -shared -o kernel.so a.c"),
    "it is killed": lambda own: script(own, "kill -9 $$"),
    "it never ends": lambda own: script(own, "sleep 1000"),
    "it reads what nobody writes": lambda own: script(own, "cat; sleep 1000 & wait"),
}


@pytest.mark.parametrize("compiler", COMPILERS.values(), ids=COMPILERS)
def test_a_compiler_that_does_not_work_is_as_none(
    compiler, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler(tmp_path))
    monkeypatch.setattr(building, "_TRIAL", 0.5)
    own = field(4)
    with pytest.warns(FwpWarning, match="the same steps run in torch") as told:
        solution = fwp.solve(own)
        assert not prepare(own) and not available()
    assert solution.plan.scan is Scan.SEQUENTIAL and bool(solution.final["W"].isfinite().all())
    assert len([each for each in told if each.category is FwpWarning]) == 1
    with pytest.raises(SolveError, match="fused"):
        fwp.solve(own, scan="fused")
    assert not cache.exists() or not list(cache.iterdir())


def test_a_compiler_that_fails_at_a_kernel_is_done_without(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has passed the trial, so that the plan was the fused scan."""
    monkeypatch.setenv("CC", script(tmp_path, f'grep -q backward kernel.c && sleep 1000; exec {GCC} "$@"'))
    monkeypatch.setattr(building, "_PATIENCE", 0.5)
    own = field(14)
    with pytest.warns(FwpWarning, match="did not end within") as told:
        solution = fwp.solve(own)
        assert not prepare(own) and available()
        fwp.read_along(own)
    assert solution.plan.scan is Scan.SEQUENTIAL and bool(solution.final["W"].isfinite().all())
    assert len([each for each in told if each.category is FwpWarning]) == 1
    with pytest.raises(SolveError, match="did not end within"):
        fwp.solve(own, scan="fused")


def test_the_path_to_a_compiler_may_hold_blanks_or_begin_here(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = script(tmp_path, f'exec {GCC} "$@"')
    for own in (name, "./a compiler", f"{GCC} -O1", f"  {GCC}  ", ""):
        monkeypatch.setenv("CC", own)
        assert available()
    monkeypatch.setenv("CC", "./a compiler")
    assert right(silently())


BUILT = """
import sys
from tests.issues.test_kernel_cache import opened, right
assert right(opened())
print("right")
"""


def test_processes_that_build_the_same_at_once_and_one_that_is_killed(cache: Path, tmp_path: Path) -> None:
    slow = script(tmp_path, f'touch {tmp_path}/begun; sleep 0.5; exec {GCC} "$@"')
    environment = os.environ | {"CC": slow}
    command = [sys.executable, "-c", BUILT]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) for _ in range(3)]
    while not (tmp_path / "begun").exists():
        assert processes[0].poll() is None
    processes[0].kill()
    assert [process.communicate(timeout=120)[0] for process in processes] == ["", "right\n", "right\n"]
    assert len([each for each in cache.iterdir() if each.suffix == ".so"]) == 1


def series_set() -> Dataset:
    return Dataset(Labelled(fwp.series(torch.arange(6.0).reshape(1, 3, 2)), torch.tensor([0]), ("a",)))


@pytest.mark.parametrize("spoil", [*FOLDERS.values(), *FILES.values()], ids=[*FOLDERS, *(f"file {n}" for n in FILES)])
def test_no_data_are_believed_where_others_may_write(cache: Path, tmp_path: Path, spoil) -> None:
    """A folder of others is neither read nor written; a file of others in a folder of one's own is replaced."""
    source, made = tmp_path / "source", []
    source.write_text("a source")

    def make() -> Dataset:
        made.append(1)
        return series_set()

    cached("x", [source], make)
    (file,) = cache.iterdir()
    spoil(cache, file)
    before = {each: each.stat().st_ino for each in tmp_path.rglob("*.safetensors")}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        cached("x", [source], make)
    assert len(made) == 2
    if told:
        assert len(told) == 1 and "could not be kept" in str(told[0].message)
        assert before == {each: each.stat().st_ino for each in tmp_path.rglob("*.safetensors")}
    else:
        cached("x", [source], make)
        assert len(made) == 2 and not file.is_symlink() and stat.S_IMODE(file.stat().st_mode) == 0o600


def test_forced_where_the_cache_cannot_be_trusted_the_kernel_is_still_had(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir()
    cache.chmod(0o1777)
    initial = torch.zeros(1, 1, 1, 2, dtype=torch.float64)
    spec = KernelSpec(Step.AFFINE, 1, 2, "float64", shared=True, decays=True)
    inputs = {name: torch.ones(1, 1, 1, *own, dtype=torch.float64) for name, own in shapes(spec).items()}
    with pytest.warns(FwpWarning, match="others may write"):
        assert torch.equal(fused_scan(spec, initial, inputs, [1]), torch.ones(1, 1, 1, 1, 2, dtype=torch.float64))
    assert not list(cache.iterdir())
