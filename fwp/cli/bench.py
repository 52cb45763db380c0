"""`fwp bench`: measure. `fwp bench speed` times training steps against those of others, on this machine and in one run."""

import sys
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import arg
from tyro.extras import SubcommandApp

from fwp.bench.speed import Result
from fwp.bench.speed import speed as run_speed
from fwp.bench.speed.report import gradient_table, sentences, speed_table, who

__all__ = ["group", "speed"]


def group() -> SubcommandApp:
    """The commands of `fwp bench`."""
    app = SubcommandApp()
    app.command(name="speed")(speed)
    return app


def speed(
    only: Annotated[str, arg(metavar="A,B,…")] = "",
    repeats: int = 5,
    budget: Annotated[float, arg(metavar="SECONDS")] = 300.0,
    out: Annotated[Path, arg(metavar="DIR")] = Path("benchmarks/results"),
    quick: bool = False,
    contenders: Annotated[str, arg(metavar="A,B,…")] = "",
) -> None:
    """Time training steps of this library and of others, on equal weights and data, in turns.

    What it is about to do is on stderr, tables are on stdout; raw timings and pictures land in the folder.

    Args:
        only: Of eigenworms, eigenworms-delta, speech, sepsis, length, short and gradients, those to measure; all unless given.
        repeats: Rounds of each workload, after one call that warms up; who is slow takes part in fewer.
        budget: Seconds for the rounds of each workload; who cannot take one step in that time is left out.
        out: Folder for one json a suite, and for pictures.
        quick: Tiny sizes, to see that everything runs; says nothing of speed.
        contenders: Who takes part, such as ours,torchdiffeq-adjoint; all unless given.
    """
    chosen = [name for name in contenders.split(",") if name]
    names = [name for name in only.split(",") if name]
    run_speed(names, repeats, budget, out, quick, say=_say, done=_show, contenders=chosen)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _show(result: Result) -> None:
    console = Console(width=max(Console().width, 100))  # its columns need as much, in a file too
    for timed in result.timed:
        console.print(speed_table(timed))
    if result.gradients:
        console.print(gradient_table(result))
    print("\n".join([*sentences(result), *who(result)]), flush=True)
