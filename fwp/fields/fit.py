"""Whether a projection fits a rule: every slot has a map with its axes and inside its domain, and none is left over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from fwp.errors import AxisError, CompositionError, DomainError
from fwp.fields.initial import FirstWrite, Initial, StatesFrom, all_maps, first, maps_of, static
from fwp.fields.maps import SlowMap, activation, linear, range_of, source
from fwp.rules.rule import Rule
from fwp.rules.system import System, closed
from fwp.rules.vocabulary import dx, x
from fwp.terms.domain import DomainKind
from fwp.terms.primitive import Primitive
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Role, Variable

__all__ = ["checked", "default_map", "fit", "slots_of"]


def slots_of(rule: Rule | System) -> dict[str, Variable]:
    """The slots of a rule, its read-out included, by name."""
    return {s.name: s for s in rule.variables if s.role is Role.SLOT}


def default_map(slot: Variable, default: SlowMap) -> SlowMap:
    """A linear map of `default`, a copy for each head, brought into the slot's domain.

    Raises:
        CompositionError: the slot has all axes of `default` itself, so that no map could sum one.
    """
    if set(default.axes) <= set(slot.declared):
        raise CompositionError(
            f"the slot `{slot.name}` has no map, and gets none by itself",
            (f"slot {slot.name}", pretty_axes(slot.declared)),
            ("default", f"{default!r}, of axes {pretty_axes(default.axes)}, none of which a linear map would sum"),
            help=f'give it one, such as a learned constant: {slot.name}=parameter("{" ".join(slot.declared)}")',
        )
    source = linear(" ".join((*default.axes, "->", "head", *slot.declared)), default)
    ending = _ending(slot.domain.kind)
    return source if ending is None else activation(ending, source, slot.domain.axis)


def _ending(kind: DomainKind) -> Primitive | None:
    """What brings any numbers into a domain of this kind."""
    match kind:
        case DomainKind.REAL:
            return None
        case DomainKind.NONNEGATIVE:
            return Primitive.SOFTPLUS
        case DomainKind.UNIT:
            return Primitive.SIGMOID
        case DomainKind.SIMPLEX:
            return Primitive.SOFTMAX
        case DomainKind.SPHERE:
            return Primitive.NORMALIZE
        case _:
            assert_never(kind)


def checked(variable: Variable, own: SlowMap) -> SlowMap:
    """The map, if it fits the variable (a slot or a state)."""
    axes = [a for a in own.axes if a != "head"]
    if set(axes) != set(variable.declared):
        raise AxisError(
            f"the map for `{variable.name}` does not have its axes",
            (
                f"slot {variable.name}" if variable.role is Role.SLOT else f"state {variable.name}",
                pretty_axes(variable.declared),
            ),
            ("map", pretty_axes(own.axes)),
            help=f"let the map end in {' '.join(('head', *variable.declared))!r}",
        )
    ending = _ending(variable.domain.kind)
    if ending is not None and not range_of(own) <= variable.domain:
        raise DomainError(
            f"the map for `{variable.name}` may leave its domain",
            (f"slot {variable.name}", str(variable.domain)),
            ("map", str(range_of(own))),
            help=f"end the map with `{ending.name.lower()}`",
        )
    return own


def fit(rule: Rule | System, slots: Mapping[str, SlowMap], default: SlowMap, initial: Initial) -> None:
    """Check the maps of a projection against a rule.

    Raises:
        CompositionError: a map is left over, or the rule reads a state whose equation it does not have, or a signal unknown.
        AxisError, DomainError: a map does not fit its slot or state.
    """
    wanted = slots_of(closed(rule))
    states = {r.of.name: r.of for r in rule.rules}
    for slot in wanted.values():
        checked(slot, slots[slot.name] if slot.name in slots else default_map(slot, default))
    own, target = maps_of(initial), states if isinstance(initial, StatesFrom) else wanted
    pairs = [(name, wanted) for name in slots] + [(name, target) for name, _ in own]
    for name, known in pairs:
        if name not in known:
            raise CompositionError(
                f"the projection has a map for `{name}`, which the rule does not have",
                ("rule", repr(rule)),
                ("its slots", ", ".join(wanted) or "none"),
                ("its states", ", ".join(states)),
                help="correct the name, or take projection.restricted(rule)",
            )
    for name, own_map in own:
        checked(target[name], own_map)
    if isinstance(initial, FirstWrite) and initial.at is not None and initial.at.axes != ("channel",):
        raise AxisError(
            "the map that stands for x in the first write does not have its axis",
            ("x", pretty_axes(["channel"])),
            ("map", pretty_axes(initial.at.axes)),
            help='end it in "channel", as linear("point -> channel", first) does',
        )
    _refuse_strangers(rule, [*rule.variables, *slots.values(), default])
    _refuse_strangers(rule, all_maps(initial), beginning=True)


def _refuse_strangers(rule: Rule | System, maps: Iterable[SlowMap], beginning: bool = False) -> None:
    """A path has the signals x, dx and static, and at its beginning the first point; no others."""
    signals = (x, dx, static, first) if beginning else (x, dx, static)
    known = [(signal.name, signal.role) for signal in signals]
    for begin in map(source, maps):
        if not isinstance(begin, Variable) or begin.role in (Role.STATE, Role.SLOT):
            continue
        if (begin.name, begin.role) in known:
            continue
        if begin == first:
            raise CompositionError(
                "the first point is known at the beginning alone",
                ("rule", repr(rule)),
                help="use `first` in start(…) or first_write(…), and x or static elsewhere",
            )
        raise CompositionError(
            f"a path has no signal `{begin.name}`",
            ("rule", repr(rule)),
            help="read x, dx or static; what else a rule needs is a slot",
        )
