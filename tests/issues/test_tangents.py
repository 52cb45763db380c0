"""Derivatives of every kind are right or refused: forward mode, gradients of gradients, and both inside each other.

An operator that does not know of a tangent drops it, and the derivative is 0 without a word.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad, grad, gradcheck, gradgradcheck
from torch.func import functional_call, hessian, jacfwd, jacrev, jvp

import fwp
from fwp import controls
from fwp.controls.signature.backend import Backend, log_signature_by
from fwp.errors import DataError, SolveError
from fwp.fields import plain, suited
from fwp.rules import ALL, delta, hebb, tanh_delta
from fwp.solvers import kernels
from fwp.solvers.flows import mean_softmax, mean_tanh
from fwp.solvers.kernels import fused_scan
from fwp.solvers.kernels.spec import KernelSpec, Step, shapes, to_text
from fwp.solvers.phi import phi1, phi1_matrix
from fwp.solvers.plan import Scan, plan
from fwp.solvers.situation import situation_of
from tests.fields.nets import TIMELESS, built, random_states, suitable

DOUBLE = torch.float64
SMALL = {"key": 2, "value": 2, "width": 4}
compiler = pytest.mark.skipif(not kernels.available(), reason="no C compiler")

THROUGH = [
    ("hebb", "sequential"), ("hebb", "chunked"), ("hebb", "associative"), ("hebb", "fused"),
    ("delta", "sequential"), ("delta", "chunked"), ("delta", "associative"), ("delta", "fused"),
    ("leaky_delta", "chunked"), ("leaky_delta", "associative"), ("leaky_delta", "fused"),
    ("erase_write", "chunked"), ("erase_write", "fused"), ("oja", "fused"),
    ("gated_delta", "sequential"), ("gated_delta", "associative"),
    ("tanh_delta", "sequential"), ("tanh_delta", "fused"), ("softmax_oja", "sequential"), ("softmax_oja", "fused"),
    ("oja_subspace", "sequential"), ("bcm", "auto"),
]  # fmt: skip
"""Each scan with rules of each kind that it takes, and one that torchdiffeq solves."""
SCANS = [
    pytest.param(name, scan, marks=[compiler] if scan == "fused" else [], id=f"{name}-{scan}") for name, scan in THROUGH
]


def data(time: int = 4, batch: int = 2) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, time, 3, dtype=DOUBLE), torch.randn(batch, time, 3, dtype=DOUBLE)


def solved(name: str, scan: str, **sizes: int) -> Callable[[Tensor], Tensor]:
    """Data to everything that is left at the end, of what began anywhere: some rules never leave 0."""
    net = built(ALL[name], suitable(name), controls.hermite, **sizes)
    initial = random_states(net, 2)

    def end(values: Tensor) -> Tensor:
        begin = {name: state[: len(values)] / 4 for name, state in initial.items()}
        found = fwp.solve(net(fwp.series(values)), scan=scan, initial=begin)  # type: ignore[arg-type]
        return torch.cat([state.flatten(1) for state in found.final.values()], 1)

    return end


def difference(function: Callable[[Tensor], Tensor], x: Tensor, d: Tensor, step: float = 1e-5) -> Tensor:
    with torch.no_grad():
        return (function(x + step * d) - function(x - step * d)) / (2 * step)


def agree(found: Tensor, wanted: Tensor, bound: float) -> None:
    assert wanted.abs().max() > 0, "there is something to lose"
    assert (found - wanted).abs().max() <= bound * wanted.abs().max()


@compiler
def test_a_kernel_keeps_tangents() -> None:
    net = (hebb @ fwp.Projection() @ controls.hermite).build(channels=3, width=8)
    x, d = torch.randn(2, 20, 3), torch.randn(2, 20, 3)
    found = [
        jvp(lambda v, s=s: fwp.solve(net(fwp.series(v)), scan=s).final["W"], (x,), (d,))[1]
        for s in ("fused", "sequential")
    ]  # type: ignore[arg-type]
    agree(*found, bound=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_every_rule_has_tangents(name: str) -> None:
    function, (x, d) = solved(name, "auto"), data()
    _, tangent = jvp(function, (x,), (d,))
    agree(tangent, difference(function, x, d), 1e-6)


@pytest.mark.parametrize("name, scan", SCANS)
def test_every_way_to_ask_for_a_derivative(name: str, scan: str) -> None:
    """All of one function: forward mode of both kinds, reverse mode of both kinds, and each of them inside each."""
    function, (x, d) = solved(name, scan, heads=1, **SMALL), data(3, batch=1)
    weight = torch.randn_like(function(x))
    leaf = x.clone().requires_grad_()
    jacobian = torch.autograd.functional.jacobian(function, leaf)
    wanted = torch.einsum("osbtc,btc->os", jacobian, d)
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(function(forward_ad.make_dual(x, d))).tangent
    assert dual is not None
    for tangent in (dual, jvp(function, (x,), (d,))[1], difference(function, x, d)):
        agree(tangent, wanted, 1e-6)
    for own in (jacrev(function)(x), jacfwd(function)(x)):
        agree(own, jacobian, 1e-10)
    if scan == "fused":
        with pytest.raises(SolveError, match="one derivative at a time"):
            torch.autograd.functional.jacobian(function, leaf, vectorize=True)
    else:
        agree(torch.autograd.functional.jacobian(function, leaf, vectorize=True), jacobian, 1e-10)

    def scalar(values: Tensor) -> Tensor:
        return (function(values).square() * weight).sum()

    first = grad(scalar(leaf), leaf)[0]
    agree(torch.func.grad(scalar)(x), first, 1e-10)
    curvature = torch.autograd.functional.hessian(scalar, x)
    along = torch.einsum("abcijk,ijk->abc", curvature, d)
    agree(difference(torch.func.grad(scalar), x, d), along, 1e-5)
    agree(jvp(torch.func.grad(scalar), (x,), (d,))[1], along, 1e-9)
    agree(torch.func.grad(lambda v: jvp(scalar, (v,), (d,))[1])(x), along, 1e-9)
    agree(hessian(scalar)(x), curvature, 1e-9)
    with forward_ad.dual_level():
        outer = forward_ad.make_dual(leaf, d)
        (own,) = grad(scalar(outer), leaf)
        mixed = forward_ad.unpack_dual(own).tangent
    assert mixed is not None
    agree(mixed, along, 1e-9)
    twice = jvp(lambda v: jvp(scalar, (v,), (d,))[1], (x,), (d,))[1]
    agree(twice, (along * d).sum(), 1e-9)


@pytest.mark.parametrize("name, scan", [p for p in SCANS if p.values[0] in ("delta", "tanh_delta", "softmax_oja")])
def test_third_derivatives(name: str, scan: str) -> None:
    """Of one number along one line, by reverse mode three times, and by forward mode three times."""
    function, (x, d) = solved(name, scan, heads=1, **SMALL), data(3, batch=1)

    def along(s: Tensor) -> Tensor:
        return function(x + s * d).square().sum()

    def derived(order: int, s: Tensor) -> Tensor:
        value = along(s)
        for i in range(order):
            (value,) = grad(value, s, create_graph=i + 1 < order)
        return value

    at = torch.zeros((), dtype=DOUBLE, requires_grad=True)
    wanted = (derived(2, at + 1e-4) - derived(2, at - 1e-4)) / 2e-4
    agree(derived(3, at), wanted, 1e-5)
    agree(jacfwd(jacfwd(jacfwd(along)))(at.detach()), wanted, 1e-5)


@pytest.mark.parametrize("control", [controls.linear, controls.rectilinear, controls.hermite, controls.natural_cubic,
                                     controls.log_signature(2, 2)], ids=str)  # fmt: skip
def test_every_control_and_every_reading(control: controls.Control) -> None:
    net, (x, d) = built(delta, plain(), control, **SMALL), data(5)
    times = 1 + torch.rand(5, dtype=DOUBLE).cumsum(0)
    readings: list[Callable[[Tensor], Tensor]] = [
        lambda v: fwp.read_along(net(fwp.series(v, times))),
        lambda v: fwp.solve(net(fwp.series(v, times)), "knots").read(),
        lambda v: fwp.solve(net(fwp.series(v, times)), times[[1, 3]] - 0.01).states["W"],
    ]
    for read in readings:
        agree(jvp(read, (x,), (d,))[1], difference(read, x, d), 1e-6)


@pytest.mark.parametrize("scan", ["sequential", "chunked", pytest.param("fused", marks=compiler)])
def test_tangents_in_times_and_in_the_first_state(scan: str) -> None:
    net, (x, _) = built(delta, plain(), controls.hermite, **SMALL), data()
    times, d_times = 1 + torch.rand(2, 4, dtype=DOUBLE).cumsum(1), torch.randn(2, 4, dtype=DOUBLE)

    def of_times(t: Tensor) -> Tensor:
        return fwp.solve(net(fwp.series(x, t)), scan=scan).final["W"]  # type: ignore[arg-type]

    def of_state(w: Tensor) -> Tensor:
        return fwp.solve(net(fwp.series(x)), scan=scan, initial=w).final["W"]  # type: ignore[arg-type]

    agree(jvp(of_times, (times,), (d_times,))[1], difference(of_times, times, d_times), 1e-6)
    state, d_state = torch.randn(2, 2, 2, 2, 2, dtype=DOUBLE)
    agree(jvp(of_state, (state,), (d_state,))[1], difference(of_state, state, d_state), 1e-6)


def moved(module: torch.nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    own = {name: p.detach() for name, p in module.named_parameters()}
    return own, {name: torch.randn_like(p) for name, p in own.items()}


@pytest.mark.parametrize("name", ["delta", "gated_delta", "tanh_delta", "softmax_oja", "bcm"])
def test_tangents_in_parameters_of_a_layer(name: str) -> None:
    layer = fwp.FastWeights(ALL[name], 3, 4, layers=2, dtype=DOUBLE)
    (x, _), (own, d) = data(), moved(layer)
    found = jvp(lambda p: functional_call(layer, p, (x,))[0], (own,), (d,))[1]
    ends = [functional_call(layer, {n: own[n] + h * d[n] for n in own}, (x,))[0] for h in (1e-5, -1e-5)]
    agree(found, (ends[0] - ends[1]).detach() / 2e-5, 1e-6)


def test_a_field_keeps_the_parameters_that_a_net_was_called_with() -> None:
    """Both the field and its solution are used after `functional_call` has given the net its own parameters back."""
    net, (x, _) = built(delta, plain(), controls.hermite, **SMALL), data()
    own, d = moved(net)

    def read(parameters: dict[str, Tensor]) -> Tensor:
        field = functional_call(net, parameters, (fwp.series(x),))
        solution = fwp.solve(field)
        return torch.cat([solution.final["W"].flatten(1), solution.read().flatten(1)], 1)

    with torch.no_grad():
        ends = [read({n: own[n] + h * d[n] for n in own}) for h in (1e-5, -1e-5)]
    wanted = (ends[0] - ends[1]) / 2e-5
    agree(jvp(read, (own,), (d,))[1], wanted, 1e-6)
    slopes = torch.func.grad(lambda p: read(p).sum())(own)
    agree(sum(((slopes[n] * d[n]).sum() for n in own), torch.zeros(())), wanted.sum(), 1e-6)
    assert net(fwp.series(x)).net is net


@compiler
def test_a_layer_where_the_plan_takes_the_kernel() -> None:
    """⟨u, J d⟩ = ⟨Jᵀ u, d⟩, the right-hand side by the kernel's own gradient; and a penalty on gradients."""
    layer = fwp.FastWeights(tanh_delta, 2, 4, dtype=DOUBLE)
    x, d = torch.randn(1, 2000, 2, dtype=DOUBLE).requires_grad_(), torch.randn(1, 2000, 2, dtype=DOUBLE)
    assert plan(situation_of(layer.nets[0](fwp.series(x)))).scan is Scan.FUSED
    u = torch.randn(1, 2000, 4, dtype=DOUBLE)

    def along(v: Tensor) -> Tensor:
        return (layer(v)[0] * u).sum()

    (slope,) = grad(along(x), x)
    agree(jvp(along, (x.detach(),), (d,))[1], (slope * d).sum(), 1e-10)
    agree(torch.func.grad(along)(x.detach()), slope, 1e-10)
    (again,) = grad(along(x), x, create_graph=True)
    (bent,) = grad((again * d).sum(), x)
    agree((bent * d).sum(), (difference(lambda v: torch.func.grad(along)(v), x.detach(), d) * d).sum(), 1e-5)


