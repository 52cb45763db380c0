"""Checks of what a rule does by the default projection: where its states begin, and whether they stay bounded.

Each returns what was tried, in a few words; it raises Broken, Doubtful or Outside.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.controls import Control, Kind
from fwp.data import series
from fwp.errors import FwpError
from fwp.fields import StatesFrom, VectorField, direct, suited
from fwp.fields.beginning import alike, start_of
from fwp.fields.net import LayerNet
from fwp.rules import Rule, System
from fwp.rules.growth import need_not_stay_bounded
from fwp.rules.judged import structure_of
from fwp.solvers import solve
from fwp.terms import ConstantRate, LowRank, OneSided, ReadOut
from fwp.testing.attempt import Broken, Doubtful, Outside
from fwp.testing.static import obstacle
from fwp.testing.strategies import axes_of

__all__ = ["bounded", "starts"]

_STEPS = 5_000
_LARGEST = 1e6
"""Larger than what any slot of the default projection could add up to in so many steps."""

_GROWTH = 6.0
"""From the first tenth of the steps to the last: what adds up grows tenfold, a random walk threefold, Delta by a half."""


def starts(rule: Rule | System) -> str:
    """The read-out at the default start has finite gradients, not all of them 0, and units that differ."""
    field = _field(rule, 12)
    solution = solve(field, "knots")
    read = solution.read()
    own = [p for p in field.net.parameters() if p.requires_grad]
    probe = torch.sin(1 + torch.arange(read.numel(), dtype=read.dtype)).reshape(read.shape)
    slopes = [s for s in torch.autograd.grad((read * probe).sum(), own, allow_unused=True) if s is not None]
    initial = field.net.model.spec.layers[0].projection.initial
    if not all(bool(torch.isfinite(slope).all()) for slope in slopes):
        raise Broken("the gradients of what is read are not finite at the default start", f"  initial = {initial!r}")
    if not any(bool(slope.any()) for slope in slopes):
        raise Broken("the gradients of what is read are all 0 at the default start", f"  initial = {initial!r}")
    for axis, states in alike(initial, rule).items():
        names = " and ".join(state.name for state in states)
        raise Doubtful(f"all units along `{axis}` begin alike and stay so in {names}: {start_of(states[0])}")
    if isinstance(initial, StatesFrom):
        return f"{', '.join(name for name, _ in initial.states)} at learned values: at zero there they would stay"
    return "gradients at the first write"


def bounded(rule: Rule | System) -> str:
    """States stay bounded over 5,000 unit steps on standard normal input, or the rule says that they need not."""
    why = need_not_stay_bounded(rule)
    if why is not None:
        raise Outside(f"need not stay so: {why}")
    field = _field(rule, _STEPS)
    largest = torch.stack(list(_largest(rule, field).values()))  # (state, knot, run)
    uncertain = field.net.model.spec.layers[0].uncertain_decays
    doubts = "".join(f"\n`{slot.name}` is a decay of {of.name} that may be negative" for slot, of in uncertain)
    inside = (largest <= _LARGEST).all(2).all(0)  # NaN is not
    if not inside.all():
        step = int(inside.long().cumprod(0).sum())
        sizes = ", ".join(
            f"|{e.of.name}| = {float(own[step - 1].max()):.3g}" for e, own in zip(rule.rules, largest, strict=True)
        )
        raise Broken(
            f"by the default projection states leave all bounds after {step} unit steps: {sizes} before{doubts}"
        )
    tenth = _STEPS // 10
    early, late = (part.amax(1).median(1).values for part in (largest[:, :tenth], largest[:, -tenth:]))
    for each, before, after in zip(rule.rules, early.tolist(), late.tolist(), strict=True):
        if after > _GROWTH * max(before, 1e-6):
            raise Broken(
                f"by the default projection |{each.of.name}| grows from {before:.3g} in {tenth} unit steps to {after:.3g} in"
                f" {_STEPS}; if it may, say why: Rule(…, unbounded=…){doubts}"
            )
    if uncertain:
        raise Doubtful(doubts.strip().replace("\n", "; "))
    sizes = ", ".join(f"|{e.of.name}| ≤ {float(own.max()):.2g}" for e, own in zip(rule.rules, largest, strict=True))
    return f"{sizes} in {_STEPS} unit steps"


def _field(rule: Rule | System, steps: int) -> VectorField:
    """The rule by the default projection, on standard normal input without a channel for the time."""
    why = obstacle(rule)
    if why is not None:
        raise Outside(why)
    heads, channels = 4, 3
    known = {axis: channels if "channel" in own else 4 for own in axes_of(rule) for axis in own}
    try:
        model = rule @ suited(direct(), rule) @ Control(Kind.LINEAR, time=False)
    except FwpError as error:
        raise Outside(error.what) from None
    given = {axis: known[axis] for axis in model.axes if axis in known and axis not in ("channel", "head", "width")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = model.build(channels, width=16, heads=heads, dtype=torch.float64, device=None, **given)
        return net(series(torch.randn(2, steps + 1, channels, dtype=torch.float64)))


@torch.no_grad()
def _largest(rule: Rule | System, field: VectorField) -> Mapping[str, Float[Tensor, "knot run"]]:
    """The largest entry of each state at every knot, for each sample and head."""
    found = structure_of(rule) if isinstance(rule, Rule) else None
    match found:
        case LowRank() | ConstantRate(writes=(_, *_)):
            states = solve(field, "knots", scan="chunked").states
        case OneSided() | ConstantRate() | ReadOut():
            states = solve(field, "knots").states
        case _:
            return _stepped(field)
    return {name: state.abs().flatten(3).amax(3).movedim(1, 0).flatten(1) for name, state in states.items()}


def _stepped(field: VectorField) -> Mapping[str, Float[Tensor, "knot run"]]:
    """By the steps of `rk4`, Kutta's 3/8 rule, with all slots computed before: torchdiffeq would take ten times as long."""
    (layer,), path = field.net.layers, field.path
    assert isinstance(layer, LayerNet)
    x, dx = path.nodes([0.0, 1 / 3, 2 / 3, 1.0])
    slots = layer.slots(layer.rate_arguments, field.signals(x, dx))
    rank = {a.name: 1 + len(a.declared) for a in layer.rate_arguments}
    fixed = {name: own for name, own in slots.items() if own.ndim == rank[name]}
    moving = {n: [step.unbind(1) for step in own.unbind(1)] for n, own in slots.items() if n not in fixed}
    states = field.initial()

    def rate(i: int, node: int, at: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        here = {name: own[i][node] for name, own in moving.items()}
        return layer.rates(dict(zip(states, at, strict=True)), {**fixed, **here})

    def sizes(at: tuple[Tensor, ...]) -> Tensor:
        return torch.stack([own.abs().flatten(2).amax(2).flatten() for own in at])

    now = tuple(states.values())
    kept = [sizes(now)]
    for i in range(path.intervals):
        a = rate(i, 0, now)
        b = rate(i, 1, tuple(s + k / 3 for s, k in zip(now, a, strict=True)))
        c = rate(i, 2, tuple(s + (m - k / 3) for s, k, m in zip(now, a, b, strict=True)))
        d = rate(i, 3, tuple(s + (k - m + n) for s, k, m, n in zip(now, a, b, c, strict=True)))
        now = tuple(s + (k + 3 * (m + n) + o) / 8 for s, k, m, n, o in zip(now, a, b, c, d, strict=True))
        kept.append(sizes(now))
        if i % 100 == 0 and not bool((kept[-1] <= _LARGEST).all()):
            break
    return dict(zip(states, torch.stack(kept, 1), strict=True))
