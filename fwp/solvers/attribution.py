"""Attribution: what each step of the series contributes to a read-out, for rules whose steps are affine in the state.

Unrolled, the state is a sum over the steps, and a linear read-out is too. There are two such sums, and both are exact.

`writes` is that of the chunk form, Wₙ = Λₙ W₀ + Σᵢ (Λₙ/Λᵢ) yᵢ writeᵢᵀ: what step i wrote, as it was written. What it took away
of older values is in yᵢ, with the other sign; Λ is the product of scalar decays. Read by q, step i gives (writeᵢ·q) yᵢ.

`values` is that of the sources, Wₙ = W₀ P₁…Pₙ + Σᵢ Bᵢ Pᵢ₊₁…Pₙ, where step i is W ↦ W Pᵢ + Bᵢ: what is left of the value of
step i after all that later steps erased. It is what the read-out would lack, had Bᵢ been 0 and all keys and rates as they are.

Source of the first: Yang et al., Parallelizing linear transformers with the delta rule over sequence length (2024).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from fwp.errors import CompositionError, SolveError
from fwp.fields import VectorField
from fwp.fields.net import LayerNet
from fwp.rules.rule import Rule
from fwp.solvers.choices import check_choices
from fwp.solvers.discretise import discretise
from fwp.solvers.plan import Plan, plan
from fwp.solvers.situation import shape_of, situation_of
from fwp.solvers.solve import begin_with, requests_of
from fwp.solvers.steps import DenseSteps, LowRankSteps, Steps
from fwp.solvers.walk import scan, segment_steps
from fwp.solvers.witnesses import Sides
from fwp.terms.parts import parts

__all__ = ["Attribution", "Prepared", "attribute", "prepared", "read_shares"]


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each interval between two knots contributes to the read-out, and what the first state does.

    `steps` are `(batch step head *axes)`, `initial` `(batch head *axes)`; with requested times both have an axis `request`
    behind `batch`. Step i lies between the real times `times[:, i]` and `times[:, i + 1]`. What comes after a request, and
    padding, contributes 0.
    """

    steps: Float[Tensor, "batch ..."]
    initial: Float[Tensor, "batch ..."]
    times: Float64[Tensor, "batch knot"]
    at_end: bool

    @property
    def total(self) -> Float[Tensor, "batch ..."]:
        """The read-out itself: all contributions together."""
        return self.initial + self.steps.sum(1 if self.at_end else 2)


def attribute(
    field: VectorField,
    times: Float64[Tensor, "request"] | Float64[Tensor, "batch request"] | Literal["knots"] | None = None,
    *,
    of: Literal["writes", "values"] = "writes",
    method: str = "auto",
    steps: int = 1,
    initial: Mapping[str, Tensor] | Tensor | None = None,
) -> Attribution:
    """What each step contributes to `solve(field, times).read()`. Differentiable as the read-out is.

    A share of the state is held for every step and request. Several layers: `attribute_paths` of a sequence layer.

    Args:
        field: `net(series)` or `net @ path`, of one layer.
        times: as of `solve`: None for each sample's own end, "knots" for every knot.
        of: `writes`, what each step wrote, erasures included, or `values`, what is left of each step's value.
        method, steps, initial: as of `solve`.

    Raises:
        SolveError: the steps are not affine in the state; not of low rank, which `writes` needs; no such sum.
        CompositionError: the read-out is not linear in the state.
        DataError: a requested time lies outside the path.
    """
    if of not in ("writes", "values"):
        raise SolveError("there is no such attribution", ("of", repr(of)), help="use 'writes' or 'values'")
    asked = check_choices(field, method, steps)
    path, knots, at_end = requests_of(field.path, times)
    ready = prepared(VectorField(field.net, path), asked.method, asked.steps, initial)
    taken, first, chosen, each = ready.steps, ready.first, ready.plan, ready.each
    past = torch.arange(path.intervals * each, device=knots.device) < knots[..., None] * each
    match of, taken:
        case "writes", LowRankSteps():
            states = scan(taken, first, range(1, past.shape[-1] + 1), chosen.scan, chosen.chunk)
            before = torch.cat([first[:, None], states[:, :-1]], 1)
            kept, shares = _writes(taken, first, before, past)
        case ("values", LowRankSteps() | DenseSteps()) | ("writes", DenseSteps(transition=None)):
            kept, shares = _values(taken, first, past)
        case _:
            raise _not_affine(of, type(chosen.structure).__name__, chosen.method, taken)
    shares = shares.unflatten(2, (path.intervals, each)).sum(3)
    from_steps = read_shares(ready, shares, knots)
    from_first = read_shares(ready, kept[:, :, None], knots)[:, :, 0]
    if at_end:
        from_steps, from_first = from_steps[:, 0], from_first[:, 0]
    return Attribution(from_steps, from_first, path.times, at_end)


Shares = tuple[Float[Tensor, "batch request head output read"], Float[Tensor, "batch request step head output read"]]
"""The shares of the first state and of each step in the state at each request."""


