"""Which steps a read-out owes its value to: a map like that of attention, from the changes of the fast weights alone."""

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from fwp.kinds import explained
from fwp.plots.ticks import label_times

__all__ = ["contributions", "readout_map"]


@explained
def contributions(
    states: Float[Tensor, "time output input"], queries: Float[Tensor, "time input"]
) -> Float[Tensor, "time time output"]:
    """What each change of W adds to each read-out: ΔW_i q_j at `[j, i]`, W_0 q_j at `[j, 0]`, zero for later changes.

    Over i they sum to the read-out W_j q_j, whatever the rule and the solver: the changes sum to W_j.
    """
    steps = torch.cat([states[:1], states.diff(dim=0)])
    found = torch.einsum("i o k, j k -> j i o", steps, queries)
    return found * torch.ones(found.shape[:2], dtype=found.dtype, device=found.device).tril()[..., None]


@explained
def readout_map(
    states: Float[Tensor, "time output input"],
    queries: Float[Tensor, "time input"],
    times: Float[Tensor, "time"],
    most: int = 200,
    unit: str = "time",
    axes: Axes | None = None,
) -> Axes:
    """Draw |ΔW_i q_j|, what the change of one head's fast weights up to time i adds to the read-out at time j.

    A row is a read-out, as in a map of attention; the first column is what the first state W_0 adds. A change is what a step
    writes less what it erases. The vectors, not their norms, sum to the read-out: see `contributions`.

    Args:
        states: of one head, such as `solution.states["W"][0][:, head]`, with the axis that is read last.
        queries: what they are read with at these times.
        times: when, in the unit named by `unit`.
        most: times in the map; of a longer series so many are taken, evenly spread, and the changes between them.
        unit: what the times are called.
        axes: where; a new figure unless given.
    """
    place = Figure(figsize=(5.4, 4.4), layout="constrained").subplots() if axes is None else axes
    chosen = torch.linspace(0, len(times) - 1, min(most, len(times))).round().long().unique()
    when = times.detach().cpu()[chosen].tolist()
    own, asked = (v.detach().to("cpu", torch.float64)[chosen] for v in (states, queries))
    norms = torch.linalg.vector_norm(contributions(own, asked), dim=-1).numpy()
    later = np.triu(np.ones_like(norms, dtype=bool), 1)
    image = place.imshow(
        np.ma.masked_array(norms, later),
        cmap="Greys",
        vmin=0,
        vmax=float(norms.max(initial=0.0)) or 1.0,
        interpolation="nearest",
    )
    label_times(place.xaxis, when)
    label_times(place.yaxis, when)
    place.set(xlabel=f"W changed at: {unit}", ylabel=f"W read at: {unit}")
    place.set_title("what each change of W adds to each read-out", fontsize=10)
    if (figure := place.get_figure()) is not None:
        figure.colorbar(image, ax=place, label="$|\\Delta W_i\\, q_j|$  (first column: $|W_0\\, q_j|$)")
    return place
