"""The benchmark as a whole: suites are measured one after the other, and each has its file as soon as it is done."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fwp.bench.machine import Limits, Machine, limits, this_machine
from fwp.bench.picture import picture
from fwp.bench.speed.contenders import CONTENDERS, Absent, Step
from fwp.bench.speed.gradients import Gradient, gradients
from fwp.bench.speed.measure import Measured, absent, alternate
from fwp.bench.speed.memory import Probe, probe
from fwp.bench.speed.results import Result, Timed
from fwp.bench.speed.workloads import GRADIENTS, SUITES, Workload
from fwp.errors import FwpError, did_you_mean
from fwp.files import make_folder, write_json
from fwp.plots import cost_against_length, gradient_against_length

__all__ = ["WHAT", "measured", "speed"]

WHAT = (*SUITES, "gradients")
"""All that can be measured, by name."""


def speed(
    only: Sequence[str],
    repeats: int,
    budget: float,
    out: Path,
    quick: bool,
    say: Callable[[str], None],
    done: Callable[[Result], None],
    contenders: Sequence[str] = (),
) -> list[Result]:
    """Measure the named suites, or all; write each as json, and as a picture where it has one.

    Args:
        only: words of `WHAT`; all of them if empty.
        repeats: rounds of each workload.
        budget: seconds for the rounds of each workload, and at most for one step in the search for its memory.
        out: the folder for json and pictures.
        quick: tiny sizes, without memory: whether everything runs, not how fast.
        say: is told what begins.
        done: is told each result.
        contenders: who takes part, of those that a workload has; all of them if empty.

    Raises:
        FwpError: there is no such suite or contender, or a number is out of range; the disk refused.
    """
    _check(only, contenders, repeats, budget)
    make_folder(out)
    machine, reached = this_machine(), limits(1000, tries=2, numbers=2**16) if quick else limits()
    found: list[Result] = []
    for what in only or WHAT:
        result = _suite(what, contenders, machine, reached, repeats, budget, quick, say)
        write_json(out / result.file, result.to_json())
        _draw(result, out)
        done(result)
        found.append(result)
    return found


def _suite(
    what: str,
    contenders: Sequence[str],
    machine: Machine,
    reached: Limits,
    repeats: int,
    budget: float,
    quick: bool,
    say: Callable[[str], None],
) -> Result:
    failed: set[str] = set()

    def search(workload: str, contender: str) -> Probe:
        if contender in failed:  # the workloads of a suite grow
            return Probe(None, "not tried: it could not take one step on a shorter series")
        say(f"{workload}: memory of {contender}")
        found = probe(workload, contender, budget)
        if found.failed:
            failed.add(contender)
        return found

    def nothing(_: str, __: str) -> Probe:
        return Probe(None, "")

    look = nothing if quick else search
    timed: list[Timed] = []
    compared: list[Gradient] = []
    for workload in GRADIENTS if what == "gradients" else SUITES[what]:
        own = (workload.small() if quick else workload).among(contenders)
        say(f"{workload.name}: {workload.about}")
        if what == "gradients":
            compared += gradients(own, look)
        else:
            timed.append(measured(own, repeats, budget, look, lambda line, name=workload.name: say(f"{name}: {line}")))
    name = f"quick-{what}" if quick else what
    return Result(name, machine, reached, repeats, budget, tuple(timed), tuple(compared))


def measured(
    workload: Workload,
    repeats: int,
    budget: float,
    look: Callable[[str, str], Probe],
    say: Callable[[str], None] = lambda _: None,
) -> Timed:
    """A workload with all its contenders: first the memory of each in its own process, then all in turns in this one.

    Who cannot take one step alone takes no part in the turns.
    """
    probes = {name: look(workload.name, name) for name in workload.contenders}
    case = workload.build()
    prepared = {
        name: Absent(own.failed) if own.failed else CONTENDERS[name].prepare(case) for name, own in probes.items()
    }
    steps = {name: step for name, step in prepared.items() if isinstance(step, Step)}
    missing: dict[str, Measured] = {
        name: absent(name, step.reason) for name, step in prepared.items() if isinstance(step, Absent)
    }
    peaks = {name: own.peak for name, own in probes.items()}
    found = alternate(steps, repeats, budget, peaks, say=say) | missing
    return Timed(
        workload.name,
        workload.about,
        workload.batch,
        workload.windows,
        case.flops,
        workload.bars,
        tuple(found[name] for name in workload.contenders),
    )


def _draw(result: Result, out: Path) -> None:
    file = (out / result.file).with_suffix(".png")
    if result.what.endswith("length"):
        names = dict.fromkeys(c.contender for t in result.timed for c in t.contenders)
        lines = {
            name: [(t.windows, t[name].medians()["step"]) for t in result.timed if not t[name].absent] for name in names
        }
        axes = cost_against_length({name: points for name, points in lines.items() if points})
        picture(file, axes.figure)
    elif result.gradients:
        rows = [(g.windows, g.contender, g.cosine, g.seconds, g.peak) for g in result.gradients]
        first, *_ = gradient_against_length(rows)
        picture(file, first.figure)


def _check(only: Sequence[str], contenders: Sequence[str], repeats: int, budget: float) -> None:
    for name in only:
        if name not in WHAT:
            raise FwpError(
                "nothing of this name is measured",
                ("name", repr(name)),
                help=did_you_mean(name, WHAT, f"use some of {', '.join(WHAT)}"),
            )
    for name in contenders:
        if name not in CONTENDERS:
            known = ", ".join(CONTENDERS)
            raise FwpError(
                "no contender has this name",
                ("name", repr(name)),
                help=did_you_mean(name, CONTENDERS, f"use some of {known}"),
            )
    if repeats < 1 or not budget > 0:
        raise FwpError(
            "a benchmark takes at least one round, and some time",
            ("repeats", str(repeats)),
            ("budget", f"{budget:g} s"),
            help="give --repeats 1 or more and --budget above 0",
        )
