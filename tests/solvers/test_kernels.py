"""The fused kernels do what their reference in torch does, forwards and backwards, and complain where they cannot."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from fwp.errors import FwpWarning, SolveError
from fwp.solvers.kernels import KernelSpec, Step, available, fused_scan, shapes, source
from fwp.solvers.kernels import build as building
from fwp.solvers.kernels.op import _scan, _scan_backward
from fwp.solvers.kernels.spec import from_text, to_text
from fwp.solvers.scans.sequential import scan_sequential
from fwp.solvers.steps import FlowSteps, LowRankSteps
from fwp.terms.primitive import Primitive

pytestmark = pytest.mark.skipif(not available(), reason="no C compiler")

DOUBLE = torch.float64
TANH = KernelSpec(Step.TANH, 8, 8, "float64", shared=True)
SOFTMAX = replace(TANH, step=Step.SOFTMAX)
AFFINE = replace(TANH, step=Step.AFFINE, shared=False, decays=True)
SPECS = [
    *(replace(s, dtype=dtype) for s in (TANH, SOFTMAX, AFFINE) for dtype in ("float64", "float32")),
    *(replace(s, shared=False, outputs=5, reads=5) for s in (TANH, SOFTMAX)),
    *(replace(s, outputs=20, reads=20, dtype="float32") for s in (TANH, SOFTMAX, AFFINE)),
    *(replace(s, outputs=1, reads=3) for s in (TANH, SOFTMAX, AFFINE)),
    *(replace(s, outputs=3, reads=1, shared=False) for s in (TANH, SOFTMAX, AFFINE)),
    KernelSpec(Step.AFFINE, 5, 5, "float64", shared=True),
    KernelSpec(Step.AFFINE, 5, 4, "float64", shared=False, rank=2),
    KernelSpec(Step.AFFINE, 8, 8, "float32", shared=True, decays=True, rank=2),
    KernelSpec(Step.AFFINE, 8, 8, "float64", shared=False, reading=False),
    KernelSpec(Step.AFFINE, 5, 5, "float64", shared=False, decays=True, rank=2, reading=False),
]


def reference_scan(spec, initial, inputs, at):
    """The same steps through the sequential scan, which is their meaning."""
    read = inputs["write"] if spec.shared else inputs.get("read")
    if spec.step is Step.AFFINE:
        own = (inputs["write"], inputs["value"], inputs["gain"], read if spec.reading else None)
        steps = LowRankSteps(*own, inputs.get("erase"), inputs.get("decay"))
    else:
        primitive = Primitive.TANH if spec.step is Step.TANH else Primitive.SOFTMAX
        rate = inputs["rate"].unsqueeze(-1)
        steps = FlowSteps(primitive, rate, inputs["offset"], -1.0, read, inputs["write"])
    return scan_sequential(steps, initial, at)


def drawn(spec: KernelSpec, batch: int, time: int, head: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Contracting steps: the errors that are compared are then those of the kernel, not of an unstable system."""
    inputs = {name: torch.randn(batch, time, head, *own, dtype=DOUBLE) for name, own in shapes(spec).items()}
    for name in inputs.keys() & {"read", "write"}:
        inputs[name] = inputs[name] / spec.reads**0.5
    if "rate" in inputs:
        inputs["rate"] = 2 * torch.rand_like(inputs["rate"]) ** 2  # across 1, where formulas change
        if not spec.shared:
            inputs["read"] = inputs["write"] * (0.5 + torch.rand_like(inputs["rate"]).unsqueeze(-1))
    if "erase" in inputs:
        inputs["erase"] = 0.2 * inputs["erase"]
    if "decay" in inputs:
        inputs["decay"] = torch.sigmoid(inputs["decay"])
    dtype = getattr(torch, spec.dtype)
    initial = torch.randn(batch, head, spec.outputs, spec.reads, dtype=DOUBLE)
    return initial.to(dtype), {name: x.to(dtype) for name, x in inputs.items()}


def results(scan: object, spec: KernelSpec, initial: Tensor, inputs: dict[str, Tensor], at: list[int]) -> list[Tensor]:
    """The states and the gradients of everything."""
    initial = initial.clone().requires_grad_()
    inputs = {name: x.clone().requires_grad_() for name, x in inputs.items()}
    states = scan(spec, initial, inputs, at)  # type: ignore[operator]
    probe = torch.randn(states.shape, generator=torch.Generator().manual_seed(1), dtype=DOUBLE).to(states.dtype)
    return [states.detach(), *torch.autograd.grad(states, (initial, *inputs.values()), probe)]


