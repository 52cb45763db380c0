"""A small file, or a short line of Python, cannot ask for more work than a machine has: it is refused at once, in our words."""

import functools
import json
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import fwp
from fwp import fields
from fwp.bench.many import read_lines
from fwp.controls import Control, by_name, hermite, log_signature
from fwp.data import Normaliser, collate, extract
from fwp.data.sepsis import COLUMNS, read_sepsis
from fwp.errors import DataError, FormatError, FwpError, SizeError, SolveError
from fwp.fields.maps import MOST_MAPS, layer_norm
from fwp.files import write_json
from fwp.models import Classes, Head, Predictor, Recurrent, Solver, Trained, save
from fwp.rules import delta, oja
from fwp.rules.vocabulary import W, k, v, x
from fwp.terms import Slot, ein, evaluate, rename, tanh
from fwp.terms.build import multiply
from fwp.terms.normal import normal, to_term
from fwp.terms.syntax import Node
from tests.issues.mutants import EXTREMES, dumped, outcome, places, replaced, watched

SERIES = fwp.series(torch.arange(24.0).reshape(2, 4, 3).sin())
GIGABYTE = 2**30
SEAL = ("digest", "sha256")
"""What a file says of its own bytes: made anew for a changed file, or the digest alone would be what refuses it."""


def trained(kind: str) -> Trained[Classes]:
    torch.manual_seed(0)
    net = {
        "delta": lambda: (delta @ fields.wiring("keys-from-increments") @ hermite).build(3, width=8, heads=2),
        "windows": lambda: (oja @ fwp.Projection() @ log_signature(2, 2)).build(3, width=4),
        "recurrent": lambda: Recurrent("gru-d").build(3, 8),
    }[kind]()
    return Trained(Predictor(net, Head(2, 8)), Normaliser.fit(SERIES), Classes(("a", "b")))


