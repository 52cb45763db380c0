"""Packages that are imported when they are needed: `import fwp` does without the extra."""

from types import ModuleType

from fwp.errors import DataError, FwpError

__all__ = ["extra"]


def extra(module: str, what: str, error: type[FwpError] = DataError) -> ModuleType:
    """The package that a module belongs to, with the module imported; else an error that says `what` needs it."""
    try:
        return __import__(module)
    except ImportError as missing:
        raise error(what, ("missing", str(missing)), help="pip install 'fwp[bench]'") from missing
