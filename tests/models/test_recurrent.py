"""Recurrent baselines: each against a loop over one sample and its observations, written from its reference."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear
from torchdiffeq import odeint

from fwp.controls import hermite
from fwp.data import Series, collate, series
from fwp.errors import CompositionError, FormatError, FwpError, SizeError
from fwp.models import Head, Predictor, Recurrence, Recurrent

KINDS = ("gru", "gru-dt", "gru-d", "ode-rnn")
each = pytest.mark.parametrize("kind", KINDS)


def drawn(batch: int = 5, time: int = 7, channels: int = 3, features: int = 0, seed: int = 0) -> Series:
    """Irregular times, unequal lengths, every third value missing and the last channel of the first sample never observed."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(batch, time, channels, generator=generator, dtype=torch.float64)
    mask = torch.rand(batch, time, channels, generator=generator) < 2 / 3
    mask[0, :, -1] = False
    times = (0.2 + torch.rand(batch, time, generator=generator, dtype=torch.float64)).cumsum(1)
    lengths = torch.randint(1, time + 1, (batch,), generator=generator)
    lengths[1] = time
    static = torch.randn(batch, features, generator=generator, dtype=torch.float64) if features else None
    return series(values, times, mask, lengths, static)


def built(kind: str, channels: int = 3, width: int = 6, static: int = 0) -> Recurrence:
    return Recurrent(kind).build(channels, width, static).double()  # pyright: ignore[reportArgumentType]


def cell(x: Tensor, h: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """Cho et al. 2014, with the reset gate where cuDNN and torch have it."""
    a = linear(x, weights["weight_ih"], weights["bias_ih"]).chunk(3)
    b = linear(h, weights["weight_hh"], weights["bias_hh"]).chunk(3)
    r, z = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[1] + b[1])
    return (1 - z) * torch.tanh(a[2] + r * b[2]) + z * h


def observations(one: Series) -> list[tuple[float, Tensor, Tensor, Tensor]]:
    """Of one sample: the time since the time point before, values, mask, and for each channel the time since it was seen."""
    found, seen = [], [float(one.times[0, 0])] * one.channels
    for i in range(int(one.lengths[0])):
        now = float(one.times[0, i])
        since = torch.tensor([now - t for t in seen], dtype=torch.float64)
        step = now - float(one.times[0, i - 1]) if i else 0.0
        found.append((step, one.values[0, i], one.mask[0, i], since))
        seen = [now if m else t for t, m in zip(seen, one.mask[0, i], strict=True)]
    return found


def gru(one: Series, h: Tensor, p: dict[str, Tensor], timed: bool = False) -> Tensor:
    weights = {n.removeprefix("unit.").removesuffix("_l0"): w for n, w in p.items() if n.startswith("unit")}
    last = torch.zeros(one.channels, dtype=torch.float64)
    for step, values, mask, _ in observations(one):
        last = torch.where(mask, values, last)
        h = cell(torch.cat([last, torch.tensor([step], dtype=torch.float64)]) if timed else last, h, weights)
    return h


def gru_d(one: Series, h: Tensor, p: dict[str, Tensor]) -> Tensor:
    """Che et al. 2018, eq. 10-17, with the mean 0."""
    weights = {n.removeprefix("unit."): w for n, w in p.items() if n.startswith("unit")}
    last = torch.zeros(one.channels, dtype=torch.float64)
    for _, values, mask, since in observations(one):
        gamma_x = torch.exp(-torch.clamp(p["weight"] * since + p["bias"], min=0))
        gamma_h = torch.exp(-torch.clamp(p["decay.weight"] @ since + p["decay.bias"], min=0))
        m = mask.double()
        x = m * values + (1 - m) * (gamma_x * last + (1 - gamma_x) * 0)
        h = cell(torch.cat([x, m]), gamma_h * h, weights)
        last = torch.where(mask, values, last)
    return h


def ode_rnn(one: Series, h: Tensor, p: dict[str, Tensor]) -> Tensor:
    """Rubanova et al. 2019, algorithm 1; rk4 over each interval as it stands."""
    weights = {n.removeprefix("unit."): w for n, w in p.items() if n.startswith("unit")}
    last = torch.zeros(one.channels, dtype=torch.float64)

    def field(_: Tensor, h: Tensor) -> Tensor:
        return p["field.2.weight"] @ torch.tanh(p["field.0.weight"] @ h + p["field.0.bias"]) + p["field.2.bias"]

    for i, (_, values, mask, _) in enumerate(observations(one)):
        if i:
            h = odeint(field, h, one.times[0, i - 1 : i + 1], method="rk4")[1]  # pyright: ignore[reportIndexIssue]
        last = torch.where(mask, values, last)
        h = cell(last, h, weights)
    return h


NAIVE: dict[str, Callable[..., Tensor]] = {
    "gru": gru,
    "gru-dt": lambda *given: gru(*given, timed=True),
    "gru-d": gru_d,
    "ode-rnn": ode_rnn,
}


