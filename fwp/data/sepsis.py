"""PhysioNet/CinC Challenge 2019: sepsis, from the hours that a patient spends in intensive care.

The data are those of Reyna et al. (2020, Critical Care Medicine; doi 10.13026/v64v-d857): 40,336 patients, a row an hour. As
Kidger et al. (2020, NeurIPS) classify them, a patient's first 72 hours are one series, and the question is whether any of
them is labelled as sepsis. The two archives are read as they stand; nothing is unpacked onto the disk.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from fwp.data.archive import Entry, entries
from fwp.data.cache import cached
from fwp.data.dataset import Dataset
from fwp.data.extra import extra
from fwp.data.fetch import fetch
from fwp.data.labelled import Labelled
from fwp.data.root import data_root
from fwp.data.series import series
from fwp.errors import DataError
from fwp.kinds import explained

__all__ = ["CHANNELS", "STATIC", "load_sepsis", "read_sepsis"]

CHANNELS = tuple(
    "HR O2Sat Temp SBP MAP DBP Resp EtCO2 BaseExcess HCO3 FiO2 pH PaCO2 SaO2 AST BUN Alkalinephos Calcium Chloride "
    "Creatinine Bilirubin_direct Glucose Lactate Magnesium Phosphate Potassium Bilirubin_total TroponinI Hct Hgb PTT WBC "
    "Fibrinogen Platelets".split()
)
"""What is measured, in the publisher's order: 8 vital signs, then 26 values from the laboratory."""
STATIC = ("Age", "Gender", "Unit1", "Unit2", "HospAdmTime")
"""What does not change with time."""
CLASSES = ("no sepsis", "sepsis")
COLUMNS = (*CHANNELS, *STATIC, "ICULOS", "SepsisLabel")
HOUR, LABEL = len(COLUMNS) - 2, len(COLUMNS) - 1
FEATURES = slice(len(CHANNELS), HOUR)
NEVER_MISSING = [COLUMNS.index(name) for name in ("Age", "Gender", "ICULOS", "SepsisLabel")]

URL = "https://archive.physionet.org/users/shared/challenge-2019/"
FILES = ("training_setA.zip", "training_setB.zip")
MEMBERS = 200_000  # the publisher's archives have 20,336 and 20,000
TOTAL = 2**30  # and unpack to 131 and 124 MB
LARGEST = 2**20  # of one patient, who has at most 55 kB there
HOURS = 72
FEWEST = 3
"""Rows of a patient within these hours."""

