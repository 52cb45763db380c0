"""What a complaint says, word for word, but for the folder in which it happened."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fwp.errors import FwpError
from tests.golden import check

HERE = Path(__file__).parent


def said(
    group: str,
    name: str,
    cause: Callable[[Path], object],
    folder: Path,
    source: str = "",
    measured: bool = False,
) -> None:
    """Run the cause in a folder; it must complain, in the words of `group/name.txt`.

    The source, if given, stands above its complaint; of a complaint that holds measurements the numbers are left out.
    """
    with pytest.raises(FwpError) as caught:
        cause(folder)
    text = f"{type(caught.value).__name__}: {caught.value}\n".replace(str(folder), "…")
    text = re.sub(r" {2,}:", " :", text)
    if measured:
        text = re.sub(r"(?<= )[0-9][0-9.e+-]*(?! of|[0-9.e+,-])", "#", text)
    check(HERE / group / f"{name}.txt", (f">>> {source}\n" if source else "") + text)