def _writes(
    steps: LowRankSteps,
    first: Float[Tensor, "batch head output read"],
    before: Float[Tensor, "batch step head output read"],
    past: Bool[Tensor, "batch request step"],
) -> Shares:
    """Shares as they were written, from the states before each step."""
    written = steps.gain.mT @ steps.value
    if steps.read is not None and steps.erase is not None:
        written = written - steps.erase.mT @ (steps.read @ before.mT)
    shares = (written.mT @ steps.write)[:, None]
    counts = past[..., None].to(shares.dtype)
    if steps.decay is None:
        return first[:, None].expand(-1, past.shape[1], -1, -1, -1), shares * counts[..., None, None]
    decay = torch.where(past[..., None], steps.decay[:, None], 1.0)
    later = decay.flip(2).cumprod(2).flip(2)  # of a step and all after it; no decay is ever divided by
    since = torch.cat([later[:, :, 1:], torch.ones_like(later[:, :, :1])], 2)
    return later[:, :, 0, :, None, None] * first[:, None], shares * (counts * since)[..., None, None]


def _values(
    steps: LowRankSteps | DenseSteps,
    first: Float[Tensor, "batch head output read"],
    past: Bool[Tensor, "batch request step"],
) -> Shares:
    """Shares as they are left, by products of transitions from the last step back to the first."""
    match steps:
        case LowRankSteps():
            offset = (steps.gain.mT @ steps.value).mT @ steps.write
            eye = torch.eye(offset.shape[-1]).to(offset)
            change = torch.zeros_like(eye)
            if steps.decay is not None:
                change = (steps.decay - 1)[..., None, None] * eye
            if steps.read is not None and steps.erase is not None:
                change = change - steps.read.mT @ steps.erase @ steps.write
        case DenseSteps():
            offset = steps.offset
            eye = torch.eye(offset.shape[-1]).to(offset)
            change = torch.zeros_like(eye) if steps.transition is None else steps.transition - eye
    offset, change = offset[:, None], change.expand(*offset.shape[:3], *eye.shape)[:, None]
    product = eye.expand(len(first), past.shape[1], first.shape[1], -1, -1)
    shares: list[Tensor] = []
    for i in reversed(range(past.shape[-1])):
        here = past[:, :, i, None, None, None].to(offset.dtype)
        shares.append(here * (offset[:, :, i] @ product))
        product = product + here * (change[:, :, i] @ product)
    return first[:, None] @ product, torch.stack(shares[::-1], 2)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A field of one layer and one state, discretised: its steps, `each` in an interval, and its first state as a matrix."""

    field: VectorField
    layer: LayerNet
    rule: Rule
    plan: Plan
    sides: Sides
    steps: Steps
    first: Float[Tensor, "batch head output read"]
    each: int


def prepared(field: VectorField, method: str, steps: int, initial: Mapping[str, Tensor] | Tensor | None) -> Prepared:
    """The field's own steps, as `solve` would take them.

    Raises:
        SolveError: it has several layers or states, or the method is not of the rule's own steps.
        CompositionError: the read-out is not linear in the state.
    """
    chosen = plan(situation_of(field), method=method, steps=steps)
    if chosen.structure is None or chosen.backend != "structured":
        raise SolveError(
            "contributions are known of a rule's own steps alone",
            *(f"{what}: {why}" for what, why in chosen.reasons if what == "structured steps"),
            ("method", chosen.method),
            help="attribute a field of one layer and one state, with method='auto'",
        )
    layer, rule = field.net.layers[0], field.net.model.spec.layers[0].rule
    assert isinstance(layer, LayerNet) and isinstance(rule, Rule)
    if set(parts(rule.read, rule.of)) != {1}:
        raise CompositionError(
            "the read-out is not linear in the state: its value is no sum over shares of the state",
            ("read-out", repr(rule.read)),
            ("state", repr(rule.of)),
            help=f"attribute a rule that reads linearly, as {rule.of.name} @ q does",
        )
    own = discretise(chosen.structure, shape_of(field), chosen.method, chosen.constant)
    (name,) = field.net.state_names[0]
    first = own.sides.matrix(begin_with(field.initial(), initial)[name])
    taken = segment_steps(field, layer, own, steps, 0, field.path.intervals)
    return Prepared(field, layer, rule, chosen, own.sides, taken, first, steps * own.count)


def read_shares(
    ready: Prepared,
    shares: Float[Tensor, "batch request share head output read"],
    knots: Int64[Tensor, "batch request"],
) -> Float[Tensor, "batch request share head *axes"]:
    """The read-out of each share of the state, all by the query of their request."""
    inputs = {name: signal[:, :, None] for name, signal in ready.field.at_knots(knots).inputs.items()}
    return ready.layer.read({ready.layer.states[0].name: ready.sides.state(shares)}, inputs)


def _not_affine(of: str, structure: str, method: str, steps: Steps) -> SolveError:
    if isinstance(steps, DenseSteps):
        return SolveError(
            "the steps are affine, but of full rank: what a step wrote has no form of its own",
            ("structure", structure),
            ("of", of),
            help="take of='values'",
        )
    return SolveError(
        "the steps are not affine in the state: it is no sum over the steps",
        ("structure", structure),
        ("method", method),
        help="attribute a rule that is affine, such as Hebb's, Oja's or Delta, with method='auto'",
    )