@pytest.mark.users
@pytest.mark.parametrize("features", [0, 4])
@each
def test_the_state_at_the_end_is_that_of_its_reference(kind: str, features: int) -> None:
    data, net = drawn(features=features), built(kind, static=features)
    parameters = dict(net.named_parameters())
    found = net(data)
    assert found.shape == (5, 6)
    for i in range(len(data)):
        begin = torch.zeros(6, dtype=torch.float64)
        if data.static is not None:
            first = torch.relu(parameters["begin.0.weight"] @ data.static[i] + parameters["begin.0.bias"])
            assert first.shape == (256,)
            begin = parameters["begin.2.weight"] @ first + parameters["begin.2.bias"]
        torch.testing.assert_close(found[i], NAIVE[kind](data[i], begin, parameters), rtol=1e-12, atol=1e-12)


@each
def test_padding_never_changes_a_sample(kind: str) -> None:
    """Nor do the other samples of the batch."""
    data, net = drawn(), built(kind)
    together = net(data)
    longer = net(collate([data, drawn(2, 20, seed=1)]))[: len(data)]
    torch.testing.assert_close(longer, together, rtol=1e-13, atol=1e-13)
    for i in range(len(data)):
        alone = net(data[i].shortened(int(data.lengths[i])))
        torch.testing.assert_close(alone, together[i : i + 1], rtol=1e-13, atol=1e-13)


@each
def test_later_observations_change_no_earlier_state(kind: str) -> None:
    data, net = drawn(), built(kind)
    values, mask, times = data.values.clone(), data.mask.clone(), data.times.clone()
    values[:, 4:], mask[:, 4:], times[:, 4:] = 9.0, True, times[:, 4:] + 3
    other = Series(values, times, mask, data.lengths)
    before, after = net.states(data), net.states(other)
    torch.testing.assert_close(after[:, :4], before[:, :4], rtol=1e-13, atol=1e-13)
    assert not torch.allclose(after[:, 4:], before[:, 4:])


@each
def test_every_parameter_learns(kind: str) -> None:
    net = built(kind, static=2)
    net(drawn(batch=20, features=2)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.abs().max() > 0 for p in net.parameters())


def test_what_was_not_observed_is_not_read() -> None:
    """Only the mask says what is missing, not a value of 0."""
    data = drawn()
    filled = Series(torch.where(data.mask, data.values, 7.0), data.times, data.mask, data.lengths)
    for kind in KINDS:
        net = built(kind)
        assert torch.equal(net(filled), net(data))


def test_time_is_read_by_those_that_say_so() -> None:
    data = drawn()
    slower = Series(data.values, 2 * data.times, data.mask, data.lengths)
    same = {kind: torch.equal(net(slower), net(data)) for kind in KINDS for net in (built(kind),)}
    assert same == {"gru": True, "gru-dt": False, "gru-d": False, "ode-rnn": False}


@each
def test_a_recurrence_is_a_value_that_travels(kind: str) -> None:
    model = Recurrent(kind)  # pyright: ignore[reportArgumentType]
    assert Recurrent.from_json(model.to_json()) == model and hash(Recurrent.from_json(model.to_json())) == hash(model)
    assert eval(repr(model), {"Recurrent": Recurrent}) == model
    assert model.name == kind


@pytest.mark.parametrize(
    "data", [None, [], "gru", {}, {"recurrent": "lstm"}, {"recurrent": ["gru"]}, {"recurrent": "gru", "width": 3}]
)
def test_other_json_is_refused(data: object) -> None:
    with pytest.raises(FormatError, match="no recurrent baseline"):
        Recurrent.from_json(data)


@pytest.mark.nohook
def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(FwpError, match=r"(?s)no recurrent baseline.*'lstm'.*gru, gru-dt, gru-d, ode-rnn"):
        Recurrent("lstm")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("sizes", [(0, 4, 0), (3, 0, 0), (3, 4, -1)])
def test_sizes_that_cannot_be_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(SizeError, match="cannot have these sizes"):
        Recurrent("gru").build(*sizes)


def test_other_series_are_refused() -> None:
    with pytest.raises(SizeError, match="channels that the recurrence"):
        built("gru")(drawn(channels=4))
    for features in (0, 3):
        with pytest.raises(SizeError, match="static features that the recurrence"):
            built("gru", static=2)(drawn(features=features))


def test_a_recurrence_of_no_kind_is_not_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Recurrence(Recurrent("gru"), 3, 6, 0)  # pyright: ignore[reportAbstractUsage]


@each
def test_a_classifier_takes_a_recurrence_in_place_of_a_net(kind: str) -> None:
    data, net = drawn(), built(kind)
    made = Predictor(net, Head(4, 7)).double()
    logits = made(data)
    reading = net(data)
    assert torch.equal(logits, made.output(made.block(made.projection(reading)))) and logits.shape == (5, 4)
    after = torch.arange(7) - data.lengths[:, None] + 1
    later = replace(data, times=data.times + after.clamp(min=0), lengths=torch.full((5,), 7))
    for padded in (data, later):  # as series are padded here, and as the published code pads them
        assert torch.equal(made(padded, data.times[:, -1:]), logits)
    with pytest.raises(CompositionError, match="no equation"):
        made.solve(data)
    with pytest.raises(CompositionError, match="observations, not a path"):
        made(hermite(data))
