"""Whatever surrounds the command, it does its work or ends in one message: never in somebody else's traceback."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fwp import interrupt
from fwp.cli import main
from fwp.data.root import cache_folder, data_root
from fwp.errors import DataError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells, signals and users of unix")

ROOT = Path(__file__).parents[2]
OURS = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
FWP = f"'{sys.executable}' -m fwp.cli"


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("fwp ", f"{FWP} ")],
        capture_output=True,
        cwd=folder,
        env=OURS | environment,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("fwp show delta > /dev/full", 1, "what is printed cannot be written"),
        ("fwp --help > /dev/full", 1, "what is printed cannot be written"),
        ("fwp show delta >&-", 1, "standard output is closed"),
        ("fwp show no_such_rule 2>&-", 1, ""),
        ("fwp show delta <&- | grep read > /dev/null", 0, ""),
        ("fwp show | true", 1, ""),
        ("mkdir gone && cd gone && rmdir ../gone && fwp show mine.py", 1, "the current folder has been removed"),
        ("COLUMNS=1 TERM=dumb fwp show --help | grep source > /dev/null", 0, ""),
        ("PYTHONIOENCODING=ascii fwp show delta | grep -F '\\u03b2' > /dev/null", 0, ""),
        ("PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 LC_ALL=C fwp show | grep -F '\\u03b2' > /dev/null", 0, ""),
        ("PYTHONIOENCODING=latin-1 NO_COLOR=1 fwp explain delta | grep plan > /dev/null", 0, ""),
    ],
)
def test_streams_and_terminals(line: str, status: int, words: str, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    said = done.stderr.decode()
    assert done.returncode == status and words in said, said
    assert "Traceback" not in said and "Exception ignored" not in said and not (status == 0 and said)


NOBODY = """
import os
for name in ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "FWP_CACHE", "FWP_DATA"):
    os.environ.pop(name, None)
import pwd, sys, tempfile
def unknown(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")
pwd.getpwuid = unknown
sys.argv = ["fwp", *sys.argv[1:]]
from fwp.cli import main
main()
"""


def test_a_user_without_a_home(tmp_path: Path) -> None:
    """The vowels come with aeon; what must be kept somewhere is refused, and what need not is not kept."""
    command = [sys.executable, "-c", NOBODY, "run", "japanese-vowels", "--out", "run", "--epochs", "1"]
    command += "--width 8 --heads 2 --hidden 8 --batch 54 --device cpu".split()
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=OURS, timeout=300)
    assert done.returncode == 0 and '"task": "japanese-vowels"' in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


def test_folders_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "FWP_CACHE", "FWP_DATA"):
        monkeypatch.delenv(name, raising=False)

    def unknown() -> object:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    for ask, variable in ((lambda: data_root(None), "FWP_DATA"), (cache_folder, "FWP_CACHE")):
        with pytest.raises(DataError, match=f"no home(.|\n)*{variable}="):
            ask()
        monkeypatch.setenv(variable, "/own")
        assert ask() == Path("/own")
    assert data_root(Path("/given")) == Path("/given")


@pytest.mark.parametrize("arguments", [["show", "delta"], ["run", "--help"]])
@pytest.mark.parametrize("after", [0.15, 0.4, 0.8, 1.6])
def test_an_interrupt_while_it_is_imported(arguments: list[str], after: float, tmp_path: Path) -> None:
    """Signals are as at a terminal; python itself must have begun to import us."""
    heeding = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); open('begun', 'w').close(); "
    )
    heeding += "import runpy; sys.orig_argv[1:] = ['-m', 'fwp.cli']; sys.argv = ['fwp', *sys.argv[1:]]; "
    heeding += "runpy.run_module('fwp.cli', run_name='__main__')"
    command = [sys.executable, "-c", heeding, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=OURS) as process:
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert b"Traceback" not in said, said.decode()
    assert process.returncode in (0, 130) and (process.returncode == 0 or said.decode().startswith("interrupted"))


def test_who_only_imports_the_library_keeps_its_interrupts(tmp_path: Path) -> None:
    code = "import signal, fwp; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler; print('kept')"
    heeding = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {code}"
    done = subprocess.run([sys.executable, "-c", heeding], capture_output=True, text=True, env=OURS, cwd=tmp_path)
    assert done.stdout == "kept\n", done.stderr
    assert not interrupt.is_command()


READ_ONLY: dict[str, Callable[[Path], list[str]]] = {
    "plot": lambda folder: ["plot", str(folder)],
    "predict": lambda folder: ["predict", str(folder), str(folder / "x.csv")],
    "render": lambda folder: ["bench", "render", "--results", str(folder)],
}


@pytest.mark.parametrize("command", READ_ONLY.values(), ids=READ_ONLY)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"null\n", b"[1, 2]\n", b'{"cell": 1}\n', b"{}\n" * 3, b"\0"])
def test_files_that_hold_something_else(
    command: Callable[[Path], list[str]], content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "run.json result.json metrics.jsonl model.json weights.safetensors x.csv table1.jsonl table2.jsonl"
    for name in names.split():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        main(command(tmp_path))
    assert caught.value.code == 1 and "help: " in capsys.readouterr().err


def test_names_that_standard_output_has_no_letters_for(tmp_path: Path) -> None:
    """A csv with other names than those of the data would be wrong without a word."""
    code = (
        "from fwp.cli.predict import _refuse_letters\nfrom fwp.errors import FwpError\n"
        "_refuse_letters('plain')\ntry:\n    _refuse_letters('é,1')\nexcept FwpError as error:\n    print(error.help)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=OURS | {"PYTHONIOENCODING": "ascii"}
    )
    assert "--out FILE" in done.stdout, done.stderr


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """Neither the run's folder, nor a kernel's, nor a temporary file."""
    bound = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, {resource.RLIM_INFINITY})); "
    code = bound + "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from fwp.cli import main; main()"
    command = [sys.executable, "-c", code, "run", "japanese-vowels", "--epochs", "1", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=OURS, timeout=120)
    assert done.returncode == 1 and "help: " in done.stderr and "Traceback" not in done.stderr, done.stderr
