"""Several rules that evolve together, each with a state of its own: momentum, thresholds, self-reference."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

from fwp.errors import AxisError, CompositionError
from fwp.kinds import Composable, explained
from fwp.rules.rule import Rule, reason_of
from fwp.terms.build import as_term
from fwp.terms.normal import Normal, normal
from fwp.terms.syntax import Node, Role, Variable, variables

__all__ = ["System", "closed"]


@explained
class System(Composable):
    """Rules of different states, solved as one; read as the first rule is, unless `read` says otherwise.

    `unbounded` says why the states need not stay bounded, as of `Rule`.

    Raises:
        AxisError: no rules, what is no rule, two rules of one state, or one name for two different variables.
        FwpError: `unbounded` is no reason.
    """

    __slots__ = ("__dict__", "name", "read", "rules", "unbounded")
    rules: tuple[Rule, ...]
    read: Node
    name: str | None
    unbounded: str | None

    def __init__(
        self, *rules: Rule, read: Node | None = None, name: str | None = None, unbounded: str | None = None
    ) -> None:
        if not rules:
            raise AxisError(
                "a system needs at least one rule", ("rules", "none"), help="System(Rule(…), Rule(…, of=M))"
            )
        for rule in rules:
            if not isinstance(rule, Rule):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
                raise AxisError(
                    f"a system is made of rules, and this is a {type(rule).__name__}",
                    ("given", repr(rule)),
                    help="give it rules, those of another system by a star: System(*one.rules, Rule(…))",
                )
        names = [rule.of.name for rule in rules]
        for i, state in enumerate(names):
            if state in names[:i]:
                raise AxisError(
                    f"two rules of the system change the state `{state}`",
                    ("first", repr(rules[names.index(state)])),
                    ("second", repr(rules[i])),
                    help="add them, `first + second`, if both are to act on it",
                )
        object.__setattr__(self, "rules", rules)
        object.__setattr__(self, "read", rules[0].read if read is None else as_term(read))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "unbounded", reason_of(unbounded))
        variables(*(t for rule in rules for t in (rule.of, rule.rate)), self.read)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a System is a value: {name!r} cannot be set")

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(System, read=self.read, name=self.name, unbounded=self.unbounded), self.rules

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All variables: the states in the order of their rules, then in order of appearance."""
        return variables(*(r.of for r in self.rules), *(r.rate for r in self.rules), self.read)

    def renamed(self, name: str) -> System:
        """The same system under another name."""
        return System(*self.rules, read=self.read, name=name, unbounded=self.unbounded)

    @cached_property
    def _meaning(self) -> tuple[tuple[tuple[Normal, Variable], ...], Normal]:
        return tuple((normal(r.rate), r.of) for r in self.rules), normal(self.read)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, System) and self._meaning == other._meaning

    def __hash__(self) -> int:
        return hash(self._meaning)

    def __repr__(self) -> str:
        read = "" if normal(self.read) == normal(self.rules[0].read) else f", read={self.read!r}"
        return f"System({', '.join(map(repr, self.rules))}{read})"

    def __str__(self) -> str:
        return "\n".join(map(str, self.rules))


@explained
def closed(rule: Rule | System) -> Rule | System:
    """The rule or system itself, once every state that it reads has an equation in it.

    Raises:
        CompositionError: it reads a state whose equation it does not have.
    """
    own = {r.of.name for r in rule.rules}
    known = f"*{rule.name or 'system'}.rules" if isinstance(rule, System) else rule.name or "rule"
    for variable in rule.variables:
        if variable.role is Role.STATE and variable.name not in own:
            raise CompositionError(
                f"the rule reads the state `{variable.name}`, whose equation it does not have",
                *((f"d{r.of.name}/dt", repr(r.rate)) for r in rule.rules),
                help=f"give it one: System({known}, Rule(…, of={variable.name}))",
            )
    return rule
