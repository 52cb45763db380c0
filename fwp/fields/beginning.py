"""How the states of a rule begin where zero would not do, and what is said where somebody asks for zero all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from fwp.errors import warn
from fwp.fields.initial import FirstWrite, Initial, StatesFrom, Zero, start
from fwp.fields.maps import Activation, LayerNorm, Parameter, Shared, SlowMap
from fwp.rules.rest import alike_along, resting, singular, unwritten
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Variable

__all__ = ["alike", "begun", "learned", "start_of", "warn_of_rest"]


def learned(state: Variable) -> Parameter:
    """A first state that is learned: each entry of each head begins at a number of its own, not at 0."""
    axes = ("head", *state.axes)
    return Parameter(axes, axes[-1:])


def begun(initial: Initial, rule: Rule | System) -> Initial:
    """The beginning with learned values for those states that it leaves at zero and that could not begin there."""
    missing = _cannot_begin(initial, rule)
    if not missing:
        return initial
    given = dict(initial.states) if isinstance(initial, StatesFrom) else {}
    return start(**given, **{name: learned(state) for name, state in missing.items()})


def warn_of_rest(initial: Initial, rule: Rule | System) -> None:
    """Say which states would stay at zero, and along which axes all units would stay alike."""
    missing = _cannot_begin(initial, rule)
    if missing:
        warn(
            "states that begin at zero stay there, or have no derivative there",
            *((name, f"at 0, by {_named(initial)}") for name in missing),
            help="begin elsewhere: leave `initial` out, take suited(projection, rule), or "
            + start_of(next(iter(missing.values()))),
        )
    for axis, states in alike(initial, rule).items():
        warn(
            f"all units along `{axis}` begin alike and stay so: nothing that feeds the rule tells them apart",
            *((state.name, f"{pretty_axes(state.axes)}, the same all along `{axis}`") for state in states),
            help=f"begin at numbers of their own: {start_of(states[0])}",
        )


def alike(initial: Initial, rule: Rule | System) -> Mapping[str, tuple[Variable, ...]]:
    """The axes along which all units begin alike and stay so, each with the states that have it; states at rest aside."""
    missing = _cannot_begin(initial, rule)
    found: dict[str, tuple[Variable, ...]] = {}
    for axes in alike_along(rule):
        states = tuple(each.of for each in rule.rules if not axes.isdisjoint(each.of.axes))
        if all(state.name not in missing and _alike(initial, state.name, axes) for state in states):
            found[next(a for a in states[0].axes if a in axes)] = states
    return found


def _cannot_begin(initial: Initial, rule: Rule | System) -> Mapping[str, Variable]:
    """The states that begin at zero and rest there, or of which the rule takes a root or a norm there."""
    states = {each.of.name: each.of for each in rule.rules}
    empty = frozenset(states)
    match initial:
        case Zero():
            at_zero = sought = empty
        case FirstWrite():  # of empty states, so that it is there that maps must have a value
            at_zero, sought = unwritten(rule, empty), empty
        case StatesFrom(given):
            at_zero = sought = empty - {name for name, _ in given}
        case _:
            assert_never(initial)
    wanted = resting(rule, at_zero) | singular(rule, sought)
    return {name: state for name, state in states.items() if name in wanted}


def _alike(initial: Initial, name: str, axes: frozenset[str]) -> bool:
    """A state begins with equal entries along the axes: nothing else is written or learned there."""
    own = dict(initial.states).get(name) if isinstance(initial, StatesFrom) else None
    return own is None or axes.isdisjoint(own.axes) or _even(own)


def _even(node: SlowMap) -> bool:
    """A map whose entries are equal to begin with: a learned constant that starts at 0."""
    match node:
        case Parameter(_, fan):
            return not fan
        case Activation(_, _, of) | Shared(_, of) | LayerNorm(of):
            return _even(of)
        case _:
            return False


def _named(initial: Initial) -> str:
    match initial:
        case Zero():
            return "initial=zero"
        case FirstWrite():
            return "first_write(), which writes nothing there"
        case StatesFrom():
            return "start(…), which does not name it"
        case _:
            assert_never(initial)


def start_of(state: Variable) -> str:
    """What to write for a beginning at learned values."""
    own = learned(state)
    pattern = f"{own.axes[-1]} -> {' '.join(own.axes[:-1])}".rstrip()
    return f'initial=start({state.name}=parameter("{pattern}"))'
