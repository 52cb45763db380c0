"""The fast weights of one series while it is read, as moving heat maps."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor

from fwp.kinds import explained
from fwp.plots.weights import SIGNED

__all__ = ["fast_weights_moving"]


@explained
def fast_weights_moving(
    states: Float[Tensor, "time head value key"],
    times: Float[Tensor, "time"],
    heads: Sequence[int] = (0,),
    frames: int = 60,
    names: Sequence[str] = ("value", "key"),
    unit: str = "time",
    interval: int = 200,
) -> FuncAnimation:
    """Heat maps of some heads, side by side, that change with time; the scale is that of `fast_weights`.

    `fast_weights_moving(…).save("fast_weights.gif", writer="pillow")` makes a file of it.

    Args:
        states: the state of one series, such as `solution.states["W"][0]`.
        times: when, in the unit named by `unit`.
        heads: which heads.
        frames: at most so many times, evenly spread from first to last.
        names: of the state's axes.
        unit: what the times are called.
        interval: milliseconds that a frame lasts.
    """
    values, when = states.detach().cpu().numpy()[:, list(heads)], times.detach().cpu().numpy()
    shown = np.unique(np.linspace(0, len(when) - 1, min(frames, len(when))).round().astype(int))
    figure = Figure(figsize=(1.2 + 1.5 * len(heads), 2.3), layout="constrained")
    places = figure.subplots(1, len(heads), squeeze=False)[0]
    limit = float(np.abs(values).max(initial=0.0)) or 1.0
    norm = Normalize(-limit, limit)
    images = [
        place.imshow(values[shown[0], i], cmap=SIGNED, norm=norm, interpolation="nearest")
        for i, place in enumerate(places)
    ]
    for place, head in zip(places, heads, strict=True):
        place.set(xticks=[], yticks=[], xlabel=names[1])
        place.set_title(f"head {head}", fontsize=9)
    places[0].set_ylabel(names[0])
    figure.colorbar(ScalarMappable(norm, SIGNED), ax=list(places), label=f"state ({names[0]} per {names[1]})")
    widest = max(len(f"{t:.4g}") for t in when[shown])
    title = figure.suptitle(f"{unit} {'0' * widest}", fontsize=10)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # places stay where they are: nothing jumps, and a frame takes half the time

    def draw(frame: int) -> list[Artist]:
        for i, image in enumerate(images):
            image.set_data(values[frame, i])
        title.set_text(f"{unit} {when[frame]:>{widest}.4g}")
        return [*images, title]

    return FuncAnimation(figure, draw, frames=shown.tolist(), interval=interval)
