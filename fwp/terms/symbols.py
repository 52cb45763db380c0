"""How names look on paper: Greek letters by their English names, and trailing digits as subscripts."""

from __future__ import annotations

import re

__all__ = ["latex_name", "unicode_name"]

_NAMES = "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi pi rho sigma tau upsilon phi chi psi omega"
_GREEK: dict[str, str] = dict(zip(_NAMES.split(), "αβγδεζηθικμνξπρστυφχψω", strict=True))


def unicode_name(name: str) -> str:
    """`beta` as β; any other name as it is. The result is a Python identifier."""
    return _GREEK.get(name, name)


def latex_name(name: str) -> str:
    r"""`beta` as `\beta`, `k2` as `k_{2}`, longer words upright."""
    stem, digits = re.fullmatch(r"(.*?)(\d*)", name, re.DOTALL).groups()  # pyright: ignore[reportOptionalMemberAccess]
    stem = stem.rstrip("_") or name
    if stem in _GREEK:
        shown = f"\\{stem}"
    elif len(stem) == 1:
        shown = stem
    else:
        escaped = stem.replace("_", r"\_")
        shown = rf"\mathrm{{{escaped}}}"
    return f"{shown}_{{{digits}}}" if digits else shown
