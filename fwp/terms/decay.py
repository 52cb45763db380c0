"""What pulls a state back, and what only drives it on: −forget W and −β (W k) kᵀ against W, and the slots that decide it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction

from fwp.terms.build import multiply, scale
from fwp.terms.degree import degree
from fwp.terms.domain import nonnegative
from fwp.terms.normal import Monomial, normal, renamed
from fwp.terms.primitive import Monotone
from fwp.terms.readout import never_negative
from fwp.terms.syntax import Axes, Map, Node, Role, Variable

__all__ = ["decay_help", "decays", "only_grows", "uncertain_decays"]


def decays(rate: Node, state: Variable) -> tuple[Variable, ...]:
    """The slots that multiply the state with a negative sign in d`state`/dt = `rate`, entry by entry.

    The state may stand there as it is, be read along a vector and written along the same one, as in −β (W k) kᵀ, or stand under
    an increasing map. What occurs an even number of times, as a square does, has no sign; where two states are multiplied,
    neither decays.
    """
    free = frozenset(rate.axes)
    found: dict[Variable, None] = {}
    for monomial, coefficient in normal(rate).monomials:
        for factor, signs in _linear(monomial, coefficient, state, rate.axes):
            slots = [f for f in signs if isinstance(f, Variable)]
            # What is summed, as in (q · k) W, and what is no slot decide the sign without a slot's help.
            if factor < 0 and all(f.role is Role.SLOT and free.issuperset(f.axes) for f in slots):
                found |= dict.fromkeys(Variable(s.name, s.declared, s.role, s.domain, s.declared) for s in slots)
    return tuple(found)


def uncertain_decays(rate: Node, state: Variable) -> tuple[Variable, ...]:
    """Those of `decays` whose domain has negative numbers."""
    return tuple(slot for slot in decays(rate, state) if slot.domain.axis is None and not slot.domain <= nonnegative)


def decay_help(slot: Variable, instead: str) -> str:
    """What to do about a decay that may be negative."""
    axes = " ".join(slot.declared)
    return f'declare it so: {slot.name} = Slot("{slot.name}", "{axes}", nonnegative), {instead}'


def only_grows(rate: Node, state: Variable) -> bool:
    """Wherever the state stands in its rate it drives itself on, as in β (W k) kᵀ: ⟨state, that part⟩ is never negative."""
    own = [(m, c) for m, c in normal(rate).monomials if any(degree(f, state) for f in m)]
    for monomial, coefficient in own:
        found = list(_linear(monomial, coefficient, state, rate.axes, exactly=True))
        if not any(factor > 0 and all(map(never_negative, signs)) for factor, signs in found):
            return False
    return bool(own)


def _linear(
    monomial: Monomial, coefficient: Fraction, state: Variable, free: Axes, exactly: bool = False
) -> Iterator[tuple[Fraction, Sequence[Node]]]:
    """The number and factors that decide how a monomial of degree one acts on the state; `exactly`: it is a symmetric form."""
    match [f for f in monomial if degree(f, state)]:
        case [Variable() as own]:
            beside = _beside([f for f in monomial if f is not own], own, free, exactly)
            if beside is not None:
                yield coefficient, [f for f, n in Counter(beside).items() if n % 2]
        case [Map(primitive, _, inner) as own] if primitive.facts.monotone is not Monotone.NO and not exactly:
            # As steep as it is, an increasing map acts on the state as what stands under it does.
            without = scale(coefficient, multiply((*(f for f in monomial if f is not own), inner), free))
            for inside, factor in normal(without).monomials:
                yield from _linear(inside, factor, state, free)
        case _:
            pass


def _beside(rest: list[Node], state: Variable, free: Axes, exactly: bool) -> list[Node] | None:
    """What multiplies the state, less the vector along which it is both read and written; None where none is shared."""
    moved = [(a, now) for a, now in zip(state.declared, state.axes, strict=True) if a != now]
    if not moved:
        return rest
    if len(moved) > 1 or moved[0][1] in free:
        return None
    ((axis, summed),) = moved
    if any(axis in f.axes and summed in f.axes for f in rest):
        return None
    read = Counter(renamed(f, {summed: axis}) for f in rest if summed in f.axes)
    write = Counter(f for f in rest if axis in f.axes)
    if not read & write or (exactly and read != write):
        return None
    others = [f for f in rest if summed not in f.axes and axis not in f.axes]
    return [*others, *((read | write) - (read & write)).elements()]
