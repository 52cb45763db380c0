"""One property tried on drawn examples: it holds, or the smallest example that breaks it is at hand.

Examples are the same at every run, nothing is stored, and no clock decides how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import HypothesisException, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from fwp.errors import FwpError
from fwp.testing.numbers import Array

__all__ = ["Broken", "Doubtful", "Outside", "attempt", "listed"]

_SMALLER = 300
"""How many examples are judged in search of a smaller one that fails: some seconds where a solution costs ten milliseconds."""


class Broken(Exception):
    """A property does not hold: the reason, and the numbers that show it."""

    def __init__(self, reason: str, example: str = "") -> None:
        super().__init__(f"{reason}\ncounterexample\n{example}" if example else reason)


class Outside(Exception):
    """A property does not speak of such a rule."""


class Doubtful(Exception):
    """A property holds, but perhaps not as the rule's author thinks."""


_T = TypeVar("_T")


def attempt(
    drawn: SearchStrategy[_T], judge: Callable[[_T], str | None], shown: Callable[[_T], str], examples: int
) -> None:
    """Try a property on so many examples; `judge` gives the complaint about one, or None.

    Raises:
        Broken: with the complaint about the smallest example that was found, as `shown`; whatever else `judge` raises is one too.
            Also where every example was refused, by hypothesis' `assume`: then nothing was tried.
    """

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=tuple(HealthCheck),  # pyright: ignore[reportArgumentType]  # its metaclass hides the elements
        phases=(Phase.generate, Phase.shrink),
    )
    @given(drawn)
    def tried(example: _T) -> None:
        text = shown(example)
        if text not in broken and not (broken and len(seen) >= examples + _SMALLER):
            seen.append(text)
            complaint = _complaint(judge, example)
            if complaint is not None:
                broken[text] = complaint
        if text in broken:
            raise Broken(broken[text], text)

    seen: list[str] = []
    broken: dict[str, str] = {}

    try:
        tried()
    except Unsatisfiable:
        raise Broken("no example could be solved: every solution left the numbers, or the rate is none") from None


def _complaint(judge: Callable[[_T], str | None], example: _T) -> str | None:
    """What `judge` says of the example, or what it raises."""
    try:
        return judge(example)
    except HypothesisException:
        raise
    except Exception as error:
        return str(error) if isinstance(error, FwpError) else f"{type(error).__name__}: {error}"


def listed(sizes: Mapping[str, int], arrays: Mapping[str, Array]) -> str:
    """Sizes and arrays as a person reads them, an array a line."""
    width = max(map(len, arrays), default=0)
    lines = ["  " + ", ".join(f"{axis} = {size}" for axis, size in sizes.items())]
    lines += [f"  {name:<{width}} = {_nested(array.tolist())}" for name, array in arrays.items()]
    return "\n".join(line for line in lines if line.strip())


def _nested(numbers: object) -> str:
    if isinstance(numbers, list):
        return f"[{', '.join(map(_nested, numbers))}]"
    return f"{numbers:.6g}"
