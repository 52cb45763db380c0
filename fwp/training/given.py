"""What an estimator is given, as the arrays that aeon reads: nothing that was said in it is lost, or it is said why not."""

from typing import Any

import numpy as np
from torch import Tensor

from fwp.data import Series
from fwp.data.dates import are_dates, seconds
from fwp.data.frame import is_frame, library, unframed
from fwp.data.numbers import array_of, numbers_of
from fwp.errors import DataError, warn

__all__ = ["collection_of", "labels_of"]

EVEN = 1e-6
"""Steps between time points that differ by less than this share of themselves are equal."""
OWN = "series with times of their own go through fwp.training: train(…, Labelled(collate(…), …), …)"


def collection_of(given: Any) -> Any:
    """A collection whose arrays are floats, NaN where a number was masked; what only aeon knows as it is.

    A warning says where cases look like (time channel): more channels than time points, between which numbers change more.

    Raises:
        DataError: no real numbers, or times that are not even, which an estimator would not look at.
    """
    match given:
        case Series():
            raise DataError("an estimator takes arrays, and this is a Series", ("X", repr(given)), help=OWN)
        case None | str() | dict():
            raise DataError(
                "an estimator takes arrays (case channel time)",
                ("X", "None" if given is None else f"a {type(given).__name__}"),
                help="give an array, or a list of arrays (channel time)",
            )
        case _ if is_frame(given):
            return _of_frame(given)
        case list() | tuple():
            if not given:
                raise DataError("there are no series", ("X", repr(given)), help="give at least one")
            return _looked_at([_case(place, own) for place, own in enumerate(given)])
        case _:
            return _looked_at(_floats("X", given))


def labels_of(given: Any) -> Any:
    """What is to be found of each series; tensors as arrays, all else as it is.

    Raises:
        DataError: something of it is masked, or complex, or a whole number that floats cannot hold.
    """
    given = given.detach().cpu().numpy() if isinstance(given, Tensor) else given
    if isinstance(given, np.ma.MaskedArray):
        if np.ma.getmaskarray(given).any():
            hidden = int(np.ma.getmaskarray(given).sum())
            help = "leave those series out: X[~y.mask], y[~y.mask]"
            raise DataError("what is to be found of some series is masked", ("y", f"{hidden} masked"), help=help)
        given = given.data
    if isinstance(given, np.ndarray) and given.dtype.kind == "c":
        help = "estimate real and imaginary part by one estimator each"
        raise DataError("what is to be found of series is real", ("y", str(given.dtype)), help=help)
    return given


def _case(place: int, given: Any) -> Any:
    """One case, (channel time) or (time)."""
    if is_frame(given) and library(given) == "pandas":
        _refuse_uneven(f"X[{place}], columns", given.columns)
    return _floats(f"X[{place}]", given)


def _floats(name: str, given: Any) -> np.ndarray:
    found = array_of(name, given)
    if found.dtype.kind == "f" and found.dtype.isnative and found.dtype.itemsize <= 8:
        return np.ascontiguousarray(found)
    return numbers_of(name, found).tensor.numpy()


def _of_frame(given: Any) -> Any:
    """A wide frame, a row a case, as an array; one whose rows are (case, time) as it is, if its times are even."""
    if library(given) != "pandas":
        return unframed("X", given)
    if type(given.index).__name__ != "MultiIndex":
        _refuse_uneven("X, columns", given.columns)
        return _floats("X", given)
    if given.index.nlevels != 2:
        raise DataError(
            "the rows of a frame of series are labelled by case and time",
            ("X", f"{given.index.nlevels} labels: {', '.join(map(str, given.index.names))}"),
            help="give an array (case channel time), or a frame with these two",
        )
    cases, times = (given.index.get_level_values(level) for level in (0, 1))
    steps = {step for case in cases.unique() if (step := _step(f"X, case {case!r}", times[cases == case])) is not None}
    if steps and max(steps) - min(steps) > EVEN * max(steps):
        raise DataError(
            "these series have steps of different lengths, and an estimator counts time points",
            ("X", f"from one time point to the next {min(steps):g} to {max(steps):g}"),
            help=OWN,
        )
    given = given.set_axis(given.index.remove_unused_levels())
    return (
        given.astype(np.float64)
        if all(own.kind in "iubf" for own in given.dtypes if isinstance(own, np.dtype))
        else given
    )


def _refuse_uneven(name: str, labels: Any) -> None:
    """Refuse columns that are numbers or dates at uneven distances; other names are names."""
    if np.asarray(labels).dtype.kind in "iufM":
        _step(name, labels)


def _step(name: str, labels: Any) -> float | None:
    """From one time point to the next; None where there is one, or where they are no times."""
    array = np.asarray(labels)
    if not (are_dates(array) or array.dtype.kind in "iuf"):
        return None
    clock = np.sort(seconds(array) if are_dates(array) else array.astype(np.float64))
    steps = np.diff(clock)
    if not len(steps):
        return None
    if steps.max() - steps.min() > EVEN * steps.max() or steps.min() <= 0:
        raise DataError(
            "these series have uneven times, and an estimator would count their time points instead",
            (name, ", ".join(map(str, array[:4]))),
            ("steps", f"{steps.min():g} to {steps.max():g}"),
            help=OWN,
        )
    return float(steps.mean())


def _looked_at(cases: Any) -> Any:
    """The cases, with a warning where time seems to stand where channels should."""
    shapes = [case.shape for case in cases if case.ndim == 2]
    if len(shapes) < len(cases) or not shapes:
        return cases
    channels, times = shapes[0][0], max(shape[1] for shape in shapes)
    if channels <= times:
        return cases
    along = [_change([np.diff(case, axis=axis) for case in cases]) for axis in (0, 1)]
    if along[1] < along[0] / 2:  # such as many sensors, each of which changes slowly
        return cases
    warn(
        f"these cases have more channels than time points: (case channel time) is {channels} channels",
        ("X", f"{len(shapes)} cases, {channels} channels, {times} time points"),
        help=f"if they are (case time channel), give X.transpose(0, 2, 1): {times} channels",
    )
    return cases


def _change(steps: list[np.ndarray]) -> float:
    """The mean absolute step; of none infinite, so that a single time point looks like a channel."""
    flat = np.concatenate([np.abs(own[np.isfinite(own)]).ravel() for own in steps])
    return float(flat.mean()) if len(flat) else np.inf
