"""Every complaint of the library, and the only place where one is laid out.

A complaint says what was wrong, the facts that disagree with where each came from, and one thing to do::

    cannot subtract terms whose axes differ
        v        : (value)
        v @ W    : (key)
      help: `W @ k` has axes (value)

No class here decides anything: the caller supplies the words, this file their shape on the page.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "AxisError",
    "CompositionError",
    "DataError",
    "DomainError",
    "FormatError",
    "FwpError",
    "FwpWarning",
    "SizeError",
    "SolveError",
    "did_you_mean",
    "reason",
    "warn",
]


MOST_LETTERS = 4_000
"""Of one fact: the longest of ours are tables of some thousand."""


class FwpError(ValueError):
    """What was wrong, the facts that disagree, and one thing to do.

    A ValueError, as users of other libraries expect where what they gave is at fault. `facts` are printed one a line in two
    aligned columns, `name : fact`; a fact given as a bare string takes a whole line.
    """

    def __init__(self, what: str, *facts: tuple[str, str] | str, help: str) -> None:
        self.what, self.facts, self.help = what, facts, help
        super().__init__(what, facts, help)

    def __str__(self) -> str:
        return _laid_out(self.what, self.facts, self.help)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.what, self.facts, self.help)


def _laid_out(what: str, facts: Iterable[tuple[str, str] | str], help: str) -> str:
    facts = tuple(_clipped(fact) if isinstance(fact, str) else (_clipped(fact[0]), _clipped(fact[1])) for fact in facts)
    width = max((len(fact[0]) for fact in facts if not isinstance(fact, str)), default=0)
    rows = (f"    {fact}" if isinstance(fact, str) else f"    {fact[0]:<{width}} : {fact[1]}" for fact in facts)
    return "\n".join((_clipped(what), *rows, f"  help: {_clipped(help)}"))


def _clipped(fact: object) -> str:
    """What stands on a page: a damaged file may have a name of a million letters, or what is no text where one belongs."""
    text = str(fact)
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS // 2]} … {text[-MOST_LETTERS // 2 :]}"


def _restore(kind: type[FwpError], what: str, facts: tuple[tuple[str, str] | str, ...], help: str) -> FwpError:
    """Rebuild a complaint in another process: `Exception` would pass `help` by position."""
    return kind(what, *facts, help=help)


class AxisError(FwpError):
    """The axes of terms do not fit: found when the term is written."""


class SizeError(FwpError):
    """One axis was given two sizes, or none, or more is asked for than any machine holds."""


class DomainError(FwpError):
    """A slot declared over one set of numbers is fed from another."""


class CompositionError(FwpError):
    """Rule, projection and control do not compose."""


class DataError(FwpError):
    """A series, archive or table cannot be what it claims to be."""


class FormatError(FwpError):
    """A stored file is not what this version of the library writes."""


class SolveError(FwpError):
    """A solver could not reach the end: where, which sample, the norms there, and what to try."""


def reason(error: Exception) -> str:
    """In one line, why something that was stored could not be read."""
    if isinstance(error, FwpError):
        return error.what
    return f"there is no entry {error}" if isinstance(error, KeyError) else str(error).partition("\n")[0]


class FwpWarning(UserWarning):
    """Something goes on, but not as well as the user may think: laid out like a complaint."""


_BETWEEN = ("fwp", "torch", "lightning", "beartype", "jaxtyping", "contextlib", "functools", "importlib")
"""Packages whose frames stand between a warning and the line that caused it."""


def warn(what: str, *facts: tuple[str, str] | str, help: str) -> None:
    """A warning in the layout of a complaint, at the line of the user's own that caused it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _BETWEEN:
        frame, level = frame.f_back, level + 1
    warnings.warn(_laid_out(what, facts, help), FwpWarning, stacklevel=level)


def did_you_mean(name: object, known: Iterable[str], otherwise: str) -> str:
    """The help for an unknown name: the known one that it resembles, whatever its case and whether - or _; or `otherwise`."""
    alike = {_plain(one): one for one in known}
    near = get_close_matches(_plain(str(name)), alike, n=1)
    return f"did you mean {alike[near[0]]}?" if near else otherwise


def _plain(name: str) -> str:
    return name.casefold().replace("_", "-")
