from dataclasses import replace
from typing import Any

import pytest
import torch

from fwp.controls import by_name, hermite, linear, log_signature
from fwp.data import Series, series
from fwp.errors import CompositionError, FwpError
from fwp.fields import Projection, wiring
from fwp.models import Head, Predictor, Recurrent, Solver
from fwp.rules import ALL, delta
from fwp.solvers import solve


def drawn(batch: int = 5, channels: int = 3) -> Series:
    lengths = torch.randint(2, 9, (batch,))
    return series(torch.randn(batch, 8, channels), lengths=lengths)


def predictor(head: Head, solver: Solver | None = None) -> Predictor:
    model = delta @ wiring("keys-from-increments") @ hermite
    return Predictor(model.build(3, width=12, heads=2), head, solver or Solver())


@pytest.mark.users
def test_a_classifier_gives_logits_and_gradients() -> None:
    data = drawn()
    made = predictor(Head(outputs=4, hidden=7, dropout=0.1))
    logits = made(data)
    assert logits.shape == (5, 4)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())


def test_series_and_fitted_path_give_the_same() -> None:
    data, made = drawn(), predictor(Head(outputs=4)).eval()
    assert torch.equal(made(data), made(hermite(data)))


def test_each_series_is_read_at_its_own_end() -> None:
    """Whatever else is in the batch, and however long."""
    data, made = drawn(), predictor(Head(outputs=4)).double().eval()
    data = data.to(dtype=torch.float64)
    together = made(data)
    for i in range(len(data)):
        one, length = data[i], int(data.lengths[i])
        alone = series(one.values[:, :length], one.times[:, :length], one.mask[:, :length])
        torch.testing.assert_close(made(alone), together[i : i + 1], rtol=1e-12, atol=1e-12)


def test_the_pieces_of_the_head_are_options() -> None:
    names = {
        full: {name for name, _ in predictor(head).named_children()}
        for full, head in (("all", Head(4, 7)), ("least", Head(4, 0, projection=False)))
    }
    assert names["all"] == names["least"] == {"net", "projection", "dropout", "block", "output"}
    least = predictor(Head(4, 0, projection=False)).eval()
    data = drawn()
    reading = least.solve(data).read().flatten(1)
    torch.testing.assert_close(least(data), reading @ least.output.weight.T + least.output.bias)


@pytest.mark.parametrize("control", [linear, hermite, by_name("rectilinear")])
def test_there_may_be_outputs_at_every_time_point(control: Any) -> None:
    """Those at a series' last time point are the ones of a head at the end, with the same weights."""
    data = drawn().to(dtype=torch.float64)
    net = (delta @ wiring("keys-from-increments") @ control).build(3, width=12, heads=2, dtype=torch.float64)
    every, last = (Predictor(net, Head(2, 7, every=each)).double() for each in (True, False))
    last.load_state_dict(every.state_dict())
    outputs = every(data)
    assert outputs.shape == (5, 8, 2)
    ends = outputs[torch.arange(5), data.lengths - 1]
    torch.testing.assert_close(ends, last(data), rtol=1e-12, atol=1e-12)
    assert torch.equal(every(control(data)), outputs), "fitted before, the same"


def test_a_recurrence_has_outputs_at_every_time_point() -> None:
    data = drawn()
    every, last = (Predictor(Recurrent("gru").build(3, 6), Head(2, 7, every=each)) for each in (True, False))
    last.load_state_dict(every.state_dict())
    torch.testing.assert_close(every(data)[torch.arange(5), data.lengths - 1], last(data))


def test_windows_of_many_points_have_no_output_at_every_one() -> None:
    net = (delta @ Projection() @ log_signature(1, 3)).build(3, width=12, heads=2)
    with pytest.raises(CompositionError, match="no output at every time point"):
        Predictor(net, Head(2, every=True))


def test_fast_weights_of_the_own_end_may_meet_the_query_of_a_later_one() -> None:
    """As the published code has it: series are padded by time points at which nothing is observed."""
    data, made = drawn(), predictor(Head(outputs=4)).double().eval()
    data = data.to(dtype=torch.float64)
    steps = torch.arange(8) - data.lengths[:, None] + 1
    padded = replace(data, times=data.times + steps.clamp(min=0), lengths=torch.full((5,), 8))
    late = made(padded, data.times[:, -1:])
    field = made.net(padded)
    solution = solve(field, "knots")
    rows = torch.arange(5)
    states = {name: state[rows, data.lengths - 1][:, None] for name, state in solution.states.items()}
    reading = field.at_knots(torch.full((5, 1), 7)).read(states)[:, 0].flatten(1)
    expected = made.output(made.block(made.projection(reading)))
    torch.testing.assert_close(late, expected, rtol=1e-10, atol=1e-10)
    assert torch.equal(made(data, data.times[:, -1:]), made(data)), "the own end is both"


@pytest.mark.parametrize(
    "numbers",
    [
        {"outputs": 0},
        {"outputs": 2, "hidden": -1},
        {"outputs": 2, "dropout": 1.0},
    ],
)
def test_a_head_has_sizes_that_exist(numbers: dict[str, float]) -> None:
    with pytest.raises(FwpError, match="cannot have these sizes"):
        Head(**numbers)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", ALL)
def test_every_rule_classifies(name: str) -> None:
    """Vectors, matrices and systems alike: only the read-out's axes matter."""
    wirings = {"ncde": "ncde", "nrde": "nrde", "big_map": "big-map", "gru_ode": "gru-ode"}
    projection = wiring(wirings[name]) if name in wirings else Projection()
    model = ALL[name] @ projection.restricted(ALL[name]) @ linear
    sizes: dict[str, Any] = {"inner": 5} if name in ("ncde", "nrde", "big_map") else {}
    net = model.build(3, width=12, heads=2, **sizes)
    made = Predictor(net, Head(4, 7), Solver("euler"))
    assert made(drawn()).shape == (5, 4)


def test_solver_options_reach_the_solver() -> None:
    data, made = drawn(), predictor(Head(4), Solver("dopri5", gradient="adjoint", rtol=1e-7))
    stats = made.solve(data).stats
    assert (stats.method, stats.gradient) == ("dopri5", "adjoint")
    assert by_name("hermite") == hermite
