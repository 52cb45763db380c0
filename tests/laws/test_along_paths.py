"""The laws of test_invariants along every kind of path and for every way to solve: what drawn lines alone would not show.

Slots are the channels of the path, or those of its derivative, so that they jump, bend, or stand still where the path does.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fwp import solve
from fwp.controls import Control, Kind, Path
from fwp.fields import Net
from fwp.rules import ALL, Rule, W, beta, delta, dx, hebb, k, oja, oja_neuron, oja_subspace, v, x
from fwp.solvers import METHODS
from fwp.solvers.torchdiffeq import Family
from fwp.testing.flows import constant_path
from tests.fields.nets import by_hand, close, few, some_series

SIGNALS = {"x": x, "dx": dx}
CONTROLS = {kind.value: Control(kind, time=False) for kind in Kind}
FIXED = [m for m, family in METHODS.items() if family in (Family.FIXED, Family.MULTISTEP)]
BATCH = 6
TIGHT = {"method": "dopri8", "rtol": 1e-7, "atol": 1e-8}
TOLERANCE = 1e-5
seeds = st.integers(0, 2**32 - 1)
sizes = st.sampled_from([(2, 3), (3, 2), (5, 4), (1, 3), (4, 1)])
sources = st.sampled_from(["x", "dx"])
kinds = st.sampled_from(list(CONTROLS))


def path_of(net: Net, seed: int) -> Path:
    """Irregular and unequal samples, a third of the numbers missing."""
    return net.model.control(some_series(BATCH, 4, net.sizes["channel"], seed=seed, missing=0.3, unequal=True))


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(BATCH, 1, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def states(net: Net, path: Path, start: Tensor, **options) -> Tensor:
    """At every knot, `(batch knot *axes)`."""
    name = net.state_names[0][0]
    with torch.no_grad():
        return solve(net @ path, "knots", initial={name: start}, **(options or TIGHT)).states[name][:, :, 0]


def norm(state: Tensor) -> Tensor:
    return state.flatten(2).norm(dim=-1)


@few
@given(kinds, sources, st.sampled_from(FIXED), st.integers(1, 2), sizes, seeds)
def test_duality_holds_step_by_step(kind, source, method, steps, size, seed):
    """T2 to the last digits: any method does to Oja what it does to Delta on the transpose."""
    m, d = size
    ours, _ = by_hand(oja, {"value": m, "key": d}, CONTROLS[kind], source=SIGNALS[source], order="k v beta q")
    theirs, _ = by_hand(
        delta,
        {"value": d, "key": m},
        CONTROLS[kind],
        source=SIGNALS[source],
        order="v k beta q",
        channels=ours.sizes["channel"],
    )
    channels = max(net.sizes["channel"] for net in (ours, theirs))
    ours, _ = by_hand(
        oja, {"value": m, "key": d}, CONTROLS[kind], source=SIGNALS[source], order="k v beta q", channels=channels
    )
    path, start = path_of(ours, seed), 0.3 * normal(seed, m, d)
    one = states(ours, path, start, method=method, steps=steps)
    other = states(theirs, path, start.mT, method=method, steps=steps)
    assert close(other.mT / one.abs().max().clamp(min=1), one / one.abs().max().clamp(min=1), 1e-12)


@few
@given(st.sampled_from(["delta", "oja", "tanh_delta", "softmax_oja"]), kinds, sources, sizes, seeds)
def test_two_solutions_never_part(name, kind, source, size, seed):
    """T5 and T7, through jumps, bends, gaps and padding."""
    m, d = size
    net, _ = by_hand(ALL[name], {"value": m, "key": d}, CONTROLS[kind], source=SIGNALS[source])
    path, one, other = path_of(net, seed), normal(seed, m, d), normal(seed + 1, m, d)
    apart = norm(states(net, path, one) - states(net, path, other))
    assert (apart.diff(dim=1) <= TOLERANCE).all() and (apart[:, -1] < apart[:, 0]).any()


@few
@given(st.sampled_from(["delta", "oja"]), kinds, sources, sizes, seeds)
def test_growth(name, kind, source, size, seed):
    """T6 at every knot, the integral by Gauss' rule with eight nodes."""
    m, d = size
    net, where = by_hand(ALL[name], {"value": m, "key": d}, CONTROLS[kind], source=SIGNALS[source])
    path, start = path_of(net, seed), normal(seed, m, d)
    fractions, weights = gauss()
    slots = path.nodes(fractions)[0 if source == "x" else 1]
    written = slots[..., where["v" if name == "delta" else "k"]].square().sum(-1)
    rate = slots[..., where["beta"]][..., 0].sigmoid()
    integral = ((rate * written) @ weights * path.steps).cumsum(1)
    squared = norm(states(net, path, start)).square()
    assert (squared[:, 1:] <= squared[:, :1] + 0.5 * integral * (1 + 1e-4) + TOLERANCE).all()


