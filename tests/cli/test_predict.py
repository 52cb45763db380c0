"""`fwp predict`: what it prints is what the model says of the series in the file, and what does not fit is refused."""

import csv
import io
from pathlib import Path

import aeon.datasets
import pytest
import torch

from fwp.cli import main
from fwp.controls import hermite
from fwp.data import Named, Normaliser, Series, load_uea, series
from fwp.fields import wiring
from fwp.models import Classes, Head, Predictor, Recurrent, Trained, Values, save
from fwp.rules import delta

CLASSES = ("left", "right", "straight on")
VOWELS = Path(str(aeon.datasets.__file__)).parent / "data" / "JapaneseVowels" / "JapaneseVowels_TEST.ts"
TS = "@problemName Tiny\n@timeStamps false\n@univariate false\n@equalLength false\n"
CASES = ["1,2,3:4,?,6", "7,8:NaN,10", "1:2"]


def given() -> Named:
    """Two channels, one sample with a gap."""
    values = torch.tensor(
        [[[1.0, 4], [2, torch.nan], [3, 6]], [[7, torch.nan], [8, 10], [0, 0]], [[1, 2], [0, 0], [0, 0]]]
    )
    return Named(series(values, lengths=[3, 2, 1]), ("1", "2", "3"), ("1", "2"))


def table(data: Named) -> str:
    """As a long table, its rows backwards."""
    rows = [
        f"{name},{data.series.times[sample, position].item()!r},{channel},{data.series.values[sample, position, c].item()!r}"
        for sample, name in reversed(list(enumerate(data.names)))
        for c, channel in enumerate(data.channels)
        for position in range(int(data.series.lengths[sample]))
        if data.series.mask[sample, position, c]
    ]
    return "\n".join(["series,time,channel,value", *rows, ""])


def saved(folder: Path, data: Series, names: tuple[str, ...] = CLASSES) -> Trained:
    """A model that answers with classes; nothing was trained, but its weights are its own."""
    net = (delta @ wiring("keys-from-increments") @ hermite).build(data.channels, width=8, heads=2)
    trained = Trained(Predictor(net, Head(len(names), 8)), Normaliser.fit(data), Classes(names))
    save(folder, trained)
    return trained


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[list[list[str]], str]:
    main(["predict", *map(str, arguments)])
    shown = capsys.readouterr()
    return list(csv.reader(io.StringIO(shown.out))), shown.err


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["predict", *map(str, arguments)])
    shown = capsys.readouterr()
    assert caught.value.code == 1 and not shown.out and "help: " in shown.err and "Traceback" not in shown.err
    return shown.err


def agree(rows: list[list[str]], trained: Trained, data: Named) -> None:
    found = trained.predict(data.series)
    by_name = dict(zip(data.names, zip(found.names, found.probabilities.tolist(), strict=True), strict=True))
    assert sorted(row[0] for row in rows) == sorted(data.names)
    for name, best, *probabilities in rows:
        assert best == by_name[name][0]
        assert [float(p) for p in probabilities] == pytest.approx(by_name[name][1], rel=1e-5)


@pytest.mark.users
def test_a_long_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = given()
    trained, file = saved(tmp_path / "run", data.series), tmp_path / "new.csv"
    file.write_text(table(data))
    (header, *rows), said = printed(capsys, tmp_path / "run", file)
    assert header == ["series", "class", "p(left)", "p(right)", "p(straight on)"]
    assert [row[0] for row in rows] == ["3", "2", "1"], "in the order of the file"
    agree(rows, trained, data)
    assert said == "3 series; the model's channels are, in order: 1, 2\n"


def test_channels_and_columns_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = given()
    trained, file = saved(tmp_path / "run", data.series), tmp_path / "new.csv"
    renamed = Named(data.series, data.names, ("b", "a"))
    file.write_text(table(renamed).replace("series,time,channel,value", "who,when,what,how"))
    columns = ["--columns", "who", "when", "what", "how"]
    (_, *rows), _ = printed(capsys, tmp_path / "run", file, *columns, "--channels", "b", "a")
    agree(rows, trained, data)
    (_, *swapped), said = printed(capsys, tmp_path / "run", file, *columns)
    assert swapped != rows and "in order: a, b" in said
    only = [line for line in file.read_text().splitlines() if ",a," not in line]
    file.write_text("\n".join(only))
    (_, *rows), _ = printed(capsys, tmp_path / "run", file, *columns, "--channels", "b", "a")
    values = data.series.values.where(data.series.mask, torch.nan)
    values[..., 1] = torch.nan
    agree(rows, trained, Named(series(values, lengths=data.series.lengths), data.names, data.channels))


def test_a_ts_file_with_and_without_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = given()
    trained, file = saved(tmp_path / "run", data.series), tmp_path / "new.ts"
    file.write_text(f"{TS}@classLabel false\n@data\n" + "\n".join(CASES))
    (_, *rows), said = printed(capsys, tmp_path / "run", file)
    agree(rows, trained, data)
    assert [row[0] for row in rows] == ["1", "2", "3"] and "accuracy" not in said
    classes = [rows[0][1], next(name for name in CLASSES if name != rows[1][1]), "back"]
    labelled = "\n".join(f"{case}:{name}" for case, name in zip(CASES, classes, strict=True))
    file.write_text(f"{TS}@classLabel true {' '.join(classes)}\n@data\n{labelled}")
    (_, *again), said = printed(capsys, tmp_path / "run", file)
    assert again == rows
    assert said.splitlines()[-1] == "accuracy 0.3333 on 3 series with classes; the model does not know back"


