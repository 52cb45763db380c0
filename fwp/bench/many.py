"""Many runs, several at once: what is done is not done again, and what a kill has interrupted goes on.

Results are JSON lines, one a run that was started; the file is replaced whole after each, so that it is never half written.
"""

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import redirect_stderr
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import torch

from fwp.bench.code import code
from fwp.bench.machine import cores
from fwp.bench.pipeline import Run, run
from fwp.bench.report import measured
from fwp.bench.source import Source
from fwp.errors import DataError, FormatError, FwpError
from fwp.files import held, make_folder, write_bytes
from fwp.files.seal import sealed_line, unsealed_line
from fwp.models.files import parse_json, read_bytes
from fwp.training.surroundings import device_of

__all__ = ["Job", "Line", "digest", "read_lines", "run_all", "spread"]

Line = dict[str, Any]
"""One run of a table: its cell, its result or error, and the digest of what it was."""

MOST_BYTES = 2**28
"""Of a file of results: a line of a run has some three thousand."""


@dataclass(frozen=True)
class Job:
    """A run under the name of its cell."""

    cell: str
    run: Run

    @property
    def name(self) -> str:
        """As people are told of it: "sepsis/no-oi/delta-cde, corrected, seed 0"."""
        return f"{self.cell}, {self.run.recipe.name}, seed {self.run.seed}"

    @property
    def folder(self) -> str:
        """Below that of all runs, its own: another one whenever anything of the run changes."""
        return f"{self.cell}/{self.run.seed}-{digest(self.run)}"


def digest(run: Run) -> str:
    """Twelve letters that change when anything of the run does: data, split, model, recipe, seed."""
    return sha256(json.dumps(run.to_json(), sort_keys=True).encode()).hexdigest()[:12]