@pytest.fixture(params=["delta", "windows", "recurrent"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    save(tmp_path, trained(request.param))
    return tmp_path


def sealed(file: Path, data: object) -> None:
    """Write what stands in a model's file with a digest that is right, as whoever means harm would."""
    if isinstance(data, dict):
        write_json(file, {name: value for name, value in data.items() if name not in SEAL})
    else:
        file.write_bytes(dumped(data))  # which no digest goes with


def changed(folder: Path, path: tuple[object, ...], value: object) -> None:
    file = folder / "model.json"
    sealed(file, replaced(json.loads(file.read_text()), path, value))


def swept(folder: Path, count: int | None) -> None:
    """Load and predict with each value of model.json replaced by each extreme one; of all pairs a sample of so many."""
    file = folder / "model.json"
    data = {name: value for name, value in json.loads(file.read_text()).items() if name not in SEAL}
    pairs = [(path, value) for path in places(data) for value in EXTREMES]
    for path, value in pairs if count is None else random.Random(0).sample(pairs, count):
        sealed(file, replaced(data, path, value))
        found = outcome(lambda: fwp.load(folder).predict(SERIES))
        assert found is None, (path, repr(value)[:40], found)


def test_no_value_in_a_models_file_makes_it_hang_or_fail_in_other_words(model: Path) -> None:
    swept(model, 150)


@pytest.mark.slow
def test_no_value_at_all_in_a_models_file_does(model: Path) -> None:
    swept(model, None)


@pytest.mark.parametrize("value", [10**12, 10**400, 2**63], ids=["12 zeros", "400 zeros", "64 bits"])
@pytest.mark.parametrize(
    "path",
    [
        *(("solver", name) for name in ("steps", "rtol")),
        *(("sizes", name) for name in ("channel", "head")),
        *(("head", name) for name in ("dropout", "hidden")),
        *(("normaliser", "origin"), ("normaliser", "mean", 0), ("model", "control", "pace")),
    ],
)
def test_numbers_that_nobody_could_mean_are_refused(tmp_path: Path, path: tuple[object, ...], value: int) -> None:
    save(tmp_path, trained("delta"))
    changed(tmp_path, path, value)
    with watched(10, 2 * GIGABYTE):
        try:
            fwp.load(tmp_path).predict(SERIES)
        except FwpError:
            return
    assert value < 10**400 and path[-1] in ("rtol", "origin", 0, "pace")  # which float64 has


def three_terms(count: int) -> Node:
    return multiply([v + W @ k + Slot("other", "value")] * count, None)


def test_products_of_sums_are_refused_before_they_are_expanded(tmp_path: Path) -> None:
    with watched(5, GIGABYTE):
        for rate in (three_terms(12) * k, three_terms(500) * k, fwp.terms.square(fwp.terms.square(three_terms(6))) * k):
            with pytest.raises(SizeError, match="multiplied out"):
                fwp.Rule(rate)
            with pytest.raises(SizeError, match="multiplied out"):
                normal(rate)
        save(tmp_path, trained("delta"))
        changed(tmp_path, ("model", "layers", 0, "rule", "rules", 0, "rate"), fwp.terms.to_json(three_terms(12) * k))
        with pytest.raises(FormatError, match="multiplied out"):
            fwp.load(tmp_path)


def test_what_is_within_the_bounds_is_expanded() -> None:
    term = three_terms(4) * three_terms(1)
    form = normal(term)
    assert len(form.monomials) == 21  # of degree 5 in three letters
    generator = np.random.default_rng(0)
    sizes = {"value": 3, "key": 2}
    arrays = {
        "W": generator.normal(size=(3, 2)),
        **{name: generator.normal(size=3) for name in ("v", "other")},
        "k": generator.normal(size=2),
    }
    expanded = evaluate(to_term(form, term.axes), arrays, sizes)
    np.testing.assert_allclose(expanded, evaluate(term, arrays, sizes), rtol=1e-12, atol=1e-12)


def test_maps_inside_maps_take_no_longer_with_each_than_by_a_little() -> None:
    deep = functools.reduce(lambda inner, _: tanh(W @ inner), range(60), k)
    with watched(20, GIGABYTE):
        assert len(normal(deep).monomials) == 1


@pytest.mark.parametrize("count", [5, 6, 7, 30])
def test_axes_that_look_alike_are_not_tried_in_all_orders(count: int) -> None:
    u = Slot("u", "a")
    every = multiply([rename(u, a=f"a{i}") for i in range(count)], None)
    several = sum((Slot(f"c{i}") * multiply((every, tanh(every)), ()) for i in range(1, 40)), start=Slot("c0") * 1)
    with watched(60, GIGABYTE):
        assert len(normal(several).monomials) == 40


def test_chains_of_axes_are_refused_or_soon_done() -> None:
    A, B = fwp.State("A", "a b"), Slot("B", "a")
    with watched(30, GIGABYTE):
        chain: Node = A
        for i in range(40):
            last = chain.axes[1]
            chain = ein("i j, j k -> i k", chain, rename(A, a=last, b=f"b{i}"))
        assert len(normal(chain).monomials[0][0]) == 41
        with pytest.raises(SizeError, match="more axes"):
            multiply([rename(B, a=f"a{i}") for i in range(2000)], ())
        with pytest.raises(SizeError, match="more axes"):
            Slot("u", " ".join(f"a{i}" for i in range(10**5)))


@pytest.mark.parametrize(
    "write",
    [
        lambda: v**10**9,
        lambda: v**10**5000,
        lambda: functools.reduce(lambda half, _: half + half, range(60), v),
        lambda: functools.reduce(lambda half, _: half * half, range(60), v),
        lambda: functools.reduce(lambda inner, _: tanh(W @ inner), range(5000), k),
        lambda: 10**5000 * v,
        lambda: 1e-300 * (1e-300 * v),
    ],
)
def test_terms_that_no_machine_holds_are_refused_as_they_are_written(write: Callable[[], object]) -> None:
    with watched(20, GIGABYTE), pytest.raises(SizeError):
        write()


def test_maps_of_a_projection_are_refused_before_python_runs_out_of_calls(tmp_path: Path) -> None:
    data = fields.to_json(delta @ fwp.Projection() @ hermite)
    for depth in (MOST_MAPS + 1, 250, 5000):
        default = functools.reduce(
            lambda of, _: {"map": "layer_norm", "of": of}, range(depth), {"map": "signal", "name": "x"}
        )
        data["layers"][0]["projection"]["default"] = default
        with pytest.raises(FormatError):
            fields.from_json(data)
        with pytest.raises(FwpError, match="too many maps"):
            fwp.Projection(default=functools.reduce(lambda of, _: layer_norm(of), range(depth), x))
    deepest = functools.reduce(lambda of, _: layer_norm(of), range(MOST_MAPS - 4), x)
    model = delta @ fwp.Projection(default=deepest) @ hermite
    assert fields.from_json(fields.to_json(model)) == model
    net = model.build(3, width=4)
    save(tmp_path, Trained(Predictor(net, Head(2, 8)), Normaliser.fit(SERIES), Classes(("a", "b"))))
    fwp.load(tmp_path)  # what may be built is not nested too deeply to be read again


@pytest.mark.parametrize("opens", ["[", '{"a":'])
def test_results_nested_beyond_all_bounds_are_refused(tmp_path: Path, opens: str) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text(opens * 10**5 + "\n")
    with pytest.raises(FormatError, match="no line of results"):
        read_lines(file)


def test_a_window_of_more_intervals_than_there_are_is_the_whole_series() -> None:
    with watched(5, GIGABYTE):
        whole = log_signature(2, 10**9)(SERIES)
    assert whole.intervals == 1
    torch.testing.assert_close(whole.coefficients, log_signature(2, 3)(SERIES).coefficients)
    assert torch.equal(whole.times, log_signature(2, 3)(SERIES).times)


@pytest.mark.parametrize("depth", [17, 50, 10**12])
def test_log_signatures_beyond_all_memory_are_refused(depth: int) -> None:
    with watched(5, GIGABYTE):
        for make in (lambda: log_signature(depth, 4), lambda: by_name(f"log-signature-{depth}-4")):
            with pytest.raises(DataError):
                make()
        with pytest.raises(FwpError):
            Control.from_json({"kind": "log-signature", "depth": depth, "step": 4, "time": True, "pace": 1.0})
    with pytest.raises(DataError, match="more words"):
        log_signature(12, 4)(fwp.series(torch.zeros(1, 5, 30)))


def test_names_of_controls_hold_no_number_without_end() -> None:
    with pytest.raises(DataError, match="no control has this name"):
        by_name("log-signature-" + "9" * 10_000 + "-4")


@pytest.mark.parametrize("steps", [10**5, 10**12, 10**400], ids=["5 zeros", "12 zeros", "400 zeros"])
def test_steps_that_no_method_needs_are_refused(steps: int) -> None:
    field = (delta @ fwp.Projection() @ hermite).build(channels=3, width=4)(SERIES)
    with watched(10, GIGABYTE):
        for call in (fwp.solve, fwp.explain, fwp.read_along):
            with pytest.raises(SolveError, match="steps"):
                call(field, method="rk4", steps=steps)
    with pytest.raises(FwpError, match="steps"):
        Solver(steps=steps)


def test_padding_does_not_multiply_a_small_file_into_more_than_memory(tmp_path: Path) -> None:
    rows = [f"s{i},0,x{i % 2000},1" for i in range(20_000)] + [f"s0,{i},x0,1" for i in range(1, 20_000)]
    file = tmp_path / "long.csv"
    file.write_text("\n".join(["series,time,channel,value", *rows]))
    with watched(20, 4 * GIGABYTE):
        with pytest.raises(DataError, match="larger than memory"):
            fwp.read_table(file)
        with pytest.raises(DataError, match="larger than memory"):
            collate([torch.zeros(10**6, 1), *[torch.zeros(1, 1)] * 3000])


def test_a_table_of_a_million_columns_is_refused_and_one_of_some_thousand_read(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    for count, refused in ((10**6, True), (2000, False)):
        more = ",".join(f"c{i}" for i in range(count))
        file.write_text(f"series,time,channel,value,{more}\n" + "a,0,x,1" + "," * count + "\n")
        with watched(30, 2 * GIGABYTE):
            if refused:
                with pytest.raises(DataError, match="more columns"):
                    fwp.read_table(file)
            else:
                assert fwp.read_table(file).names == ("a",)


def test_a_parquet_file_of_more_rows_than_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("fwp.data.table.MOST_ROWS", 10**5)  # some seconds, and hundreds of MB, less
    count = 10**5 + 1
    names, numbers = arrow.array(["a"]).take(arrow.array([0] * count)), arrow.array(range(count))
    parquet.write_table(
        arrow.table({"series": names, "time": numbers, "channel": names, "value": numbers}), tmp_path / "t"
    )
    with pytest.raises(DataError, match="more rows"):
        fwp.read_table(tmp_path / "t")


@pytest.mark.parametrize("size", [2**32 - 1, 2**27])
def test_a_dictionary_of_gigabytes_is_not_made(tmp_path: Path, size: int) -> None:
    file = tmp_path / "data.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("a.txt", b"a" * 100)
    extract(file, tmp_path / "good")
    assert (tmp_path / "good" / "a.txt").read_bytes() == b"a" * 100
    content = bytearray(file.read_bytes())
    at = content.index(b"a.txt") + 5 + 5
    content[at : at + 4] = size.to_bytes(4, "little")
    file.write_bytes(content)
    with watched(10, GIGABYTE), pytest.raises(DataError, match="too much memory"):
        extract(file, tmp_path / "out")


@pytest.mark.parametrize("cell", ["9" * 500_000 + "x", "." * 500_000, "1e" + "9" * 500_000, "-" * 500_000])
def test_a_patients_number_of_a_million_digits_is_soon_refused(tmp_path: Path, cell: str) -> None:
    file = tmp_path / "set.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("p1.psv", "|".join(COLUMNS) + "\n" + "|".join([cell] + ["1"] * (len(COLUMNS) - 1)) + "\n")
    with watched(10, GIGABYTE), pytest.raises(DataError):
        read_sepsis([file])


def test_a_tape_of_headers_alone_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.tar.gz"
    with tarfile.open(file, "w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * 10**8}) as packed:
        packed.addfile(tarfile.TarInfo("a"))
    with watched(20, GIGABYTE), pytest.raises(DataError, match="too much"):
        extract(file, tmp_path / "out")


@pytest.mark.parametrize("row", [f"a,0,x,{'9' * 400}", f"a,{'9' * 400},x,1"])
def test_whole_numbers_beyond_any_float_in_a_table_are_refused(tmp_path: Path, row: str) -> None:
    file = tmp_path / "table.csv"
    file.write_text(f"series,time,channel,value\n{row}\n")
    with pytest.raises(DataError, match="cannot be read"):
        fwp.read_table(file)
