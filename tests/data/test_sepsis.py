"""The Sepsis data against a reader that is slow and obviously right, and archives that are not what they claim."""

import csv
import io
import math
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fwp.data import sepsis as module
from fwp.data.labelled import Labelled
from fwp.data.sepsis import CHANNELS, load_sepsis, read_sepsis
from fwp.errors import DataError

HEADER = (
    "HR|O2Sat|Temp|SBP|MAP|DBP|Resp|EtCO2|BaseExcess|HCO3|FiO2|pH|PaCO2|SaO2|AST|BUN|Alkalinephos|Calcium|Chloride|"
    "Creatinine|Bilirubin_direct|Glucose|Lactate|Magnesium|Phosphate|Potassium|Bilirubin_total|TroponinI|Hct|Hgb|PTT|WBC|"
    "Fibrinogen|Platelets|Age|Gender|Unit1|Unit2|HospAdmTime|ICULOS|SepsisLabel"
)
NAMES = HEADER.split("|")
REAL = Path(os.environ.get("FWP_DATA", "absent")) / "sepsis"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FWP_CACHE", str(tmp_path / "cache"))


@dataclass
class Patient:
    """One patient as plain lists: an hour a row, None where nothing was measured."""

    hours: list[int]
    values: list[list[float | None]]
    counts: list[list[int]]
    static: list[float]
    label: int


def naive(text: str) -> Patient | None:
    """A patient's file read row by row; None if too few rows are left."""
    rows = [row for row in csv.DictReader(io.StringIO(text), delimiter="|") if int(row["ICULOS"]) <= 72]
    if len(rows) <= 2:
        return None
    by_hour = {int(row["ICULOS"]): row for row in rows}
    hours = list(range(min(by_hour), max(by_hour) + 1))
    values, counts, seen = [], [], dict.fromkeys(NAMES[:34], 0)
    for hour in hours:
        cells = [by_hour[hour][name] if hour in by_hour else "NaN" for name in NAMES[:34]]
        values.append([None if cell == "NaN" else float(cell) for cell in cells])
        for name, cell in zip(NAMES[:34], cells, strict=True):
            seen[name] += cell != "NaN"
        counts.append(list(seen.values()))
    last = rows[-1]
    static = [float(last["Age"]), float(last["Gender"])]
    for name in ("Unit1", "Unit2", "HospAdmTime"):
        static.append(0.0 if last[name] == "NaN" else float(last[name]))
    static += [float(last["Unit1"] != "NaN"), float(last["Unit2"] != "NaN")]
    return Patient(hours, values, counts, static, max(int(row["SepsisLabel"]) for row in rows))


def as_naive(patients: list[Patient], plain: Labelled, counted: Labelled) -> None:
    """Every number is the naive reader's, to the bit; what lies after a patient is empty."""
    for data, channels, features in ((plain, 34, 5), (counted, 68, 7)):
        own = data.series
        assert own.static is not None and own.values.dtype is own.static.dtype is torch.float32
        longest = own.times.shape[1]
        assert own.values.shape == own.mask.shape == (len(patients), longest, channels)
        assert own.static.shape == (len(patients), features) and data.classes == ("no sepsis", "sepsis")
        assert data.labels.tolist() == [patient.label for patient in patients]
        assert own.lengths.tolist() == [len(patient.hours) for patient in patients]
        assert own.static.tolist() == np.array([patient.static[:features] for patient in patients], np.float32).tolist()
        assert not own.values[~own.mask].any()
        for place, patient in enumerate(patients):
            time = len(patient.hours)
            assert own.times[place].tolist() == patient.hours + [patient.hours[-1]] * (longest - time)
            assert not own.mask[place, time:].any()
            expected = np.array([[math.nan if x is None else x for x in row] for row in patient.values], np.float32)
            found = torch.where(own.mask, own.values, math.nan)[place, :time, -34:].numpy()
            np.testing.assert_array_equal(found, expected)
            if channels == 68:
                assert own.values[place, :time, :34].tolist() == patient.counts and own.mask[place, :time, :34].all()


def psv(hours=(1, 2, 3), labels=None, **cells: object) -> str:
    """A patient's file; a column is one thing for all rows, or a list, and NaN unless it is given."""
    labels = labels or [0] * len(hours)
    given = {"Age": 60, "Gender": 1, "ICULOS": list(hours), "SepsisLabel": list(labels)} | cells
    columns = [
        column if isinstance(column := given.get(name, "NaN"), list) else [column] * len(hours) for name in NAMES
    ]
    return "\n".join([HEADER, *("|".join(map(str, row)) for row in zip(*columns, strict=True))]) + "\n"


def packed(file: Path, texts: Mapping[str, str | bytes], **named) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, **named) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return file


