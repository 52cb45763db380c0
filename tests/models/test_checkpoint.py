import errno
import json
import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from safetensors.torch import load_file

import fwp
from fwp.controls import hermite, linear, log_signature
from fwp.data import Normaliser, series
from fwp.errors import CompositionError, DataError, FormatError, FwpError
from fwp.fields import Projection, external, first, first_write, keys_from_increments, stack, wiring
from fwp.fields import linear as linear_map
from fwp.files import sealed_tensors, write_json
from fwp.models import Classes, Estimate, Head, Predictor, Recurrence, Recurrent, Solver, Trained, Values, save
from fwp.models import load as load_model
from fwp.rules import ALL, Rule, W, beta, delta, k, v, x

CLASSES = ("left", "right", "straight on")


def drawn() -> fwp.Series:
    values = torch.randn(6, 9, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 10.0, 0.1]) + 5
    return series(values, lengths=torch.tensor([9, 2, 4, 9, 3, 1]))


def trained(rule: Any = delta, **build: int) -> Trained:
    model = rule @ wiring("keys-from-increments").restricted(rule) @ hermite
    net = model.build(3, **({"width": 12, "heads": 2} | build))
    return Trained(Predictor(net, Head(3, 7, 0.5), Solver("midpoint")), Normaliser.fit(drawn()), Classes(CLASSES))


@pytest.mark.users
def test_what_is_loaded_predicts_the_same_bits(tmp_path: Path) -> None:
    before = trained()
    save(tmp_path / "new" / "folder", before)
    state = torch.get_rng_state()
    after = load_model(tmp_path / "new" / "folder")
    assert torch.equal(torch.get_rng_state(), state), "loading draws nothing"
    data = drawn()
    expected, found = before.predict(data), after.predict(data, batch=4)
    torch.testing.assert_close(found.probabilities, expected.probabilities)
    assert torch.equal(after.predict(data).probabilities, expected.probabilities)
    assert found.names == tuple(CLASSES[i] for i in expected.probabilities.argmax(-1))
    assert after.predictor.net.model == before.predictor.net.model
    assert before.predictor.training, "prediction leaves the mode as it was"
    assert {f.name for f in (tmp_path / "new" / "folder").iterdir()} == {"model.json", "weights.safetensors"}


def test_queries_of_the_batch_travel_and_are_made_where_the_longest_series_ends(tmp_path: Path) -> None:
    own, data = trained(), drawn()
    late = replace(own, query="batch")
    save(tmp_path, late)
    found = load_model(tmp_path).predict(data, batch=4).probabilities
    series = own.normaliser.apply(data)
    own.predictor.eval()
    with torch.no_grad():
        expected = own.predictor(series.lengthened(), series.times[:, -1:]).softmax(-1)
    torch.testing.assert_close(found, expected)
    early = own.predict(data).probabilities
    assert torch.allclose(early[0], found[0], atol=1e-6), "the longest series ends where it ends"
    assert not torch.allclose(early[1], found[1], atol=1e-4)
    changed("query", "later")(tmp_path)
    with pytest.raises(FormatError, match="later"):
        load_model(tmp_path)


def test_a_rule_of_ones_own_travels_without_its_file(tmp_path: Path) -> None:
    decay = fwp.Slot("decay")
    save(tmp_path, trained(Rule(beta * (v - W @ k) * k - decay * W, name="mine")))
    rule = load_model(tmp_path).predictor.net.model.spec.layers[0].rule
    assert rule == Rule(beta * (v - W @ k) * k - decay * W) and rule.name == "mine"


def test_layers_systems_and_other_axes_travel(tmp_path: Path) -> None:
    plain = delta @ Projection() @ linear
    system = ALL["momentum_delta"] @ Projection()
    for model in (plain, stack(plain.spec, plain.spec, system) @ linear):
        net = model.build(3, width=12, heads=2, key=5)
        before = Trained(Predictor(net, Head(3)), Normaliser.fit(drawn()), Classes(CLASSES))
        save(tmp_path, before)
        after = load_model(tmp_path)
        assert after.predictor.net.sizes == net.sizes
        assert torch.equal(after.predict(drawn()).probabilities, before.predict(drawn()).probabilities)


