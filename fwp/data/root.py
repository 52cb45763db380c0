"""Where data lie, and what is made of them once for all times."""

import os
from pathlib import Path

from fwp.errors import DataError

__all__ = ["cache_folder", "data_root"]


def data_root(root: Path | None) -> Path:
    """The folder given, else that of the environment's FWP_DATA, else fwp in the user's own cache.

    Raises:
        DataError: there is neither, as the user has no home.
    """
    return root or _named("FWP_DATA") or _own("FWP_DATA")


def cache_folder() -> Path:
    """The folder of the environment's FWP_CACHE, else fwp in the user's own cache.

    Raises:
        DataError: there is neither, as the user has no home.
    """
    return _named("FWP_CACHE") or _own("FWP_CACHE")


def _named(variable: str) -> Path | None:
    return Path(os.environ[variable]) if os.environ.get(variable) else None


def _own(variable: str) -> Path:
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "fwp"
    try:
        return Path.home() / ".cache" / "fwp"
    except RuntimeError as error:  # a number without a name, as in many containers
        raise DataError(
            "there is no folder to keep files in: this user has no home",
            ("HOME", "is not set, and the system knows no home of this user"),
            help=f"name a folder with {variable}=…",
        ) from error
