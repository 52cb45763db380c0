"""`fwp explain RULE`: how a rule is solved, and why, before anything is computed."""

from __future__ import annotations

from typing import Literal

import torch

from fwp.cli.target import resolve
from fwp.controls import Causality, Path, by_name
from fwp.controls.path import pieces_of
from fwp.errors import SolveError
from fwp.fields import Net, suited, wiring
from fwp.rules import Rule
from fwp.solvers import explain as explained

__all__ = ["explain"]


def explain(
    rule: str,
    /,
    control: str = "linear",
    projection: str = "direct",
    method: str = "auto",
    scan: str = "auto",
    batch: int = 32,
    length: int = 1000,
    channels: int = 7,
    width: int = 128,
    heads: int = 16,
    dtype: Literal["float32", "float64"] = "float32",
    sizes: dict[str, int] = {},  # noqa: B006  # read only
) -> None:
    """Explain how a rule is solved: its structure and witnesses, step, scan, work, and the reason against each alternative.

    Args:
        rule: A name, module:name or path/to/file.py:name.
        control: linear, rectilinear, natural-cubic, hermite or log-signature-DEPTH-STEP.
        projection: What feeds the slots: direct, keys-from-signal, keys-from-increments, increments-only, plain, ncde, nrde,
            big-map or gru-ode.
        method: The step, if another than the plan's is wanted.
        scan: The scan, if another than the plan's is wanted.
        batch: Series solved together.
        length: Intervals of each, or windows of a log-signature.
        channels: Of the series, without the time.
        width: Of all heads together.
        heads: Copies of the rule.
        dtype: Of all numbers.
        sizes: Sizes of axes that neither width nor heads determine, as in --sizes inner 32.
    """
    found = resolve(rule)
    if length < 1 or batch < 1:
        help = "give --batch and --length of 1 or more"
        raise SolveError("there is nothing to solve", ("batch", str(batch)), ("length", str(length)), help=help)
    chosen = by_name(control)
    model = found @ suited(wiring(projection), found) @ chosen
    net = Net(model, {"channel": channels, "head": heads, "width": width} | sizes, getattr(torch, dtype))
    steps = torch.ones(1, 1, dtype=torch.float64).expand(batch, length)
    pieces = pieces_of(chosen.degree) * chosen.channels(channels)
    own = torch.zeros(1, 1, 1, dtype=getattr(torch, dtype)).expand(batch, length, pieces)
    times = torch.zeros(1, 1, dtype=torch.float64).expand(batch, length + 1)
    first = torch.zeros(1, 1, dtype=getattr(torch, dtype)).expand(batch, chosen.points(channels))
    path = Path(own, steps, times, Causality.INSTANT, chosen.degree, first=first)
    print(f"{found}" if isinstance(found, Rule) else f"{found.name or 'system'}")
    print(explained(net @ path, method=method, scan=scan))
