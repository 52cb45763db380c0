"""A process that forks a child for each fault: a run with a fault at a file operation, and then the same run again.

Called by test_faults_at_files.py: a child costs a second where a process of its own would import for many.
"""

import json
import os
import signal
import sys
import warnings
from pathlib import Path

from fwp.bench import Recipe, Run, run, task
from fwp.controls import linear
from fwp.errors import FwpError
from fwp.fields import wiring
from fwp.models import load
from fwp.rules import hebb
from fwp.training.state import load_tree
from tests.issues.faults import KINDS, fault

RECIPE = Recipe(width=2, heads=1, hidden=0, method="euler", epochs=2, batch=270, dropout=0.5)
WHAT = Run(task("japanese-vowels"), hebb @ wiring("keys-from-increments") @ linear, RECIPE)
FILES = ("run.json", "metrics.jsonl", "model.json", "weights.safetensors", "learning_curve.png", "fast_weights.png")


def child(folder: Path, at: int, kind: str, told: Path) -> int:
    """The run in a child; its status, or minus the signal that ended it. What it did to files is left in `told`."""
    pid = os.fork()
    if pid == 0:
        status = 3
        try:
            sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  # until the child ends
            warnings.simplefilter("ignore")
            with fault(folder, at, kind, really=True) as done:
                run(WHAT, folder, "cpu")
            status = 0
        except FwpError:
            status = 1
        except BaseException as error:
            told.write_text(f"{type(error).__name__}: {error}")
            os._exit(status)
        told.write_text(json.dumps(done))
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def whole(folder: Path) -> None:
    """Whatever is there can be read."""
    if (folder / "model.json").exists():
        load(folder)
    if (folder / "state.safetensors").exists():
        load_tree(folder / "state.safetensors")


def main(folder: Path, wanted: list[tuple[int, str]]) -> None:
    """Each fault, given as place and kind; a place below 0 counts from the last operation. Prints what went wrong."""
    told = folder / "told"
    clean = folder / "clean"
    assert child(clean, -1, "kill", told) == 0, told.read_text()
    operations = json.loads(told.read_text())
    everywhere = [(place, kind) for kind in KINDS for place in range(len(operations))]
    for place, kind in wanted or everywhere:
        at = place % len(operations)
        if kind == "short" and operations[at] != "write":
            continue
        own = folder / f"{kind}-{at}"
        status = child(own, at, kind, told)
        expected = {"kill": (-signal.SIGKILL,), "short": (0,)}.get(kind, (0, 1))  # what tidies up may fail silently
        name = f"{kind} at {operations[at]}, operation {at} of {len(operations)}"
        assert status in expected, f"{name}: ended with {status}: {told.read_text()}"
        whole(own)
        lock = {".lock"} if (own / "result.json").exists() else set[str]()  # of who was killed after all was done
        assert child(own, -1, "kill", told) == 0, f"{name}, then again: {told.read_text()}"
        for file in FILES:
            assert (own / file).read_bytes() == (clean / file).read_bytes(), f"{name}: {file} is another"
        left = {file.name for file in own.iterdir()} ^ {file.name for file in clean.iterdir()}
        assert left <= lock, f"{name}: {left}"
    print(f"{len(operations)} operations")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [(int(own.partition(":")[0]), own.partition(":")[2]) for own in sys.argv[2:]])
