"""`fwp plot RUN`: pictures of a finished run, and of the fast weights of one series that it was tested on."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, assert_never

import torch
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure
from tyro.conf import Positional, arg

from fwp.bench import Task, task
from fwp.bench.picture import picture
from fwp.bench.source import Sepsis, Source, Speech, Uea
from fwp.data import Series
from fwp.errors import CompositionError, FormatError, FwpError, SizeError
from fwp.fields import Net
from fwp.files import make_folder, unsealed_lines, write_bytes
from fwp.models import Trained, load
from fwp.models.files import parse_json, read_bytes, read_json
from fwp.plots import (
    Course,
    changes,
    course,
    fast_net,
    fast_weights,
    fast_weights_moving,
    learning_curve,
    queries,
    readout_map,
    spectrum,
    writes,
)
from fwp.plots.course import last_state
from fwp.solvers import Solution

__all__ = ["plot"]

MOST_BYTES = 2**26
"""Of metrics.jsonl, which has a line an epoch."""

NEEDED = {
    "run.json": {"task", "source", "split", "seed"},
    "result.json": {"task", "rule", "control", "seed", "metric", "valid"},
}
"""What is asked of these files."""


def plot(
    run: Annotated[Positional[Path], arg(metavar="RUN")],
    /,
    sample: int = 0,
    head: int = 0,
    out: Annotated[Path | None, arg(metavar="DIR")] = None,
) -> None:
    """Draw a finished run: its learning curve, and the fast weights of one test series while it is read.

    Prints the files that it wrote, and on stderr which pictures there are not, and why.

    Args:
        run: A folder that `fwp run` wrote.
        sample: Which series of the run's test part, from 0.
        head: Which head, from 0; where a picture shows three, the first of them.
        out: Folder for the pictures. None is RUN itself.
    """
    told = finished(run)
    drawn = [learning(run, told)]
    trained = load(run)
    net = trained.predictor.net
    if not isinstance(net, Net):
        left_out("all but the learning curve", "the model is a recurrence, without fast weights")
    elif len(last_state(net)[1].axes) != 2:
        left_out("all but the learning curve", "the state of the rule is no matrix of fast weights")
    else:
        drawn += of_series(scene(told, trained, net, sample, head))
    folder = run if out is None else out
    make_folder(folder)
    for name, made in drawn:
        if isinstance(made, FuncAnimation):
            film(folder / name, made)
        else:
            picture(folder / name, made)
        print(folder / name)


Drawn = tuple[str, Figure | FuncAnimation]


def finished(folder: Path) -> Mapping[str, Any]:
    """What run.json says, with result.json under `result`.

    Raises:
        FwpError: no folder, or none of a run, or the run has not finished.
        FormatError: a file does not say what this version writes.
    """
    if not (folder / "run.json").is_file():
        what = "there is no such folder" if not folder.is_dir() else "the folder holds no run"
        raise FwpError(
            what,
            ("folder", str(folder)),
            ("looked for", "run.json, which `fwp run` writes first"),
            help="point at a folder that `fwp run` has written: without --out it is runs/<task>/<rule>-<control>-<seed>",
        )
    if not (folder / "result.json").is_file():
        raise FwpError(
            "the run has not finished",
            ("folder", str(folder)),
            ("not there", "result.json, which `fwp run` writes last"),
            help="give the command of the run again: it goes on from where it was",
        )
    found = {name: read_json(folder / name) for name in NEEDED}
    for name, needed in NEEDED.items():
        missing = needed - set(found[name]) if isinstance(found[name], Mapping) else needed
        if missing:
            raise FormatError(
                "a file of this run is not what this version writes",
                ("file", str(folder / name)),
                ("missing", ", ".join(sorted(missing))),
                help="draw the run with the version that made it, or train again",
            )
    match found["run.json"], found["result.json"]:
        case (
            {"task": str(), "source": str(), "split": str(), "seed": int()} as told,
            {"task": str(), "rule": str(), "control": str(), "seed": int(), "metric": str(), "valid": {"epoch": int()}},
        ):
            return {**told, "result": found["result.json"]}
    raise FormatError(
        "the files of this run are not what this version writes",
        ("files", ", ".join(str(folder / name) for name in NEEDED)),
        ("expected", "texts and whole numbers in " + ", ".join(sorted(set().union(*NEEDED.values())))),
        help="draw the run with the version that made it, or train again",
    )


def learning(folder: Path, told: Mapping[str, Any]) -> Drawn:
    """The learning curve.

    Raises:
        FormatError: metrics.jsonl is damaged.
    """
    file = folder / "metrics.jsonl"
    try:
        rows = [parse_json(line.decode()) for line in unsealed_lines(read_bytes(file, MOST_BYTES))[0]]
    except FwpError:
        raise
    except ValueError as error:
        raise FormatError(
            "a file does not hold json that this library writes",
            ("file", str(file)),
            ("found", str(error)),
            help="the file is damaged: restore it, or train again",
        ) from error
    result = told["result"]
    if len(rows) != result.get("epochs", len(rows)):
        raise FormatError(
            "the metrics of this run are not all there",
            ("file", str(file)),
            ("rows", str(len(rows))),
            ("epochs", f"{result['epochs']}, as result.json says"),
            help="the file is damaged: restore it, or train again",
        )
    try:
        axes = learning_curve(rows, result["valid"]["epoch"], measure=result["metric"])
    except FwpError as error:
        raise FormatError(error.what, ("file", str(file)), *error.facts, help=error.help) from error
    return "learning_curve.png", titled(axes[0].get_figure(), title(told))


@dataclass(frozen=True, eq=False)
class Scene:
    """One series, solved: what all pictures of its fast weights are drawn from, with times as in the data."""

    solution: Solution
    course: Course
    title: str
    span: float
    origin: float
    unit: str
    """Of the times, in the singular."""
    head: int

    @property
    def time(self) -> str:
        """What an axis of times is called."""
        return f"time ({self.unit}s)"


@torch.no_grad()
def scene(told: Mapping[str, Any], trained: Trained, net: Net, sample: int, head: int) -> Scene:
    """The fast weights along one series of the test part.

    Raises:
        SizeError: no such series, or no such head.
    """
    own = task(told["task"])
    series, label, count = tested(told, own, sample)
    if not 0 <= head < net.sizes["head"]:
        raise SizeError(
            "the model has no head of this number",
            ("head", str(head)),
            ("heads", f"{net.sizes['head']}, counted from 0"),
            help=f"give --head 0 to {net.sizes['head'] - 1}",
        )
    solution = trained.predictor.eval().solve(trained.normaliser.apply(series), times="knots")
    found, span, origin = course(solution), trained.normaliser.span, trained.normaliser.origin
    found = replace(found, times=found.times * span + origin)
    name = f"{title(told)}; test series {sample} of {count}, class {label}"
    return Scene(solution, found, name, span, origin, unit_of(own.source), head)


def tested(told: Mapping[str, Any], own: Task, sample: int) -> tuple[Series, str, int]:
    """One series of the run's test part without padding, the name of its class, and how many there are.

    Raises:
        FwpError: the task has changed since the run.
        SizeError: there are not so many.
    """
    seed = told["seed"]
    then, now = (told["source"], told["split"]), (repr(own.source), own.split.label(seed))
    if then != now:
        raise FwpError(
            "the task has changed since this run: its test series are others now",
            ("run", f"{then[0]}, split {then[1]}"),
            ("task", f"{now[0]}, split {now[1]}"),
            help="draw the run with the version that made it, or train again",
        )
    dataset = own.source.load()
    _, _, rows = own.split.rows(dataset, seed)
    if not 0 <= sample < len(rows):
        raise SizeError(
            "the test part has no series of this number",
            ("sample", str(sample)),
            ("test series", f"{len(rows)}, counted from 0"),
            help=f"give --sample 0 to {len(rows) - 1}",
        )
    one = dataset.everything[rows[sample : sample + 1]]
    return one.series.shortened(int(one.series.lengths.max())), one.classes[int(one.labels[0])], len(rows)


def unit_of(source: Source) -> str:
    """What the times of the data count."""
    match source:
        case Uea():
            return "observation"
        case Sepsis():
            return "hour"
        case Speech():
            return "frame"
        case _:
            assert_never(source)


def of_series(own: Scene) -> Iterator[Drawn]:
    """The pictures of one series; those that the rule has no such thing for are left out, and it is said why."""
    states, times, names = own.course.states, own.course.times, own.course.axes
    several = range(own.head, min(own.head + 3, states.shape[1]))
    maps = fast_weights(states, times, heads=several, names=names, unit=own.unit)
    yield "fast_weights.png", titled(maps[0].get_figure(), own.title)
    yield "fast_weights.gif", fast_weights_moving(states, times, several, names=names, unit=own.unit)
    lines = spectrum(states, times, own.head, unit=own.time)
    yield "spectrum.png", titled(lines[0].get_figure(), own.title)
    yield from read(own)
    yield from written(own)


def read(own: Scene) -> Iterator[Drawn]:
    """The fast net as a graph, and the map of its read-outs."""
    weights, times, names = own.course.states[:, own.head], own.course.times, own.course.axes
    try:
        found = queries(own.solution)
    except CompositionError as error:
        left_out("readout_map.png and the traffic in fast_net.png", error.what)
        graphs = fast_net(weights, times, names=names, unit=own.unit)
        yield "fast_net.png", titled(graphs[0].get_figure(), f"{own.title}, head {own.head}")
        return
    if found.axis != names[-1]:
        weights, names = weights.mT, names[::-1]
    asked = found.vectors[:, own.head]
    graphs = fast_net(weights, times, asked, names=names, unit=own.unit)
    yield "fast_net.png", titled(graphs[0].get_figure(), f"{own.title}, head {own.head}")
    place = readout_map(weights, asked, times, unit=own.time)
    yield "readout_map.png", titled(place.get_figure(), f"{own.title}, head {own.head}")


def written(own: Scene) -> Iterator[Drawn]:
    """What each step writes and erases: a picture for each outer product of the rule."""
    try:
        found = changes(own.solution)
    except CompositionError as error:
        left_out("writes.png", error.what)
        return
    value = next(a for a in own.course.axes if a != found.axis)
    times, rank = found.times * own.span + own.origin, found.key.shape[2]
    for r in range(rank):
        places = writes(
            found.key[:, own.head, r],
            found.written[:, own.head, r],
            times,
            None if found.erased is None else found.erased[:, own.head, r],
            None if found.rate is None else found.rate[:, own.head, r],
            None if found.kept is None else found.kept[:, own.head],
            names=(value, found.axis),
            label="written" if found.split else "written − erased",
            unit=own.time,
        )
        product = "" if rank == 1 else f", outer product {r + 1} of {rank}"
        name = "writes.png" if r == 0 else f"writes_{r + 1}.png"
        yield name, titled(places[0].get_figure(), f"{own.title}, head {own.head}{product}")


def title(told: Mapping[str, Any]) -> str:
    """Which run it is."""
    return "{task}: {rule} @ {control}, seed {seed}".format_map(told["result"])


def titled(figure: object, text: str) -> Figure:
    """The figure under a title."""
    assert isinstance(figure, Figure)
    figure.suptitle(text, fontsize=9)
    return figure


def film(file: Path, made: FuncAnimation) -> None:
    """Write an animation, whole or not at all."""
    with TemporaryDirectory() as folder:  # the writer takes a name, and tells the format by it
        part = Path(folder, "film.gif")
        made.save(part, writer="pillow", dpi=90)
        write_bytes(file, part.read_bytes())


def left_out(pictures: str, why: str) -> None:
    """Say which pictures there are not."""
    print(f"left out: {pictures}: {why}", file=sys.stderr)
