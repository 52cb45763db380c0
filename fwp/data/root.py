"""Where data lie."""

import os
from pathlib import Path

__all__ = ["data_root"]


def data_root(root: Path | None) -> Path:
    """The folder given, else that of the environment's FWP_DATA, else ~/.cache/fwp."""
    return root or Path(os.environ.get("FWP_DATA") or Path.home() / ".cache" / "fwp")
