"""`fwp show RULE`: everything that follows from the line that declares a rule."""

from __future__ import annotations

from math import inf
from typing import Annotated

from tyro.conf import Positional, arg

from fwp.cli.target import resolve_all
from fwp.lowering import lower_rule
from fwp.rules import ALL, Rule, System
from fwp.rules.laws import laws_of
from fwp.terms import Role, cost, degree, einops, latex, parts, unicode, variables
from fwp.terms import show as spell
from fwp.terms.suggest import pretty_axes

__all__ = ["describe", "show"]


def show(rule: Annotated[Positional[str], arg(metavar="[RULE]")] = "", /, source: bool = False) -> None:
    """Show a rule: its type, its term in both spellings, as mathematics and LaTeX, its degree, its cost and its laws.

    Args:
        rule: A name, module:name or path/to/file.py:name; a module or file, for every rule in it. None lists the library's.
        source: Print the torch function that the rule becomes, too.
    """
    if not rule:
        width = max(map(len, ALL))
        print("\n".join(f"{name:<{width}}  {line}" for name, own in ALL.items() for line in str(own).split("\n")))
        return
    for place, found in enumerate(resolve_all(rule)):
        print("\n\n" * (place > 0) + describe(found))
        if source:
            print(f"\n{lower_rule(found).source}", end="")


def describe(rule: Rule | System) -> str:
    """The report of `fwp show`, as text."""
    lines = [
        f"{rule.name or 'rule'}" if isinstance(rule, Rule) else f"{rule.name or 'system'}, {len(rule.rules)} states"
    ]
    own = variables(*(t for r in rule.rules for t in (r.of, r.rate)))
    lines.append("\ntype")
    lines += [f"  {x.name:<8} : {pretty_axes(x.declared):<20} {x.role.value}, {x.domain}" for x in rule.variables]
    for each in rule.rules:
        state = each.of.name
        lines += [f"\nd{each.of}/dt = {unicode(each.rate)}"]
        lines += [
            f"  operators  {spell(each.rate)}",
            f"  einops     {einops(each.rate)}",
            f"  latex      {latex(each.rate)}",
        ]
        degrees = {role: degree(each.rate, role) for role in Role if any(x.role is role for x in own)}
        lines.append("  degree     " + ", ".join(f"{_number(d)} in the {role.value}s" for role, d in degrees.items()))
        for d, part in parts(each.rate, Role.STATE).items():
            lines.append(f"    of degree {_number(d)} in the states: {unicode(part)}")
        lines.append(f"  cost       {cost(each.rate).flops} flops")
        lines.append(
            f"             {cost(each.rate).bytes} bytes in float32, for each evaluation, sample and head of {state}"
        )
    lines.append(f"\nread out\n  {unicode(rule.read)} : {pretty_axes(rule.read.axes)}")
    if isinstance(rule, Rule):
        laws = laws_of(rule)
        width = max((len(law.name) for law in laws), default=0)
        if laws:
            lines.append(
                "\nlaws that follow from its structure, where W, β, v and k stand for its state, rate, value and key"
            )
        lines += [f"  {law.name:<{width}}  {law.unicode}" for law in laws]
    return "\n".join(lines)


def _number(degree: int | float) -> str:
    return "∞" if degree == inf else f"{degree:g}"
