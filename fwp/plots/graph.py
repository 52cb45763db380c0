"""The fast net as a graph: one edge a fast weight, and what each edge carries when the net is read."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from fwp.kinds import explained

__all__ = ["fast_net"]

Numbers = npt.NDArray[np.floating]
BELOW, DASHED = "#3b5f97", (0, (3, 1.5))
"""Of edges below zero."""
WIDEST = 4.0
"""Points of the widest edge."""
NUMBERED = 16
"""Units a side up to which each has its number beside it."""


@explained
def fast_net(
    weights: Float[Tensor, "time output input"],
    times: Float[Tensor, "time"],
    queries: Float[Tensor, "time input"] | None = None,
    frames: int = 3,
    most: int = 150,
    names: Sequence[str] = ("value", "key"),
    unit: str = "time",
    axes: Iterable[Axes] | None = None,
) -> list[Axes]:
    """Draw one head's fast net at some times: its weights W_ij in the first row, its traffic |W_ij q_j| in the second.

    The width of an edge is its size, on one scale in each row; negative ones are dashed. In the second row the area of a
    unit is the size of what goes in, |q_j|, or comes out, |Σ_j W_ij q_j|.

    Args:
        weights: of one head, such as `solution.states["W"][0][:, head]`, with the axis that is read last.
        times: when, in the unit named by `unit`.
        queries: what the net is read with at these times; without it there is no second row.
        frames: at how many times, evenly spread from first to last.
        most: how many edges, the strongest of all; the picture says so where there are more.
        names: of what comes out and what goes in.
        unit: what the times are called.
        axes: one for each graph, row by row; a new figure unless given.
    """
    values, when = weights.detach().cpu().numpy(), times.detach().cpu().numpy()
    shown = np.unique(np.linspace(0, len(when) - 1, frames).round().astype(int))
    rows, columns = (1 if queries is None else 2), len(shown)
    if axes is None:
        size = (1.3 + 1.8 * columns, 0.6 + 1.8 * rows)
        places = list(Figure(figsize=size, layout="constrained").subplots(rows, columns, squeeze=False).flat)
    else:
        places = list(axes)
    own = values[shown]
    _row(places[:columns], own, None, most)
    if queries is not None:
        asked = queries.detach().cpu().numpy()[shown]
        _row(places[columns:], own * asked[:, None, :], asked, most)
    for place, i in zip(places[:columns], shown, strict=True):
        place.set_title(f"{unit} {when[i]:.3g}", fontsize=9)
    for place in places:
        place.set_xlabel(f"{names[1]} → {names[0]}", fontsize=9)
    places[0].set_ylabel("weights $W_{ij}$")
    if queries is not None:
        places[columns].set_ylabel("traffic $|W_{ij}\\, q_j|$")
    return places


def _row(places: Sequence[Axes], edges: Numbers, asked: Numbers | None, most: int) -> None:
    """Graphs of edges `(time output input)` on one scale, with a legend of it in the last."""
    limit = float(np.abs(edges).max(initial=0.0)) or 1.0
    sent = None if asked is None else np.concatenate([asked, edges.sum(-1)], 1)
    heaviest = 1.0 if sent is None else float(np.abs(sent).max(initial=0.0)) or 1.0
    for i, place in enumerate(places):
        areas = None if sent is None else 8 + 110 * np.abs(sent[i]) / heaviest
        _graph(place, edges[i], limit, areas, most)
    scale = [
        Line2D([], [], color="black", linewidth=WIDEST, label=f"{limit:.2g}"),
        Line2D([], [], color="black", linewidth=WIDEST / 4, label=f"{limit / 4:.2g}"),
    ]
    if edges.min(initial=0.0) < 0:
        label = f"−{limit / 4:.2g}" if asked is None else f"{limit / 4:.2g}, product < 0"
        scale.append(Line2D([], [], color=BELOW, linestyle=DASHED, linewidth=WIDEST / 4, label=label))
    places[-1].legend(handles=scale, fontsize=7, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)


def _graph(place: Axes, edges: Numbers, limit: float, areas: Numbers | None, most: int) -> None:
    outputs, inputs = edges.shape
    left, right = _heights(inputs), _heights(outputs)
    order = np.argsort(np.abs(edges), axis=None)[-most:]  # the strongest last, on top of the others
    chosen = [(i, j) for i, j in zip(*np.unravel_index(order, edges.shape), strict=True) if edges[i, j]]
    signs = [edges[i, j] > 0 for i, j in chosen]
    place.add_collection(
        LineCollection(
            [[(0, left[j]), (1, right[i])] for i, j in chosen],
            linewidths=[WIDEST * abs(edges[i, j]) / limit for i, j in chosen],
            linestyles=["-" if above else DASHED for above in signs],
            colors=["black" if above else BELOW for above in signs],
            zorder=1,
        )
    )
    x = [0] * inputs + [1] * outputs
    y = [*left, *right]
    place.scatter(x, y, s=40 if areas is None else areas, c="white", edgecolors="black", zorder=2)
    for side, heights, shift, align in ((0, left, -0.12, "right"), (1, right, 0.12, "left")):
        if len(heights) <= NUMBERED:
            for i, height in enumerate(heights):
                place.text(side + shift, height, str(i), ha=align, va="center", fontsize=7)
    place.set(xlim=(-0.3, 1.3), ylim=(-0.1, 1.1), xticks=[], yticks=[])
    place.set_frame_on(False)
    if edges.size > most:
        place.text(0.5, -0.06, f"{most} strongest of {edges.size} edges", ha="center", va="top", fontsize=7)


def _heights(count: int) -> list[float]:
    """From the top down, evenly."""
    return [0.5] if count == 1 else np.linspace(1, 0, count).tolist()
