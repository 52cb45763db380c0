"""Rules and systems as json."""

from __future__ import annotations

from typing import Any, cast

from fwp.errors import FormatError, FwpError, reason
from fwp.kinds import explained
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.terms import json as terms
from fwp.terms.syntax import Variable

__all__ = ["from_json", "to_json"]


@explained
def to_json(rule: Rule | System) -> dict[str, Any]:
    """The rule or system as json's own types."""
    rules = [{"of": terms.to_json(r.of), "rate": terms.to_json(r.rate)} for r in rule.rules]
    kind = "rule" if isinstance(rule, Rule) else "system"
    return {"kind": kind, "name": rule.name, "rules": rules, "read": terms.to_json(rule.read)}


def from_json(data: object) -> Rule | System:
    """The rule or system of `to_json`.

    Raises:
        FormatError: this does not hold a rule.
    """
    try:
        if not isinstance(data, dict):
            raise ValueError("not a rule or a system")
        fields = cast(dict[str, Any], data)
        name, read = fields["name"], terms.from_json(fields["read"])
        if name is not None and not isinstance(name, str):
            raise ValueError("the name is not a text")
        pairs = [(_state(r["of"]), terms.from_json(r["rate"])) for r in fields["rules"]]
        if fields["kind"] == "rule":
            ((of, rate),) = pairs
            return Rule(rate, of, name, read)
        if fields["kind"] != "system":
            raise ValueError(f"no rule is of the kind {fields['kind']!r}")
        return System(*(Rule(rate, of) for of, rate in pairs), read=read, name=name)
    except FormatError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, FwpError) as error:
        raise FormatError(
            "this json does not hold a rule",
            ("because", reason(error)),
            help="write it again with fwp.rules.to_json",
        ) from error


def _state(data: object) -> Variable:
    term = terms.from_json(data)
    if not isinstance(term, Variable):
        raise ValueError(f"{term} is not a state")
    return term
