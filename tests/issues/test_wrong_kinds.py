"""Whatever is given to a public function, it works or says in our words what it takes: Python's own errors never come from inside."""

import importlib
import inspect
import types
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import torch

import fwp
import fwp.errors
from fwp import controls, data, fields, models, plots, training
from fwp.controls import hermite
from fwp.errors import AxisError, CompositionError, DataError, FwpError, SizeError
from fwp.kinds import explained
from fwp.rules import delta, hebb
from fwp.rules.vocabulary import W, k, v, x
from tests.issues.mutants import outcome
from tests.messages.said import said

SERIES = fwp.series(torch.arange(30.0).reshape(2, 5, 3).sin())
MODEL = delta @ fwp.Projection() @ hermite
torch.manual_seed(0)
NET = MODEL.build(channels=3, width=4)
FIELD = NET(SERIES)
SOLUTION = fwp.solve(FIELD, "knots")
TRAINED = models.Trained(
    models.Predictor(NET, models.Head(2, 4)), data.Normaliser.fit(SERIES), models.Classes(("a", "b"))
)

WRONG: dict[str, Any] = {
    **{"None": None, "a text": "x", "an int": 3, "a negative": -1, "a float": 0.5, "a list": [1, "a"], "no items": []},
    **{"an array": np.zeros((5, 3)), "a tensor": torch.zeros(2, 5, 3), "a class": fwp.Rule, "an object": object()},
    **{"a dictionary": {"a": 1}, "a function": len, "a rule": delta, "a control": hermite, "a term": k},
    **{"a projection": fwp.Projection(), "a series": SERIES, "a net": NET, "a field": FIELD, "a solution": SOLUTION},
}
MODULES = ("fwp", *(f"fwp.{name}" for name in "rules fields controls terms models training plots data solvers".split()))
ELSEWHERE = {"start", "FastWeights"}
"""The one takes nothing but names; the other says what it takes in words of its own."""


def public() -> Iterator[tuple[str, Callable[..., object]]]:
    """Every function and class that may be called, once."""
    seen: set[int] = set()
    for module in MODULES:
        room = importlib.import_module(module)
        for name in getattr(room, "__all__", None) or [name for name in vars(room) if not name.startswith("_")]:
            found = getattr(room, name)
            ours = getattr(found, "__module__", "").startswith("fwp") and not isinstance(found, types.ModuleType)
            values = isinstance(found, type) and (
                issubclass(found, Enum) or inspect.isabstract(found) or Protocol in found.__mro__
            )
            if ours and callable(found) and not values and id(found) not in seen and name not in ELSEWHERE:
                seen.add(id(found))
                yield f"{module}.{name}", found


PUBLIC = dict(public())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PUBLIC)
def test_wrong_kinds_for_all_that_is_asked(name: str) -> None:
    function = PUBLIC[name]
    try:
        asked = [
            each
            for each in inspect.signature(function).parameters.values()
            if each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        ]
    except ValueError:
        asked = []
    for kind, given in WRONG.items():
        found = outcome(lambda given=given: function(*[given] * max(1, len(asked))))
        assert found is None or _called_wrongly(found), (kind, found)


def _called_wrongly(found: str) -> bool:
    """Python's own words for arguments that a function does not have, or has no value for: they are the caller's."""
    return "positional argument" in found or "required keyword-only" in found or "takes no arguments" in found