def test_real_series_as_ts_and_as_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = load_uea("JapaneseVowels", tmp_path)
    trained = saved(tmp_path / "run", train.series, train.classes)
    (header, *rows), said = printed(capsys, tmp_path / "run", VOWELS)
    names, channels = tuple(map(str, range(1, 371))), tuple(map(str, range(1, 13)))
    data = Named(test.series, names, channels)
    agree(rows, trained, data)
    accuracy = (trained.predict(test.series).best == test.labels).double().mean().item()
    assert said.splitlines()[-1] == f"accuracy {accuracy:.4g} on 370 series with classes"
    (tmp_path / "test.csv").write_text(table(data))
    (again, *rows), _ = printed(capsys, tmp_path / "run", tmp_path / "test.csv")
    assert again == header and [row[0] for row in rows] == list(reversed(names))
    agree(rows, trained, data)  # channel 10 is after channel 9


def test_out_is_written_whole_or_not_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path / "run", given().series)
    file, out = tmp_path / "new.csv", tmp_path / "out.csv"
    file.write_text(table(given()))
    rows, _ = printed(capsys, tmp_path / "run", file)
    nothing, _ = printed(capsys, tmp_path / "run", file, "--out", out)
    assert not nothing and list(csv.reader(io.StringIO(out.read_text()))) == rows
    before = out.read_bytes()
    file.write_text("not,a\ntable,\n")
    assert "lacks the columns" in refused(capsys, tmp_path / "run", file, "--out", out)
    assert out.read_bytes() == before and {f.name for f in tmp_path.iterdir()} == {"run", "new.csv", "out.csv"}
    file.write_text(table(given()))
    assert "could not be written" in refused(capsys, tmp_path / "run", file, "--out", tmp_path / "none" / "out.csv")


@pytest.mark.parametrize("every", [False, True])
def test_a_model_of_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str], every: bool) -> None:
    data = given()
    net = (delta @ wiring("keys-from-increments") @ hermite).build(2, width=8, heads=2)
    answer = Values(("load", "heat, in K"), (0.0, 300.0), (1.0, 50.0))
    trained = Trained(Predictor(net, Head(2, 8, every=every)), Normaliser.fit(data.series), answer)
    save(tmp_path / "run", trained)
    file = tmp_path / "new.ts"
    file.write_text(f"{TS}@targetLabel true\n@data\n" + "\n".join(f"{case}:1.5" for case in CASES))
    (header, *rows), said = printed(capsys, tmp_path / "run", file)
    found = trained.predict(data.series).values
    assert "accuracy" not in said and header == ["series", *["time"] * every, "load", "heat, in K"]
    wanted = [[name, found[i]] for i, name in enumerate(data.names)]
    if every:
        lengths, times = data.series.lengths.tolist(), data.series.times
        wanted = [[n, times[i, t], found[i, t]] for i, n in enumerate(data.names) for t in range(lengths[i])]
    assert len(rows) == len(wanted)
    for row, (name, *time, values) in zip(rows, wanted, strict=True):
        assert row[0] == name and [float(entry) for entry in row[1:-2]] == time
        assert [float(entry) for entry in row[-2:]] == pytest.approx(values.tolist(), rel=1e-5)


def test_what_does_not_fit_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, file = tmp_path / "run", tmp_path / "new.csv"
    saved(run, given().series)
    file.write_text("series,time,channel,value\na,1,x,2\na,1,y,2\na,1,z,2\n")
    said = refused(capsys, run, file)
    assert "2 channels, in" in said and "3 channels, in" in said and "x, y, z" in said
    assert "not among those wanted" in refused(capsys, run, file, "--channels", "x", "y")
    assert "cannot be read" in refused(capsys, tmp_path, file) and "cannot be read" in refused(
        capsys, run, tmp_path / "no"
    )
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "run.json").write_text("{}")
    assert "has not finished" in refused(capsys, tmp_path / "killed", file)
    file = tmp_path / "new.ts"
    for text in (
        "",
        f"{TS}@classLabel false\n@data\n1,x:2,3\n",
        f"{TS}@timeStamps true\n@classLabel false\n@data\n(0,1)\n",
    ):
        file.write_text(text)
        assert "a .ts file cannot be read" in refused(capsys, run, file)
    for more in (["--channels", "x", "y"], ["--columns", "who", "when", "what", "how"]):
        assert "neither columns nor names" in refused(capsys, run, file, *more)


def test_a_model_of_static_features_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = given().series
    data = series(data.values, lengths=data.lengths, static=torch.randn(3, 2))
    save(tmp_path, Trained(Predictor(Recurrent("gru").build(2, 5, 2), Head(3)), Normaliser.fit(data), Classes(CLASSES)))
    file = tmp_path / "new.csv"
    file.write_text(table(given()))
    assert "reads static features" in refused(capsys, tmp_path, file)
