"""A control is a value: it prints, compares, hashes, travels as json; it fits on any device, differentiably."""

import time

import pytest
import torch
from hypothesis import given
from torch.autograd import gradcheck, gradgradcheck

from fwp.controls import Causality, Control, Kind, by_name, hermite, linear, natural_cubic, rectilinear
from fwp.data import Series, series
from fwp.errors import CompositionError, DataError, FormatError
from fwp.testing.strategies import controls, some_batch


@given(controls)
def test_json_round_trips(control):
    assert Control.from_json(control.to_json()) == control and hash(control) == hash(
        Control(control.kind, control.time, control.pace)
    )


def test_json_of_before_there_was_a_pace_is_read():
    assert Control.from_json({"kind": "hermite", "time": False}) == Control(Kind.HERMITE, time=False)


@pytest.mark.parametrize(
    "data", [{}, [], None, "linear", {"kind": "linear"}, {"kind": "cubic", "time": True}, {"kind": "linear", "time": 1},
             {"kind": ["linear"], "time": True}, {"kind": "linear", "time": True, "more": 0},
             {"kind": "linear", "time": True, "pace": 0.0}, {"kind": "linear", "time": True, "pace": True},
             {"kind": "linear", "time": True, "pace": float("inf")}, {"kind": "linear", "time": True, "pace": "1"}],
)  # fmt: skip
def test_other_json_is_refused(data):
    with pytest.raises(FormatError, match="this is no control"):
        Control.from_json(data)


def test_names():
    for control in (linear, rectilinear, natural_cubic, hermite):
        assert by_name(control.name) == control
    assert natural_cubic.name == "natural-cubic" and natural_cubic.channels(12) == 13
    assert Control(Kind.LINEAR, time=False).channels(12) == 12
    with pytest.raises(DataError, match="did you mean natural-cubic"):
        by_name("natural_cubik")


def test_a_pace_shows_where_it_is_not_one():
    assert repr(linear) == "linear" and repr(Control(Kind.LINEAR, pace=1)) == "linear"
    assert repr(Control(Kind.LINEAR, pace=2.5)) == "Control(Kind.LINEAR, pace=2.5)"
    assert repr(Control(Kind.HERMITE, False, 0.5)) == "Control(Kind.HERMITE, time=False, pace=0.5)"


@pytest.mark.parametrize("pace", [0, -1.0, float("nan"), float("inf")])
def test_a_pace_is_positive_and_finite(pace):
    with pytest.raises(DataError, match="a pace is a positive, finite number"):
        Control(Kind.LINEAR, pace=pace)


@pytest.mark.nohook
def test_a_tensor_is_no_series():
    with pytest.raises(CompositionError, match=r"this is a Tensor[\s\S]*control\(fwp.series\(values\)\)"):
        hermite(torch.randn(2, 5, 3))


def test_what_is_true_of_each_kind():
    assert {kind: (Control(kind).causality, Control(kind).degree) for kind in Kind} == {
        Kind.LINEAR: (Causality.OBSERVATION, 1),
        Kind.RECTILINEAR: (Causality.INSTANT, 1),
        Kind.NATURAL_CUBIC: (Causality.NONE, 3),
        Kind.HERMITE: (Causality.OBSERVATION, 3),
    }


@given(controls)
def test_degree_is_the_highest_power(control):
    pieces = control(some_batch(0, 3, 7, 2, 0.2)).pieces
    assert pieces[control.degree].any() and not any(piece.any() for piece in pieces[control.degree + 1 :])


@pytest.mark.parametrize("kind", Kind)
def test_gradients(kind):
    batch = some_batch(3, 3, 5, 2, 0.4, unequal=True)

    def coefficients(values, fill):
        kept = torch.where(batch.mask, values, 0)
        path = Control(kind)(Series(kept, batch.times, batch.mask, batch.lengths), fill)
        return path.with_knots(batch.times.mean(1, keepdim=True))[0].coefficients, *path.nodes([0.3, 0.8])

    inputs = (batch.values.requires_grad_(), torch.randn(2, dtype=torch.float64, requires_grad=True))
    assert gradcheck(coefficients, inputs, eps=1e-4, atol=1e-9, rtol=1e-9)  # linear in both: no step is too large
    assert gradgradcheck(coefficients, inputs)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("time_points", [1, 5])
def test_fits_on_the_meta_device(kind, time_points):
    """There a host synchronisation, a data-dependent shape or a stray CPU tensor fails."""
    batch = some_batch(0, 3, time_points, 2, 0.5)
    path, there = Control(kind)(batch), Control(kind)(batch.to("meta"))
    assert there.coefficients.is_meta and there.coefficients.shape == path.coefficients.shape
    assert there.steps.shape == path.steps.shape and there.times.shape == path.times.shape
    refined, index = there.with_knots(torch.empty(3, 4, dtype=torch.float64, device="meta"))
    assert index.is_meta and refined.intervals == path.intervals + 4
    assert there.at(0, 0.5)[0].is_meta and there.nodes([0.0, 0.5])[0].shape == path.nodes([0.0, 0.5])[0].shape


@pytest.mark.slow
@pytest.mark.parametrize("kind", Kind)
def test_forty_thousand_series_fit_in_two_minutes(kind):
    values = torch.randn(40_000, 72, 34)
    values[torch.rand_like(values) < 0.8] = torch.nan
    batch = series(values)
    start = time.process_time()  # on one thread; what else the machine does is left out
    path = Control(kind)(batch)
    assert time.process_time() - start < 120
    assert path.coefficients.isfinite().all() and path.coefficients.dtype is torch.float32
