"""Complaints of solvers: where, which sample, the norms there, and what to try."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from fwp import FastWeights, Net, Rule, Slot, VectorField, series, solve
from fwp.controls import linear as linear_control
from fwp.fields import Projection, linear, plain
from fwp.rules import ALL, W, beta, delta, dx, k, v, x
from fwp.terms import real
from tests.messages.said import said


def field(rule: Rule = delta, projection: Projection | None = None) -> VectorField:
    torch.manual_seed(0)
    net: Net = (rule @ (plain(keys=dx) if projection is None else projection) @ linear_control).build(
        1, width=4, heads=1
    )
    return net(series(torch.arange(12.0).reshape(2, 6, 1) ** 2, lengths=[6, 3]))


growth = Slot("growth", domain=real)
exploding = Rule(beta * v * k + growth * W, name="exploding")
steep = Projection(growth=linear("channel -> head", x), beta=plain().slots["beta"])


def large() -> VectorField:
    own = field(exploding, steep)
    with torch.no_grad():
        for parameter in own.net.parameters():
            parameter.fill_(3e4)
    return own


CASES: dict[str, Callable[[Path], object]] = {
    "unknown_method": lambda _: solve(field(), method="rk5"),
    "method_that_does_not_fit": lambda _: solve(field(), method="exact"),
    "scan_that_cannot": lambda _: solve(
        field(ALL["oja_subspace"], plain().restricted(ALL["oja_subspace"])), scan="chunked"
    ),
    "scan_of_torchdiffeq": lambda _: solve(field(), method="dopri5", scan="chunked"),
    "structured_adjoint": lambda _: solve(field(), gradient="adjoint", backend="structured"),
    "no_chunk": lambda _: solve(field(), chunk=0),
    "chunk_of_another_scan": lambda _: solve(field(), scan="sequential", chunk=4),
    "tolerance_of_fixed_steps": lambda _: solve(field(), rtol=1e-8),
    "steps_of_an_adaptive_method": lambda _: solve(field(), method="dopri5", steps=4),
    "no_steps": lambda _: solve(field(), steps=0),
    "scipy_with_exact_gradients": lambda _: solve(field(), method="scipy_solver"),
    "times_not_in_order": lambda _: solve(field(), torch.tensor([1.0, 0.0], dtype=torch.float64)),
    "no_times": lambda _: solve(field(), torch.zeros(0, dtype=torch.float64)),
    "times_outside": lambda _: solve(field(), torch.tensor([1.0, 4.0], dtype=torch.float64)),
    "not_a_cde": lambda _: solve(field(), backend="torchcde"),
    "states_not_finite": lambda _: solve(large()),
    "underflow_in_dt": lambda _: solve(large(), method="dopri5"),
    "method_that_is_no_name": lambda _: solve(field(), method=4),  # pyright: ignore[reportArgumentType]
    "misspelt_scan": lambda _: solve(field(), scan="Fuse"),  # pyright: ignore[reportArgumentType]
    "steps_that_are_true": lambda _: solve(field(), steps=True),
    "steps_that_are_a_float": lambda _: solve(field(), steps=2.0),  # pyright: ignore[reportArgumentType]
    "steps_without_end": lambda _: solve(field(), steps=10**12),
    "chunk_that_is_text": lambda _: solve(field(), chunk="4"),  # pyright: ignore[reportArgumentType]
    "tolerance_that_is_no_number": lambda _: solve(field(), method="dopri5", rtol=float("nan")),
    "tolerances_of_zero": lambda _: solve(field(), method="dopri5", rtol=0, atol=0),
    "tolerance_of_explicit_adams": lambda _: solve(field(), method="explicit_adams", rtol=1e-8),
    "bound_of_fixed_steps": lambda _: solve(field(), method="rk4", max_steps=7),
    "more_steps_than_allowed": lambda _: solve(field(), method="dopri5", max_steps=2),
    "layer_with_an_unknown_method": lambda _: FastWeights(delta, 3, 8, method="RK4"),
    "layer_with_a_float": lambda _: FastWeights(delta, 3, 8.0),  # pyright: ignore[reportArgumentType]
    "layer_with_a_habit": lambda _: FastWeights(delta, 3, 8, batch_first=True),
    "layer_with_an_unknown_size": lambda _: FastWeights(delta, 3, 8, kye=4),
    "layer_with_another_dropout": lambda _: FastWeights(delta, 3, 8, dropout="0.1"),  # pyright: ignore[reportArgumentType]
    "layer_of_no_rule": lambda _: FastWeights(None, 3, 8),  # pyright: ignore[reportArgumentType]
    "layer_of_no_control": lambda _: FastWeights(delta, 3, 8, control=3),  # pyright: ignore[reportArgumentType]
    "a_net_is_no_field": lambda _: solve(field().net),  # pyright: ignore[reportArgumentType]
}


MEASURED = ("states_not_finite", "underflow_in_dt", "more_steps_than_allowed")


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, tmp_path: Path) -> None:
    said("solvers", name, CASES[name], tmp_path, measured=name in MEASURED)
