"""The fast weights of one series while it is read: a strip of heat maps, or one where the state is a vector."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from torch import Tensor

from fwp.kinds import explained

__all__ = ["fast_weights"]

SIGNED = LinearSegmentedColormap.from_list("signed", ["#08214f", "#3b5f97", "#8a8a8a", "#e5ad52", "#fff3b8"])
"""Blue below zero, grey at zero, yellow above; its lightness only rises, so that it reads the same printed in grey."""


@explained
def fast_weights(
    states: Float[Tensor, "time head value key"] | Float[Tensor, "time head value"],
    times: Float[Tensor, "time"],
    heads: Sequence[int] = (0,),
    frames: int = 6,
    names: Sequence[str] = ("value", "key"),
    unit: str = "time",
    axes: Iterable[Axes] | None = None,
) -> list[Axes]:
    """Draw a state over time, one row a head; the scale is the same everywhere and symmetric about zero.

    A state with values and keys is shown at `frames` times, evenly spread from first to last; a vector as one map over all times.

    Args:
        states: the state of one series, such as `solution.states["W"][0]`.
        times: when, in the unit named by `unit`.
        heads: which heads.
        frames: how many times, where the state is a matrix.
        names: of the state's axes.
        unit: what the times are called.
        axes: one for each map, row by row; a new figure unless given.
    """
    values, when = states.detach().cpu().numpy(), times.detach().cpu().numpy()
    vector = values.ndim == 3
    shown = np.unique(np.linspace(0, len(when) - 1, frames).round().astype(int)) if not vector else np.zeros(1, int)
    if axes is not None:
        maps = list(axes)
    else:
        rows, columns = len(heads), len(shown)
        size = (8.0, 1.0 + 1.6 * rows) if vector else (1.0 + 1.6 * columns, 0.9 + 1.6 * rows)
        maps = list(Figure(figsize=size, layout="constrained").subplots(rows, columns, squeeze=False).flat)
    limit = float(np.abs(values[:, list(heads)]).max()) or 1.0
    norm = Normalize(-limit, limit)
    for place, (row, column) in zip(maps, np.ndindex(len(heads), len(shown)), strict=True):
        head = heads[row]
        if vector:
            edges = (when[0], when[-1], values.shape[2] - 0.5, -0.5)
            place.imshow(
                values[:, head].T, cmap=SIGNED, norm=norm, aspect="auto", interpolation="nearest", extent=edges
            )
            place.set(xlabel=unit, ylabel=f"head {head}\n{names[0]}")
        else:
            place.imshow(values[shown[column], head], cmap=SIGNED, norm=norm, interpolation="nearest")
            place.set(xticks=[], yticks=[])
            if row == 0:
                place.set_title(f"{unit} {when[shown[column]]:.3g}", fontsize=9)
            if row == len(heads) - 1:
                place.set_xlabel(names[1])
            if column == 0:
                place.set_ylabel(f"head {head}\n{names[0]}")
    if (figure := maps[0].get_figure()) is not None:
        mappable = ScalarMappable(norm, SIGNED)
        figure.colorbar(mappable, ax=maps, label=f"state ({names[0]} per {names[1]})" if not vector else "state")
    return maps