ONE_AT_A_TIME: dict[str, Callable[[Any], object]] = {
    **{f"solve {name}": lambda own, name=name: fwp.solve(FIELD, **{name: own}) for name in ("times", "method", "backend")},
    "solve": fwp.solve,
    "explain": fwp.explain,
    "observe": lambda own: fwp.observe(FIELD, own),
    "net": NET,
    "net @": lambda own: NET @ own,
    "control": hermite,
    "fill": lambda own: hermite(SERIES, own),
    **{f"build {name}": lambda own, name=name: MODEL.build(3, **{"width": 4, name: own}) for name in ("width", "heads", "key")},
    "build channels": lambda own: MODEL.build(own, width=4),
    "predict": TRAINED.predict,
    "predict batch": lambda own: TRAINED.predict(SERIES, batch=own),
    **{f"series {name}": lambda own, name=name: fwp.series(SERIES.values, **{name: own}) for name in ("times", "mask", "lengths")},
    "collate": lambda own: data.collate([SERIES, own]),
    "shortened": SERIES.shortened,
    **{f"term {name}": own for name, own in {
        "power": lambda own: k**own,
        "times": lambda own: (k * own, own * k),
        "plus": lambda own: (k + own, own + k),
        "over": lambda own: k / own,
        "into": lambda own: own @ W,
        "rename": lambda own: fwp.rename(k, key=own),
    }.items()},
    **{f"Rule {name}": lambda own, name=name: fwp.Rule(v * k, **{name: own}) for name in ("of", "read", "laws")},
    "rule +": lambda own: delta + own,
    "+ rule": lambda own: own + delta,
    "rule *": lambda own: delta * own,
    "rule dual": delta.dual,
    **{f"{name} @": lambda own, left=left: left @ own for name, left in {
        "rule": delta, "projection": fwp.Projection(), "spec": delta @ fwp.Projection(), "feed": fwp.Projection() @ hermite,
        "model": MODEL, "control": hermite,
    }.items()},
    **{f"@ {name}": lambda own, right=right: own @ right for name, right in {
        "rule": delta, "projection": fwp.Projection(), "spec": delta @ fwp.Projection(), "feed": fwp.Projection() @ hermite,
        "model": MODEL, "control": hermite,
    }.items()},
    **{f"Projection {name}": lambda own, name=name: fwp.Projection(**{name: own}) for name in ("k", "default", "initial")},
    "linear of": lambda own: fields.linear("channel -> key", own),
    "linear pattern": lambda own: fields.linear(own, x),
    "start": lambda own: fields.start(W=own),
    "Control": lambda own: controls.Control(own),
    "Control pace": lambda own: controls.Control(hermite.kind, pace=own),
    "window": lambda own: controls.log_signature(2, own),
    "scale": lambda own: controls.log_signature(2, 2, scale=own),
    "knots": FIELD.path.with_knots,
    "trajectory name": lambda own: fwp.trajectory(SOLUTION, own),
    "trajectory sample": lambda own: fwp.trajectory(SOLUTION, sample=own),
    "normaliser": TRAINED.normaliser.apply,
    "normaliser fit": data.Normaliser.fit,
    "Labelled labels": lambda own: data.Labelled(SERIES, own, ("a", "b")),
    "Valued values": lambda own: data.Valued(SERIES, own),
    "Solver": lambda own: models.Solver(steps=own),
    "Predictor solver": lambda own: models.Predictor(NET, models.Head(2, 4), own),
    "Recurrent build": lambda own: models.Recurrent("gru").build(own, 4),
    **{f"Recipe {name}": lambda own, name=name: training.Recipe(**{name: own}) for name in ("epochs", "schedule", "method")},
    "learning curve": lambda own: plots.learning_curve([{"epoch": 1}], measure=own),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ONE_AT_A_TIME)
def test_one_wrong_kind_among_right_ones(name: str) -> None:
    for kind, given in WRONG.items():
        found = outcome(lambda given=given: ONE_AT_A_TIME[name](given), memory=2**33)
        assert found is None, (kind, found)


def test_every_class_of_complaint_is_exported_and_is_a_value_error() -> None:
    for name in fwp.errors.__all__:
        kind = getattr(fwp.errors, name)
        if isinstance(kind, type):
            assert getattr(fwp, name) is kind and name in fwp.__all__
            assert issubclass(kind, ValueError) or kind is fwp.FwpWarning


def test_an_array_is_predicted_as_the_series_that_it_is() -> None:
    expected = TRAINED.predict(SERIES)
    for values in (SERIES.values, SERIES.values.numpy()):
        assert torch.equal(TRAINED.predict(values).probabilities, expected.probabilities)
    assert torch.equal(TRAINED.predict(SERIES.values[0]).probabilities, TRAINED.predict(SERIES[0]).probabilities)
    with pytest.raises(DataError):
        TRAINED.predict([[1.0], [2.0, 3.0]])


