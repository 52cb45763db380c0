"""Solved fields to draw."""

import torch

from fwp import series, solve
from fwp.controls import by_name
from fwp.fields import direct, stack, suited
from fwp.rules import Rule, System
from fwp.solvers import Solution

TIMES = torch.tensor([0, 0.5, 0.75, 1.5, 2, 2.25, 3, 3.5, 5], dtype=torch.float64)


def solved(
    rule: Rule | System, control: str = "hermite", method: str = "auto", steps: int = 1, layers: int = 1
) -> Solution:
    """Two series of 9 and 6 observations at uneven times, float64, three heads, at all knots."""
    torch.manual_seed(0)
    own = rule @ suited(direct(), rule)
    net = (stack(*[own] * layers) @ by_name(control)).build(channels=3, width=12, heads=3, dtype=torch.float64)
    data = series(torch.randn(2, 9, 3, dtype=torch.float64), TIMES, lengths=[9, 6])
    with torch.no_grad():
        return solve(net(data), "knots", method=method, steps=steps)
