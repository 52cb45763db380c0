"""`fwp data TASK`: what the data are, fetched first if they are not here."""

from collections import Counter
from typing import Annotated

from rich.console import Console
from rich.table import Table
from tyro.conf import Positional, arg

from fwp.bench import task
from fwp.data import Labelled

__all__ = ["data"]


def data(task_name: Annotated[Positional[str], arg(name="task", metavar="TASK")], /) -> None:
    """Describe the data of a task, fetching them first if they are not here.

    Args:
        task_name: japanese-vowels, basic-motions, sepsis, sepsis-oi, speech, arabic-speech, eigenworms, eigenworms-unique,
            worms, or uea:<Name> for any data set of the UEA and UCR archives.
    """
    wanted = task(task_name)
    found = wanted.source.load()
    parts = {name: found.everything[rows] for name, rows in found.parts.items()} or {"all": found.everything}
    table = Table(title=wanted.name, caption=f"{wanted.about} Split: {wanted.split.name}. From {found.source}.")
    table.add_column("")
    for name in parts:
        table.add_column(name, justify="right")
    for row in zip(*(description(part) for part in parts.values()), strict=True):
        table.add_row(row[0][0], *(value for _, value in row))
    Console().print(table)


def description(part: Labelled) -> list[tuple[str, str]]:
    """What there is to say of one part, as names and values."""
    series, lengths = part.series, part.series.lengths
    entries = int(lengths.sum()) * series.channels
    missing = 1 - int(series.mask.sum()) / entries
    counts = Counter(part.labels.tolist())
    spans = (series.times[:, -1] - series.times[:, 0]).tolist()
    return [
        ("series", str(len(series))),
        ("channels", str(series.channels)),
        ("lengths", f"{int(lengths.min())} to {int(lengths.max())}, median {int(lengths.median())}"),
        ("durations", f"{min(spans):g} to {max(spans):g}"),
        ("missing", f"{missing:.1%}"),
        *((f"class {name}", str(counts[i])) for i, name in enumerate(part.classes)),
    ]