@pytest.mark.parametrize("kind", ["gru", "gru-dt", "gru-d", "ode-rnn"])
def test_recurrences_travel(tmp_path: Path, kind: Any) -> None:
    data = drawn()
    data = series(data.values, data.times, data.mask, data.lengths, torch.randn(6, 2))
    before = Trained(Predictor(Recurrent(kind).build(3, 5, 2), Head(3, 7)), Normaliser.fit(data), Classes(CLASSES))
    save(tmp_path, before)
    after = load_model(tmp_path)
    net = after.predictor.net
    assert isinstance(net, Recurrence) and net.model == Recurrent(kind) and net.sizes == before.predictor.net.sizes
    assert torch.equal(after.predict(data).probabilities, before.predict(data).probabilities)


def test_one_logit_gives_the_probabilities_of_both_classes(tmp_path: Path) -> None:
    model = delta @ wiring("keys-from-increments") @ hermite
    made = Predictor(model.build(3, width=12, heads=2), Head(1, 7))
    before = Trained(made, Normaliser.fit(drawn()), Classes(CLASSES[:2], one_logit=True))
    save(tmp_path, before)
    found = load_model(tmp_path).predict(drawn())
    logit = made.eval()(before.normaliser.apply(drawn()))
    torch.testing.assert_close(found.probabilities, torch.cat([(-logit).sigmoid(), logit.sigmoid()], -1))
    assert found.names == tuple(CLASSES[int(z > 0)] for z in logit)


@pytest.mark.parametrize("every", [False, True])
def test_numbers_come_back_in_their_own_units(tmp_path: Path, every: bool) -> None:
    model = delta @ wiring("keys-from-increments") @ hermite
    made = Predictor(model.build(3, width=12, heads=2), Head(2, 7, every=every))
    before = Trained(made, Normaliser.fit(drawn()), Values(("a", "b"), (3.0, -1.0), (2.0, 10.0)))
    save(tmp_path, before)
    found = load_model(tmp_path).predict(drawn())
    outputs = made.eval()(before.normaliser.apply(drawn()))
    assert isinstance(found, Estimate) and found.quantities == ("a", "b")
    assert found.values.shape == ((6, 9, 2) if every else (6, 2))
    expected = outputs * torch.tensor([2.0, 10.0]) + torch.tensor([3.0, -1.0])
    torch.testing.assert_close(found.values, expected.detach())


def test_numbers_are_asked_for_as_they_are_given() -> None:
    values = Values(("a", "b"), (3.0, -1.0), (2.0, 10.0))
    given = torch.tensor([[5.0, 9.0], [3.0, torch.nan]])
    torch.testing.assert_close(values.scaled(given), torch.tensor([[1.0, 1.0], [0.0, torch.nan]]), equal_nan=True)
    torch.testing.assert_close(values.read(values.scaled(given)).values, given, equal_nan=True)


def test_a_beginning_at_the_first_point_travels(tmp_path: Path) -> None:
    encoded = first_write(linear_map("point -> channel", first))
    model = delta @ keys_from_increments(initial=encoded) @ log_signature(2, 2)
    before = Trained(Predictor(model.build(3, width=12, heads=2), Head(3)), Normaliser.fit(drawn()), Classes(CLASSES))
    save(tmp_path, before)
    assert torch.equal(load_model(tmp_path).predict(drawn()).probabilities, before.predict(drawn()).probabilities)


def test_other_types_of_number_travel(tmp_path: Path) -> None:
    before = trained()
    before.predictor.double()
    save(tmp_path, before)
    after = load_model(tmp_path)
    assert next(after.predictor.parameters()).dtype is torch.float64
    assert torch.equal(after.predict(drawn()).probabilities, before.predict(drawn()).probabilities)


def test_other_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="channels"):
        trained().predict(series(torch.randn(2, 5, 4)))


def test_a_predictor_gives_what_the_answer_is_read_from() -> None:
    one = trained()
    with pytest.raises(FwpError, match="does not give what the answer is read from"):
        Trained(one.predictor, one.normaliser, Classes(CLASSES[:2]))
    every = Predictor(one.predictor.net, Head(3, every=True))
    with pytest.raises(FwpError, match="at every time point"):
        Trained(every, one.normaliser, Classes(CLASSES))


def test_a_module_of_ones_own_cannot_travel(tmp_path: Path) -> None:
    projection = Projection(k=external(torch.nn.Linear(4, 4), x, "key"))
    net = (delta @ projection @ linear).build(3, width=12, heads=3)
    with pytest.raises(CompositionError, match="json"):
        save(tmp_path, Trained(Predictor(net, Head(3)), Normaliser.fit(drawn()), Classes(CLASSES)))
    assert not list(tmp_path.iterdir())


