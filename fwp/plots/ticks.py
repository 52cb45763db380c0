"""Times along an axis whose places are steps: one place a step, whatever its duration, and the times written beside some."""

from collections.abc import Sequence
from math import ceil

from matplotlib.axis import Axis

__all__ = ["label_times"]


def label_times(axis: Axis, times: Sequence[float], most: int = 7) -> None:
    """Name the places 0, 1, 2, … of an axis by these times, at most so many of them.

    Steps may differ in duration, and at a jump time stands still: places as wide as their durations would hide some steps.
    """
    shown = range(0, len(times), max(1, ceil(len(times) / most)))
    axis.set_ticks(list(shown), labels=[f"{times[i]:.4g}" for i in shown])