def test_samples_are_chosen_by_numbers() -> None:
    with pytest.raises(DataError, match="chosen by their numbers"):
        SERIES[SERIES]  # which torch would take for a sequence without end
    assert SERIES[np.int64(1)].batch == SERIES[[1]].batch == SERIES[1].batch == 1
    assert [one.batch for one in SERIES] == [1, 1]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        (lambda: fwp.Projection(K=fields.linear("channel -> head key", x)).__rmatmul__(delta), "did you mean k?"),
        (lambda: MODEL.build(3, width=4, kee=4), "did you mean key?"),
        (lambda: fwp.rename(k, kye="key2"), "did you mean key?"),
        (lambda: models.Recurrent("GRU_D"), "did you mean gru-d?"),
        (lambda: training.Recipe(select="acuracy"), "did you mean accuracy?"),
        (lambda: fwp.trajectory(SOLUTION, "w"), "did you mean W?"),
        (lambda: plots.learning_curve([], measure="acuracy"), "did you mean accuracy?"),
        (lambda: controls.by_name("Natural_Cubic"), "did you mean natural-cubic?"),
        (lambda: fields.wiring("keys from signal"), "did you mean keys-from-signal?"),
        (lambda: fwp.rules.by_name("Delta"), "did you mean delta?"),
    ],
)
def test_a_misspelt_name_is_told_what_it_may_mean(misspelt: Callable[[], object], meant: str) -> None:
    with pytest.raises(FwpError) as caught:
        misspelt()
    assert meant in str(caught.value)


def test_misspelt_columns_and_channels_of_tables(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("series,Time,channel,value\na,0,heart,1\n")
    with pytest.raises(DataError, match="did you mean Time"):
        fwp.read_table(file)
    with pytest.raises(DataError, match="did you mean heat"):
        fwp.read_table(file, columns=("series", "Time", "channel", "value"), channels=("heat", "wind"))


def test_errors_of_right_arguments_pass_as_they_are() -> None:
    @explained
    def divided(by: int, names: list[str] | None = None) -> float:
        return 1 / by

    with pytest.raises(ZeroDivisionError):
        divided(0)
    with pytest.raises(FwpError, match="takes something else for `names`") as caught:
        divided(0, [*("a",) * 50, 1])  # pyright: ignore[reportArgumentType]
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        divided()  # pyright: ignore[reportCallIssue]
    assert divided.__name__ == "divided" and list(inspect.signature(divided).parameters) == ["by", "names"]


CASES: dict[str, Callable[[Path], object]] = {
    "table_that_is_none": lambda _: fwp.read_table(None),  # pyright: ignore[reportArgumentType]
    "load_of_a_number": lambda _: fwp.load(3),  # pyright: ignore[reportArgumentType]
    "trajectory_of_a_field": lambda _: fwp.trajectory(FIELD),  # pyright: ignore[reportArgumentType]
    "predict_text": lambda _: TRAINED.predict(SERIES, batch="all"),  # pyright: ignore[reportArgumentType]
    "text_for_axes": lambda _: fwp.Slot("k", 3),  # pyright: ignore[reportArgumentType]
    "rule_without_projection": lambda _: delta @ None,  # pyright: ignore[reportOperatorIssue]
    "array_before_a_rule": lambda _: np.zeros(3) @ hebb,  # pyright: ignore[reportOperatorIssue]
    "index_of_a_series": lambda _: SERIES[SERIES],  # pyright: ignore[reportArgumentType]
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, tmp_path: Path) -> None:
    said("kinds", name, CASES[name], tmp_path)


def test_classes_of_complaints_stay_what_they_were() -> None:
    with pytest.raises(AxisError):
        _ = delta + 1  # pyright: ignore[reportOperatorIssue]
    with pytest.raises(CompositionError):
        _ = hermite @ delta  # pyright: ignore[reportOperatorIssue]
    with pytest.raises(SizeError):
        MODEL.build(3, width=0)
