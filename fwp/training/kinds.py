"""Whether the fields of a stage are of the kinds that it declares: users run without pyright, and a run takes long."""

from math import isfinite
from typing import Literal, get_args, get_origin, get_type_hints

from beartype.door import is_bearable

from fwp.data.plain import plain
from fwp.errors import FwpError, did_you_mean

__all__ = ["require_kinds"]


def require_kinds(owner: object, what: str) -> None:
    """Compare every field of a dataclass with its annotation; a scalar of numpy becomes Python's own number.

    Raises:
        FwpError: a value is of another kind, or not finite.
    """
    for name, hint in get_type_hints(type(owner)).items():
        value, help = plain(getattr(owner, name)), f"give {name} another value"
        object.__setattr__(owner, name, tuple(map(plain, value)) if isinstance(value, tuple) else value)
        if not (is_bearable(value, hint) or is_bearable(_as_floats(value), hint)):
            known = get_args(hint) if get_origin(hint) is Literal else ()
            kind = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
            facts = (name, repr(value)), ("expected", " or ".join(map(repr, known)) or kind)
            help = did_you_mean(value, known, help) if isinstance(value, str) else help
            raise FwpError(f"a value of the {what} is of another kind", *facts, help=help)
        parts = value if isinstance(value, tuple) else (value,)
        if not all(isfinite(part) for part in parts if isinstance(part, float)):
            raise FwpError(f"a number of the {what} is not finite", (name, repr(value)), help=help)


def _as_floats(value: object) -> object:
    """Whole numbers as floats, where they stand for some: 1 is as good as 1.0."""
    if isinstance(value, tuple):
        return tuple(map(_as_floats, value))
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
