"""`fwp predict RUN FILE`: what a trained model says of the series in a file."""

import csv
import io
import sys
from collections.abc import Iterator
from math import log10
from pathlib import Path
from typing import Annotated, assert_never

import torch
from tyro.conf import Positional, arg

from fwp.data import Named, read_table, read_ts
from fwp.data.table import COLUMNS
from fwp.errors import DataError, FwpError
from fwp.models import Estimate, Prediction, Trained, Values, load
from fwp.models.answer import Answer
from fwp.models.files import write_bytes

__all__ = ["predict"]


def predict(
    run: Annotated[Positional[Path], arg(metavar="RUN")],
    file: Annotated[Positional[Path], arg(metavar="FILE")],
    /,
    out: Annotated[Path | None, arg(metavar="FILE")] = None,
    columns: tuple[str, str, str, str] = COLUMNS,
    channels: tuple[str, ...] = (),
) -> None:
    """Predict with a trained model: csv of a line a series, with its class and the probability of each, or with its numbers.

    A model that estimates numbers at every time point gives a line for each of them.

    Args:
        run: Folder that `fwp run` or `fwp.models.save` has written.
        file: A long table as csv or parquet, a row an observation; or a .ts file of the UEA and UCR archives. Where that has
            classes, stderr ends with the accuracy.
        out: Write there, whole or not at all, and not to stdout.
        columns: Which columns of a long table are series, time, channel and value. Times are in the unit of the training
            series; dates become seconds since the first of their series.
        channels: The channels of a long table in the order of the training series. Without it they are in the order of their
            names, x2 before x10, as stderr says.
    """
    if (run / "run.json").exists() and not (run / "model.json").exists():
        raise FwpError(
            "the run has not finished",
            ("folder", str(run)),
            ("not there", "model.json, which `fwp run` writes after training"),
            help="give the command of the run again: it goes on from where it was",
        )
    trained = load(run)
    given, classes = _series(file, columns, channels)
    _fits(run, trained, file, given)
    print(f"{len(given)} series; the model's channels are, in order: {', '.join(given.channels)}", file=sys.stderr)
    found = trained.predict(given.series)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_lines(given, found, trained.answer))
    if out is None:
        print(text.getvalue(), end="", flush=True)
    else:
        write_bytes(out, text.getvalue().encode())
    if classes is not None and isinstance(found, Prediction):
        print(_accuracy(found, classes), file=sys.stderr)


def _series(file: Path, columns: tuple[str, ...], channels: tuple[str, ...]) -> tuple[Named, tuple[str, ...] | None]:
    """The series in the file, and their classes if it has some. In a .ts file series and channels are called 1, 2, 3, …"""
    if file.suffix.lower() != ".ts":
        return read_table(file, columns=columns, channels=channels or None, dtype=torch.float64), None
    if columns != COLUMNS or channels:
        raise FwpError(
            "a .ts file has neither columns nor names of channels",
            ("file", str(file)),
            ("--columns", " ".join(columns)),
            ("--channels", " ".join(channels) or "not given"),
            help="leave --columns and --channels out, or give the series as a long table",
        )
    batch, classes = read_ts(file)
    names, numbers = (tuple(map(str, range(1, size + 1))) for size in (batch.batch, batch.channels))
    return Named(batch, names, numbers), classes


def _fits(run: Path, trained: Trained, file: Path, given: Named) -> None:
    """Refuse series of other channels than the model's, and models of more than series."""
    wanted, features = len(trained.normaliser.mean), len(trained.normaliser.static_mean)
    if features:
        raise FwpError(
            "the model reads static features, and a file of series has none",
            ("model", f"{features} static features, in {run}"),
            ("file", str(file)),
            help="in Python: fwp.load(run).predict(fwp.series(values, times, static=features))",
        )
    if given.series.channels != wanted:
        raise DataError(
            "the series have other channels than those that the model was trained on",
            ("model", f"{wanted} channels, in {run}"),
            ("file", f"{given.series.channels} channels, in {file}: {', '.join(given.channels)}"[:300]),
            help="give the training series' channels; --channels names those without rows, too",
        )


def _lines(given: Named, found: Prediction | Estimate, answer: Answer) -> Iterator[list[str]]:
    """The header and the rows of the csv file; of numbers far from 0 as many digits more as they have in common."""
    digits = 6
    if isinstance(answer, Values):
        far = max(abs(mean) / std for mean, std in zip(answer.mean, answer.std, strict=True))
        digits += min(9, int(log10(max(1.0, far))))
    match found:
        case Prediction():
            yield ["series", "class", *(f"p({name})" for name in found.classes)]
            rows = zip(given.names, found.names, found.probabilities.tolist(), strict=True)
            yield from ([name, best, *(f"{value:.{digits}g}" for value in row)] for name, best, row in rows)
        case Estimate() if found.values.ndim == 2:
            yield ["series", *found.quantities]
            rows = zip(given.names, found.values.tolist(), strict=True)
            yield from ([name, *(f"{value:.{digits}g}" for value in row)] for name, row in rows)
        case Estimate():
            yield ["series", "time", *found.quantities]
            lengths, times = given.series.lengths.tolist(), given.series.times.tolist()
            for name, length, clock, own in zip(given.names, lengths, times, found.values.tolist(), strict=True):
                rows = zip(clock[:length], own[:length], strict=True)
                yield from ([name, repr(time), *(f"{value:.{digits}g}" for value in row)] for time, row in rows)
        case _:
            assert_never(found)


def _accuracy(found: Prediction, classes: tuple[str, ...]) -> str:
    """The share of series whose class is the file's; a class that the model does not know is never right."""
    right = sum(own.casefold() == true.casefold() for own, true in zip(found.names, classes, strict=True))
    known = {name.casefold() for name in found.classes}
    strange = sorted({name for name in classes if name.casefold() not in known})
    note = f"; the model does not know {', '.join(strange)}" if strange else ""
    return f"accuracy {right / len(classes):.4g} on {len(classes)} series with classes{note}"
