"""One rule, two meanings: its flow, which the library solves exactly here, and its Euler step, which is DeltaNet's recurrence.

The data are made up: 50 random tokens, and a path whose slope is one of them in each interval. Keys, values and rates are drawn
from the slope, so that they stand still inside an interval and nothing but Euler's error is between the two meanings. An Euler
step multiplies the error v − W k by 1 − β|k|², which is no contraction beyond β|k|² = 2; the flow multiplies it by e^(−β|k|²).

    python examples/two_meanings.py
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from fwp import Control, Projection, VectorField, series, solve
from fwp.controls import Kind
from fwp.rules import delta, dx

MODEL = delta @ Projection(default=dx) @ Control(Kind.LINEAR, time=False)


def field_of(tokens: Tensor) -> VectorField:
    """Delta along the path of these tokens; the slow net has the same random weights each time."""
    torch.manual_seed(1)
    net = MODEL.build(tokens.shape[1], heads=1, key=4, value=4, dtype=torch.float64).requires_grad_(False)
    return net(series(pad(tokens.cumsum(0), (0, 0, 1, 0))))


def deltanet(field: VectorField) -> Tensor:
    """W ← W + β (v − W k) kᵀ, token after token, by hand."""
    W = torch.zeros(4, 4, dtype=torch.float64)
    for token in range(field.path.intervals):
        beta, v, k = (field(token).slots[name][0, 0] for name in ("beta", "v", "k"))
        W = W + beta * torch.outer(v - W @ k, k)
    return W


def main() -> None:
    """Print how far Euler's steps are from the flow as the grid is refined, and what becomes of both under loud tokens."""
    tokens = torch.randn(50, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    field = field_of(tokens)
    flow, euler = solve(field), solve(field, method="euler")
    apart = (euler.final["W"] - deltanet(field)).abs().max()
    print(f"solved by {flow.stats.method}; Euler from DeltaNet by hand: {apart:.0e}")
    for steps in 1, 4, 16, 64, 256:
        W = solve(field, method="euler", steps=steps).final["W"]
        print(f"{steps:>3} Euler steps for a token: {(W - flow.final['W']).norm():.1e} from the flow")
    for loudness in 0.5, 1, 2, 4:
        field = field_of(loudness * tokens)
        slots = [field(token).slots for token in range(50)]
        stiff = max(float(own["beta"] * own["k"].square().sum()) for own in slots)
        one, other = (solve(field, method=method).final["W"].norm() for method in ("auto", "euler"))
        print(f"tokens × {loudness}, β|k|² up to {stiff:.1f}: |W| is {one:.1f} by the flow, {other:.3g} by Euler")


if __name__ == "__main__":
    main()
