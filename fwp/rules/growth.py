"""Why the states of a rule need not stay bounded, read off its structure: some rules grow by nature, as Hebb's does.

What is named here has no bound that slots within their domains could not exceed in time. Of all other rules nothing is known
until they are run, as `fwp.testing` does.
"""

from __future__ import annotations

from collections.abc import Mapping

from fwp.rules.judged import parallel
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.terms.decay import only_grows
from fwp.terms.degree import degree
from fwp.terms.domain import real
from fwp.terms.fold import subterms
from fwp.terms.normal import Monomial, normal
from fwp.terms.parts import parts
from fwp.terms.primitive import Primitive
from fwp.terms.structure import structure
from fwp.terms.syntax import Map, Node, Role, Variable, variables
from fwp.terms.typeset import unicode
from fwp.terms.witness import LowRank, substitute

__all__ = ["need_not_stay_bounded"]


def need_not_stay_bounded(rule: Rule | System) -> str | None:
    """Why a state need not stay bounded: what the rule's author claims, or what its structure shows; None if neither says so."""
    if rule.unbounded is not None:
        return rule.unbounded
    reads = {each.of.name: _states(each.rate) for each in rule.rules}
    for each in rule.rules:
        why = each.unbounded or _grows(each, each.of.name in _behind(each.of.name, reads))
        if why is not None:
            return why
    return None


def _grows(rule: Rule, fed_back: bool) -> str | None:
    """What one equation shows of its state; the other states in it may be anything, as slots are."""
    rate, name = rule.rate, rule.of.name
    monomials = [m for m, _ in normal(rate).monomials]
    if not monomials:
        return None
    if not fed_back:
        return f"d{name}/dt does not depend on {name}: what it adds is never taken away"
    if set(parts(rate, Role.INCREMENT)) == {1}:
        return f"d{name}/dt turns round with x': what pulls {name} back one way drives it on the other"
    if only_grows(rate, rule.of):
        return f"wherever {name} stands in d{name}/dt it drives itself on"
    own = [m for m in monomials if any(degree(f, rule.of) for f in m)]
    for axis in rule.of.axes:
        if own and all(_sums_to_one(m, axis, rule.of) for m in own):
            return f"summed over `{axis}`, d{name}/dt does not depend on {name}, for a softmax sums to 1: it adds up"
    match structure(_alone(rate, rule.of), rule.of):
        case LowRank(_, None, writes):
            for write in writes:
                if write.read is not None and not parallel(write.read, write.write):
                    along = unicode(write.read), unicode(write.write)
                    return f"{name} is read along {along[0]} and written along {along[1]}: no step need shorten it"
        case _:
            pass
    return None


def _sums_to_one(monomial: Monomial, axis: str, state: Variable) -> bool:
    """The state stands under one softmax over the axis, which nothing else has."""
    match [f for f in monomial if axis in f.axes or degree(f, state)]:
        case [Map(Primitive.SOFTMAX, over)]:
            return over == axis
        case _:
            return False


def _alone(rate: Node, state: Variable) -> Node:
    """The rate with all other states as slots."""
    for other in variables(rate):
        if other.role is Role.STATE and other.name != state.name:
            rate = substitute(rate, other, Variable(other.name, other.declared, Role.SLOT, real, other.declared))
    return rate


def _states(rate: Node) -> frozenset[str]:
    """The states that a rate depends on, once like terms are gathered."""
    factors = (f for m, _ in normal(rate).monomials for f in m)
    every = (n for f in factors for n in subterms(f))
    return frozenset(n.name for n in every if isinstance(n, Variable) and n.role is Role.STATE)


def _behind(name: str, reads: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The states on which a state's rate depends, directly or through those of others."""
    found, ahead = set[str](), set(reads.get(name, ()))
    while ahead:
        found |= ahead
        ahead = {other for one in ahead for other in reads.get(one, ())} - found
    return frozenset(found)
