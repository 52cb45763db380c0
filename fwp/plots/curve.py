"""The learning curve: loss and measure, epoch by epoch, on training and validation examples."""

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fwp.errors import FwpError, did_you_mean
from fwp.kinds import explained

__all__ = ["learning_curve"]

Row = Mapping[str, float | int | None]


UNITS = {
    "accuracy": ("cross entropy (nats)", "accuracy (share correct)"),
    "auc": ("cross entropy (nats)", "area under the ROC curve"),
    "r2": ("mean squared error (standardised)", "variance explained (share)"),
}
"""What the loss is called, and the measure."""
LARGEST = 1e100
"""Beyond it axes have no ticks."""


@explained
def learning_curve(
    metrics: Sequence[Row],
    chosen: int | None = None,
    axes: Iterable[Axes] | None = None,
    measure: str = "accuracy",
) -> list[Axes]:
    """Draw the rows of metrics.jsonl: the loss into the first axes, the measure into the second.

    Args:
        metrics: rows with epoch, and train_ and valid_ of loss and measure; what is None or not there is left out.
        chosen: the epoch whose weights were kept, marked by a line.
        axes: two axes; a new figure unless given.
        measure: "accuracy", "auc" or "r2".

    Raises:
        FwpError: another measure, or something that is no row.
    """
    for place, row in enumerate(metrics):
        _require_row(place, row)
    if not isinstance(measure, str) or measure not in UNITS:
        raise FwpError(
            "no learning curve is drawn of this measure",
            ("measure", repr(measure)),
            help=did_you_mean(measure, UNITS, f"use one of {', '.join(UNITS)}"),
        )
    loss, share = UNITS[measure]
    first, second = Figure(figsize=(9, 3.4), layout="constrained").subplots(1, 2) if axes is None else axes
    for place, name, unit in ((first, "loss", loss), (second, measure, share)):
        for part, style, point in (("train", ":", "s"), ("valid", "-", "o")):
            points = [(row["epoch"], row.get(f"{part}_{name}")) for row in metrics]
            known = [(epoch, value) for epoch, value in points if epoch is not None and value is not None]
            marker = point if len(known) == 1 else None
            place.plot(
                *zip(*known, strict=True) if known else ((), ()),
                style,
                color="black",
                marker=marker,
                fillstyle="none",
                label=part,
            )
        if chosen is not None:
            place.axvline(chosen, color="tab:orange", linewidth=1, label=f"chosen: epoch {chosen}")
        place.set(xlabel="epoch", ylabel=unit)
        place.xaxis.set_major_locator(MaxNLocator(integer=True))
    first.set_yscale("log")
    second.legend(loc="lower right")
    return [first, second]


def _require_row(place: int, row: object) -> None:
    """Numbers by name, of which those that are not known are None."""
    numbers = list(row.values()) if isinstance(row, Mapping) and "epoch" in row else [""]
    if not all(own is None or (isinstance(own, int | float) and -LARGEST < own < LARGEST) for own in numbers):
        raise FwpError(
            "this is no row of metrics",
            ("row", f"{place}: {row!r}"[:200]),
            ("expected", "epoch, and train_ and valid_ of loss and measure: numbers, or None"),
            help="give the rows of a metrics.jsonl that training has written",
        )
