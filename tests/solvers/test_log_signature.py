"""Rules along windows of log-signatures: slots stand still on each, so that steps are exact, whoever takes them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from torch import Tensor
from torch.autograd import gradcheck

from fwp import controls, explain, solve
from fwp.cli.explain import explain as explain_command
from fwp.controls import Control, log_signature
from fwp.data import Series, collate, series
from fwp.fields import direct, increments_only, keys_from_increments, keys_from_signal, plain
from fwp.rules import delta, dx, hebb, oja, softmax_oja, tanh_delta
from fwp.solvers import METHODS
from fwp.solvers.plan import plan
from fwp.solvers.situation import situation_of
from fwp.solvers.torchdiffeq import Family
from tests.controls import signatures
from tests.fields.nets import built, close, few, some_series
from tests.solvers.reference import choices, exact

WINDOWS = [log_signature(1, 1), log_signature(1, 2, pace=2.5), log_signature(2, 2), log_signature(2, 4, False, 0.5)]
ONE_STEP = [m for m, family in METHODS.items() if family is Family.FIXED]
seeds = st.integers(0, 2**32 - 1)
windows = st.sampled_from(WINDOWS)


def data(seed: int = 0, time: int = 8) -> Series:
    return some_series(batch=3, time=time, seed=seed, missing=0.3, unequal=True)


@pytest.mark.parametrize("control", WINDOWS, ids=repr)
@pytest.mark.parametrize("rule", [hebb, oja, delta, tanh_delta, softmax_oja], ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    "projection", [direct(), keys_from_signal(), keys_from_increments()], ids=["direct", "v1", "v2"]
)
def test_every_step_is_exact_although_slots_follow_the_signal(rule, projection, control):
    field = built(rule, projection, control)(data())
    assert plan(situation_of(field)).method == "exact"
    assert "slots constant on each interval" in explain(field)


@few
@given(windows, st.sampled_from([delta, tanh_delta, softmax_oja]), seeds)
def test_states_are_those_of_dop853(control, rule, seed):
    torch.manual_seed(seed)
    field = built(rule, direct(), control)(data(seed))
    with torch.no_grad():
        found = solve(field, "knots").states["W"]
        assert close(found, exact(field, field.initial(), rule.name)["W"], 1e-10)


@few
@given(st.booleans(), st.sampled_from([1.0, 2.5]), st.integers(1, 4), seeds)
def test_delta_is_a_loop_over_log_signatures(time, pace, step, seed):
    """From the raw series on: windows cut by hand, log-signatures by Chen's identity, steps by scipy's exponential."""
    torch.manual_seed(seed)
    net = built(delta, plain(values=dx), log_signature(2, step, time, pace))
    raw = some_series(batch=2, time=7, seed=seed)
    with torch.no_grad():
        solution = solve(net(raw))
        found, read = solution.final["W"], solution.read()
        for sample in range(2):
            points = np.concatenate([raw.times[sample, :, None].numpy(), raw.values[sample].numpy()], 1)[:, not time :]
            state = net(raw).initial()["W"][sample].numpy()
            inputs: dict[str, Tensor] = {}
            for start in range(0, 6, step):
                words = torch.from_numpy(signatures.log_signature(points[start : start + step + 1], 2))
                inputs = {"x": words, "dx": words / pace}
                slots = {name: slot.numpy() for name, slot in net.slots(inputs).items()}
                state = np.stack([stepped(W, *own, pace) for W, *own in zip(state, *_by_head(slots), strict=True)])
            assert close(found[sample], torch.from_numpy(state), 1e-12)
            assert close(read[sample], net.read({"W": torch.from_numpy(state)}, inputs), 1e-12)


def _by_head(slots: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [slots[name] for name in ("beta", "k", "v")]


def stepped(W: np.ndarray, beta: float, k: np.ndarray, v: np.ndarray, length: float) -> np.ndarray:
    """d[W, I]/dt = [W, I] [[−β k kᵀ, 0], [β v kᵀ, 0]]."""
    (outputs, reads), erase, write = W.shape, -beta * np.outer(k, k), beta * np.outer(v, k)
    generator = np.block([[erase, np.zeros((reads, outputs))], [write, np.zeros((outputs, outputs))]])
    return (np.concatenate([W, np.eye(outputs)], 1) @ expm(length * generator))[:, :reads]


def test_single_unit_steps_of_depth_one_are_the_lines_of_an_increments_only_rule():
    raw = replace(some_series(missing=0.3), times=torch.arange(6.0, dtype=torch.float64).expand(3, -1))
    for rule in (hebb, delta, tanh_delta):
        nets = [built(rule, increments_only(), control) for control in (log_signature(1, 1), controls.linear)]
        nets[0].load_state_dict(nets[1].state_dict())
        with torch.no_grad():
            ours, theirs = (solve(net(raw), "knots") for net in nets)
        assert torch.equal(ours.states["W"], theirs.states["W"]) and torch.equal(ours.times, theirs.times)
        assert torch.equal(ours.read()[:, 1:], theirs.read()[:, 1:])


@few
@given(windows, seeds)
def test_a_batch_is_its_members_one_by_one(control, seed):
    torch.manual_seed(seed)
    net, raw = built(tanh_delta, keys_from_increments(), control), data(seed)
    with torch.no_grad():
        together = solve(net(raw))
        for i in range(len(raw)):
            alone = solve(net(collate([raw[i]])))
            assert close(together.final["W"][[i]], alone.final["W"], 1e-12)
            assert close(together.read()[[i]], alone.read(), 1e-12) and together.times[i] == alone.times[0]


def test_a_series_of_one_observation_stands_still():
    net = built(delta, direct(), log_signature(2, 4))
    field = net(series(torch.ones(2, 1, 3, dtype=torch.float64)))
    with torch.no_grad():
        found = solve(field)
        assert torch.equal(found.final["W"], field.initial()["W"]) and found.read().isfinite().all()


@few
@given(windows, st.sampled_from([delta, tanh_delta]), seeds)
def test_requested_times_cut_windows_and_change_no_solution(control, rule, seed):
    """Exact steps make a semigroup: two of them through a window are one."""
    torch.manual_seed(seed)
    field = built(rule, keys_from_signal(), control)(data(seed))
    times = field.path.times
    inner = times[:, :1] + (times[:, -1:] - times[:, :1]) * torch.tensor([0.1, 0.35, 0.8, 0.81], dtype=torch.float64)
    wanted = torch.cat([inner, times[:, -1:]], 1).clamp(times[:, :1], times[:, -1:])
    with torch.no_grad():
        found, end = solve(field, wanted), solve(field)
        every = solve(field, "knots")
        at = solve(field, times)
    assert found.plan.method == "exact" and torch.equal(found.times, wanted)
    assert close(found.states["W"][:, -1], end.final["W"], 1e-12) and close(found.read()[:, -1], end.read(), 1e-12)
    assert close(at.states["W"], every.states["W"], 1e-12) and close(at.read(), every.read(), 1e-12)


@pytest.mark.parametrize("control", WINDOWS, ids=repr)
@pytest.mark.parametrize("method", METHODS)
def test_no_method_reads_the_next_window_at_a_knot(method, control):
    """Bit for bit, the stages at a window's right end included."""
    net, raw = built(delta, keys_from_increments(), control), some_series(time=9)
    knot = 2 if control.kind.step > 2 else 3
    observation = min(knot * control.kind.step, 8)
    values = raw.values.clone()
    values[:, observation + 1 :] += 1.5
    last = {"values": values} if observation < 8 else {}
    with torch.no_grad():
        ours, theirs = (
            solve(net(d), "knots", backend="torchdiffeq", **choices(method, 1, 1e-3))
            for d in (raw, replace(raw, **last))
        )
    assert torch.equal(ours.states["W"][:, : knot + 1], theirs.states["W"][:, : knot + 1])
    assert torch.equal(ours.read()[:, 1 : knot + 1], theirs.read()[:, 1 : knot + 1])
    if last:
        assert not torch.equal(ours.states["W"][:, knot + 1], theirs.states["W"][:, knot + 1])


