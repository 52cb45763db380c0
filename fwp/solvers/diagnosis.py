"""What to say when a solver could not reach the end: where, which sample, the norms there, and what to try."""

from collections.abc import Callable, Mapping, Sequence
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
    own = [state.detach() for state in (states if isinstance(states, tuple) else (states,))]
    return _complaint(field, initial, dict(zip(initial, own, strict=True)), place, method, counts, because)


def refuse_unfinished(
    field: VectorField,
    initial: Tensors,
    found: Tensors,
    method: str,
    counts: Counts,
    again: Callable[[Sequence[int]], Tensors],
) -> None:
    """Raise where the states found are not finite; `again` solves once more for given knots, to say where that began."""
    if all(bool(torch.isfinite(state).all()) for state in found.values()):
        return
    try:
        with torch.no_grad():
            states = again(range(field.path.intervals + 1))
    except AssertionError as error:  # this time the solver noticed by itself
        raise stopped(field, initial, method, counts, str(error)) from None
    finite = torch.stack([torch.isfinite(state).flatten(2).all(2) for state in states.values()]).all(0)
    first = int(finite.all(1).long().cumprod(0).sum())
    last = max(first - 1, 0)
    sample = int(finite[min(first, len(finite) - 1)].long().argmin())
    because = f"the states are not finite at knot {first}"
    before = {n: s[last] for n, s in states.items()}
    raise _complaint(field, initial, before, float(last), method, counts, because, sample)


def _complaint(
    field: VectorField,
    initial: Tensors,
    states: Tensors,
    place: float,
    method: str,
    counts: Counts,
    because: str,
    sample: int | None = None,
) -> SolveError:
    with torch.no_grad():
        rates = field(place)(states)
        norms = {name: state.double().flatten(1).norm(dim=1) for name, state in states.items()}
        moves = [rate.double().flatten(1).norm(dim=1) for rate in rates.values()]
        worst = torch.stack([n.nan_to_num(nan=inf, posinf=inf) for n in (*norms.values(), *moves)]).sum(0)
        sample = int(worst.argmax()) if sample is None else sample
    knot = min(int(place), field.path.intervals)
    time = float(field.path.times[sample, knot])
    facts = [("because", because), ("where", f"sample {sample} of {field.path.batch}, knot {knot}, t = {time:.6g}")]
    for name, norm in norms.items():
        start = float(initial[name][sample].detach().double().norm())
        facts.append((f"|{name}|", f"{float(norm[sample]):.3g} ({start:.3g} at the start)"))
        facts.append((f"|d{name}/dt|", f"{float(rates[name][sample].double().norm()):.3g}"))
    facts.append(("work", f"{counts.steps} steps, {counts.rejected} rejected, {counts.evaluations} evaluations"))
    for layer in field.net.model.spec.layers:
        for rule in layer.rule.rules:
            facts.append((f"degree of d{rule.of.name}/dt in the states", f"{degree(rule.rate, Role.STATE):g}"))
    if METHODS.get(method) in (Family.ADAPTIVE, Family.SCIPY):
        advice = "try method='rk4', looser tolerances, or keys of smaller norm (softmax, normalize)"
    else:
        advice = "try more steps=…, keys of smaller norm (softmax, normalize), or a smaller rate"
    return SolveError(f"`{method}` could not solve the field", *facts, help=advice)