def written(root: Path, a: Mapping[str, str | bytes], b: Mapping[str, str | bytes] | None = None) -> Path:
    """Both archives where `load_sepsis` looks for them."""
    packed(root / "sepsis" / "training_setA.zip", a)
    packed(root / "sepsis" / "training_setB.zip", b or {"training_setB/p100001.psv": psv()})
    return root


def read(tmp_path: Path, text: str | bytes) -> Labelled:
    return read_sepsis(
        [packed(tmp_path / "x.zip", {"training/p000001.psv": psv(), "training/p000002.psv": text})]
    ).everything


CELLS = st.one_of(
    st.just("NaN"),
    st.decimals(-1000, 1000, places=2).map(str),
    st.sampled_from(
        ["0", "36.44", "-0.0", "+5", ".5", "5.", "1e-3", "2.5E+2", "0.30000001192092896", "16777217", "1e-50"]
    ),
)
BIT = st.sampled_from("01")


@st.composite
def texts(draw) -> str:
    hours = sorted(draw(st.sets(st.integers(1, 80), max_size=6)))
    rows = [
        [
            *draw(st.lists(CELLS, min_size=34, max_size=34)),
            *(str(draw(st.integers(15, 99))), draw(BIT)),
            *draw(st.lists(CELLS, min_size=3, max_size=3)),
            *(str(hour), draw(BIT)),
        ]
        for hour in hours
    ]
    return "\n".join([HEADER, *map("|".join, rows)]) + draw(st.sampled_from(["\n", ""]))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large])
@given(st.lists(texts(), min_size=1, max_size=4), st.lists(texts(), min_size=1, max_size=4))
def test_it_reads_what_the_naive_reader_reads(tmp_path_factory, first, second):
    root = tmp_path_factory.mktemp("drawn")
    patients = [patient for text in [*first, *second] if (patient := naive(text))]
    written(root, {f"a/p{n}.psv": x for n, x in enumerate(first)}, {f"b/p{n}.psv": x for n, x in enumerate(second)})
    if patients:
        plain, counted = load_sepsis(root).everything, load_sepsis(root, intensity=True).everything
        as_naive(patients, plain, counted)
        assert plain.series.times.shape[1] == max(len(patient.hours) for patient in patients)
    else:
        with pytest.raises(DataError, match="no patient with enough rows"):
            load_sepsis(root)


def test_patients_are_in_the_order_of_their_names_set_a_first(tmp_path):
    a = {f"z/p{n}.psv": psv(Age=n) for n in (30, 10)} | {"a/p20.psv": psv(Age=20)}
    root = written(tmp_path, a, {"b/p05.psv": psv(Age=5), "b/p01.psv": psv(Age=1)})
    data = load_sepsis(root).everything
    assert data.series.static is not None and data.series.static[:, 0].tolist() == [10, 20, 30, 1, 5]


def test_hours_without_a_row_are_missing_and_hours_after_72_do_not_count(tmp_path):
    text = psv(
        [69, 70, 72, 73], [0, 0, 0, 1], HR=[60, 61, 62, 63], Unit1=[1, 1, 0, 1], HospAdmTime=["-9", "-9", "NaN", "-9"]
    )
    data = read(tmp_path, text)
    assert data.labels[1] == 0 and data.series.times[1].tolist() == [69, 70, 71, 72]
    assert data.series.values[1, :, 0].tolist() == [60, 61, 0, 62] and not data.series.mask[1, 2].any()
    assert data.series.static is not None and data.series.static[1].tolist() == [60, 1, 0, 0, 0, 1, 0]


def test_a_patient_with_two_rows_is_left_out(tmp_path):
    assert len(read(tmp_path, psv([1, 5]))) == len(read(tmp_path, psv([1, 5, 73]))) == len(read(tmp_path, HEADER)) == 1
    assert len(read(tmp_path, psv([1, 5, 6]))) == 2


def test_columns_are_found_by_their_names(tmp_path):
    lines = [line.split("|") for line in psv(HR=[60, 61, 62], WBC=7).splitlines()]
    turned = "\n".join("|".join(reversed(line)) for line in lines) + "\n"
    data = read_sepsis([packed(tmp_path / "x.zip", {"p1.psv": turned})]).everything
    assert data.series.values[0, :, 0].tolist() == [60, 61, 62] and data.series.values[0, 0, CHANNELS.index("WBC")] == 7


def test_lines_may_end_as_on_windows(tmp_path):
    assert read(tmp_path, psv(HR=5).replace("\n", "\r\n")).series.values[1, :, 0].tolist() == [5, 5, 5]


