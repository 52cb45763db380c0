"""One exact step is exact to the precision of the state's own size, however stiff, for every scan; so are its gradients.

The reference is the exponential of the generator at 60 digits, by mpmath. The state's own size is the largest entry before or
after the step; a rounding of it is the unit. Keys are drawn at random: of nearly parallel ones a rounding of the keys
themselves moves the solution by as much as the step is stiff.
"""

from collections.abc import Mapping
from itertools import product

import mpmath
import pytest
import torch
from torch import Tensor

from fwp.rules import Rule, W, k, v
from fwp.solvers.discretise import Shape, discretise, slots_of
from fwp.solvers.kernels import available
from fwp.solvers.plan import Scan
from fwp.solvers.walk import scan
from fwp.terms import Slot, real, structure

beta, eta, zeta, leak = (Slot(name, domain=real) for name in ("beta", "eta", "zeta", "leak"))
k2, v2, k3, v3 = Slot("k2", "key"), Slot("v2", "value"), Slot("k3", "key"), Slot("v3", "value")

PARTS = {
    "delta": ((beta, v, k, k),),
    "leaky delta": ((beta, v, k, k),),
    "hebb": ((beta, v, None, k),),
    "leaky hebb": ((beta, v, None, k),),
    "write here, erase there": ((beta, v, None, k2), (eta, None, k, k)),
    "two deltas": ((beta, v, k, k), (eta, v2, k2, k2)),
    "two leaky deltas": ((beta, v, k, k), (eta, v2, k2, k2)),
    "three deltas": ((beta, v, k, k), (eta, v2, k2, k2), (zeta, v3, k3, k3)),
}
"""Rate, value, read and write of each part: dW/dt = Σ rate (value − W read) writeᵀ − leak W."""

STIFFNESS = [0.0, 1e-12, 1e-6, 1e-3, 1.0, 30.0, 1e3, 1e6, 1e9, 1e12]
KEYS = (1, 2, 3, 5)
VALUES = 2
SCANS = [s for s in Scan if s is not Scan.FUSED or available()]
UNITS = 200
"""Roundings of the state's own size that a step may be off: keys of some condition, and 40 doublings."""

Numbers = Mapping[str, Tensor]


def leaky(name: str) -> bool:
    return "leaky" in name


def rule_of(name: str) -> Rule:
    terms = []
    for rate, value, read, write in PARTS[name]:
        terms += [] if value is None else [rate * value * write]
        terms += [] if read is None else [-(rate * (W @ read) * write)]
    return Rule(sum(terms[1:], terms[0]) - (leak * W if leaky(name) else 0))


def drawn(name: str, keys: int, dtype: torch.dtype) -> tuple[dict[str, Tensor], Tensor]:
    """Slots `(batch time node head *axes)`, all sizes but those of the axes 1, and a state."""
    generator = torch.Generator().manual_seed(7 * keys + len(name))
    slots = {}
    for slot in slots_of(rule_of(name)):
        sizes = [{"key": keys, "value": VALUES}[axis] for axis in slot.declared]
        drawn = torch.randn(1, 1, 1, 1, *sizes, generator=generator, dtype=torch.float64)
        slots[slot.name] = (drawn if sizes else 0.5 + drawn.sigmoid()).to(dtype)
    return slots, torch.randn(1, 1, VALUES, keys, generator=generator, dtype=torch.float64).to(dtype)


def step(name: str, slots: Numbers, state: Tensor, length: float, by: Scan) -> Tensor:
    rule, (values, keys) = rule_of(name), state.shape[-2:]
    shape = Shape(rule, (("head", 1), ("value", values), ("key", keys)))
    own = discretise(structure(rule.rate, rule.of), shape, "exact", True)
    return scan(own.steps(slots, torch.tensor([[length]], dtype=torch.float64)), state, [1], by, 32)[0, 0, 0]


def column(values: Tensor) -> mpmath.matrix:
    return mpmath.matrix([[mpmath.mpf(float(x))] for x in values.flatten()])


def truth(name: str, slots: Mapping[str, mpmath.matrix], state: mpmath.matrix, length: float) -> mpmath.matrix:
    """W exp(h G) + ∫ V exp(s G) ds, from the exponential of [[G, 0], [V, 0]]."""
    values, keys = state.rows, state.cols
    whole = mpmath.zeros(keys + values, keys + values)
    for rate, value, read, write in PARTS[name]:
        factor = length * slots[rate.name][0]
        for i, j in product(range(keys), range(keys)):
            whole[i, j] -= 0 if read is None else factor * slots[read.name][i] * slots[write.name][j]
        for i, j in product(range(values), range(keys)):
            whole[keys + i, j] += 0 if value is None else factor * slots[value.name][i] * slots[write.name][j]
    for i in range(keys) if leaky(name) else ():
        whole[i, i] -= length * slots["leak"][0]
    grown = mpmath.expm(whole)
    return state * grown[:keys, :keys] + grown[keys:, :keys]


def largest(*matrices: mpmath.matrix) -> float:
    return float(max(abs(x) for matrix in matrices for x in matrix))


def of_mpmath(matrix: mpmath.matrix) -> Tensor:
    return torch.tensor([[float(matrix[i, j]) for j in range(matrix.cols)] for i in range(matrix.rows)]).double()


def matrix_of(state: Tensor) -> mpmath.matrix:
    return mpmath.matrix([[mpmath.mpf(x) for x in row] for row in state.double().tolist()])


