"""rule @ projection @ control: the composition of a model from three values, each checked against the next as it joins.

`@` is associative, and nothing here owns a tensor: `Model.build` hands over to `Net`, where parameters are born.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NoReturn

import torch

import fwp.fields.net
from fwp.controls import Control
from fwp.controls.control import wrong_order
from fwp.errors import CompositionError, SizeError
from fwp.fields.fit import checked, default_map, fit, slots_of
from fwp.fields.initial import FirstWrite, Initial, StatesFrom, Zero, all_maps, zero
from fwp.fields.maps import SlowMap, as_map
from fwp.fields.sizes import axes_of
from fwp.fields.wrt import Degrees, degrees, map_degrees, mentions_increment, term_degrees
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.rules.vocabulary import x
from fwp.terms.parts import monomials
from fwp.terms.syntax import Variable

__all__ = ["Feed", "Layer", "Model", "Projection", "Spec", "stack"]


class Projection:
    """Maps for the slots of a rule, by name: `Projection(k=softmax(linear("channel -> head key", x), "key"))`.

    Args:
        slots: the map of each slot. A slot that is not named gets a linear map of `default` into its domain.
        default: the map from which unnamed slots are drawn; the signal itself unless said otherwise.
        initial: how states begin: `zero`, `first_write()` or `start(…)`.

    Raises:
        CompositionError: a slot is given what is no map, or the states what is no beginning.
    """

    __slots__ = ("default", "initial", "slots")
    slots: Mapping[str, SlowMap]
    default: SlowMap
    initial: Initial

    def __init__(self, *, default: SlowMap = x, initial: Initial = zero, **slots: SlowMap) -> None:
        if not isinstance(initial, Zero | FirstWrite | StatesFrom):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise CompositionError(
                "this does not say how states begin",
                ("initial", repr(initial)),
                help="write initial=start(W=…), with the map of each state, or initial=first_write()",
            )
        object.__setattr__(self, "slots", MappingProxyType({name: as_map(m) for name, m in slots.items()}))
        object.__setattr__(self, "default", as_map(default))
        object.__setattr__(self, "initial", initial)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Projection is a value: {name!r} cannot be set")

    def slot(self, variable: Variable) -> SlowMap:
        """The map that feeds a slot."""
        own = self.slots.get(variable.name)
        return checked(variable, default_map(variable, self.default) if own is None else own)

    def restricted(self, rule: Rule | System) -> Projection:
        """Without the maps of slots and states that the rule does not have: one wiring may serve many rules."""
        wanted, states = slots_of(rule), {r.of.name for r in rule.rules}
        initial = self.initial
        if isinstance(initial, FirstWrite):
            initial = FirstWrite(tuple(pair for pair in initial.slots if pair[0] in wanted), initial.at)
        if isinstance(initial, StatesFrom):
            initial = StatesFrom(tuple(pair for pair in initial.states if pair[0] in states))
        return Projection(default=self.default, initial=initial, **{n: m for n, m in self.slots.items() if n in wanted})

    def __reduce__(self) -> tuple[object, ...]:
        # For pickle and copy, which would set attributes one by one and cannot take a read-only mapping.
        return partial(Projection, default=self.default, initial=self.initial, **self.slots), ()

    def _contents(self) -> tuple[object, ...]:
        return frozenset(self.slots.items()), self.default, self.initial

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Projection) and self._contents() == other._contents()

    def __hash__(self) -> int:
        return hash(self._contents())

    def __rmatmul__(self, rule: Rule | System) -> Spec:
        if not isinstance(rule, Rule | System):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
            raise wrong_order(rule, self)
        return Spec((Layer(rule, self),))

    def __matmul__(self, control: Control) -> Feed:
        if not isinstance(control, Control):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_order(self, control)
        return Feed(self, control)

    def __repr__(self) -> str:
        from fwp.fields.show import show_projection  # a fold over projections: imported here because it imports them

        return show_projection(self)


@dataclass(frozen=True)
class Layer:
    """A rule and the projection that feeds it."""

    rule: Rule | System
    projection: Projection

    def __post_init__(self) -> None:
        fit(self.rule, self.projection.slots, self.projection.default, self.projection.initial)

    def __repr__(self) -> str:
        return f"{self.rule!r} @ {self.projection!r}"


@dataclass(frozen=True)
class Spec:
    """rule @ projection, one layer or several: a layer above another takes that one's read-out for its signal."""

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        for layer in self.layers[1:]:
            begins = any(map_degrees(own) != (0, 0) for own in all_maps(layer.projection.initial))
            if begins or mentions_increment(layer.rule, layer.projection.slot):
                raise CompositionError(
                    "a layer above another has no increment: its signal is a read-out, whose derivative is not at hand",
                    ("layer", repr(layer)),
                    help="feed its slots from x; the first layer alone may use dx",
                )

    def degrees(self) -> Degrees:
        """The lowest and the highest degree in dx of the first layer's rates: (1, 1) is a controlled equation."""
        layer = self.layers[0]
        return degrees(layer.rule, layer.projection.slot)

    def __matmul__(self, control: Control) -> Model:
        if not isinstance(control, Control):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_order(self, control)
        return Model(self, control)

    def build(self, *_: object, **__: object) -> NoReturn:
        """There is nothing to build before there is a control. Raises: CompositionError."""
        raise CompositionError(
            "a net is built of a model, and this has no control yet",
            ("spec", repr(self)),
            help="compose it with one: (rule @ projection @ hermite).build(…)",
        )

    def __repr__(self) -> str:
        if len(self.layers) == 1:
            return repr(self.layers[0])
        return f"stack({', '.join(map(repr, self.layers))})"