def gauss() -> tuple[Tensor, Tensor]:
    nodes, weights = np.polynomial.legendre.leggauss(8)
    return torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)


@few
@given(st.sampled_from(["delta", "oja"]), sizes, seeds)
def test_residuals_contract_while_the_control_stands_still(name, size, seed):
    """T4 on each interval of a path that stands still and jumps: |e| falls by e^{−βκh}, h of each sample its own."""
    m, d = size
    net, where = by_hand(ALL[name], {"value": m, "key": d})
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(BATCH, 4, net.sizes["channel"], generator=generator, dtype=torch.float64)
    steps = 2 * torch.rand(BATCH, 4, generator=generator, dtype=torch.float64)
    found = states(net, constant_path(values, steps), normal(seed, m, d))
    key, value = values[..., where["k"]], values[..., where["v"]]
    if name == "oja":
        key, value, found = value, key, found.mT
    rate = values[..., where["beta"]][..., 0].sigmoid() * key.square().sum(-1)
    before, after = (
        (value - torch.einsum("bnvk,bnk->bnv", state, key)).norm(dim=-1) for state in (found[:, :-1], found[:, 1:])
    )
    assert close(after, before * torch.exp(-rate * steps), TOLERANCE)


@few
@given(kinds, sources, st.integers(1, 5), seeds)
def test_the_sphere_of_one_neuron(kind, source, size, seed):
    """T14."""
    net, _ = by_hand(oja_neuron, {"key": size}, CONTROLS[kind], source=SIGNALS[source])
    path, start = path_of(net, seed), normal(seed, size)
    off = 1 - norm(states(net, path, start)).square()
    assert (off.abs().diff(dim=1) <= TOLERANCE).all()
    on = norm(states(net, path, torch.nn.functional.normalize(start, dim=-1)))
    assert close(on, torch.ones_like(on), TOLERANCE)


@few
@given(kinds, sources, st.sampled_from([(2, 3), (3, 5), (1, 4), (4, 4)]), seeds)
def test_the_subspace(kind, source, size, seed):
    """T16."""
    m, d = size
    net, _ = by_hand(oja_subspace, {"value": m, "key": d}, CONTROLS[kind], source=SIGNALS[source])
    path, start, eye = path_of(net, seed), normal(seed, m, d), torch.eye(m, dtype=torch.float64)
    found = states(net, path, start / 2)
    assert (norm(eye - found @ found.mT).diff(dim=1) <= TOLERANCE).all()
    found = states(net, path, torch.linalg.qr(start.mT).Q.mT)
    assert close(found @ found.mT, eye.expand_as(found @ found.mT), TOLERANCE)


@few
@given(kinds, sizes, seeds)
def test_hebb_is_quadrature(kind, size, seed):
    """T1: its rate does not depend on W, so that two solutions keep their difference for ever."""
    m, d = size
    net, _ = by_hand(hebb, {"value": m, "key": d}, CONTROLS[kind])
    path, one, other = path_of(net, seed), normal(seed, m, d), normal(seed + 1, m, d)
    apart = states(net, path, one, method="rk4") - states(net, path, other, method="rk4")
    assert close(apart, (one - other).expand_as(apart), 1e-11)


def test_with_the_sign_flipped_they_do_part():
    """The test above would notice a rule that drives solutions apart."""
    net, _ = by_hand(Rule(-beta * (v - W @ k) * k), {"value": 3, "key": 2}, CONTROLS["hermite"])
    path, one, other = path_of(net, 0), normal(0, 3, 2), normal(1, 3, 2)
    apart = norm(states(net, path, one, method="rk4") - states(net, path, other, method="rk4"))
    assert (apart.diff(dim=1) > TOLERANCE).any()


@pytest.mark.parametrize("rule", [oja, delta])
def test_with_a_value_of_its_own_oja_keeps_no_sphere(rule):
    """T17: the invariants of T14 and T16 are those of y = W k; a slow net's v has others, T4 to T6."""
    net, _ = by_hand(rule, {"value": 1, "key": 3})
    path, start = path_of(net, 0), torch.nn.functional.normalize(normal(0, 1, 3), dim=-1)
    assert (norm(states(net, path, start)) - 1).abs().max() > 0.1