def specs() -> list[KernelSpec]:
    """Each kind of step with and without every part that it may lack."""
    flows = [
        KernelSpec(step, 3, 2, "float64", shared) for step in (Step.TANH, Step.SOFTMAX) for shared in (True, False)
    ]
    affine = [
        KernelSpec(Step.AFFINE, 2, 3, "float64", shared=reading and shared, decays=decays, rank=rank, reading=reading)
        for shared, decays, rank, reading in (
            (True, False, 1, True), (False, True, 1, True), (False, True, 2, True), (False, False, 1, False), (False, True, 2, False),
        )
    ]  # fmt: skip
    return flows + affine


def drawn(spec: KernelSpec, time: int = 3) -> tuple[Tensor, dict[str, Tensor]]:
    inputs = {name: torch.randn(1, time, 2, *own, dtype=DOUBLE) / 2 for name, own in shapes(spec).items()}
    if "rate" in inputs:
        inputs["rate"] = inputs["rate"].sigmoid()
        if not spec.shared:
            inputs["read"] = inputs["write"] * (0.5 + torch.rand_like(inputs["rate"])[..., None])
    return torch.randn(1, 2, spec.outputs, spec.reads, dtype=DOUBLE), inputs


@compiler
@pytest.mark.parametrize("spec", specs(), ids=to_text)
def test_a_fused_scan_has_every_derivative(spec: KernelSpec) -> None:
    initial, inputs = drawn(spec)
    leaves = [initial.requires_grad_(), *(x.requires_grad_() for x in inputs.values())]

    def scan(initial: Tensor, *own: Tensor) -> Tensor:
        return fused_scan(spec, initial, dict(zip(inputs, own, strict=True)), [2, 3])

    assert gradcheck(scan, leaves, check_forward_ad=True, atol=1e-7)
    assert gradgradcheck(scan, leaves, check_fwd_over_rev=True, check_rev_over_rev=True, fast_mode=True, atol=1e-6)

    def slopes(*own: Tensor) -> tuple[Tensor, ...]:
        return grad(
            (scan(*own) * torch.arange(1, 1 + scan(*own).numel()).view_as(scan(*own))).sum(), own, create_graph=True
        )

    assert gradgradcheck(slopes, leaves, fast_mode=True, atol=1e-6)


