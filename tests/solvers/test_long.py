"""Long series: memory that hardly grows with length, exact gradients at EigenWorms' size, and what the adjoint makes of them."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fwp import series, solve
from fwp.controls import Control, Kind
from fwp.fields import Net, increments_only, plain
from fwp.rules import ALL, delta, hebb, tanh_delta
from fwp.solvers import plan as planning
from fwp.solvers.adjoint import contraction
from fwp.solvers.plan import plan
from fwp.solvers.situation import situation_of
from fwp.testing.flows import constant_path
from tests.fields.nets import TIMELESS, built, by_hand, some_series

LINES = Control(Kind.LINEAR, time=False)


def worms(windows: int, width: int = 128, heads: int = 16):
    """The published EigenWorms model without its last layers, at its beginning, and two smooth series of 6 channels."""
    torch.manual_seed(1)
    size = width // heads
    model = tanh_delta @ increments_only(squash=False) @ LINES
    net = model.build(channels=6, width=width, heads=heads, key=size, value=size, dtype=torch.float64)
    noise, values = torch.randn(2, windows + 1, 6, dtype=torch.float64), []
    for t in range(windows + 1):
        values.append(noise[:, t] if not values else 0.98 * values[-1] + (1 - 0.98**2) ** 0.5 * noise[:, t])
    return net, series(torch.stack(values, 1))


def slow_gradient(net: Net, data, **options) -> Tensor:
    """Of a loss of the last states, in all parameters that reach them, as one vector."""
    state = solve(net(data), **options).final["W"]
    weights = torch.randn(state.shape, generator=torch.Generator().manual_seed(2), dtype=state.dtype)
    found = torch.autograd.grad((weights * state).sum(), list(net.parameters()), allow_unused=True)
    filled = [torch.zeros_like(p) if g is None else g for g, p in zip(found, net.parameters(), strict=True)]
    return torch.cat([g.reshape(-1) for g in filled])


def cosine(one: Tensor, other: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(one, other, dim=0))


def compared(windows: int, **sizes: int) -> tuple[float, float, float]:
    """The cosines of the exact and of the adjoint gradient to that through torchdiffeq's rk4; the adjoint's relative size."""
    net, data = worms(windows, **sizes)
    direct = slow_gradient(net, data, method="rk4", backend="torchdiffeq")
    ours = slow_gradient(net, data)
    with pytest.warns(UserWarning, match="noise"):
        adjoint = slow_gradient(net, data, method="rk4", gradient="adjoint")
    return cosine(ours, direct), cosine(adjoint, direct), float(adjoint.norm() / direct.norm())


def test_exact_gradients_of_a_long_series_and_what_the_adjoint_makes_of_them() -> None:
    """Measured at 300 windows: cosines of 1 − 4e-14 and of 0.05, the adjoint's gradient being 5 times as long as the true one."""
    ours, adjoint, size = compared(300, width=32, heads=4)
    assert ours > 0.9999
    assert adjoint < 0.5
    assert size > 2


@pytest.mark.slow
def test_exact_gradients_at_the_size_of_eigenworms() -> None:
    """Measured at 4495 windows: cosines of 1 − 3e-13 and of −0.05, the adjoint's gradient being 89 times as long."""
    ours, adjoint, size = compared(4495)
    assert ours > 0.9999
    assert abs(adjoint) < 0.3
    assert size > 10


def along(rule, windows: int, control=TIMELESS) -> tuple[float, list[str]]:
    """Σ h rate |k|² along a path of unit keys, and the warnings of the adjoint."""
    net, where = by_hand(rule, {"key": 2, "value": 2}, control)
    values = torch.zeros(1, windows, net.sizes["channel"], dtype=torch.float64)
    values[..., where["k"].start] = 1.0
    field = net @ constant_path(values, torch.ones(1, windows, dtype=torch.float64))
    field.path.coefficients.requires_grad_()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        solve(field, method="rk4", gradient="adjoint")
    chosen = plan(situation_of(field), method="rk4", gradient="adjoint")
    return contraction(field, chosen), [str(w.message) for w in caught if "adjoint" in str(w.message)]


@pytest.mark.parametrize("name", ["delta", "tanh_delta", "anti_hebb"])
def test_the_adjoint_warns_with_a_number_where_the_flow_contracts(name: str) -> None:
    """With σ(0) = ½ and |k| = 1 a series of n intervals contracts by e^(−n/2)."""
    exponent, said = along(ALL[name], 60)
    assert exponent == pytest.approx(30)
    (message,) = said
    assert "e^-30" in message and "1e+13" in message and "gradient='exact'" in message
    assert along(ALL[name], 62)[1] == said, "said once while a training goes on"
    exponent, said = along(ALL[name], 10)
    assert exponent == pytest.approx(5)
    assert not said


def test_the_adjoint_is_silent_where_nothing_contracts() -> None:
    assert along(hebb, 200) == (0, [])
    net = built(delta, plain(), LINES)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error")
        solve(net(some_series(time=60)), method="rk4", gradient="adjoint")  # no gradient is wanted


@pytest.fixture
def recomputed(monkeypatch):
    """Every series longer than a segment of 64 instants is computed again in backward."""
    monkeypatch.setattr(planning, "_ROWS", 64)
    monkeypatch.setattr(planning, "_KEPT", 0)
    planning.plan.cache_clear()
    yield
    planning.plan.cache_clear()


def kept_bytes(field) -> int:
    """Of all tensors that a solve keeps for backward, each storage once."""
    seen: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        state = solve(field, scan="sequential" if field.net.model.spec.layers[0].rule is tanh_delta else "chunked")
        total = state.final["W"].sum()
    found = sum(seen.values())
    total.backward()
    return found


@pytest.mark.parametrize("rule", [delta, tanh_delta], ids=str)
def test_only_states_between_segments_are_kept(recomputed, rule) -> None:
    """A state of 8 × 8 for each head and segment: some 1 kB in 64 instants, where slots alone are 26 kB."""
    kept = []
    for windows in (512, 1024):
        net = built(rule, plain(), width=16, heads=2, key=8, value=8)
        field = net(some_series(batch=1, time=windows + 1))
        kept.append(kept_bytes(field))
    assert kept[1] - kept[0] <= 8 * (2 * 8 * 8 * 8 + 64)


PEAK = """
import resource, sys, torch
from fwp import series, solve
from fwp.fields import plain
from fwp.rules import delta
from fwp.solvers import plan as planning
from fwp.controls import Control, Kind
torch.set_num_threads(1)
planning._KEPT = 0
windows = int(sys.argv[1])
net = (delta @ plain() @ Control(Kind.LINEAR, time=False)).build(channels=3, width=64, heads=8, key=8, value=8)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def step(windows):
    data = series(torch.randn(1, windows + 1, 3))
    solve(net(data), scan="chunked").read().sum().backward()
step(9000)
before = peak()
step(windows)
print(before, peak())
"""


@pytest.mark.slow
def test_peak_memory_is_that_of_a_segment() -> None:
    """40,000 windows take what 10,000 do but for the series itself, some 0.4 kB a window: slots and slow net are 7 kB."""
    root, grown = Path(__file__).parents[2], []
    for windows in (10_000, 40_000):
        command = [sys.executable, "-c", PEAK, str(windows)]
        environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}  # else small pieces pin large ones that are free
        done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment)
        assert done.returncode == 0, done.stderr
        before, after = map(float, done.stdout.split())
        grown.append(after - before)
    assert grown[1] - grown[0] < 30, grown  # MB