@pytest.mark.parametrize("spec", SPECS, ids=to_text)
def test_it_is_its_reference(spec: KernelSpec) -> None:
    bound = 1e-12 if spec.dtype == "float64" else 1e-5
    for time, at in ((1, [1]), (7, [2, 3, 7]), (130, [1, 32, 33, 64, 100, 130])):
        initial, inputs = drawn(spec, 3, time, 3)
        found = results(fused_scan, spec, initial, inputs, at)
        exact = results(reference_scan, spec, initial.double(), {n: x.double() for n, x in inputs.items()}, at)
        for name, a, b in zip(("states", "initial", *inputs), found, exact, strict=True):
            assert (a - b).abs().max() / max(1, b.abs().max()) < bound, (name, time)


@pytest.mark.parametrize("spec", [TANH, replace(SOFTMAX, outputs=5, reads=5, shared=False), AFFINE], ids=to_text)
def test_gradients_are_those_of_differences(spec: KernelSpec) -> None:
    initial, inputs = drawn(spec, 1, 3, 1)
    leaves = [initial.requires_grad_(), *(x.requires_grad_() for x in inputs.values())]

    def scan(initial: Tensor, *own: Tensor) -> Tensor:
        return fused_scan(spec, initial, dict(zip(inputs, own, strict=True)), [2, 3])

    assert gradcheck(scan, leaves, atol=1e-7)


@pytest.mark.parametrize(
    "spec", [TANH, SOFTMAX, replace(TANH, dtype="float32"), replace(SOFTMAX, dtype="float32")], ids=to_text
)
def test_extremes(spec: KernelSpec) -> None:
    """Errors and rates far beyond what a trained net has; every pair of them in one head or another."""
    sizes, rates = [0.0, 1e-20, 1.0, -300.0, 1e4], [0.0, 1e-20, 1e-3, 0.999, 1.001, 50.0, 1e3]
    initial, inputs = drawn(spec, len(sizes), 1, len(rates))
    initial = torch.zeros_like(initial)  # so that both start from the same error
    # Some rows as large as can be, the others ordinary; a write of unit length, so that the rate is z.
    write = torch.zeros_like(inputs["write"])
    write[..., 0] = 1
    inputs |= {"write": write, "rate": torch.tensor(rates, dtype=write.dtype).expand(len(sizes), 1, -1)}
    inputs["offset"][..., ::2] = torch.tensor(sizes, dtype=write.dtype)[:, None, None, None]
    found = results(fused_scan, spec, initial, inputs, [1])
    exact = results(reference_scan, spec, initial.double(), {n: x.double() for n, x in inputs.items()}, [1])
    bound = 1e-12 if spec.dtype == "float64" else 1e-4  # of 1e4, a thousand times over
    for a, b in zip(found, exact, strict=True):
        assert a.isfinite().all()
        assert ((a - b).abs() / b.abs().clamp_min(1)).max() < bound


@pytest.mark.parametrize("spec", [TANH, SOFTMAX], ids=to_text)
def test_a_step_without_length_is_no_step(spec: KernelSpec) -> None:
    initial, inputs = drawn(spec, 2, 40, 3)
    inputs["rate"] = torch.zeros_like(inputs["rate"])
    inputs["write"][1] = 0
    assert torch.equal(fused_scan(spec, initial, inputs, [40])[:, 0], initial)


@pytest.mark.parametrize("spec", [TANH, SOFTMAX, AFFINE], ids=to_text)
def test_not_a_number_stays_one(spec: KernelSpec) -> None:
    initial, inputs = drawn(spec, 2, 40, 2)
    for name in (*inputs, "initial"):
        bad = {n: x.clone() for n, x in inputs.items()} | {"initial": initial.clone()}
        (bad[name][1, 3, 1] if name in inputs else bad[name][1, 1]).fill_(torch.nan)
        found = fused_scan(spec, bad.pop("initial"), bad, [3, 40]).isnan()
        assert found[1, 1, 1].all(), name
        assert found.sum() == found[1, :, 1].sum(), name
        assert name == "initial" or not found[1, 0].any(), name


@pytest.mark.parametrize("spec", [replace(s, dtype="float32") for s in (TANH, SOFTMAX, AFFINE)], ids=to_text)
def test_threads_change_no_bit(spec: KernelSpec) -> None:
    initial, inputs = drawn(spec, 7, 40, 5)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(results(fused_scan, spec, initial, inputs, [20, 40]))
    finally:
        torch.set_num_threads(before)
    for a, *others in zip(*found, strict=True):
        assert all(torch.equal(a, b) for b in others)


def test_strides_do_not_matter() -> None:
    initial, inputs = drawn(AFFINE, 2, 9, 3)
    strided = {n: x.transpose(1, 2).contiguous().transpose(1, 2) for n, x in inputs.items()}
    expanded = initial[:1].expand(2, -1, -1, -1)
    found = fused_scan(AFFINE, expanded, strided, [9])
    assert torch.equal(found, fused_scan(AFFINE, expanded.contiguous(), inputs, [9]))