def check_states(name: str, keys: int, stiffness: float, dtype: torch.dtype) -> None:
    slots, state = drawn(name, keys, dtype)
    with mpmath.workdps(60):
        before = matrix_of(state[0, 0])
        after = truth(name, {n: column(s) for n, s in slots.items()}, before, stiffness)
        for by in SCANS:
            off = largest(matrix_of(step(name, slots, state, stiffness, by)) - after) / largest(before, after)
            assert off <= UNITS * torch.finfo(dtype).eps, f"{by.value}: {off / torch.finfo(dtype).eps:.3g} roundings"


def check_gradients(name: str, keys: int, stiffness: float, dtype: torch.dtype) -> None:
    """Of a weighted sum of the state's entries, along one direction of all that goes in, against a difference at 60 digits."""
    slots, state = drawn(name, keys, dtype)
    generator = torch.Generator().manual_seed(1)
    along = {n: torch.randn(s.shape, generator=generator, dtype=torch.float64).to(dtype) for n, s in slots.items()}
    weights = torch.randn(VALUES, keys, generator=generator, dtype=torch.float64).to(dtype)
    with mpmath.workdps(60):
        tiny, heavy = mpmath.mpf(10) ** -22, matrix_of(weights)
        moved = []
        for sign in (1, -1):
            own = {n: column(s) + sign * tiny * column(along[n]) for n, s in slots.items()}
            after = truth(name, own, matrix_of(state[0, 0]), stiffness)
            moved.append(sum(heavy[i, j] * after[i, j] for i in range(VALUES) for j in range(keys)))
        slope = float((moved[0] - moved[1]) / (2 * tiny))
    for by in SCANS:
        inputs = {n: s.clone().requires_grad_() for n, s in slots.items()}
        found = torch.autograd.grad((step(name, inputs, state, stiffness, by) * weights).sum(), [*inputs.values()])
        parts = [float((g.double() * along[n].double()).sum()) for g, n in zip(found, inputs, strict=True)]
        size = max(1.0, abs(slope), *(float(g.abs().max()) for g in found))
        off = abs(sum(parts) - slope) / size
        assert off <= UNITS * torch.finfo(dtype).eps, f"{by.value}: {off / torch.finfo(dtype).eps:.3g} roundings"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", PARTS)
def test_states_of_stiff_steps(name: str, dtype: torch.dtype) -> None:
    for keys, stiffness in product((1, 2), (0.0, 1.0, 1e6, 1e12)):
        check_states(name, keys, stiffness, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", ["delta", "write here, erase there", "two leaky deltas"])
def test_gradients_of_stiff_steps(name: str, dtype: torch.dtype) -> None:
    for stiffness in (1e-6, 1.0, 1e6):
        check_gradients(name, 1, stiffness, dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("stiffness", STIFFNESS)
@pytest.mark.parametrize("name", PARTS)
def test_the_whole_table(name: str, stiffness: float, dtype: torch.dtype) -> None:
    for keys in KEYS:
        check_states(name, keys, stiffness, dtype)
        check_gradients(name, keys, stiffness, dtype)


@pytest.mark.parametrize("by", SCANS)
def test_a_state_that_grows_keeps_its_digits(by: Scan) -> None:
    """To ten orders of magnitude over 64 steps: relative to its own size the scans are as far apart as rounding makes them."""
    rule = Rule(v * k + leak * W)
    generator = torch.Generator().manual_seed(0)
    lead = (1, 64, 1, 1)
    slots = {
        "v": torch.randn(*lead, 3, generator=generator, dtype=torch.float64),
        "k": torch.randn(*lead, 4, generator=generator, dtype=torch.float64),
        "leak": torch.full(lead, 0.36, dtype=torch.float64),
    }
    own = discretise(structure(rule.rate, rule.of), Shape(rule, (("head", 1), ("value", 3), ("key", 4))), "exact", True)
    steps = own.steps(slots, torch.ones(1, 64, dtype=torch.float64))
    begin, at = torch.ones(1, 1, 3, 4, dtype=torch.float64), range(1, 65)
    reference, found = scan(steps, begin, at, Scan.SEQUENTIAL, 32), scan(steps, begin, at, by, 32)
    size = reference.abs().amax((-1, -2), keepdim=True)
    assert float(size[0, -1]) > 1e9
    assert float(((found - reference) / size).abs().max()) < 64 * torch.finfo(torch.float64).eps


def test_a_step_that_writes_more_than_the_keys_hold_is_that_of_one_number() -> None:
    """With one key entry, d W/dt = v k2 − η k² W: a number with a closed form."""
    own = {"v": 0.7, "k2": 1.3, "k": 0.9, "eta": 1.1}
    rule = Rule(v * k2 - eta * (W @ k) * k)
    shape = Shape(rule, (("head", 1), ("value", 1), ("key", 1)))
    for dtype, length in product((torch.float32, torch.float64), (1.0, 1e3, 1e6, 1e9)):
        slots = {
            slot.name: torch.full((1, 1, 1, 1, *[1] * len(slot.declared)), own[slot.name], dtype=dtype)
            for slot in slots_of(rule)
        }
        taken = discretise(structure(rule.rate, rule.of), shape, "exact", True)
        steps = taken.steps(slots, torch.tensor([[length]], dtype=torch.float64))
        end = float(scan(steps, torch.zeros(1, 1, 1, 1, dtype=dtype), [1], Scan.SEQUENTIAL, 32))
        rate = own["eta"] * own["k"] ** 2
        exact = -torch.expm1(torch.tensor(-rate * length, dtype=torch.float64)) * own["v"] * own["k2"] / rate
        assert abs(end - float(exact)) < 20 * torch.finfo(dtype).eps * abs(float(exact))
