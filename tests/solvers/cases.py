"""Rules of every structure that is solved in steps, each with its rate written out in numpy; their slots, drawn at random."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax as numpy_softmax
from torch import Tensor

from fwp.rules import ALL, Rule
from fwp.rules.vocabulary import W, beta, gamma, k, v
from fwp.solvers.discretise import Discretisation, Shape, discretise, slots_of
from fwp.solvers.scans.sequential import scan_sequential
from fwp.solvers.steps import Steps
from fwp.terms import DomainKind, Slot, Structure, rename, structure, tanh

SIZES = {"head": 2, "value": 4, "value2": 4, "key": 5, "key2": 5}

Slots = Mapping[str, NDArray]
Rate = Callable[..., NDArray]

k2, v2, eta = Slot("k2", "key"), Slot("v2", "value"), Slot("eta")
B, G = Slot("B", "value key"), Slot("G", "value value2")


def outer(a: NDArray, b: NDArray) -> NDArray:
    return a[:, None] * b[None, :]


def delta(W: NDArray, beta: NDArray, k: NDArray, v: NDArray) -> NDArray:
    return beta * outer(v - W @ k, k)


def two(W: NDArray, beta: NDArray, k: NDArray, v: NDArray, eta: NDArray, k2: NDArray, v2: NDArray) -> NDArray:
    return delta(W, beta, k, v) + delta(W, eta, k2, v2)


two_deltas = beta * (v - W @ k) * k + eta * (v2 - W @ k2) * k2

CASES: Mapping[str, tuple[Rule, Rate]] = {
    "hebb": (ALL["hebb"], lambda W, beta, k, v: beta * outer(v, k)),
    "constant": (Rule(B, name="constant"), lambda W, B: B),
    "delta": (ALL["delta"], delta),
    "oja": (ALL["oja"], lambda W, beta, k, v: beta * outer(v, k - v @ W)),
    "anti_hebb": (ALL["anti_hebb"], lambda W, beta, k: -beta * outer(W @ k, k)),
    "leaky_hebb": (Rule(v * k - gamma * W), lambda W, gamma, k, v: outer(v, k) - gamma * W),
    "leaky_hebb_twice": (Rule(v * k + v2 * k2 - gamma * W), lambda W, gamma, k, v, k2, v2: outer(v, k) + outer(v2, k2) - gamma * W),
    "decay": (Rule(-gamma * W), lambda W, gamma: -gamma * W),
    "leaky_delta": (ALL["leaky_delta"], lambda W, beta, k, v, gamma: delta(W, beta, k, v) - gamma * W),
    "two_deltas": (Rule(two_deltas), two),
    "two_leaky_deltas": (Rule(two_deltas - gamma * W), lambda W, gamma, **s: two(W, **s) - gamma * W),
    "erase_write": (ALL["erase_write"], lambda W, k, v, write, erase: outer(write * v - W @ (erase * k), k)),
    "gated_delta": (ALL["gated_delta"], lambda W, beta, k, v, forget: delta(W, beta, k, v) - W * forget),
    "value_side": (Rule(-(G @ rename(W, value="value2")) + v * k), lambda W, G, k, v: -G @ W + outer(v, k)),
    "tanh_delta": (ALL["tanh_delta"], lambda W, beta, k, v: beta * outer(np.tanh(v - W @ k), k)),
    "tanh_gated": (
        Rule(v2 * tanh(v - W @ k) * k),
        lambda W, k, v, v2: outer(v2 * np.tanh(v - W @ k), k),
    ),
    "softmax_oja": (ALL["softmax_oja"], lambda W, beta, k, v: beta * outer(v, numpy_softmax(k - v @ W))),
}  # fmt: skip

AFFINE = [name for name in CASES if "tanh" not in name and "softmax" not in name]
LOW_RANK = [name for name in AFFINE if name not in ("constant", "gated_delta", "value_side")]
FLOWS = [name for name in CASES if name not in AFFINE]


@cache
def structure_of(name: str) -> Structure:
    rule, _ = CASES[name]
    return structure(rule.rate, rule.of)


@dataclass(frozen=True)
class Problem:
    """A rule with slots at the nodes of every step, lengths and a first state."""

    name: str
    rule: Rule
    own: Discretisation
    slots: dict[str, Tensor]
    length: Tensor
    initial: Tensor
    """(batch head *axes)"""

    def steps(self, length: Tensor | None = None) -> Steps:
        return self.own.steps(self.slots, self.length if length is None else length)

    def states(self, length: Tensor | None = None) -> Tensor:
        """After every step, `(batch time head *axes)`."""
        at = range(1, 1 + self.own.count * self.length.shape[1])[self.own.count - 1 :: self.own.count]
        found = scan_sequential(self.steps(length), self.own.sides.matrix(self.initial), list(at))
        return self.own.sides.state(found)


def problem(
    name: str,
    method: str = "exact",
    batch: int = 2,
    time: int = 3,
    seed: int = 0,
    scale: float = 1.0,
    sizes: Mapping[str, int] = SIZES,
    **kind: torch.dtype,
) -> Problem:
    """Standard normal slots in their domains, multiplied by `scale` where these are the reals; lengths about one.

    What only would explode, a negative decay or generator, is left out.
    """
    rule, _ = CASES[name]
    generator = torch.Generator().manual_seed(seed)
    own = discretise(structure_of(name), Shape(rule, tuple(sizes.items())), method, method == "exact")
    lead = (batch, time, len(own.nodes), sizes["head"])
    slots = {}
    for slot in slots_of(rule):
        drawn = torch.randn(*lead, *(sizes[a] for a in slot.declared), generator=generator, dtype=torch.float64)
        match slot.domain.kind:
            case DomainKind.NONNEGATIVE:
                drawn = drawn.abs()
            case DomainKind.UNIT:
                drawn = drawn.sigmoid()
            case _:
                drawn = scale * drawn
        slots[slot.name] = drawn.to(**kind)
    if "forget" in slots:
        slots["forget"] = slots["forget"].abs()
    if "G" in slots:
        slots["G"] = slots["G"] @ slots["G"].mT / 4
    length = 0.3 + torch.rand(batch, time, generator=generator, dtype=torch.float64)
    initial = torch.randn(batch, sizes["head"], sizes["value"], sizes["key"], generator=generator, dtype=torch.float64)
    return Problem(name, rule, own, slots, length, initial.to(**kind))


def off(ours: Tensor, reference: Tensor) -> float:
    """Max-abs of the difference over max(1, max-abs of the reference)."""
    assert ours.shape == reference.shape
    ours, reference = ours.detach().double(), reference.detach().double()
    return float((ours - reference).abs().max() / reference.abs().max().clamp(min=1)) if ours.numel() else 0.0
