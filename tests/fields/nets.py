"""What the tests of composition and of solvers build: small nets for every rule, and rules whose slots are fed by hand."""

from math import prod

import torch
from hypothesis import settings
from torch import Tensor

from fwp import controls
from fwp.controls import Control
from fwp.data import Series, series
from fwp.fields import (
    Model,
    Net,
    Projection,
    big_map_wiring,
    direct,
    external,
    gru_ode_wiring,
    ncde_wiring,
    normalize,
    nrde_wiring,
    sigmoid,
    softmax,
    softplus,
    zero,
)
from fwp.fields.fit import slots_of
from fwp.fields.sizes import axes_of
from fwp.rules import ALL, Rule, System, x
from fwp.terms import DomainKind, Variable
from fwp.testing.flows import Pick

few = settings(max_examples=1 + settings.default.max_examples // 4)
"""For properties whose every example solves something."""

SIZES = {"key": 5, "value": 4, "hidden": 7, "inner": 6, "feature": 8}
"""Beside 3 channels, 2 heads and 10 of width no two axes are alike."""

TIMELESS = Control(controls.Kind.LINEAR, time=False)
"""Straight lines through the channels and nothing else."""


def suitable(name: str) -> Projection:
    """A wiring that fits the rule of this name."""
    own = {"ncde": ncde_wiring(), "nrde": nrde_wiring(), "big_map": big_map_wiring(), "gru_ode": gru_ode_wiring()}
    return own.get(name) or direct().restricted(ALL[name])


def built(rule: Rule | System, projection: Projection, control: Control = controls.linear, **sizes: int) -> Net:
    """A float64 net over 3 channels and of 2 heads unless told otherwise."""
    return sized(rule @ projection @ control, **sizes)


def sized(model: Model, **sizes: int) -> Net:
    """The model's float64 net with the usual sizes, of the axes that it has."""
    wanted = {axis: size for axis, size in SIZES.items() if any(axis in axes_of(layer) for layer in model.spec.layers)}
    given = {"channels": 3, "heads": 2, "width": 10, **wanted} | sizes
    return model.build(**given, dtype=torch.float64)


def some_series(
    batch: int = 3, time: int = 6, channel: int = 3, seed: int = 0, missing: float = 0.0, unequal: bool = False
) -> Series:
    """Irregular times about one apart; the first sample is the longest."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    values = torch.randn(batch, time, channel, generator=generator, dtype=torch.float64)
    values = torch.where(rand(batch, time, channel) < missing, torch.nan, values)
    times = (0.5 + rand(batch, time)).cumsum(1)
    lengths = torch.randint(min(2, time), time + 1, (batch,), generator=generator)
    lengths[0] = time
    return series(values, times, lengths=lengths if unequal else None)


def random_states(net: Net, batch: int, seed: int = 0) -> dict[str, Tensor]:
    """Standard normal states, `(batch head *axes)`."""
    generator = torch.Generator().manual_seed(seed)
    like = net(some_series(batch, 2, net.sizes["channel"])).initial()
    return {name: torch.randn(s.shape, generator=generator, dtype=torch.float64) for name, s in like.items()}


def fed(
    rule: Rule | System, sizes: dict[str, int], source: Variable = x, initial=zero, order: str = ""
) -> tuple[Projection, dict[str, slice]]:
    """A projection that feeds each slot from channels of its own, brought into its domain; and which channels these are.

    Slots stand in the order in which the rule names them, or in the given one.
    """
    slots, where, first = {}, {}, 0
    wanted = slots_of(rule)
    for name in order.split() or wanted:
        slot = wanted[name]
        shape = tuple(sizes[a] for a in slot.declared)
        where[name] = slice(first, first := first + prod(shape))
        raw = external(Pick(where[name].start, shape), source, " ".join(slot.declared))
        match slot.domain.kind:
            case DomainKind.REAL:
                slots[name] = raw
            case DomainKind.NONNEGATIVE:
                slots[name] = softplus(raw)
            case DomainKind.UNIT:
                slots[name] = sigmoid(raw)
            case DomainKind.SIMPLEX:
                slots[name] = softmax(raw, slot.domain.axis)
            case DomainKind.SPHERE:
                slots[name] = normalize(raw, slot.domain.axis)
    return Projection(initial=initial, **slots), where


def by_hand(
    rule: Rule | System, sizes: dict[str, int], control: Control = TIMELESS, channels: int = 0, **options
) -> tuple[Net, dict[str, slice]]:
    """A net of one head without any parameters, whose slots are the control's channels; and which channels these are.

    Of a control with time the time is the last slot's concern: it takes one channel less from the series.
    """
    projection, where = fed(rule, sizes, **options)
    channels = max(channels, *(chosen.stop - control.time for chosen in where.values()))
    model = rule @ projection @ control
    used = {a for layer in model.spec.layers for a in axes_of(layer)}
    return sized(model, channels=channels, heads=1, **{a: n for a, n in sizes.items() if a in used}), where


def close(ours: Tensor, reference: Tensor, bar: float) -> bool:
    """Max-abs of the difference at most `bar` times max(1, max-abs of the reference)."""
    assert ours.shape == reference.shape
    ours, reference = ours.detach(), reference.detach()
    return bool((ours - reference).abs().max() <= bar * max(1.0, float(reference.abs().max())))
