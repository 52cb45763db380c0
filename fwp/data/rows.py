"""The rows of a long table, whatever it was read from, and the complaint that names those at fault."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fwp.errors import DataError

__all__ = ["Rows"]

SHOWN = 3
"""Lines that a complaint names."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The four columns under their own names, indexed by the line of a csv file (of no quoted line breaks) or by the row."""

    file: Path | str
    unit: str
    frame: Any

    def refuse(self, bad: np.ndarray, column: str, named: str, what: str, help: str) -> None:
        """Raise DataError if any entry is bad, with the first of them."""
        at = np.flatnonzero(bad)
        if not len(at):
            return
        own = self.frame[column].iloc[at[:SHOWN]]
        raise DataError(
            what,
            ("file", str(self.file)),
            *((f"{self.unit} {place}, {named}", _spelled(entry)) for place, entry in own.items()),
            (f"such {self.unit}s", str(len(at))),
            help=help,
        )


def _spelled(entry: Any) -> str:
    return "nothing" if entry is None or entry != entry or entry == "" else str(entry)[:80]
