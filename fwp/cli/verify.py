"""`fwp verify RUN`: whether a run folder is as it was written."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from fwp.bench.verify import verify as verify_folder

__all__ = ["verify"]


def verify(run: Annotated[Positional[Path], arg(metavar="RUN")], /) -> None:
    """Verify a run folder: that no byte of its files has changed, that they belong together, and that the data are the same.

    Ends with status 0 if all is as it was written, 1 if something is wrong, and then says what.

    Args:
        run: Folder that `fwp run` or `fwp.models.save` has written.
    """
    found = verify_folder(run)
    width = max(len(own.name) for own in found)
    for own in found:
        print(f"{own.name:<{width}}  {'WRONG: ' * own.wrong}{own.said}")
    if any(own.wrong for own in found):
        raise SystemExit(1)