NUMBER = re.compile(rb"NaN|[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
IN_NUMBERS = b"0123456789.+-eENa"
FRAME = b"|" * (len(COLUMNS) - 1) + b"\n"
"""What is left of a row without its numbers."""


class Table(NamedTuple):
    """The rows of many patients, one patient after the other."""

    rows: np.ndarray
    """How many each patient has: (patient)."""
    numbers: np.ndarray
    """(row column), float32, columns as in `COLUMNS`; NaN where nothing was measured."""

    def patients(self) -> np.ndarray:
        """Whose each row is."""
        return np.repeat(np.arange(len(self.rows)), self.rows)


@explained
def load_sepsis(root: Path | None = None, *, intensity: bool = False) -> Dataset:
    """All patients with three rows or more in their first 72 hours: set A, then set B, each in the order of the files' names.

    Times are hours since admission to the unit, from a patient's first row to the last; an hour without a row is wholly
    missing. The 34 channels are `CHANNELS`, as measured, and the 5 static features are `STATIC`, as of the last row; an unknown
    unit or time of admission is 0.

    Args:
        root: where data lie; default the environment's FWP_DATA, else ~/.cache/fwp. The archives are training_setA.zip and
            training_setB.zip in <root>/sepsis, downloaded to there if need be (42 MB).
        intensity: before the channels, as many that count how often each one was observed so far (68 in all); after the
            static features, whether each of the two units is known (7 in all).

    Raises:
        DataError: the archives are nowhere to be had, pandas or safetensors is missing, or as of `read_sepsis`.
    """
    files = [fetch(URL + file.name, file, None) for file in sepsis_files(root)]
    data = cached("sepsis-1", files, lambda: read_sepsis(files))
    return replace(data, everything=_with_counts(data.everything) if intensity else _without_units(data.everything))


def sepsis_files(root: Path | None = None) -> tuple[Path, ...]:
    """Where the archives are, or would be if they were here."""
    return tuple(data_root(root) / "sepsis" / name for name in FILES)


def read_sepsis(files: Sequence[Path]) -> Dataset:
    """As `load_sepsis`, of these archives: without counts, but with all 7 static features.

    Raises:
        DataError: a hostile, truncated or damaged archive; a patient's file with other columns, with something that is no
            number, with hours that do not increase, or with labels other than 0 and 1; no patient at all.
    """
    tables = [_table(file) for file in files]
    return Dataset(_labelled(Table(*map(np.concatenate, zip(*tables, strict=True)))))


def _labelled(table: Table) -> Labelled:
    """The first hours of those patients who have enough of them, each on a grid of whole hours."""
    patient = table.patients()
    soon = table.numbers[:, HOUR] <= HOURS
    chosen = np.bincount(patient[soon], minlength=len(table.rows)) >= FEWEST
    if not chosen.any():
        raise DataError(
            "there is no patient with enough rows",
            ("patients", str(len(chosen))),
            ("needed", f"{FEWEST} rows in the first {HOURS} hours"),
            help="take the publisher's archives",
        )
    soon &= chosen[patient]
    numbers, patient = table.numbers[soon], (np.cumsum(chosen) - 1)[patient[soon]]
    first = np.flatnonzero(np.diff(patient, prepend=-1))  # row of each patient
    last = np.append(first[1:], len(patient)) - 1
    hours = numbers[:, HOUR].astype(np.int64)
    lengths = hours[last] - hours[first] + 1
    values = np.full((len(first), lengths.max(), len(CHANNELS)), np.nan, np.float32)
    values[patient, hours - hours[first][patient]] = numbers[:, : len(CHANNELS)]
    times = hours[first][:, None] + np.arange(lengths.max())
    features = numbers[last, FEATURES]
    known = ~np.isnan(features[:, [STATIC.index("Unit1"), STATIC.index("Unit2")]])
    static = np.concatenate([np.nan_to_num(features), known], 1, dtype=np.float32)
    labels = np.maximum.reduceat(numbers[:, LABEL], first).astype(np.int64)
    return Labelled(series(values, times, lengths=lengths, static=static), torch.from_numpy(labels), CLASSES)


def _with_counts(data: Labelled) -> Labelled:
    """Before the values, how often each channel has been observed up to and with each hour."""
    own = data.series
    inside = (torch.arange(own.mask.shape[1]) < own.lengths[:, None])[..., None]
    counts = own.mask.cumsum(1, dtype=torch.int16) * inside
    values = torch.cat([counts.to(own.values.dtype), own.values], 2)
    mask = torch.cat([inside.expand_as(own.mask), own.mask], 2)
    return replace(data, series=replace(own, values=values, mask=mask))


def _without_units(data: Labelled) -> Labelled:
    """Without the static features that say whether the units are known."""
    static = data.series.static
    return replace(data, series=replace(data.series, static=static if static is None else static[:, : len(STATIC)]))


def _table(archive: Path) -> Table:
    """The patients of one archive in the order of their files' names, checked."""
    texts: dict[str, tuple[str, bytes]] = {}
    for entry in entries(archive, members=MEMBERS, total=TOTAL):
        name = entry.path.name
        if entry.kind != "file" or not name.endswith(".psv") or name.startswith("."):  # ._x is what a Mac adds to x
            continue
        if name in texts:
            raise _refusal("a patient is in an archive twice", archive, str(entry.path), f"{texts[name][0]} too")
        texts[name] = str(entry.path), _text(entry)
    if not texts:
        help = "take the publisher's archive"
        raise DataError("an archive has no patient", ("archive", str(archive)), ("found", "no .psv file"), help=help)
    files = [texts[name] for name in sorted(texts)]
    header = files[0][1].partition(b"\n")[0]
    columns = header.decode(errors="replace").split("|")
    bodies = [_body(archive, path, text, header) for path, text in files]
    rows = np.array([body.count(b"\n") for body in bodies])
    numbers = _numbers(archive, [path for path, _ in files], bodies)[:, [columns.index(name) for name in COLUMNS]]
    table = Table(rows, numbers)
    _require_sense(archive, [path for path, _ in files], table)
    return table


def _text(entry: Entry) -> bytes:
    """A patient's file with lines as Unix ends them."""
    try:
        text = entry.content(LARGEST).replace(b"\r\n", b"\n")
    except DataError as error:
        raise DataError(error.what, *error.facts, ("file", str(entry.path)), help=error.help) from error
    return text if text.endswith(b"\n") else text + b"\n"


def _body(archive: Path, path: str, text: bytes, header: bytes) -> bytes:
    """The rows of a patient's file: as many columns in each as there are names, of characters that numbers have."""
    found, _, body = text.partition(b"\n")
    names = found.decode(errors="replace").split("|")
    if found != header or sorted(names) != sorted(COLUMNS):
        missing = [name for name in COLUMNS if name not in names]
        fact = f"no column {missing[0]!r}" if missing else "more columns, or in another order than the files before"
        raise _refusal("a patient's file has other columns", archive, path, fact)
    if body.translate(None, IN_NUMBERS) != FRAME * body.count(b"\n"):
        _refuse_strange(archive, path, body)
    return body


def _numbers(archive: Path, paths: Sequence[str], bodies: Sequence[bytes]) -> np.ndarray:
    """All rows of all files, (row column), parsed at one go."""
    if not any(bodies):
        return np.empty((0, len(COLUMNS)), np.float32)
    try:
        with np.errstate(over="ignore"):  # to infinity, which is refused later
            frame = extra("pandas", "the patients' tables are read by pandas").read_csv(
                io.BytesIO(b"".join(bodies)), sep="|", header=None, dtype=np.float32, na_values=["NaN"],
                keep_default_na=False, quoting=3, skip_blank_lines=False, lineterminator="\n", engine="c",
            )  # fmt: skip
        return frame.to_numpy()
    except ValueError:  # pandas cannot tell in which of the files
        for path, body in zip(paths, bodies, strict=True):
            _refuse_strange(archive, path, body)
        raise


def _refuse_strange(archive: Path, path: str, body: bytes) -> None:
    """Point at the first thing that makes a patient's rows unreadable."""
    for line, row in enumerate(body.split(b"\n")[:-1], start=2):
        cells = row.split(b"|")
        if len(cells) != len(COLUMNS):
            fact = f"{len(cells)} columns instead of {len(COLUMNS)}"
            raise _refusal("a row of a patient's file has another length", archive, path, fact, line)
        for cell in cells:
            if not NUMBER.fullmatch(cell):
                fact = repr(cell.decode(errors="replace")[:40])
                raise _refusal("a patient's file has something that is no number", archive, path, fact, line)


def _require_sense(archive: Path, paths: Sequence[str], table: Table) -> None:
    """Numbers are finite, nobody lacks what everyone has, hours increase, labels are 0 or 1."""
    patient, numbers = table.patients(), table.numbers
    hours, labels = numbers[:, HOUR], numbers[:, LABEL]
    stuck = np.zeros(len(hours), bool)
    stuck[1:] = (np.diff(hours) <= 0) & (np.diff(patient) == 0)
    for what, bad in (
        ("a patient's file has a number that float32 cannot hold", np.isinf(numbers).any(1)),
        ("a patient's age, gender, hour or label is missing", np.isnan(numbers[:, NEVER_MISSING]).any(1)),
        ("a patient's hours are whole numbers from 1", (hours < 1) | (hours % 1 != 0)),
        ("a patient's hours must increase", stuck),
        ("a label is neither 0 nor 1", (labels != 0) & (labels != 1)),
    ):
        if bad.any():
            row = int(bad.argmax())
            whose = int(patient[row])
            shown = sorted({*NEVER_MISSING, *np.flatnonzero(np.isinf(numbers[row])).tolist()})
            fact = ", ".join(f"{COLUMNS[column]} {numbers[row, column]:g}" for column in shown)
            line = row - int(table.rows[:whose].sum()) + 2
            raise _refusal(what, archive, paths[whose], fact, line)


def _refusal(what: str, archive: Path, path: str, found: str, line: int | None = None) -> DataError:
    where = path if line is None else f"{path}, line {line}"
    facts = ("archive", str(archive)), ("file", where), ("found", found)
    return DataError(what, *facts, help="take the publisher's archive")
