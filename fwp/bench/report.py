"""A report: what a run has found, as the last of the stages, and as a table for people; programs read its json."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from sys import float_info
from typing import Any

from rich.table import Table
from rich.text import Text

from fwp.errors import FormatError
from fwp.models.files import decode, read_sealed, undigested

__all__ = ["Report", "measured", "read", "table"]


@dataclass(frozen=True)
class Report:
    """What a run has found, and of what it is true."""

    task: str
    rule: str
    control: str
    seed: int
    split: str
    metric: str
    valid: Mapping[str, float | int]
    """The metric, between 0 and 1, and the loss of the weights of the best `epoch` on so many validation `examples`."""
    test: Mapping[str, float | int]
    """The same of the test examples."""
    parameters: int
    seconds: float
    """Of training, on the wall's clock."""
    out: str
    """The run's folder."""
    recipe: str
    epochs: int
    """That were begun; training may end before those of the recipe."""
    machine: str
    signature: str | None
    """What computed the log-signatures, where the control has some."""
    data: str
    """The files, and what identifies them."""
    version: str | None
    """Of this library; not known of results of before it was kept."""
    commit: str | None
    """Of its checkout, where it lay in one, with a plus sign if there were changes."""

    def __post_init__(self) -> None:
        for part, found, more in (("valid", self.valid, ("epoch",)), ("test", self.test, ())):
            for name in (self.metric, "loss", "examples", *more):
                if not measured(found, name):
                    raise FormatError(
                        "a report lacks a number",
                        ("part", part),
                        ("number", name),
                        ("found", repr(found)[:200]),
                        help="restore the file, or give the command of the run again with another --out",
                    )

    def to_json(self) -> dict[str, Any]:
        """The line that is printed and kept."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def measured(found: object, name: str) -> bool:
    """Whether a finite number stands there under that name."""
    value = found.get(name) if isinstance(found, Mapping) else None
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= float_info.max


def read(file: Path) -> Report:
    """The report in a result.json. Raises: FormatError: it is none, or a byte has changed."""
    found, digest = read_sealed(file)
    if digest is None:
        undigested(file)
    unknown = {"signature": None, "version": None, "commit": None}
    return decode(Report, {**unknown, **found} if isinstance(found, dict) else found, str(file))


def table(report: Report) -> Table:
    """One row a part of the data, under a title that says which run."""
    title = f"{report.task}: {report.rule} @ {report.control}, seed {report.seed}"
    caption = f"{report.parameters} parameters, {report.seconds} s, {report.out}"
    made = Table(title=Text(title), caption=Text(caption))  # a str could hold markup, or the name of an emoji
    for name in ("part", "examples", report.metric, "loss"):
        made.add_column(name, justify="left" if name == "part" else "right")
    for part, found in ((f"valid epoch {report.valid['epoch']}", report.valid), ("test", report.test)):
        made.add_row(part, str(found["examples"]), f"{found[report.metric]:.4f}", f"{found['loss']:.4f}")
    return made
