"""How large the fast weights are while a series is read, and in how many directions: singular values and norms over time."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from fwp.kinds import explained

__all__ = ["spectrum"]

STYLES = ("-", "--", "-.", ":")


@explained
def spectrum(
    states: Float[Tensor, "time head value key"],
    times: Float[Tensor, "time"],
    head: int = 0,
    most: int = 6,
    unit: str = "time",
    axes: Iterable[Axes] | None = None,
) -> list[Axes]:
    """Draw the singular values of one head's fast weights into the first axes, the Frobenius norms of all heads into the second.

    Args:
        states: the fast weights of one series, such as `solution.states["W"][0]`.
        times: when, in the unit named by `unit`.
        head: whose singular values; its norm stands out among those of the others.
        most: how many singular values, the largest first.
        unit: what the times are called.
        axes: two axes; a new figure unless given.
    """
    first, second = Figure(figsize=(7.4, 2.9), layout="constrained").subplots(1, 2) if axes is None else axes
    found = states.detach().to("cpu", torch.float64)
    when = times.detach().cpu().numpy()
    values = torch.linalg.svdvals(found[:, head]).numpy()
    count = values.shape[1]
    shown = min(most, count)
    marker = "o" if len(when) == 1 else None
    for i in range(shown):
        shade, style = f"{0.65 * i / max(shown, 1):.2f}", STYLES[i % len(STYLES)]
        first.plot(when, values[:, i], style, color=shade, marker=marker, label=f"σ{i + 1}")
    first.set(xlabel=unit, ylabel=f"singular values of W, head {head}", ylim=(0, None))
    first.set_title(f"the largest {shown} of {count}" if shown < count else "", fontsize=9)
    first.legend(fontsize=8)
    norms = torch.linalg.matrix_norm(found).numpy()
    others = [i for i in range(norms.shape[1]) if i != head]
    for number, i in enumerate(others):
        label = "other heads" if number == 0 else None
        second.plot(when, norms[:, i], color="0.7", linewidth=0.8, marker=marker, label=label)
    second.plot(when, norms[:, head], color="black", linewidth=1.8, marker=marker, label=f"head {head}")
    second.set(xlabel=unit, ylabel="Frobenius norm of W")
    second.set_ylim(0, 1.05 * float(np.nanmax(norms, initial=0.0)) or 1.0)
    second.legend(fontsize=8)
    return [first, second]
