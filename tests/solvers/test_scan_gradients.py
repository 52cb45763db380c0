"""First and second derivatives of every structure's steps through every scan."""

import pytest
import torch
from torch import Tensor
from torch.autograd import grad, gradcheck, gradgradcheck

from fwp.solvers import kernels
from fwp.solvers.discretise import NODES
from fwp.solvers.plan import Scan
from fwp.solvers.steps import DenseSteps, FlowSteps, LowRankSteps
from fwp.solvers.walk import scan
from tests.solvers.cases import AFFINE, CASES, FLOWS, LOW_RANK, off, problem

TINY = {"head": 1, "value": 2, "value2": 2, "key": 3, "key2": 3}


def scans(name: str, method: str) -> list[Scan]:
    """The scans in torch through a rule's steps by a method."""
    if name in FLOWS or method == "rk4":
        return [Scan.SEQUENTIAL]
    return [Scan.SEQUENTIAL, Scan.ASSOCIATIVE, *([Scan.CHUNKED] if name in LOW_RANK else [])]


METHODS = {name: [m for m in NODES if name in AFFINE or m not in ("magnus4", "commutator_free4")] for name in CASES}
PATHS = [
    pytest.param(name, method, by, marks=[] if quick else pytest.mark.slow, id=f"{name}-{method}-{by.value}")
    for name in CASES
    for method in METHODS[name]
    for by in scans(name, method)
    for quick in [by is scans(name, method)[-1] or method == "magnus4"]
]


def run(name: str, method: str, by: Scan, time: int = 3):
    """A function from the slots and the first state to states; and these."""
    given = problem(name, method, batch=1, time=time, sizes=TINY, seed=3)
    at = [i * given.own.count for i in (1, time)]

    def states(initial: Tensor, *slots: Tensor) -> Tensor:
        steps = given.own.steps(dict(zip(given.slots, slots, strict=True)), given.length)
        return scan(steps, given.own.sides.matrix(initial), at, by, 2)

    return states, [v.clone().requires_grad_() for v in (given.initial, *given.slots.values())]


@pytest.mark.parametrize("name, method, by", PATHS)
def test_derivatives(name: str, method: str, by: Scan) -> None:
    """Along random directions, which an error in any entry meets."""
    states, leaves = run(name, method, by)
    assert gradcheck(states, leaves, atol=1e-9, rtol=1e-6, fast_mode=True)
    assert gradgradcheck(states, leaves, atol=1e-8, rtol=1e-5, fast_mode=True)


@pytest.mark.parametrize("name, method, by", [
    ("delta", "exact", Scan.CHUNKED), ("two_leaky_deltas", "magnus4", Scan.CHUNKED), ("leaky_delta", "exact", Scan.ASSOCIATIVE),
    ("gated_delta", "exponential_midpoint", Scan.ASSOCIATIVE), ("tanh_delta", "exact", Scan.SEQUENTIAL),
    ("softmax_oja", "exact", Scan.SEQUENTIAL),
], ids=str)  # fmt: skip
def test_derivatives_entry_by_entry(name: str, method: str, by: Scan) -> None:
    states, leaves = run(name, method, by, time=2)
    assert gradcheck(states, leaves, atol=1e-9, rtol=1e-6)
    assert gradgradcheck(states, leaves, atol=1e-8, rtol=1e-5)


@pytest.mark.skipif(not kernels.available(), reason="no C compiler")
@pytest.mark.parametrize("name, method", [("delta", "exact"), ("two_leaky_deltas", "exact"), ("tanh_delta", "exact"),
                                          ("softmax_oja", "exact")])  # fmt: skip
def test_the_fused_scan_is_the_sequential_one(name: str, method: str) -> None:
    found = []
    for by in (Scan.SEQUENTIAL, Scan.FUSED):
        states, leaves = run(name, method, by, time=50)
        out = states(*leaves)
        found.append([out, *grad((out * torch.linspace(-1, 2, out.numel()).view_as(out)).sum(), leaves)])
    for ours, wanted in zip(*found, strict=True):
        assert off(ours, wanted) < 1e-12


@pytest.mark.parametrize("by", Scan)
@pytest.mark.parametrize("name", ["delta", "two_leaky_deltas", "gated_delta", "tanh_delta", "softmax_oja"])
def test_a_second_derivative_is_that_of_the_sequential_scan(name: str, by: Scan) -> None:
    """Steps that a scan cannot take do not get there."""
    states, leaves = run(name, "exact", by)
    kind = type(problem(name).steps())
    takes = {
        Scan.CHUNKED: (LowRankSteps,),
        Scan.ASSOCIATIVE: (LowRankSteps, DenseSteps),
        Scan.FUSED: (LowRankSteps, FlowSteps),
    }
    if not issubclass(kind, takes.get(by, object)):
        with pytest.raises(AssertionError, match="cannot run through"):
            states(*leaves)
        return
    if by is Scan.FUSED and not kernels.available():
        pytest.skip("no C compiler")
    found = []
    for own in (by, Scan.SEQUENTIAL):
        states, leaves = run(name, "exact", own)
        first = grad(states(*leaves).square().sum(), leaves, create_graph=True)
        (second,) = grad(first[0].square().sum(), leaves[:1])
        found.append(second)
    assert found[1].any() and off(*found) < 1e-12
