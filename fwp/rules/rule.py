"""A learning rule: the rate of change of one state, and how that state is read. Owns no tensor and solves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fwp.errors import AxisError, FwpError
from fwp.kinds import Composable, explained
from fwp.rules.dual import dual_term
from fwp.rules.vocabulary import W, k, q, v
from fwp.terms.build import Number, add, align, as_term, divide, multiply
from fwp.terms.extent import require_expandable
from fwp.terms.normal import Normal, normal
from fwp.terms.show import show
from fwp.terms.suggest import contraction_help, ones_over, pretty_axes
from fwp.terms.syntax import Node, Role, Scalable, Term, Variable, variables
from fwp.terms.typeset import unicode

__all__ = ["Rule", "default_read", "reason_of"]


def default_read(of: Variable) -> Node:
    """How a state is read unless said otherwise: against the query if it has keys, else as it is."""
    return of @ q if "key" in of.axes else of


@explained
@dataclass(frozen=True, eq=False, repr=False, init=False)
class Rule(Scalable, Composable):
    """d`of`/dt = `rate`, read as `read`.

    Rules are equal when their rates, states and read-outs are, up to ring laws; the name is only a name, a claim only a claim.

    Args:
        rate: a term with the axes of the state, in any order.
        of: the state that it changes.
        name: what to call the rule in tables and messages.
        read: the read-out, a term; `W @ q` for a state with keys.
        laws: what its author claims of its solutions, besides the laws that its structure implies: `fwp.testing` tries them.
            They are functions, so that json leaves them out, and a rule made of this one must claim them anew; a pickle keeps
            those whose functions have a name in their module, which a lambda has not.
        unbounded: why its state need not stay bounded, where its structure does not show it: such a rule need not pass
            `fwp.testing`'s check that it stays so. A claim like a law's.

    Raises:
        AxisError: the rate does not have the axes of the state.
        SizeError: rate or read-out is too large when it is multiplied out.
        FwpError: what it claims are no laws, or no reason.
    """

    rate: Node
    of: Variable
    name: str | None
    read: Node
    laws: tuple[Law, ...]
    unbounded: str | None

    def __init__(
        self,
        rate: Term | Number,
        of: Variable = W,
        name: str | None = None,
        read: Term | Number | None = None,
        laws: Iterable[Law] = (),
        unbounded: str | None = None,
    ) -> None:
        term = as_term(rate)
        if of.role is not Role.STATE or of.axes != of.declared:
            raise AxisError(
                "a rule changes a state",
                (repr(of), f"a {of.role.value} {pretty_axes(of.axes)}"),
                help=f'declare it: State("{of.name}", "{" ".join(of.declared)}")',
            )
        if set(term.axes) != set(of.axes):
            known = [(x.name, x.axes) for x in variables(term, of)]
            raise AxisError(
                f"the rate does not have the axes of the state `{of.name}`",
                (repr(term), pretty_axes(term.axes)),
                (f"{of.name}", pretty_axes(of.axes)),
                help=f"multiply by {ones_over(of.axes)}"
                if not term.axes
                else contraction_help(known, of.axes, term.axes),
            )
        object.__setattr__(self, "rate", align(term, of.axes))
        object.__setattr__(self, "of", of)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "read", as_term(default_read(of) if read is None else read))
        object.__setattr__(self, "laws", _laws(laws))
        require_expandable(self.rate)
        require_expandable(self.read)
        object.__setattr__(self, "unbounded", reason_of(unbounded))
        variables(self.of, self.rate, self.read)  # refuses two variables of one name

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rule itself: what a `System` has several of."""
        return (self,)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All variables, the state first, then in order of appearance in the rate and the read-out."""
        return variables(self.of, self.rate, self.read)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "laws": tuple(law for law in self.laws if law.travels)}

    def __copy__(self) -> Rule:
        return self  # a value, and copied with all that it claims

    def __deepcopy__(self, memo: dict[int, Any]) -> Rule:
        return self

    @property
    def signature(self) -> Mapping[str, str]:
        """jaxtyping's dimension strings of the rate's arguments and, under `return`, of the rate."""
        shape = {x.name: " ".join(("*#batch", *x.declared)) for x in variables(self.of, self.rate)}
        return {**shape, "return": " ".join(("*batch", *self.of.axes))}

    @explained
    def dual(self, pairs: tuple[tuple[Variable, Variable], ...] = ((k, v),)) -> Rule:
        """The same rule with the sides of the state exchanged: `delta.dual()` is `oja`.

        The state becomes its transpose, the two slots of each pair change places, and any other slot changes sides.
        The read-out is kept.
        """
        return Rule(dual_term(self.rate, self.of, pairs), self.of, self.name and f"{self.name}_dual", self.read)

    def renamed(self, name: str) -> Rule:
        """The same rule under another name."""
        return Rule(self.rate, self.of, name, self.read, self.laws, self.unbounded)

    def __add__(self, other: Rule) -> Rule:
        """Both rates at work on the same state."""
        if not isinstance(other, Rule):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
            raise AxisError(
                "only a rule can be added to a rule",
                ("rule", repr(self)),
                ("added", repr(other)),
                help="add a rule, Rule(…), or one of a system's .rules",
            )
        if other.of != self.of or normal(other.read) != normal(self.read):
            raise AxisError(
                "cannot add rules of different states or read-outs",
                (self.name or "first", f"d{self.of.name}/dt, read as {self.read}"),
                (other.name or "second", f"d{other.of.name}/dt, read as {other.read}"),
                help="put rules of several states side by side: System(first, second)"
                if other.of != self.of
                else f"give both one read-out: Rule(…, read={self.read})",
            )
        return Rule(add((self.rate, other.rate)), self.of, None, self.read)

    def __radd__(self, other: object) -> Rule:
        """What is no rule cannot be added to one. Raises: AxisError."""
        return self.__add__(other)  # pyright: ignore[reportArgumentType]  # which refuses it

    def __mul__(self, factor: Term | Number) -> Rule:
        """The rate multiplied by a number or by a term without axes."""
        by = as_term(factor)
        if by.axes:
            raise AxisError(
                "a rule is multiplied by a number or by a term without axes",
                (repr(by), pretty_axes(by.axes)),
                help=f"to multiply entry by entry, write the rule anew: Rule({by!r} * rule.rate)",
            )
        return Rule(multiply((by, self.rate), None), self.of, None, self.read)

    __rmul__ = __mul__

    def __neg__(self) -> Rule:
        """The rule that undoes what this one does."""
        return -1 * self

    def __sub__(self, other: Rule) -> Rule:
        """What one rule does and the other undoes: `hebb - oja`."""
        return self + -other

    def __truediv__(self, factor: Term | Number) -> Rule:
        """The rate divided by a number or by a term without axes."""
        return self * divide(1, factor)

    @cached_property
    def _meaning(self) -> tuple[Normal, Variable, Normal]:
        return normal(self.rate), self.of, normal(self.read)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self._meaning == other._meaning

    def __hash__(self) -> int:
        return hash(self._meaning)

    def __repr__(self) -> str:
        options = "" if self.of == W else f", of={self.of!r}"
        if normal(self.read) != normal(default_read(self.of)):
            options += f", read={show(self.read)}"
        return f"Rule({show(self.rate)}{options})"

    def __str__(self) -> str:
        return f"d{self.of}/dt = {unicode(self.rate)}"


def _laws(given: Any) -> tuple[Law, ...]:
    try:
        laws: tuple[Any, ...] = tuple(given)
    except TypeError:
        laws = (None,)
    if not all(isinstance(law, Law) for law in laws):
        raise FwpError(
            "what a rule claims is a list of laws",
            ("laws", f"{given!r}"[:80]),
            help="from fwp.rules.laws import growth_bound; Rule(…, laws=[growth_bound])",
        )
    return laws


def reason_of(given: Any) -> str | None:
    """The reason why a state need not stay bounded, if one is given. Raises: FwpError, where it is none."""
    if given is not None and not (isinstance(given, str) and given.strip()):
        raise FwpError(
            "why a state need not stay bounded is said in words",
            ("unbounded", f"{given!r}"[:80]),
            help='unbounded="its rate adds up"',
        )
    return given


# A rule holds the laws that its author claims, and a law speaks of rules.
from fwp.rules.law import Law  # noqa: E402