def run_all(
    jobs: Sequence[Job],
    results: Path,
    folder: Path,
    device: str = "auto",
    at_once: int | None = None,
    root: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Line]:
    """Run what `results` does not hold yet; returns the lines of all these jobs, in their order.

    A run that fails has a line too, with the error; it is tried again when the command is given again.

    Args:
        jobs: what to run.
        results: file of JSON lines, read first and replaced after each run.
        folder: where run folders go, each under its job's name.
        device: "auto", or what torch calls it.
        at_once: processes; unless given as many as there are GPUs, or cores for the recipe's threads.
        root: where data lie.
        say: is told what begins and what ends.

    Raises:
        FwpError: there is no such device, less than one run at once, the disk refused, or a process was killed.
    """
    if at_once is not None and at_once < 1:
        raise FwpError("nothing can be run", ("at once", str(at_once)), help="give 1 or more")
    places = devices(device)
    lines = {key(line): line for line in read_lines(results)} if results.exists() else {}
    make_folder(results.parent)
    wanted = {(job.cell, digest(job.run)): job for job in jobs}
    todo = [job for at, job in wanted.items() if at not in lines or "error" in lines[at]]
    say(f"{len(wanted)} runs, {len(wanted) - len(todo)} of them done before")
    threads = max((job.run.recipe.threads for job in todo), default=1)
    workers = max(1, at_once or (len(places) if places[0] != "cpu" else cores() // threads))

    def keep(job: Job, line: Line) -> None:
        lines[key(line)] = line
        lock, what = results.with_name(f".{results.name}.lock"), "another command writes results, for a minute by now"
        with held(lock, what, ("results", str(results)), help="end that command, and give this one again", wait=60.0):
            # It may have added its own lines since, and what it has found is not lost by what failed here.
            theirs = {key(other): other for other in read_lines(results)} if results.exists() else {}
            if "error" not in line or "error" in theirs.get(key(line), line):
                write_lines(results, (theirs | {key(line): line}).values())
        say(f"{job.name}: {_said(line)}")

    # Once, before several runs would all fetch, unpack and parse; what is not there is not asked for again by each.
    absent = _absent(dict.fromkeys(job.run.task.source for job in todo), root) if workers > 1 else {}
    for job in todo:
        if error := absent.get(job.run.task.source):
            keep(job, _failed(job, error))
    todo = [job for job in todo if job.run.task.source not in absent]
    # A process for each run: what a run has held goes back to the machine when it ends.
    others = {*active_children()}
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _end_with_parent, max_tasks_per_child=1)
    try:
        slots = [places[i % len(places)] for i in range(workers)]
        for job, finished in spread(todo, slots, lambda job, at: pool.submit(_one, job, folder / job.folder, at, root)):
            keep(job, finished.result())
    except BrokenExecutor as error:
        raise FwpError(
            "a process that trained a model was ended from outside",
            ("at once", str(workers)),
            help="give the command again, with fewer --jobs if memory ran out: what is done is kept",
        ) from error
    finally:
        for child in {*active_children()} - others:  # there are some where this function ends early
            child.kill()
        pool.shutdown(cancel_futures=True)
    return [lines[at] for at in wanted if at in lines]


def spread(
    jobs: Iterable[Job], places: Iterable[str], start: Callable[[Job, str], Future[Line]]
) -> Iterator[tuple[Job, Future[Line]]]:
    """Start the jobs in their order, each where the place is free, and yield each that has finished.

    Places are given when a job begins, not before: of two GPUs none waits while the other has two long runs before it.
    """
    waiting, free = deque(jobs), deque(places)
    running: dict[Future[Line], tuple[Job, str]] = {}
    while waiting or running:
        while waiting and free:
            job, place = waiting.popleft(), free.popleft()
            running[start(job, place)] = job, place
        for finished in wait(running, return_when=FIRST_COMPLETED).done:
            job, place = running.pop(finished)
            free.append(place)
            yield job, finished


def _end_with_parent() -> None:
    """Let no run go on when the command that began it was killed: another command may begin it again."""
    parent = parent_process()
    assert parent is not None

    def end() -> None:
        parent.join()
        os._exit(1)

    Thread(target=end, daemon=True).start()


def _one(job: Job, folder: Path, device: str, root: Path | None) -> Line:
    """One run in a process of its own; what it says goes into its folder."""
    torch.set_num_threads(job.run.recipe.threads)
    try:
        make_folder(folder)
        with (folder / "log.txt").open("a") as log, redirect_stderr(log):
            found = run(job.run, folder, device, root)
    except KeyboardInterrupt:
        os._exit(1)  # which the parent is told of; an exception would reach it as its own
    except Exception as error:  # whatever ends one run must not end the others
        return _failed(job, error)
    return _line(job) | {name: value for name, value in found.to_json().items() if name != "out"}


def _line(job: Job) -> Line:
    own = job.run
    return {
        "cell": job.cell,
        "digest": digest(own),
        "recipe": own.recipe.name,
        "seed": own.seed,
        "run": own.to_json(),
        **code().to_json(),
    }


def _failed(job: Job, error: Exception) -> Line:
    return _line(job) | {"task": job.run.task.name, "error": f"{type(error).__name__}: {error}"}


def _absent(sources: Iterable[Source], root: Path | None) -> dict[Source, DataError]:
    """Load each, into the cache; those that cannot be."""
    found: dict[Source, DataError] = {}
    for source in sources:
        try:
            source.load(root)
        except DataError as error:
            found[source] = error
    return found


def _said(line: Line) -> str:
    if "error" in line:
        return line["error"]
    metric = line["metric"]
    return f"{metric} {line['valid'][metric]:.4f} valid, {line['test'][metric]:.4f} test, {line['seconds']:.0f} s"


def key(line: Line) -> tuple[str, str]:
    """What makes two lines the same run."""
    return line["cell"], line["digest"]


def read_lines(file: Path) -> list[Line]:
    """The lines of a results file.

    Raises:
        FormatError: one of them is none.
    """
    found: list[Line] = []
    try:
        texts = read_bytes(file, MOST_BYTES).decode().splitlines()
    except UnicodeDecodeError as error:
        help = "restore the file, or move it aside: run folders still have their results"
        raise FormatError("results are no text", ("file", str(file)), ("because", str(error)), help=help) from error
    for number, text in enumerate(texts, 1):
        try:
            own, digest = unsealed_line(text.encode())
            line = parse_json(own.decode())
            if not _whole(line):
                raise ValueError("something of a run is not there")
            if digest is None and "version" in line:  # both came into lines at once
                raise ValueError("its digest is gone")
        except (ValueError, TypeError, LookupError) as error:
            help = "remove that line; its run folder still has its result"
            raise FormatError(
                "this is no line of results", ("file", f"{file}:{number}"), ("read", text[:80]), help=help
            ) from error
        found.append(line)
    return found


def _whole(line: Any) -> bool:
    """Whether a line says what tables are made of."""
    match line:
        case {"cell": str(), "digest": str(), "recipe": str(), "seed": int(), "run": dict(), "error": str()}:
            return True
        case {
            "cell": str(),
            "digest": str(),
            "recipe": str(),
            "seed": int(),
            "run": dict(),
            "metric": str(name),
            **more,
        }:
            parts = measured(more.get("valid"), name) and measured(more.get("test"), name)
            texts = all(isinstance(more.get(text), str) for text in ("machine", "split"))
            return parts and texts and measured(more, "parameters") and measured(more, "seconds")
    return False


def write_lines(file: Path, lines: Iterable[Line]) -> None:
    """Replace the file, sorted by cell, recipe and seed, so that versions compare well."""
    ordered = sorted(lines, key=lambda line: (line["cell"], line["recipe"], line["seed"], line["digest"]))
    texts = (
        sealed_line(line) if "version" in line else json.dumps(line) for line in ordered
    )  # old ones stay as they are
    write_bytes(file, "".join(f"{text}\n" for text in texts).encode())


def devices(device: str) -> list[str]:
    """Where runs may take place: every GPU for "auto" where there are some. Raises FwpError: there is no such device."""
    device_of(device)
    if device == "auto":
        return [f"cuda:{i}" for i in range(torch.cuda.device_count())] or ["cpu"]
    return [device]