def test_other_files_do_not_matter(tmp_path):
    others = {"README.txt": "x", "a/": "", "a/x.psv/": "", "__MACOSX/a/._p1.psv": b"\0\5\26\7", "a/p1.psv.bak": "x"}
    assert len(read_sepsis([packed(tmp_path / "x.zip", others | {"a/p1.psv": psv()})]).everything) == 1


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "other columns.*no column 'HR'"),
        (psv().replace("|pH|", "|PH|"), "other columns.*p000002.psv\n.*no column 'pH'"),
        (psv().replace("HR|O2Sat", "O2Sat|HR"), "other columns.*another order"),
        (psv().replace("SepsisLabel", "SepsisLabel|HR"), "other columns.*more columns"),
        (psv(HR=[1, "", 3]), "p000002.psv, line 3\n.*''"),
        (psv(HR=[1, 2, "1.2.3"]), "p000002.psv, line 4\n.*'1.2.3'"),
        (psv(HR=["Na", 2, 3]), "no number.*line 2\n.*'Na'"),
        (psv(HR=["NaNN", 2, 3]), "no number.*'NaNN'"),
        (psv(HR=["1e", 2, 3]), "no number.*'1e'"),
        (psv(HR=["-", 2, 3]), "no number.*'-'"),
        (psv(HR=["inf", 2, 3]), "no number.*'inf'"),
        (psv(HR=["0x1F", 2, 3]), "no number.*'0x1F'"),
        (psv(HR=[" 1", 2, 3]), "no number.*' 1'"),
        (psv(HR=['"1"', 2, 3]), "no number"),
        (psv(HR=["1_0", 2, 3]), "no number"),
        (psv(HR=["1\0", 2, 3]), "no number"),
        (psv(HR=["1\r", 2, 3]), "no number"),
        (psv(HR=["٣", 2, 3]), "no number"),
        (psv().replace("|1|0\n", "|1|0\n\n"), "another length.*line 3\n.*1 columns instead"),
        (psv() + "\n", "another length.*line 5\n.*1 columns instead of 41"),
        (psv()[:-3], "another length.*line 4\n.*40 columns"),
        (psv().replace("|1|0\n", "|1|0|0\n"), "another length.*line 2\n.*42 columns"),
        (psv().replace("|1|0\n", "|1\n").replace("|2|0\n", "|2|0|0\n"), "another length.*line 2\n.*40 columns"),
        (psv(Lactate=[1, "1e39", 3]), "cannot hold.*line 3\n.*Lactate inf"),
        (psv(Lactate=[1, "-1e999", 3]), "cannot hold.*line 3\n.*Lactate -inf"),
        (psv([1, 2, 2, 3]), "must increase.*line 4\n.*ICULOS 2"),
        (psv([1, 3, 2]), "must increase.*p000002.psv, line 4\n.*ICULOS 2"),
        (psv([1, 2, 3, 80, 79]), "must increase.*line 6\n.*ICULOS 79"),
        (psv([0, 1, 2]), "whole numbers from 1.*line 2\n.*ICULOS 0"),
        (psv(["1", "1.5", "2"]), "whole numbers.*line 3\n.*ICULOS 1.5"),
        (psv([1, "NaN", 3]), "missing.*line 3\n.*ICULOS nan"),
        (psv(Age=["NaN", 1, 1]), "missing.*line 2\n.*Age nan"),
        (psv(labels=[0, 2, 0]), "neither 0 nor 1.*line 3\n.*SepsisLabel 2"),
        (psv(labels=[0, 0, "NaN"]), "missing.*line 4\n.*SepsisLabel nan"),
        (psv() + "9|" * 600_000, "too large.*p000002.psv"),
    ],
)  # fmt: skip
def test_what_is_no_patient_is_refused_by_file_and_line(tmp_path, text, words):
    with pytest.raises(DataError, match="(?s)" + words) as refused:
        read(tmp_path, text)
    assert "p000002.psv" in str(refused.value) and "x.zip" in str(refused.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_character_is_refused_or_means_the_same_to_python(tmp_path, data):
    text = psv(HR=["1.5", "NaN", "-2e1"])
    place = data.draw(st.integers(len(HEADER) + 1, len(text) - 1))
    changed = text[:place] + data.draw(st.sampled_from("0123456789.+-eENaf|_ \n\t\0,")) + text[place + 1 :]
    try:
        found = read(tmp_path, changed)
    except DataError:
        return
    rows = [line.split("|") for line in changed.removesuffix("\n").split("\n")[1:]]
    assert len(found) == 2 and all(len(row) == 41 for row in rows)
    assert found.series.mask[1].sum() == sum(not math.isnan(float(cell)) for row in rows for cell in row[:34])
    assert found.series.values[1].sum() == sum(np.float32(cell) for row in rows for cell in row[:34] if cell != "NaN")


def test_truncated_and_damaged_archives_are_refused(tmp_path):
    file = packed(tmp_path / "x.zip", {f"a/p{n}.psv": psv(HR=n) for n in range(3)})
    whole = file.read_bytes()
    for content in (whole[:0], whole[:500], whole[:-30]):
        file.write_bytes(content)
        with pytest.raises(DataError, match="truncated or damaged"):
            read_sepsis([file])


@pytest.mark.parametrize("place", [100, 200])
def test_a_damaged_member_is_refused_by_name(tmp_path, place):
    file = packed(tmp_path / "x.zip", {"a/p1.psv": psv(), "a/p2.psv": psv(HR=[str(n / 7) for n in range(3)])})
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("a/p2.psv")
    content = bytearray(file.read_bytes())
    content[info.header_offset + 30 + len("a/p2.psv") + place] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"(?s)truncated or damaged.*a/p2.psv"):
        read_sepsis([file])


