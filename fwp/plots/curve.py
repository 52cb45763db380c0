"""The learning curve: loss and measure, epoch by epoch, on training and validation examples."""

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fwp.errors import FwpError

__all__ = ["learning_curve"]

Row = Mapping[str, float | int | None]


UNITS = {
    "accuracy": ("cross entropy (nats)", "accuracy (share correct)"),
    "auc": ("cross entropy (nats)", "area under the ROC curve"),
    "r2": ("mean squared error (standardised)", "variance explained (share)"),
}
"""What the loss is called, and the measure."""


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
        FwpError: another measure.
    """
    if measure not in UNITS:
        raise FwpError(
            "no learning curve is drawn of this measure",
            ("measure", repr(measure)),
            help=f"use one of {', '.join(UNITS)}",
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
