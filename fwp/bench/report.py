"""The result of a run as a table for people; programs read the json line."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

__all__ = ["table"]


def table(result: Mapping[str, Any]) -> Table:
    """One row a part of the data, under a title that says which run."""
    title = "{task}: {rule} @ {control}, seed {seed}".format_map(result)
    made = Table(title=title, caption="{parameters} parameters, {seconds} s, {out}".format_map(result))
    for name in ("part", "examples", result["metric"], "loss"):
        made.add_column(name, justify="left" if name == "part" else "right")
    for part, note in (("valid", f"epoch {result['valid']['epoch']}"), ("test", "")):
        found = result[part]
        made.add_row(
            f"{part} {note}".strip(), str(found["examples"]), f"{found[result['metric']]:.4f}", f"{found['loss']:.4f}"
        )
    return made
