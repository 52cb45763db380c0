"""Results beside the paper's numbers: mean, standard deviation and seeds of every cell, for a terminal and for the docs."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from rich.table import Table

from fwp.bench.many import Line, read_lines
from fwp.bench.table import TABLES, Cell
from fwp.errors import FwpError

__all__ = ["Summary", "markdown", "page", "summaries", "terminal"]


@dataclass(frozen=True)
class Summary:
    """All runs of one cell that differ in nothing but the seed, the metric in per cent."""

    cell: Cell
    recipe: str
    lines: tuple[Line, ...]

    @property
    def finished(self) -> tuple[Line, ...]:
        """Those that have a result."""
        return tuple(line for line in self.lines if "error" not in line)

    def percents(self, part: str) -> tuple[float, ...]:
        """The metric of each finished run on "valid" or "test"."""
        return tuple(100 * line[part][line["metric"]] for line in self.finished)

    @property
    def seeds(self) -> str:
        """The seeds of the finished runs: "0-2", "0"."""
        seeds = sorted(line["seed"] for line in self.finished)
        if not seeds:
            return "none"
        whole = seeds == list(range(seeds[0], seeds[-1] + 1))
        return f"{seeds[0]}-{seeds[-1]}" if whole and len(seeds) > 1 else ", ".join(map(str, seeds))


def summaries(cells: Iterable[Cell], lines: Iterable[Line]) -> list[Summary]:
    """The runs of each cell, in the order of the table; those with other recipes or of other models apart."""
    found: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        same = {name: value for name, value in line["run"].items() if name not in ("seed", "split")}
        found[line["cell"]][json.dumps(same, sort_keys=True)].append(line)
    return [Summary(cell, own[0]["recipe"], tuple(own)) for cell in cells for own in found.get(cell.name, {}).values()]


def number(values: Sequence[float]) -> str:
    """Mean and sample standard deviation: "88.1 (0.4)"; a single value has none."""
    if not values:
        return "failed"
    return f"{fmean(values):.1f} ({stdev(values):.1f})" if len(values) > 1 else f"{values[0]:.1f}"


def terminal(title: str, found: Sequence[Summary]) -> Table:
    """For people at a terminal."""
    table = Table(title=title, caption="per cent: mean (sample standard deviation over seeds), beside the paper's")
    for name in ("task", "model", "recipe", "seeds", "valid", "test", "paper", "parameters", "s a run"):
        table.add_column(name, justify="left" if name in ("task", "model", "recipe") else "right")
    for one in found:
        table.add_row(*row(one))
    return table


def row(one: Summary) -> tuple[str, ...]:
    """What a table says of a cell."""
    done = one.finished
    failed = len(one.lines) - len(done)
    return (
        one.cell.column,
        one.cell.label,
        one.recipe,
        one.seeds + (f", {failed} failed" if failed else ""),
        number(one.percents("valid")),
        number(one.percents("test")),
        one.cell.paper or "-",
        f"{done[0]['parameters']:,}" if done else "-",
        f"{fmean(line['seconds'] for line in done):.0f}" if done else "-",
    )


def markdown(title: str, about: str, found: Sequence[Summary]) -> str:
    """For the docs: the table, and under it on what it was measured and every run that was started."""
    head = ("data", "model", "recipe", "seeds", "valid %", "test %", "paper %", "parameters", "seconds a run")
    rows = [head, ("---",) * len(head), *map(row, found)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    machines = sorted({line["machine"] for one in found for line in one.finished})
    splits = sorted({f"{one.cell.column}: {line['split']}" for one in found for line in one.finished})
    started = sum(len(one.lines) for one in found)
    hours = sum(line["seconds"] for one in found for line in one.finished) / 3600
    notes = [
        f"{started} runs were started, {sum(len(one.finished) for one in found)} finished; {hours:.1f} hours of training in all.",
        f"Machine: {'; '.join(machines)}.",
        f"Splits: {'; '.join(splits)}.",
    ]
    return f"## {title}\n\n{about}\n\n{table}\n\n" + "\n".join(f"{note}  " for note in notes) + "\n"


ABOUT = {
    "table1": (
        "The paper's table 1",
        "Irie, Faccio, Schmidhuber (2022), table 1, with the recipes of `fwp/bench/recipes.py` unless a row says "
        "`published`. Every test example counts; the best epoch is chosen on validation examples by the task's metric; seed, "
        "split and initial weights vary together, and deviations are those of a sample. Recipes were found on the validation "
        "examples of seed 0, some of which are test examples of other seeds. Baselines have widths of their own, no dropout and "
        "no feed-forward block; NCDE and GRU-ODE are solved by Runge-Kutta 4. GRU-D is told which values were measured, where "
        "the others know at most how many were, with intensity. Runs that were made before a defect of the library was mended "
        "(decayed gains, a penalty on maps of static features) have been made again and are not shown. Seconds are wall time of "
        "runs side by side, on a machine that had other work besides. The lines in `results/` say all about each run. "
        "`fwp bench table1` makes it.",
    ),
    "table2": (
        "The paper's table 2",
        "Log-signatures of windows of 4 steps, their words divided by their size over the training series, as was found on "
        "validation series; in rows of raw increments they are as they are. Worms (UCR archive) has one of EigenWorms' six "
        "channels and 900 of its 17,984 steps, so the paper's numbers, where there are any, are another data set's. "
        "`fwp bench table2` makes it.",
    ),
    "ablation": (
        "What makes the difference",
        "Delta as a CDE on Sepsis without observational intensity: one change at a time to the recipe found here, then the "
        "published recipe. `fwp bench ablation` makes it.",
    ),
}


def page(results: Path) -> str:
    """The page of the docs: every table that has results.

    Raises:
        FormatError: a line of a file of results is none.
        FwpError: there are no results.
    """
    tables = [
        markdown(*ABOUT[name], summaries(cells, read_lines(file)))
        for name, cells in TABLES.items()
        if (file := results / f"{name}.jsonl").exists() and file.stat().st_size
    ]
    if not tables:
        names = ", ".join(f"{name}.jsonl" for name in TABLES)
        help = "make some with `fwp bench table1`, or give the folder that has them"
        raise FwpError("there are no results", ("folder", str(results)), ("looked for", names), help=help)
    return "# Results\n\nMade from the lines in `results/` by `fwp bench render`.\n\n" + "\n".join(tables)