def test_an_encrypted_member_is_refused_by_name(tmp_path):
    file = packed(tmp_path / "x.zip", {"p1.psv": psv()})
    content = bytearray(file.read_bytes())
    content[6] |= 1  # the flag of the entry, and below that of the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"(?s)p1.psv.*encrypted"):
        read_sepsis([file])


def test_bounds_on_members_and_bytes(tmp_path, monkeypatch):
    file = packed(tmp_path / "x.zip", {"p1.psv": psv(), "p2.psv": psv()})
    monkeypatch.setattr(module, "MEMBERS", 1)
    with pytest.raises(DataError, match="too many entries"):
        read_sepsis([file])
    monkeypatch.setattr(module, "MEMBERS", 2)
    monkeypatch.setattr(module, "TOTAL", 2 * len(psv()) - 1)
    with pytest.raises(DataError, match="unpacks to too much"):
        read_sepsis([file])


def test_a_patient_twice_and_an_archive_without_patients_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"(?s)twice.*b/p1.psv.*a/p1.psv too"):
        read_sepsis([packed(tmp_path / "x.zip", {"a/p1.psv": psv(), "b/p1.psv": psv()})])
    with pytest.raises(DataError, match=r"(?s)no patient.*y.zip.*no .psv file"):
        read_sepsis([packed(tmp_path / "y.zip", {"a/p1.txt": psv()})])


def test_the_second_load_reads_the_cache_and_a_changed_archive_does_not(tmp_path, monkeypatch):
    root = written(tmp_path, {"p1.psv": psv(HR=60)})
    first = load_sepsis(root)
    assert re.fullmatch(r"training_setA.zip, SHA-256 \w{64}; training_setB.zip, SHA-256 \w{64}", first.source)
    assert not first.parts
    with monkeypatch.context() as patch:
        patch.setattr(module, "read_sepsis", None)
        again = load_sepsis(root)
    assert again.source == first.source and torch.equal(again.everything.series.values, first.everything.series.values)
    assert load_sepsis(written(tmp_path, {"p1.psv": psv(HR=61)})).everything.series.values[0, 0, 0] == 61


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FWP_DATA", str(written(tmp_path, {"p1.psv": psv(Age=33)})))
    static = load_sepsis().everything.series.static
    assert static is not None and static[0, 0] == 33


def test_without_archives_and_network_it_says_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "URL", "http://127.0.0.1:9/")
    place = re.escape(str(tmp_path / "sepsis" / "training_setA.zip"))
    with pytest.raises(DataError, match=f"(?s)127.0.0.1:9/training_setA.zip.*help: .*put it at {place}"):
        load_sepsis(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="needs the real archives in FWP_DATA")
def test_the_real_patients_are_what_the_naive_reader_reads():
    plain, counted = load_sepsis().everything, load_sepsis(intensity=True).everything
    assert (len(plain), int(plain.labels.sum())) == (40_333, 2_188)  # 3 of 40,336 come after hour 72
    assert int(plain.series.lengths.sum()) == 1_485_136  # no hour is without a row
    kept, rows, patients = 0, [], []
    for name in ("training_setA.zip", "training_setB.zip"):
        with zipfile.ZipFile(REAL / name) as archive:
            for number, member in enumerate(sorted(archive.namelist())):
                text = archive.read(member).decode()
                hours = [int(line.split("|")[39]) for line in text.splitlines()[1:]]
                enough = sum(hour <= 72 for hour in hours) > 2
                if enough and number % 100 == 0:
                    rows.append(kept)
                    patients.append(naive(text))
                kept += enough
    assert kept == len(plain) and len(patients) > 400
    as_naive(patients, plain[torch.tensor(rows)], counted[torch.tensor(rows)])