def stack(*specs: Spec) -> Spec:
    """The layers of several specs on top of each other; associative.

    Raises:
        CompositionError: there are none, or something else among them.
    """
    if not specs or not all(isinstance(spec, Spec) for spec in specs):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise CompositionError(
            "a stack is made of rules with their projections, and takes its control afterwards",
            *((f"layer {i}", f"a {type(spec).__name__}") for i, spec in enumerate(specs, 1)),
            help="stack(rule @ projection, …) @ control",
        )
    return Spec(tuple(layer for spec in specs for layer in spec.layers))


@dataclass(frozen=True)
class Feed:
    """projection @ control: all of a model but its rule, so that `@` may be bracketed either way."""

    projection: Projection
    control: Control

    def __rmatmul__(self, rule: Rule | System) -> Model:
        return rule @ self.projection @ self.control


@dataclass(frozen=True)
class Model:
    """rule @ projection @ control, complete but for sizes."""

    spec: Spec
    control: Control

    @property
    def axes(self) -> frozenset[str]:
        """The axes of all its variables and maps: "channel" and "head" have a size in every net, others are given."""
        return frozenset(axis for layer in self.spec.layers for axis in axes_of(layer))

    def require_cde(self) -> Model:
        """The model itself, if its rates are linear in dx, so that its solution does not depend on the control's speed.

        Raises:
            CompositionError: they are not; it shows the terms by degree.
        """
        low, high = self.spec.degrees()
        if (low, high) != (1, 1) or len(self.spec.layers) > 1:
            layer = self.spec.layers[0]
            terms = [term for r in layer.rule.rules for term in monomials(r.rate)]
            found = [(repr(t), term_degrees(t, layer.projection.slot)) for t in terms]
            raise CompositionError(
                "the model is not a controlled differential equation: it is not linear in dx",
                *(
                    (text, f"degree {a:g} in dx" if a == b else f"degrees {a:g} to {b:g} in dx")
                    for text, (a, b) in found
                ),
                help="let exactly one factor of each term come from dx, by linear(…, bias=False)",
            )
        return self

    def build(
        self,
        channels: int,
        *,
        width: int | None = None,
        heads: int = 1,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        **sizes: int,
    ) -> fwp.fields.net.Net:
        """The `Net` of this model, with parameters of its own, drawn from torch's current random state.

        Args:
            channels: of the series, without the time channel that the control may add.
            width: of encoders and of all heads together; `key` and `value` are width / heads unless given.
            heads: copies of the rule, each with slots of its own.
            sizes: of any other axis, by name: `key=4`, `inner=32`, `feature=5`.

        Raises:
            SizeError: an axis has no size, or two, or is none of the model's.
        """
        if taken := {"channel", "head"} & set(sizes):
            raise SizeError(
                "channels and heads have parameters of their own",
                *((axis, str(sizes[axis])) for axis in sorted(taken)),
                help="write channels=… and heads=…",
            )
        given = {"channel": channels, "head": heads} | ({"width": width} if width is not None else {}) | sizes
        return fwp.fields.net.Net(self, given, dtype, device)

    def __repr__(self) -> str:
        return f"{self.spec!r} @ {self.control!r}"
