"""Which code gave a result: the version, and the commit where the package lies in a checkout of its own."""

import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import fwp

__all__ = ["Code", "code", "version_of"]


@dataclass(frozen=True)
class Code:
    """The version of this package, and its commit with a plus sign if files of it have changed since; "" where not known."""

    version: str
    commit: str

    def to_json(self) -> dict[str, str]:
        """What is known, by name."""
        return {name: value for name, value in vars(self).items() if value}


@cache
def code() -> Code:
    """As of the first call: what is imported does not change later."""
    return Code(version_of("fwp"), _commit(Path(fwp.__file__).parent))


def version_of(package: str) -> str:
    """That which is installed, or "" where there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _commit(package: Path) -> str:
    """Of the checkout that has the package among its files: one that it was only installed into says nothing of it."""
    git = ["git", "-C", str(package)]

    def said(*arguments: str) -> str:
        return subprocess.run([*git, *arguments], capture_output=True, text=True, check=True).stdout.strip()

    try:
        said("ls-files", "--error-unmatch", "__init__.py")
        return said("rev-parse", "--short", "HEAD") + ("+" if said("status", "--porcelain", "--", ".") else "")
    except (OSError, ValueError, subprocess.CalledProcessError):
        return ""
