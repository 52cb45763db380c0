"""The set of numbers a slot ranges over: a hypothesis of laws, and what fills the slot when nobody says how.

A domain never constrains the values at run time; it says which maps may feed the slot and what test strategies draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fwp.errors import DomainError
from fwp.kinds import explained

__all__ = ["Domain", "DomainKind", "nonnegative", "real", "simplex", "sphere", "unit"]


class DomainKind(Enum):
    """The kinds of domain; the last two speak of all entries along one axis together."""

    REAL = "real"
    NONNEGATIVE = "nonnegative"
    UNIT = "unit"
    SIMPLEX = "simplex"
    SPHERE = "sphere"


_INSIDE: dict[DomainKind, frozenset[DomainKind]] = {
    DomainKind.REAL: frozenset(),
    DomainKind.NONNEGATIVE: frozenset({DomainKind.REAL}),
    DomainKind.UNIT: frozenset({DomainKind.NONNEGATIVE, DomainKind.REAL}),
    DomainKind.SIMPLEX: frozenset({DomainKind.UNIT, DomainKind.NONNEGATIVE, DomainKind.REAL}),
    DomainKind.SPHERE: frozenset({DomainKind.REAL}),
}


@explained
@dataclass(frozen=True)
class Domain:
    """A kind and, for simplex and sphere, the axis along which entries sum to one or have Euclidean norm one."""

    kind: DomainKind
    axis: str | None = None

    def __post_init__(self) -> None:
        over_axis = self.kind in (DomainKind.SIMPLEX, DomainKind.SPHERE)
        if over_axis != (self.axis is not None):
            raise DomainError(
                f"the domain {self.kind.value!r} {'needs an axis' if over_axis else 'has no axis'}",
                ("axis", repr(self.axis)),
                help=f'write {self.kind.value}("key")' if over_axis else f"write {self.kind.value}",
            )

    def __le__(self, other: Domain) -> bool:
        """Every point of this domain is a point of `other`."""
        return self == other or (other.axis is None and other.kind in _INSIDE[self.kind])

    def __str__(self) -> str:
        return self.kind.value if self.axis is None else f"{self.kind.value} over {self.axis}"


real = Domain(DomainKind.REAL)
nonnegative = Domain(DomainKind.NONNEGATIVE)
unit = Domain(DomainKind.UNIT)


def simplex(axis: str) -> Domain:
    """Nonnegative entries that sum to one along `axis`."""
    return Domain(DomainKind.SIMPLEX, axis)


def sphere(axis: str) -> Domain:
    """Entries of Euclidean norm one along `axis`."""
    return Domain(DomainKind.SPHERE, axis)
