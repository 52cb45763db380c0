"""The UEA and UCR archives of time series classification, read by aeon.

JapaneseVowels and BasicMotions come with aeon itself; others lie in a folder or in the publisher's zip, or are downloaded from
the publisher's record at Zenodo, whose number aeon knows, with the checksum that stands there.
"""

import json
import re
from pathlib import Path
from types import MappingProxyType, ModuleType

import torch
from torch.nn.utils.rnn import pad_sequence

from fwp.data.archive import extract, sha256
from fwp.data.dataset import Dataset
from fwp.data.extra import extra
from fwp.data.fetch import fetch
from fwp.data.labelled import Labelled
from fwp.data.root import data_root
from fwp.data.series import Series, collate, require_holdable, series
from fwp.errors import DataError, did_you_mean
from fwp.files import held
from fwp.kinds import explained

__all__ = ["load_uea", "read_ts", "uea_dataset", "uea_files"]

RECORDS = "https://zenodo.org/api/records"
LARGEST = 2**22  # bytes of a record, which has some ten thousand


@explained
def load_uea(name: str, root: Path | None = None) -> tuple[Labelled, Labelled]:
    """The training and the test series of one data set: times 0, 1, 2, …, NaN and ? missing, float32.

    The files are <Name>_TRAIN.ts and <Name>_TEST.ts in <root>/uea/<Name>, in <root>/<Name>, or in aeon. If there is no such
    folder, the publisher's <root>/uea/<Name>.zip is unpacked to the first, or else they are downloaded there. Class names
    are lower case, as aeon reads them, and sorted.

    Args:
        name: as the archive writes it, "JapaneseVowels".
        root: where data lie; default the environment's FWP_DATA, else ~/.cache/fwp.

    Raises:
        DataError: no such data set, a malformed or truncated file or zip, or parts that do not fit each other.
    """
    return _both(*_files(name, root))


@explained
def uea_dataset(name: str, root: Path | None = None) -> Dataset:
    """All series of one data set, the training ones first, with parts "train" and "test"; arguments and errors of `load_uea`."""
    files = _files(name, root)
    train, test = _both(*files)
    labels = torch.cat([train.labels, test.labels])
    rows = torch.arange(len(labels))
    return Dataset(
        Labelled(collate([train.series, test.series]), labels, train.classes),
        MappingProxyType({"train": rows[: len(train)], "test": rows[len(train) :]}),
        "; ".join(f"{file.name}, SHA-256 {sha256(file)}" for file in files),
    )


def uea_files(name: str, root: Path | None = None) -> tuple[Path, Path]:
    """Where the .ts files of both parts are, or would be if they were here. Raises: DataError: this is no name."""
    datasets = _aeon()
    if not re.fullmatch(r"\w[\w-]*", name):
        raise DataError("this is not the name of a data set", ("name", repr(name)), help='write it as "JapaneseVowels"')
    shipped = Path(str(datasets.__file__)).parent / "data" / name
    try:
        root = data_root(root)
    except DataError:
        if not shipped.is_dir():
            raise
        root = shipped.parent  # what comes with aeon needs no home
    folders = [root / "uea" / name, root / name, shipped]
    folder = next((each for each in folders if each.is_dir()), folders[0])
    return folder / f"{name}_TRAIN.ts", folder / f"{name}_TEST.ts"


def _files(name: str, root: Path | None) -> tuple[Path, Path]:
    """The .ts files of both parts, unpacked or downloaded if need be."""
    files = uea_files(name, root)
    folder = files[0].parent
    if not folder.exists():
        packed = folder.with_name(f"{name}.zip")
        if packed.exists():
            extract(packed, folder)
        else:
            _download(name, folder)
    return files


def _both(train_file: Path, test_file: Path) -> tuple[Labelled, Labelled]:
    """Both parts, of equal classes and channels."""
    train, test = _read(train_file), _read(test_file)
    for what, ours, theirs in (
        ("classes", train.classes, test.classes),
        ("channels", train.series.channels, test.series.channels),
    ):
        if ours != theirs:
            raise DataError(
                f"training and test series have different {what}",
                (str(train_file), str(ours)),
                (str(test_file), str(theirs)),
                help="take both files from the same release",
            )
    return train, test


