"""What to say when a solver could not reach the end: where, which sample, the norms there, and what to try."""

from collections.abc import Mapping, Sequence
from math import inf

import torch
from torch import Tensor

from fwp.errors import SolveError
from fwp.fields import VectorField
from fwp.solvers.torchdiffeq import METHODS, Counts, Family
from fwp.terms.degree import degree
from fwp.terms.syntax import Role

__all__ = ["refuse_unfinished", "stopped"]

Tensors = Mapping[str, Tensor]


def stopped(field: VectorField, initial: Tensors, method: str, counts: Counts, because: str) -> SolveError:
    """The complaint for a solver that gave up at its last step."""
    if counts.last is None:
        return _complaint(field, initial, initial, 0.0, method, counts, because)
    place, states = counts.last
    own = states if isinstance(states, tuple) else (states,)
    return _complaint(field, initial, dict(zip(initial, own, strict=True)), place, method, counts, because)


def refuse_unfinished(
    field: VectorField, initial: Tensors, found: Tensors, method: str, counts: Counts, knots: Sequence[int]
) -> None:
    """Raise where the states are not finite at one of the knots they were asked for."""
    for i, knot in enumerate(knots):
        here = {name: state[i].detach() for name, state in found.items()}
        if not all(bool(torch.isfinite(state).all()) for state in here.values()):
            raise _complaint(field, initial, here, float(knot), method, counts, "the states are not finite")


def _complaint(
    field: VectorField, initial: Tensors, states: Tensors, place: float, method: str, counts: Counts, because: str
) -> SolveError:
    with torch.no_grad():
        rates = field(place)(states)
        norms = {name: state.flatten(1).norm(dim=1) for name, state in states.items()}
        worst = torch.stack([n.nan_to_num(nan=inf, posinf=inf) for n in norms.values()]).sum(0)
        sample = int(worst.argmax())
    knot = min(int(place), field.path.intervals)
    time = float(field.path.times[sample, knot])
    facts = [("because", because), ("where", f"sample {sample} of {field.path.batch}, knot {knot}, t = {time:.6g}")]
    for name, norm in norms.items():
        start = float(initial[name][sample].norm())
        facts.append((f"|{name}|", f"{float(norm[sample]):.3g} ({start:.3g} at the start)"))
        facts.append((f"|d{name}/dt|", f"{float(rates[name][sample].norm()):.3g}"))
    facts.append(("work", f"{counts.steps} steps, {counts.rejected} rejected, {counts.evaluations} evaluations"))
    for layer in field.net.model.spec.layers:
        for rule in layer.rule.rules:
            facts.append((f"degree of d{rule.of.name}/dt in the states", f"{degree(rule.rate, Role.STATE):g}"))
    if METHODS[method] is Family.ADAPTIVE:
        advice = "try method='rk4', looser tolerances, or keys of smaller norm (softmax, normalize)"
    else:
        advice = "try more steps=…, keys of smaller norm (softmax, normalize), or a smaller rate"
    return SolveError(f"`{method}` could not solve the field", *facts, help=advice)
