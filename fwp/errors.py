"""Every complaint of the library, and the only place where one is laid out.

A complaint says what was wrong, the facts that disagree with where each came from, and one thing to do::

    cannot subtract terms whose axes differ
        v        : (value)
        v @ W    : (key)
      help: `W @ k` has axes (value)

No class here decides anything: the caller supplies the words, this file their shape on the page.
"""

from __future__ import annotations

__all__ = [
    "AxisError",
    "CompositionError",
    "DataError",
    "DomainError",
    "FormatError",
    "FwpError",
    "SizeError",
    "SolveError",
    "reason",
]


class FwpError(Exception):
    """What was wrong, the facts that disagree, and one thing to do.

    `facts` are printed one a line in two aligned columns, `name : fact`; a fact given as a bare string takes a whole line.
    """

    def __init__(self, what: str, *facts: tuple[str, str] | str, help: str) -> None:
        self.what, self.facts, self.help = what, facts, help
        super().__init__(what, facts, help)

    def __str__(self) -> str:
        width = max((len(fact[0]) for fact in self.facts if not isinstance(fact, str)), default=0)
        lines = [self.what]
        for fact in self.facts:
            lines.append(f"    {fact}" if isinstance(fact, str) else f"    {fact[0]:<{width}} : {fact[1]}")
        lines.append(f"  help: {self.help}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.what, self.facts, self.help)


def _restore(kind: type[FwpError], what: str, facts: tuple[tuple[str, str] | str, ...], help: str) -> FwpError:
    """Rebuild a complaint in another process: `Exception` would pass `help` by position."""
    return kind(what, *facts, help=help)


class AxisError(FwpError):
    """The axes of terms do not fit: found when the term is written."""


class SizeError(FwpError):
    """One axis was given two sizes, or none: found when tensors or sizes meet a term."""


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
