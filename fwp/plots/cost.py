"""What a training step costs, and what its gradient is worth, against the length of the series: lines that read in grey."""

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fwp.kinds import explained

__all__ = ["cost_against_length", "gradient_against_length"]

STYLES = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"), ((0, (5, 1, 1, 1, 1, 1)), "v"), ((0, (1, 3)), "x"))
"""Lines and markers that differ without colour."""

Row = tuple[int, str, float | None, float | None, int | None]


@explained
def cost_against_length(points: Mapping[str, Sequence[tuple[int, float]]], axes: Axes | None = None) -> Axes:
    """Draw seconds of a training step against the number of windows, both logarithmic, one line a contender.

    Args:
        points: of each contender, (windows, seconds) in order.
        axes: where; a new figure unless given.
    """
    place = Figure(figsize=(6.4, 4.2), layout="constrained").subplots() if axes is None else axes
    for i, (name, own) in enumerate(points.items()):
        _line(place, i, name, own)
    place.set(xscale="log", yscale="log", xlabel="length (windows)", ylabel="one training step (seconds)")
    place.grid(True, which="major", color="0.85")
    if points:
        place.legend()
    return place


@explained
def gradient_against_length(rows: Sequence[Row], axes: Iterable[Axes] | None = None) -> list[Axes]:
    """Draw cosine to the true gradient, seconds and memory against the number of windows, one line a contender.

    Args:
        rows: (windows, contender, cosine, seconds, bytes); None is left out.
        axes: three axes; a new figure unless given.
    """
    three = Figure(figsize=(10, 3.6), layout="constrained").subplots(1, 3) if axes is None else axes
    places = list(three)
    labels = ("cosine to the true gradient", "one training step (seconds)", "memory added by one step (MB)")
    for number, (place, label) in enumerate(zip(places, labels, strict=True)):
        for i, name in enumerate(dict.fromkeys(row[1] for row in rows)):
            own = [(row[0], _quantities(row)[number]) for row in rows if row[1] == name]
            _line(place, i, name, [(n, value) for n, value in own if value is not None])
        place.set(xscale="log", xlabel="length (windows)", ylabel=label)
        place.grid(True, which="major", color="0.85")
    places[0].set_ylim(-0.2, 1.05)
    for place in places[1:]:
        if any(len(line.get_ydata()) for line in place.get_lines()):  # pyright: ignore[reportArgumentType]
            place.set_yscale("log")
    if rows:
        places[0].legend()
    return places


def _quantities(row: Row) -> tuple[float | None, float | None, float | None]:
    """What the three places show: the cosine, seconds, megabytes."""
    _, _, cosine, seconds, memory = row
    return cosine, seconds, None if memory is None else memory / 1e6


def _line(place: Axes, number: int, name: str, points: Sequence[tuple[int, float]]) -> None:
    style, marker = STYLES[number % len(STYLES)]
    shade = f"{0.6 * (number % len(STYLES)) / len(STYLES):.2f}"
    x, y = zip(*points, strict=True) if points else ((), ())
    place.plot(x, y, linestyle=style, marker=marker, markersize=4, color=shade, label=name)
