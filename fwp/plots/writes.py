"""What is written into fast weights and what is erased there, step by step: the key, both values, and how much of them."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from torch import Tensor

from fwp.kinds import explained
from fwp.plots.ticks import label_times
from fwp.plots.weights import SIGNED

__all__ = ["writes"]

Numbers = npt.NDArray[np.floating]
MARKED = 80
"""Steps up to which each has its mark on the lines."""


@explained
def writes(
    key: Float[Tensor, "step input"],
    written: Float[Tensor, "step output"],
    times: Float[Tensor, "step"],
    erased: Float[Tensor, "step output"] | None = None,
    rate: Float[Tensor, "step"] | None = None,
    kept: Float[Tensor, "step"] | None = None,
    names: Sequence[str] = ("value", "key"),
    label: str = "written",
    unit: str = "time",
    axes: Iterable[Axes] | None = None,
) -> list[Axes]:
    """Draw the steps W⁺ = kept · W + (written − erased) ⊗ key of one head, a column a step.

    Below each other: the key; what is written; what is erased, on the same scale; the rate of each step and what is kept;
    and by how much either changes W, as a Frobenius norm. What is not given has no axes.

    Args:
        key: the vector along which each step writes, such as `changes(solution).key[:, head, 0]`.
        written: by how much.
        times: at the end of each step, in the unit named by `unit`.
        erased: by how much.
        rate: the share of the value that each step writes.
        kept: the share of W that each step keeps.
        names: of the axis of values and of that of the key.
        label: what `written` is: what is written, or where that is all that is known, what is written less what is erased.
        unit: what the times are called.
        axes: one for each picture, from the top; a new figure unless given.
    """
    k, w, when = (v.detach().cpu().numpy() for v in (key, written, times))
    e, r, left = (None if v is None else v.detach().cpu().numpy() for v in (erased, rate, kept))
    value, along = names
    maps = [(along, f"{along} $k$", k), (value, label, w)]
    maps += [] if e is None else [(value, "erased", e)]
    shares = [(line, own) for line, own in (("rate of the step", r), ("kept of W", left)) if own is not None]
    count = len(maps) + bool(shares) + 1
    if axes is None:
        figure = Figure(figsize=(7.0, 0.7 + 1.25 * count), layout="constrained")
        places = list(np.atleast_1d(figure.subplots(count, 1, sharex=True)))
    else:
        places = list(axes)
    scales = [_scale(k), *[_scale(w if e is None else np.stack([w, e]))] * (len(maps) - 1)]
    for place, (axis, title, own), scale in zip(places, maps, scales, strict=False):
        _map(place, own, scale, axis, title)
    x = np.arange(len(when))
    mark = 3 if len(when) <= MARKED else 0
    if shares:
        place = places[len(maps)]
        for (line, own), style in zip(shares, ("o-", "s--"), strict=False):
            place.plot(x, own, style, color="black", label=line, markersize=mark, linewidth=1)
        place.set(ylabel="share" if len(shares) > 1 else shares[0][0].replace(" of ", "\nof "), ylim=(0, None))
        if len(shares) > 1:
            place.legend(fontsize=8)
    last, size = places[count - 1], np.linalg.norm(k, axis=-1)
    norms = [
        (line, np.linalg.norm(own, axis=-1) * size) for line, own in ((label, w), ("erased", e)) if own is not None
    ]
    for (line, own), style, shade in zip(norms, ("o-", "s--"), ("black", "0.5"), strict=False):
        last.plot(x, own, style, color=shade, label=line, markersize=mark, linewidth=1)
    room = 1.4 * max(float(own.max(initial=0.0)) for _, own in norms)  # the legend has a place above the lines
    last.set(ylabel="norm of\nthe change of W", xlabel=f"{unit} at the end of the step", ylim=(0, room or 1.0))
    last.set_xlim(-0.5, max(len(when), 1) - 0.5)
    last.legend(fontsize=8, loc="upper left", ncols=2)
    label_times(last.xaxis, when.tolist(), 9)
    return places


def _scale(values: Numbers) -> tuple[Normalize, Colormap]:
    """Symmetric about zero, or from zero up where nothing is negative, as in keys of a softmax."""
    limit = float(np.abs(values).max(initial=0.0)) or 1.0
    if values.min(initial=0.0) < 0:
        return Normalize(-limit, limit), SIGNED
    return Normalize(0, limit), colormaps["Greys"]


def _map(place: Axes, values: Numbers, scale: tuple[Normalize, Colormap], axis: str, title: str) -> None:
    norm, colours = scale
    if values.size:  # a series of one observation has no steps
        place.imshow(values.T, cmap=colours, norm=norm, aspect="auto", interpolation="nearest")
    place.set(ylabel=axis, yticks=[0, values.shape[1] - 1] if values.shape[1] > 1 else [0])
    if (figure := place.get_figure()) is not None:
        figure.colorbar(ScalarMappable(norm, colours), ax=place, label=title, pad=0.01)
