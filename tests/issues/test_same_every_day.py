"""What a program computes depends on its own words, not on what this or another program left on the machine.

A kernel that was compiled before is found sooner, and changes nothing else.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

import fwp
from fwp import controls, explain, prepare
from fwp.rules import ALL, delta, tanh_delta
from fwp.solvers import kernels
from fwp.solvers.kernels.build import library
from fwp.solvers.plan import Scan, plan
from fwp.solvers.situation import situation_of
from tests.fields.nets import built, suitable

compiler = pytest.mark.skipif(not kernels.available(), reason="no C compiler")
KERNELS = ["hebb", "delta", "oja", "leaky_delta", "erase_write", "tanh_delta", "softmax_oja"]


def penalty(layer: fwp.FastWeights, x: Tensor) -> list[Tensor]:
    """The outputs, and the gradients of a penalty on gradients."""
    leaf = x.clone().requires_grad_()
    outputs, _ = layer(leaf)
    (slope,) = torch.autograd.grad(outputs.square().sum(), leaf, create_graph=True)
    slopes = torch.autograd.grad(slope.square().sum(), list(layer.parameters()), allow_unused=True)
    return [outputs.detach(), *(s for s in slopes if s is not None)]


@compiler
@pytest.mark.parametrize("time, size", [(20, 4), (1500, 5)])
def test_a_penalty_is_the_same_before_and_after_a_kernel_was_compiled(
    time: int, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FWP_CACHE", str(tmp_path))
    library.cache_clear()  # else a kernel that another test has opened in this process is not made again
    layer = fwp.FastWeights(tanh_delta, 2, size)
    x = torch.randn(2, time, 2)
    before = penalty(layer, x)
    with torch.no_grad():
        layer(torch.randn(1, 3000, 2))  # so long that a kernel is compiled for it
    assert any(tmp_path.rglob("*.so"))
    for a, b in zip(before, penalty(layer, x), strict=True):
        assert torch.equal(a, b)


@compiler
@pytest.mark.parametrize("name", KERNELS)
def test_a_plan_does_not_ask_what_was_compiled(name: str) -> None:
    net = built(ALL[name], suitable(name), controls.hermite)
    field = net(fwp.series(torch.randn(2, 6, 3, dtype=torch.float64)))
    first, words = fwp.solve(field), explain(field)
    fwp.solve(field, scan="fused")
    second = fwp.solve(field)
    assert first.plan == second.plan and first.plan.scan is not Scan.FUSED
    assert explain(field) == words
    assert torch.equal(first.final["W"], second.final["W"])


PROGRAM = """
import sys, torch, fwp
from fwp.rules import ALL
torch.manual_seed(0)
for name in ("delta", "tanh_delta"):
    layer = fwp.FastWeights(ALL[name], 2, 4)
    for time in (9, 300, 1400):
        x = torch.randn(2, time, 2, requires_grad=True)
        outputs, _ = layer(x)
        outputs.square().sum().backward()
        print(name, time, outputs.double().sum().item().hex(), x.grad.double().sum().item().hex())
"""


@compiler
def test_a_cold_cache_and_a_warm_one_give_the_same_bits(tmp_path: Path) -> None:
    environment = os.environ | {"FWP_CACHE": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}

    def printed() -> str:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    cold = printed()
    assert cold.count("\n") == 6 and any(tmp_path.rglob("*.so"))
    assert printed() == cold


@compiler
def test_preparing_is_a_choice_of_the_net() -> None:
    """Not of the machine: another net of the very same kernel goes on as before, and the choice is taken back by name."""
    net, other = (built(tanh_delta, suitable("tanh_delta")) for _ in range(2))
    series = fwp.series(torch.randn(2, 6, 3, dtype=torch.float64))
    assert not net.prepared and prepare(net(series)) and net.prepared
    scans = [plan(situation_of(own(series))).scan for own in (net, other)]
    assert scans == [Scan.FUSED, Scan.SEQUENTIAL]
    assert plan(situation_of(net(series[:1].shortened(3)))).scan is Scan.FUSED, "for series of any length"
    net.prepared = False
    assert plan(situation_of(net(series))).scan is Scan.SEQUENTIAL
    assert not prepare(built(ALL["bcm"], suitable("bcm"))(series))


@compiler
@pytest.mark.parametrize("rule", [delta, tanh_delta])
def test_a_kernel_is_taken_by_the_number_of_steps_alone(rule: fwp.Rule) -> None:
    net = built(rule, suitable(rule.name))
    scans = {}
    for time in (10, 100_000):
        for batch in (1, 64):
            values = torch.zeros(1, time, 3, dtype=torch.float64).expand(batch, -1, -1)
            scans[time, batch] = plan(situation_of(net(fwp.series(values)))).scan
    assert [scans[10, b] is Scan.FUSED for b in (1, 64)] == [False, False]
    assert [scans[100_000, b] is Scan.FUSED for b in (1, 64)] == [True, True]
