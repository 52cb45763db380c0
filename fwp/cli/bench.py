"""`fwp bench`: measure. `table1`, `table2` and `ablation` train on real data, `speed` times training steps against others'."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import arg
from tyro.extras import SubcommandApp

from fwp.bench.many import Job, run_all
from fwp.bench.render import page, summaries, terminal
from fwp.bench.speed import Result
from fwp.bench.speed import speed as run_speed
from fwp.bench.speed.report import gradient_table, sentences, speed_table, who
from fwp.bench.table import TABLES, chosen
from fwp.errors import FwpError
from fwp.files import make_folder, write_bytes

__all__ = ["MEASURES", "group", "render", "speed"]

MEASURES = "Measure: the paper's experiments on real data, and the speed of training steps against others'."


def group() -> SubcommandApp:
    """The commands of `fwp bench`."""
    app = SubcommandApp()
    app.command(name="speed")(speed)
    for name, about in ABOUT.items():
        app.command(name=name)(_table(name, about))
    app.command(name="render")(render)
    return app


ABOUT = {
    "table1": "The paper's table 1: fast weight programmers and baselines on Sepsis and Speech Commands.",
    "table2": "The paper's table 2: rules on log-signatures of worms' movements.",
    "ablation": "What makes the difference on Sepsis: one change at a time, and the published recipe.",
}


def _table(name: str, about: str) -> Callable[..., None]:
    """The command that runs a table."""

    def command(
        only: Annotated[str | None, arg(metavar="CELL,…")] = None,
        seeds: int = 1,
        epochs: int | None = None,
        jobs: int | None = None,
        device: str = "auto",
        out: Annotated[Path, arg(metavar="DIR")] = Path("results"),
        runs: Annotated[Path, arg(metavar="DIR")] = Path("runs"),
    ) -> None:
        lines_of(name, only, seeds, epochs, jobs, device, out, runs)

    cells = TABLES[name]
    command.__doc__ = f"""{about}

    Runs that `out` already holds are not repeated, killed ones go on; the table with the paper's numbers is printed at the end.

    Args:
        only: Cells to run, such as {cells[0].name}; {cells[0].name.split("/")[0]} alone stands for all that begin so.
            All {len(cells)} unless given.
        seeds: How many, from 0; split, initial weights and order of the examples change with the seed.
        epochs: At most so many, instead of the recipe's.
        jobs: Runs at once; as many as there are cores or GPUs unless given.
        device: auto, cpu, cuda, cuda:1, …
        out: Folder of {name}.jsonl, the results.
        runs: Folder of all runs' folders.
    """
    return command


def lines_of(
    name: str, only: str | None, seeds: int, epochs: int | None, jobs: int | None, device: str, out: Path, runs: Path
) -> None:
    """Run the chosen cells of a table and print them."""
    if seeds < 1:
        raise FwpError("there is nothing to run", ("seeds", str(seeds)), help="give --seeds 1 or more")
    cells = TABLES[name] if only is None else chosen(TABLES[name], _names(only) or [only])
    wanted = [Job(cell.name, cell.run(seed, epochs)) for seed in range(seeds) for cell in cells]
    lines = run_all(wanted, out / f"{name}.jsonl", runs / name, device, jobs, say=_say)
    Console(width=max(Console().width, 120)).print(terminal(ABOUT[name], summaries(cells, lines)))
    if any("error" in line for line in lines):
        raise SystemExit(1)


def render(results: Annotated[Path, arg(metavar="DIR")] = Path("results"), out: Path = Path("docs/results.md")) -> None:
    """Write the tables of all results as a page for the docs.

    Args:
        results: Folder of table1.jsonl, table2.jsonl and ablation.jsonl; those that are there are rendered.
        out: The page.
    """
    make_folder(out.parent)
    write_bytes(out, page(results).encode())


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
    run_speed(_names(only), repeats, budget, out, quick, say=_say, done=_show, contenders=_names(contenders))


def _names(given: str) -> list[str]:
    return [name for name in given.split(",") if name]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _show(result: Result) -> None:
    console = Console(width=max(Console().width, 100))  # its columns need as much, in a file too
    for timed in result.timed:
        console.print(speed_table(timed))
    if result.gradients:
        console.print(gradient_table(result))
    print("\n".join([*sentences(result), *who(result)]), flush=True)
