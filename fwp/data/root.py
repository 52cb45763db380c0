"""Where data lie, and what is made of them once for all times."""

import os
from pathlib import Path

__all__ = ["cache_folder", "data_root"]


def data_root(root: Path | None) -> Path:
    """The folder given, else that of the environment's FWP_DATA, else fwp in the user's own cache."""
    return root or Path(os.environ.get("FWP_DATA") or _own())


def cache_folder() -> Path:
    """The folder of the environment's FWP_CACHE, else fwp in the user's own cache."""
    return Path(os.environ.get("FWP_CACHE") or _own())


def _own() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fwp"