@compiler
@pytest.mark.parametrize("spec", specs(), ids=to_text)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_kernels_are_operators_of_torch(spec: KernelSpec, dtype: str) -> None:
    from dataclasses import replace

    from fwp.solvers.kernels.op import _scan, _scan_backward

    own = replace(spec, dtype=dtype)
    initial, inputs = drawn(own, 40)
    held = [x.to(getattr(torch, dtype)) for x in inputs.values()]
    initial = initial.to(getattr(torch, dtype))
    leaves = [initial.clone().requires_grad_(), [x.clone().requires_grad_() for x in held]]
    for first, others in ((initial, held), leaves):
        assert set(torch.library.opcheck(_scan, (first, others, [3, 40], to_text(own))).values()) == {"SUCCESS"}
    states, borders = _scan(initial, held, [3, 40], to_text(own))
    last = (torch.randn_like(states), initial, held, borders, [3, 40], to_text(own))
    assert set(torch.library.opcheck(_scan_backward, last).values()) == {"SUCCESS"}


FUNCTIONS = {
    "phi1": (phi1, [torch.tensor([-30.0, -1.0, -0.3, 0.0, 1e-3, 0.4, 2.0])]),
    "phi1_matrix of two": (phi1_matrix, [torch.randn(3, 2, 2, generator=torch.Generator().manual_seed(0))]),
    "phi1_matrix": (phi1_matrix, [torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0))]),
    "mean_tanh": (mean_tanh, [torch.linspace(-3, 3, 7)[:, None], torch.tensor([-2.0, -0.05, 0.05, 0.7, 3.0])]),
    "mean_softmax": (mean_softmax, [torch.linspace(-3, 3, 12).view(4, 3), torch.tensor([1e-3, 0.5, 2.0, 9.0])]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_functions_behind_the_steps(name: str) -> None:
    function, arguments = FUNCTIONS[name]
    leaves = [x.double().requires_grad_() for x in arguments]
    checks = {"check_forward_ad": True, "check_batched_grad": True, "check_batched_forward_grad": True}
    assert gradcheck(function, leaves, atol=1e-7, **checks)
    assert gradgradcheck(function, leaves, atol=1e-6, check_fwd_over_rev=True)


@pytest.mark.parametrize("options, said", [
    ({"method": "dopri5"}, "fixed-step methods"), ({"method": "implicit_adams"}, "fixed-step methods"),
    ({"method": "rk4", "gradient": "adjoint"}, "exact gradients"),
])  # fmt: skip
def test_what_cannot_follow_is_refused(options: dict[str, str], said: str) -> None:
    net, (x, d) = built(delta, plain(), controls.hermite, **SMALL), data()

    def end(v: Tensor) -> Tensor:
        return fwp.solve(net(fwp.series(v)), **options).final["W"]  # type: ignore[arg-type]

    with pytest.raises(SolveError, match=said):
        jvp(end, (x,), (d,))
    with pytest.raises(SolveError, match=said):
        torch.vmap(lambda v: end(v[None]))(x)
    with pytest.raises(SolveError, match=said), forward_ad.dual_level():
        end(forward_ad.make_dual(x, d))


@pytest.mark.parametrize("method", ["euler", "midpoint", "heun2", "heun3", "rk4"])
def test_fixed_steps_are_torchdiffeq_s(method: str) -> None:
    net, (x, _) = built(ALL["bcm"], suited(plain(), ALL["bcm"]), TIMELESS, **SMALL), data()
    found = []

    def end(v: Tensor) -> Tensor:
        solution = fwp.solve(net(fwp.series(v)), "knots", method=method, steps=2, backend="torchdiffeq")
        found.append(solution.stats)
        return torch.cat([s.flatten(2) for s in solution.states.values()], -1)

    agree(jvp(end, (x,), (x,))[0], end(x), 1e-12)
    assert found[0] == found[1]


@pytest.mark.parametrize("library", [Backend.SIGNATORY, Backend.PYSIGLIB])
def test_a_library_without_tangents_says_so(library: Backend) -> None:
    pytest.importorskip(library.value)
    x, d = torch.randn(2, 2, 4, 3, dtype=DOUBLE)
    with pytest.raises(DataError, match="no derivatives in forward mode"):
        jvp(lambda v: log_signature_by(library, v, 3), (x,), (d,))
    with pytest.raises(DataError, match="no gradients of gradients"):
        torch.func.grad(lambda v: log_signature_by(library, v, 3).sum())(x)
    one_by_one = torch.stack([log_signature_by(library, v[None], 3)[0] for v in x])
    assert torch.equal(torch.vmap(lambda v: log_signature_by(library, v[None], 3)[0])(x), one_by_one)
