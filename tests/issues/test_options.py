"""Options are what they say, whoever asks first: numbers of any library mean what they are, and what is none is refused each time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import fwp
from fwp.controls import hermite, linear
from fwp.errors import FwpError, SizeError, SolveError
from fwp.models import Solver
from fwp.rules import W, delta, hebb, k, v
from fwp.solvers import Scan
from fwp.terms import Slot
from fwp.training.recipe import Recipe

u = Slot("u", "value")


def field(rule: fwp.Rule = delta) -> fwp.VectorField:
    torch.manual_seed(0)
    net = (rule @ fwp.Projection() @ hermite).build(channels=3, width=8)
    return net(fwp.series(torch.randn(2, 20, 3)))


FIELD = field()
energy = fwp.Observable("energy", W @ W, integral=True)
ENTRIES: dict[str, Callable[..., Any]] = {
    "solve": lambda **o: fwp.solve(FIELD, **o),
    "read_along": lambda **o: fwp.read_along(FIELD, **o),
    "explain": lambda **o: fwp.explain(FIELD, **o),
    "observe": lambda **o: fwp.observe(FIELD, energy, **o),
    "attribute": lambda **o: fwp.attribute(FIELD, **o),
    "layer": lambda **o: fwp.FastWeights(delta, 3, 8, **o),
    "solver": lambda **o: Solver(**o),
}


@pytest.mark.parametrize("steps", [True, False, 2.0, 1.5, "2", None, float("nan"), [2], 0, -1, np.bool_(True), 10**12])
@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_no_number_of_steps_is_refused_and_leaves_nothing_behind(entry: str, steps: Any) -> None:
    with pytest.raises(SolveError):
        ENTRIES[entry](steps=steps)
    ENTRIES[entry](steps=1)


@pytest.mark.parametrize("two", [np.int64(2), np.int8(2), np.uint16(2), torch.tensor(2)])
@pytest.mark.parametrize("entry", ENTRIES)
def test_whole_numbers_of_any_library_are_whole_numbers(entry: str, two: Any) -> None:
    found, plain = ENTRIES[entry](steps=two), ENTRIES[entry](steps=2)
    if entry == "solve":
        assert torch.equal(found.final["W"], plain.final["W"]) and type(found.plan.steps) is int
    if entry in ("explain", "solver"):
        assert found == plain


@pytest.mark.parametrize("method", ["RK4", "Exact", "", None, 4, ["rk4"], np.array(["rk4", "euler"]), Scan.FUSED])
@pytest.mark.parametrize("entry", [*ENTRIES, "prepare"])
def test_a_method_is_a_name_that_there_is(entry: str, method: Any) -> None:
    call = ENTRIES.get(entry, lambda method: fwp.prepare(FIELD, method))
    with pytest.raises(SolveError, match="name"):
        call(method=method)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "dopri5", name: value}
        for name in ("rtol", "atol")
        for value in (float("nan"), float("inf"), -1e-3, True, "1e-3", None, torch.tensor([1e-3, 1e-3]))
    ]
    + [
        {"method": "dopri5", "rtol": 0, "atol": 0},
        {"method": "rk4", "rtol": 1e-8},
        {"method": "explicit_adams", "rtol": 1e-8},
        {"method": "explicit_adams", "atol": 1e-8},
        {"rtol": 1e-8},
        {"max_steps": 7},
        {"method": "rk4", "max_steps": 7},
        {"method": "dopri5", "max_steps": 0},
        {"method": "dopri5", "max_steps": True},
        {"method": "dopri5", "max_steps": 7.0},
        {"method": "dopri5", "chunk": 4},
        {"method": "dopri5", "steps": 2},
        {"scan": "Fused"},
        {"scan": None},
        {"gradient": True},
        {"backend": 1},
        *({"chunk": chunk} for chunk in (True, 2.0, "4", 0, -1, float("nan"))),
    ],
)
def test_numbers_that_nobody_could_mean_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SolveError):
        fwp.solve(FIELD, **options)


def test_tolerances_and_chunks_of_numpy_are_those_of_python() -> None:
    ours = fwp.solve(FIELD, method="dopri5", rtol=np.float32(1e-3), atol=np.float64(1e-5)).final["W"]
    assert torch.equal(ours, fwp.solve(FIELD, method="dopri5", rtol=float(np.float32(1e-3)), atol=1e-5).final["W"])
    assert torch.equal(fwp.solve(FIELD, chunk=np.int32(4)).final["W"], fwp.solve(FIELD, chunk=4).final["W"])
    assert torch.equal(
        fwp.solve(FIELD, scan=Scan.CHUNKED).final["W"],  # pyright: ignore[reportArgumentType]
        fwp.solve(FIELD, scan="chunked").final["W"],
    )


def test_equal_rules_keep_the_slots_that_each_is_written_with() -> None:
    """u k − u k is 0, and so the rules are equal; but one of them has a slot that the other lacks."""
    more = fwp.Rule(v * k + u * k - u * k)
    assert more == hebb_without_rate()
    for method in ("auto", "euler", "rk4"):
        for first, second in ((more, hebb_without_rate()), (hebb_without_rate(), more)):
            fwp.solve(field(first), method=method)
            fwp.solve(field(second), method=method)


def hebb_without_rate() -> fwp.Rule:
    return fwp.Rule(v * k)


def test_a_solution_has_the_bits_of_its_own_rule_whatever_was_solved_before() -> None:
    a, b, c = (Slot(name, "value") for name in "abc")
    one, other = fwp.Rule((a + b + c) * k - W @ k * k), fwp.Rule(c * k + b * k + a * k - W @ k * k)
    assert one == other

    def bits(rule: fwp.Rule) -> torch.Tensor:
        torch.manual_seed(0)
        names = {name: fwp.fields.linear("channel -> head value", fwp.rules.x) for name in "abc"}
        own = (rule @ fwp.Projection(**names) @ linear).build(3, width=8)(fwp.series(torch.randn(2, 9, 3)))
        return fwp.solve(own, method="rk4").final["W"]

    from fwp.solvers.discretise import discretise

    alone = []
    for rule in (one, other):
        discretise.cache_clear()
        alone.append(bits(rule))
    discretise.cache_clear()
    assert torch.equal(bits(one), alone[0]) and torch.equal(bits(other), alone[1])


def test_what_a_rule_hands_out_is_not_its_own() -> None:
    delta.signature["W"] = "changed"  # pyright: ignore[reportIndexIssue]
    assert delta.signature["W"] != "changed"


@pytest.mark.parametrize(
    "given",
    [
        {"heads": True},
        {"layers": True},
        {"layers": 2.0},
        {"hidden_size": 8.0},
        {"hidden_size": "8"},
        {"input_size": None},
        {"dropout": True},
        {"dropout": "0.1"},
        {"dropout": float("nan")},
        {"dropout": 1},
        {"key": 4.0},
        {"key": True},
        {"kye": 4},
        {"hidden_size": 10, "heads": 4},
        {"heads": 0},
    ],
)
def test_sizes_of_a_layer_are_checked_where_it_is_made(given: dict[str, Any]) -> None:
    with pytest.raises(SizeError):
        fwp.FastWeights(delta, **({"input_size": 3, "hidden_size": 8} | given))


def test_sizes_of_numpy_are_those_of_python() -> None:
    layer = fwp.FastWeights(
        delta, np.int64(3), np.int32(8), np.int8(2), heads=np.uint8(2), dropout=np.float32(0.5), key=np.int64(3)
    )
    plain = fwp.FastWeights(delta, 3, 8, 2, heads=2, dropout=0.5, key=3)
    assert [p.shape for p in layer.parameters()] == [p.shape for p in plain.parameters()]
    net = (delta @ fwp.Projection() @ hermite).build(np.int64(3), width=np.int16(8))
    assert {type(size) for size in net.sizes.values()} == {int}


@pytest.mark.parametrize("options", [{"method": "RK4"}, {"method": "dopri5", "steps": 3}, {"steps": 0}])
def test_a_recipe_and_a_model_know_their_method_when_they_are_made(options: dict[str, Any]) -> None:
    for kind in (Recipe, Solver):
        with pytest.raises(FwpError):
            kind(**options)


def test_names_stand_for_what_they_name() -> None:
    torch.manual_seed(0)
    named = fwp.FastWeights("delta", 3, 8, projection="plain", control="hermite")
    torch.manual_seed(0)
    given = fwp.FastWeights(
        delta, 3, 8, projection=fwp.fields.suited(fwp.fields.wiring("plain"), delta), control=hermite
    )
    values = torch.randn(2, 9, 3)
    assert torch.equal(named(values)[0], given(values)[0])
    assert named.model == given.model and hebb != delta