def changed(path: str, value: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = json.loads((folder / "model.json").read_text())
        *above, last = path.split(".")
        place = data
        for name in above:
            place = place[name]
        place[last] = value
        del data["digest"], data["sha256"]
        write_json(folder / "model.json", data)

    return change


class Boom:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("unpickled",)


def pickled(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(pickle.dumps(Boom()))


def short(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-20]) and None  # type: ignore


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        file = folder / "weights.safetensors"
        tensors = load_file(file)
        change(tensors)
        made, digest = sealed_tensors(safetensors.torch.save(tensors), {})
        file.write_bytes(made)
        changed("weights", digest)(folder)

    return damage


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda folder: (folder / "model.json").unlink(), "cannot be read"),
    "cut json": (short("model.json"), "does not hold json"),
    "deep json": (lambda folder: (folder / "model.json").write_text('{"format":' * 9999), "does not hold json"),
    "version": (changed("format", 99), "format of this version"),
    "list": (lambda folder: (folder / "model.json").write_text("[]"), "format of this version"),
    "no rule": (changed("model", {}), "does not hold a model"),
    "sizes": (changed("sizes.width", "wide"), "does not describe a model"),
    "recurrence": (changed("model", {"recurrent": "lstm"}), "no recurrent baseline"),
    "sizes of a recurrence": (changed("model", {"recurrent": "gru"}), "does not describe a model"),
    "head of no fields": (changed("head", [3]), "`head` is not what"),
    "logits": (changed("answer.one_logit", True), "one logit a class"),
    "negative": (changed("sizes.width", -2), "does not describe a model"),
    "enormous": (changed("sizes.width", 2**20), "weights are not those"),
    "overflow": (changed("sizes.width", 2**62), "does not describe a model"),
    "head": (changed("head.outputs", 4), "does not describe a model"),
    "solver": (changed("solver.gradient", "none"), "solver.gradient"),
    "method": (changed("solver.method", 3), "solver.method"),
    "normaliser": (changed("normaliser.span", 0), "no normaliser"),
    "channels": (changed("normaliser", {"mean": [0], "std": [1], "origin": 0, "span": 1}), "does not describe a model"),
    "classes": (changed("answer.names", ["a", 2, "c"]), "`answer` is not what"),
    "answer": (changed("answer", {"kind": "Words"}), "kind Classes or Values"),
    "no weights": (lambda folder: (folder / "weights.safetensors").unlink(), "weights cannot be read"),
    "cut weights": (short("weights.safetensors"), "weights cannot be read"),
    "pickle": (pickled, "weights cannot be read"),
    "one less": (weights(lambda tensors: tensors.pop("output.bias")), "weights are not those"),
    "one more": (weights(lambda tensors: tensors.update(more=torch.zeros(1))), "weights are not those"),
    "shape": (weights(lambda tensors: tensors.update({"output.bias": torch.zeros(4)})), "weights are not those"),
    "integers": (weights(lambda t: t.update({"output.bias": torch.arange(3)})), "weights are not those"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_a_format_error_that_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    save(tmp_path, trained())
    monkeypatch.chdir(tmp_path)
    change, words = DAMAGES[damage]
    change(tmp_path)
    with pytest.raises(FormatError, match=words) as caught:
        load_model(tmp_path)
    assert "help: " in str(caught.value) and str(tmp_path) in str(caught.value)
    assert not (tmp_path / "unpickled").exists()


def test_without_safetensors_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained()
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(FwpError, match=r"(?s)weights are kept as safetensors.*missing.*pip install 'fwp\[bench\]'"):
        save(tmp_path, model)


@pytest.mark.parametrize("refused", ["weights.safetensors", "model.json"])
def test_a_full_disk_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    before = trained()
    save(tmp_path, before)
    real, left = os.fsync, [0] * (0 if refused == "weights.safetensors" else 2)  # of a file, and of its folder

    def full(descriptor: int) -> None:
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        left.pop()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FwpError, match="could not be written") as caught:
        save(tmp_path, trained())
    monkeypatch.undo()
    assert refused[:7] in str(caught.value)
    assert {file.name for file in tmp_path.iterdir()} == {"model.json", "weights.safetensors"}
    assert torch.equal(load_model(tmp_path).predict(drawn()).probabilities, before.predict(drawn()).probabilities)