def read_ts(file: Path) -> tuple[Series, tuple[str, ...] | None]:
    """The series of one .ts file, and the class of each in lower case, if they have some: times 0, 1, 2, …, float32.

    Raises:
        DataError: a malformed or truncated file, or one with time stamps, which aeon does not keep.
    """
    batch, classes, _ = _parsed(file)
    return batch, classes


def _parsed(file: Path) -> tuple[Series, tuple[str, ...] | None, tuple[str, ...]]:
    """The series, the class of each, and the names of the classes that the header knows."""
    datasets = _aeon()
    try:
        cases, labels, header = datasets.load_from_ts_file(str(file), return_meta_data=True)
        samples = [torch.as_tensor(case.T, dtype=torch.float64) for case in cases]
        if not samples:
            raise ValueError("it holds no series")
        if header["timestamps"]:
            raise ValueError("it has time stamps, which aeon does not keep")
        classes = tuple(map(str, labels)) if header["classlabel"] else None
        known = tuple(sorted(map(str, header["class_values"])))
        if len(set(known)) < len(known):
            raise ValueError("two of its classes differ in upper and lower case alone, which aeon does not keep")
        if strange := set(classes or ()) - set(known):
            raise ValueError(f"its header does not name the class {min(strange)!r}")
        require_holdable(len(samples), max(map(len, samples)), samples[0].shape[-1], str(file))
        exact = series(pad_sequence(samples, batch_first=True), lengths=[len(sample) for sample in samples])
        batch = exact.to(dtype=torch.float32)
    except (OSError, ValueError, LookupError, TypeError, DataError) as error:
        help = "give, or fetch again, the whole file"
        raise DataError("a .ts file cannot be read", ("file", str(file)), ("because", str(error)), help=help) from error
    return batch, classes, known


def _read(file: Path) -> Labelled:
    """One .ts file of series with classes."""
    batch, labels, classes = _parsed(file)
    if labels is None:
        because, help = "its series have no classes", "take a data set of the archive of classification"
        raise DataError("a .ts file cannot be used", ("file", str(file)), ("because", because), help=help)
    return Labelled(batch, torch.tensor([classes.index(label) for label in labels]), classes)


def _download(name: str, folder: Path) -> None:
    """Fetch both files from the publisher's record; the folder appears when all is there, and a kill loses nothing."""
    begun = folder.with_name(f".{name}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        what, help = "another process downloads this data set", "wait until it has, then try again"
        with held(folder.with_name(f".{name}.lock"), what, ("folder", str(folder)), help=help, kind=DataError):
            if folder.exists():  # by now
                return
            _arrive(name, begun)
            begun.rename(folder)
    except (DataError, LookupError, OSError) as error:
        because, facts = (error.what, error.facts) if isinstance(error, DataError) else (str(error), ())
        raise DataError(
            "a data set is not here and cannot be downloaded",
            ("data set", name),
            ("looked in", str(folder)),
            ("because", because),
            *facts,
            help=f"put {name}_TRAIN.ts and {name}_TEST.ts into that folder",
        ) from error


def _arrive(name: str, begun: Path) -> None:
    """Both files, in a folder where what was begun before goes on."""
    published = _record(name, begun / "record.json")
    for file in (f"{name}_TRAIN.ts", f"{name}_TEST.ts"):
        address, checksum = published[file]
        fetch(address, begun / file, checksum)


def _record(name: str, file: Path) -> dict[str, tuple[str, str]]:
    """Address and checksum of each file that the archive has published of a data set.

    Raises:
        LookupError: the archive has no such data set, as far as aeon knows, or its record is none.
    """
    from aeon.datasets.tsc_datasets import tsc_zenodo

    if name not in tsc_zenodo:
        raise LookupError(
            f"the archive has no {name}; {did_you_mean(name, tsc_zenodo, 'look at timeseriesclassification.com')}"
        )
    fetch(f"{RECORDS}/{tsc_zenodo[name]}", file, None)
    try:
        if file.stat().st_size > LARGEST:
            raise ValueError("it is larger than any record")
        entries = json.loads(file.read_text())["files"]
        return {str(own["key"]): (str(own["links"]["self"]), str(own["checksum"])) for own in entries}
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        file.unlink()  # so that it is asked for anew
        raise LookupError(f"the record of {name} is not as expected: {error!r}") from error


def _aeon() -> ModuleType:
    return extra("aeon.datasets", "UEA and UCR data sets are read by aeon").datasets