@pytest.mark.parametrize("control", WINDOWS, ids=repr)
@pytest.mark.parametrize("method", ONE_STEP)
def test_stages_at_a_windows_end_are_its_own(method, control):
    """With Hebb every stage has the same rate, so that every method is exact, were it to look at one window alone."""
    field = built(hebb, plain(keys=dx), control)(data())
    with torch.no_grad():
        ours = solve(field, "knots").states["W"]
        theirs = solve(field, "knots", method=method, backend="torchdiffeq").states["W"]
    assert close(theirs, ours, 1e-13)


@pytest.mark.parametrize("control", WINDOWS, ids=repr)
@pytest.mark.parametrize("wanted", ["knots", "inside"])
def test_torchcde_agrees(control, wanted):
    field = built(hebb, plain(values=dx), control)(data())
    times = field.path.times
    asked = (times[:, :1] + (times[:, -1:] - times[:, :1]) * torch.tensor([0.3, 0.7])).double()
    asked = asked.clamp(times[:, :1], times[:, -1:])
    with torch.no_grad():
        ours, theirs = (
            solve(field, "knots" if wanted == "knots" else asked, backend=backend, method=method)
            for backend, method in (("structured", "exact"), ("torchcde", "rk4"))
        )
    assert close(theirs.states["W"], ours.states["W"], 1e-12) and close(theirs.read(), ours.read(), 1e-12)


def test_a_pace_multiplies_what_x_does_and_not_what_dx_does():
    raw = data()
    for keys, factor in ((plain(), 10.0), (plain(values=dx), 1.0)):
        nets = [built(hebb, keys, log_signature(1, 2, pace=pace)) for pace in (1.0, 10.0)]
        nets[1].load_state_dict(nets[0].state_dict())
        with torch.no_grad():
            slow, fast = (solve(net(raw), initial=zeros(net, raw)).final["W"] for net in nets)
        assert close(fast, factor * slow, 1e-12)


def zeros(net, raw: Series) -> dict[str, Tensor]:
    return {name: torch.zeros_like(state) for name, state in net(raw).initial().items()}


@pytest.mark.parametrize("depth", [1, 2])
def test_gradients_reach_the_series(depth):
    net, raw = built(delta, direct(), log_signature(depth, 2), heads=1, key=2, value=2), some_series(2, 5)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    assert gradcheck(lambda values: solve(net(replace(raw, values=values))).final["W"], raw.values.requires_grad_())


@pytest.mark.parametrize("name", ["log-signature-1-4", "log-signature-2-4"])
def test_the_command_explains_windows(name, capsys):
    explain_command("delta", control=name, channels=6, length=100)
    said = capsys.readouterr().out
    assert "exact, one in each interval" in said and "slots constant on each interval" in said


def test_a_net_is_built_for_as_many_channels_as_there_are_words():
    net = built(delta, plain(), Control(log_signature(2, 4).kind), channels=6)
    assert net(some_series(channel=6)).path.channels == 28