def test_it_is_an_operator() -> None:
    initial, inputs = drawn(TANH, 2, 40, 3)
    leaves = [initial.requires_grad_(), [x.requires_grad_() for x in inputs.values()]]
    torch.library.opcheck(_scan, (*leaves, [3, 40], to_text(TANH)))
    states, borders = _scan(*leaves, [3, 40], to_text(TANH))
    held = [x.detach() for x in leaves[1]]
    last = (torch.randn_like(states), initial.detach(), held, borders.detach(), [3, 40], to_text(TANH))
    torch.library.opcheck(_scan_backward, last)


@pytest.mark.nohook
def test_it_compiles_whole() -> None:
    initial, inputs = drawn(TANH, 2, 40, 3)
    compiled = torch.compile(fused_scan, fullgraph=True, backend="aot_eager")
    for a, b in zip(
        results(compiled, TANH, initial, inputs, [40]), results(fused_scan, TANH, initial, inputs, [40]), strict=True
    ):
        assert torch.equal(a, b)


def test_gradients_of_gradients_are_those_of_the_reference() -> None:
    """Also where only some of the leaves want one, and where a gradient is not wanted at all."""
    found = []
    for scan in (fused_scan, reference_scan):
        torch.manual_seed(0)
        initial, inputs = drawn(TANH, 1, 40, 2)
        states = scan(TANH, initial.requires_grad_(), inputs, [3, 40])
        (slope,) = torch.autograd.grad(states.square().sum(), initial, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), initial)[0])
    assert (found[0] - found[1]).abs().max() < 1e-12


def test_what_does_not_fit_is_said() -> None:
    initial, inputs = drawn(TANH, 2, 9, 3)
    for bad, at, said in (
        ({"rate": inputs["rate"][:, :8]}, [9], "rate"),
        ({"offset": inputs["offset"].float()}, [9], "float32"),
        ({"read": inputs["write"]}, [9], "not the inputs"),
        ({}, [], "places"),
        ({}, [3, 3], "places"),
        ({}, [10], "places"),
        ({}, [0], "places"),
    ):
        with pytest.raises(SolveError, match=said):
            fused_scan(TANH, initial, inputs | bad, at)
    with pytest.raises(SolveError, match="initial"):
        fused_scan(TANH, initial[:1], inputs, [9])
    with pytest.raises(SolveError, match="no kernel computes this"):
        KernelSpec(Step.TANH, 8, 8, "float32", shared=True, rank=2)


def test_no_instances() -> None:
    initial, inputs = drawn(TANH, 0, 9, 3)
    assert fused_scan(TANH, initial, inputs, [9]).shape == (0, 1, 3, 8, 8)


def test_a_refusal_of_the_compiler_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = KernelSpec(Step.AFFINE, 2, 2, "float64", shared=True)
    monkeypatch.setenv("FWP_CACHE", str(tmp_path))
    for command, said in (("false", "ended with 1"), ("/no/such/compiler", "No such file")):
        monkeypatch.setenv("CC", command)
        with pytest.warns(FwpWarning, match=said):
            assert not available()
        with pytest.raises(SolveError, match=said):
            building.library(spec)
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not available()
    with pytest.raises(SolveError, match="needs a C compiler"):
        building.library(spec)
    assert not list(tmp_path.iterdir())


def test_two_may_build_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = KernelSpec(Step.AFFINE, 2, 2, "float64", shared=True)
    monkeypatch.setenv("FWP_CACHE", str(tmp_path / "new"))
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(building.library.__wrapped__, [spec, spec])
    assert one.forward and other.backward
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [".so"]


def test_a_spec_travels_as_text() -> None:
    for spec in SPECS:
        assert from_text(to_text(spec)) == spec
        assert source(spec) == source(from_text(to_text(spec)))


def test_gradients_that_vanish_are_zero() -> None:
    """Not numbers below the smallest normal one, which every later operator would be slow on; and torch's own mode is kept."""
    spec = KernelSpec(Step.TANH, 4, 4, "float32", True)
    torch.manual_seed(0)
    inputs = {"rate": torch.ones(1, 4000, 1), "offset": torch.randn(1, 4000, 1, 4), "write": torch.randn(1, 4000, 1, 4)}
    inputs = {name: x.requires_grad_() for name, x in inputs.items()}
    fused_scan(spec, torch.zeros(1, 1, 4, 4), inputs, [4000]).sum().backward()
    grad = inputs["offset"].grad
    assert grad is not None
    tiny = torch.finfo(torch.float32).tiny
    assert not ((grad != 0) & (grad.abs() < tiny)).any() and (grad[:, 0] == 0).all() and (grad[:, -1] != 0).any()
    assert torch.tensor(tiny) / 2 != 0
