import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from math import isclose
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor

from fwp.bench.speed import (
    CONTENDERS,
    SUITES,
    Absent,
    Bar,
    Limits,
    Measured,
    Result,
    Step,
    Timed,
    alternate,
    gradients,
    ratios,
    this_machine,
)
from fwp.bench.speed import contenders as at_contenders
from fwp.bench.speed.contenders import slow_weights
from fwp.bench.speed.gradients import slow_gradient
from fwp.bench.speed.measure import Reading, absent, timed
from fwp.bench.speed.memory import Probe, available, probe
from fwp.bench.speed.report import sentences, speed_table
from fwp.bench.speed.results import growth
from fwp.bench.speed.run import measured, speed
from fwp.bench.speed.workloads import smooth
from fwp.cli import main
from fwp.errors import FormatError, FwpError
from fwp.plots import cost_against_length, gradient_against_length
from fwp.rules import delta, tanh_delta

TINY = SUITES["eigenworms"][0].small()


def unlooked(_: str, __: str) -> Probe:
    return Probe(None, "")


def pretended(seconds: dict[str, list[float]]) -> tuple[dict[str, Step], Callable[[Step], Reading], list[str]]:
    """Steps that take the given seconds one after the other, and the order in which they were taken."""
    order: list[str] = []
    steps = {name: Step(lambda: torch.zeros(()), ()) for name in seconds}
    names = {id(step): name for name, step in steps.items()}

    def read(step: Step) -> Reading:
        name = names[id(step)]
        turn = order.count(name)
        order.append(name)
        return Reading(seconds[name][turn] / 4, seconds[name][turn] * 3 / 4, 0)

    return steps, read, order


def test_contenders_take_turns_and_the_first_call_is_apart() -> None:
    steps, read, order = pretended({"ours": [9.0, 1.0, 2.0, 3.0], "theirs": [8.0, 4.0, 4.0, 15.0]})
    found = alternate(steps, 3, 1e3, {"ours": 7}, read)
    assert order == ["ours", "theirs"] * 4
    ours, theirs = found["ours"], found["theirs"]
    assert (ours.first, ours.seconds, ours.peak, theirs.peak) == (9.0, (1.0, 2.0, 3.0), 7, None)
    assert ours.medians() == {"forward": 0.5, "backward": 1.5, "step": 2.0}
    spread = ratios(theirs, ours)
    assert spread is not None and (spread.middle, spread.least, spread.most) == (4.0, 2.0, 5.0), "round by round"


def test_who_is_slow_takes_part_in_fewer_rounds_but_always_in_one() -> None:
    steps, read, order = pretended({"quick": [1.0] * 6, "slow": [20.0] * 6, "endless": [900.0] * 6})
    found = alternate(steps, 5, 150.0, {}, read)
    assert [len(found[name].seconds) for name in steps] == [5, 2, 1]
    assert order[3:] == ["quick", "slow", "endless", "quick", "slow", "quick", "quick", "quick"]
    spread = ratios(found["slow"], found["quick"])
    assert spread is not None and spread.middle == 20.0


def test_a_step_begins_without_gradients() -> None:
    leaf = torch.ones(3, requires_grad=True)
    step = Step(lambda: leaf.square().sum(), (leaf,))
    for _ in range(2):
        reading = timed(step)
    assert torch.equal(leaf.grad, torch.full((3,), 2.0))  # type: ignore
    assert reading.seconds == reading.forward + reading.backward > 0


@pytest.mark.parametrize("rule", [tanh_delta, delta])
@pytest.mark.parametrize(
    ("plain", "own", "close"),
    [
        ("plain-exact", "torchdiffeq-exact", 1e-5),
        ("plain-adjoint", "torchdiffeq-adjoint", 1e-5),
        ("plain-loop", "torchdiffeq-exact", 1e-3),  # exact steps against those of rk4
    ],
)
def test_the_plain_scripts_solve_the_same_equation(rule: object, plain: str, own: str, close: float) -> None:
    case = replace(TINY, rule=rule, windows=20).build(torch.float64)
    losses: list[Tensor] = []
    for name in (own, plain):
        step = CONTENDERS[name].prepare(case)
        assert isinstance(step, Step)
        losses.append(step.loss())
        losses[-1].backward()
    assert isclose(losses[0].item(), losses[1].item(), rel_tol=close)
    for (name, weight), leaf in zip(slow_weights(case).items(), step.leaves, strict=True):
        assert weight.grad is not None and leaf.grad is not None, name
        assert float((leaf.grad.flatten() - weight.grad.flatten()).norm()) <= close * float(weight.grad.norm()), name


def test_smooth_series_are_what_the_recurrence_gives() -> None:
    torch.manual_seed(0)
    z = smooth(400, 300, 2)
    assert z.var().item() == pytest.approx(1, rel=0.1)
    share = (z[:, 1:] * z[:, :-1]).sum() / z[:, :-1].square().sum()
    assert share.item() == pytest.approx(0.98, abs=0.005)
    torch.manual_seed(0)
    noise = torch.randn(400, 300, 2) * (1 - 0.98**2) ** 0.5
    expected = noise[:, 0] / (1 - 0.98**2) ** 0.5
    for i in range(1, 300):
        expected = 0.98 * expected + noise[:, i]
    assert torch.allclose(z[:, -1], expected, atol=1e-5)


def test_weights_and_data_are_the_same_each_time() -> None:
    first, second = TINY.build(), TINY.build()
    assert all(torch.equal(a, b) for a, b in zip(first.net.parameters(), second.net.parameters(), strict=True))
    assert torch.equal(first.path.coefficients, second.path.coefficients)
    inputs, keys_values_rates = 7 * 8, 8 * (8 + 8 + 2)
    assert first.flops == 3 * 2 * (inputs + keys_values_rates) * TINY.batch * TINY.windows


def test_who_is_not_installed_is_missing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = at_contenders.importlib.util.find_spec
    hidden = lambda name, *rest: None if name == "slices" else found(name, *rest)  # noqa: E731
    monkeypatch.setattr(at_contenders.importlib.util, "find_spec", hidden)
    timed = measured(replace(TINY, contenders=("ours", "torch-slices")), 1, 1e3, unlooked)
    assert "pip install 'fwp[bench-speed]'" in timed["torch-slices"].absent and timed.ratio("torch-slices") is None
    monkeypatch.setattr(at_contenders, "_script", lambda _: None)
    assert isinstance(CONTENDERS["plain-loop"].prepare(TINY.build()), Absent)


def test_who_cannot_take_one_step_takes_no_part() -> None:
    def look(_: str, contender: str) -> Probe:
        return Probe(10**6, "") if contender == "ours" else Probe(None, "out of memory")

    timed = measured(replace(TINY, contenders=("ours", "torchdiffeq-adjoint")), 2, 1e3, look)
    assert timed["ours"].peak == 10**6 and timed["torchdiffeq-adjoint"].absent == "out of memory"


@pytest.mark.skipif(available() is None, reason="the system does not say how much memory a process takes")
def test_memory_is_measured_in_a_process_of_its_own() -> None:
    found = probe("short-7", "plain-loop", 60.0)
    assert found.failed == "" and found.peak is not None and 10**5 < found.peak < 10**9
    assert probe("short-7", "plain-loop", 0.01) == Probe(None, "no step within 0.01 s")


def result(*timed: Timed, what: str = "eigenworms") -> Result:
    return Result(what, this_machine(), Limits(40.0, 9.5), 3, 60.0, timed)


def example(windows: int = 100, seconds: float = 1.0) -> Timed:
    bars = (
        Bar("theirs", "ours", "at least", 30.0),
        Bar("ours", "theirs", "at most", 1.1),
        Bar("lost", "ours", "at least", 2.0),
    )
    ours = Measured("ours", "", 3.0, (seconds, 2.0), (1.0, 1.0), (0, 0), 5 * 10**6)
    theirs = Measured("theirs", "", 50.0, (20.0,), (30.0,), (9,), None)
    return Timed("eigenworms", "a model", 2, windows, 4 * 10**9, bars, (ours, theirs, absent("lost", "it is gone")))


def test_results_travel_as_json(tmp_path: Path) -> None:
    compared = tuple(gradients(replace(TINY, contenders=("ours", "torchdiffeq-adjoint")), unlooked))
    before = replace(result(example()), gradients=compared)
    data = json.loads(json.dumps(before.to_json(), allow_nan=False))
    assert Result.from_json(data) == before
    assert data["summary"]["eigenworms"]["medians"]["theirs"]["step"] == 50.0
    assert data["summary"]["eigenworms"]["ratios"]["theirs"] == {"middle": 25.0, "least": 25.0, "most": 25.0}
    assert [bar["met"] for bar in data["summary"]["eigenworms"]["bars"]] == [False, True, None]
    for broken in ({}, data | {"version": 2}, data | {"timed": [{}]}, data | {"repeats": "many"}):
        with pytest.raises(FormatError):
            Result.from_json(broken)


def test_the_machine_has_a_name_without_its_host() -> None:
    machine = this_machine()
    assert machine.name.endswith(f"{machine.cores}-cores") and machine.name.isascii() and " " not in machine.name
    assert machine.torch == torch.__version__ and machine.threads == torch.get_num_threads()


def test_gradients_are_compared_with_float64() -> None:
    exact, adjoint = gradients(replace(TINY, contenders=("torchdiffeq-exact", "torchdiffeq-adjoint")), unlooked)
    for own, close in ((exact, 1e-6), (adjoint, 1e-2)):
        assert own.cosine == pytest.approx(1, abs=close) and own.ratio == pytest.approx(1, abs=close)
    case = TINY.build()
    timed(CONTENDERS["ours"].prepare(case))  # type: ignore
    assert slow_gradient(case).numel() == 8 * (8 + 8 + 2) + 8 + 8 + 2, "keys, values and rates with their biases"


def shown(*tables: object) -> str:
    console = Console(width=100, record=True, file=StringIO())
    for own in tables:
        console.print(own)
    return console.export_text()


def test_tables_and_sentences_say_what_was_found() -> None:
    found = result(example())
    text = shown(speed_table(found.timed[0]))
    for words in ("training step by", "× ours", "25.00 (25.00–25.00)", "lost", "5"):
        assert words in text
    lines = "\n".join(sentences(found))
    assert "theirs takes at least 30 × ours: 25.00, NOT met" in lines
    assert "ours takes at most 1.1 × theirs: 0.04, met" in lines
    assert "lost takes at least 2 × ours: not measured" in lines and "lost is missing: it is gone" in lines
    assert "4 GFLOP: 0.1 s at this machine's 40 GFLOP/s; ours takes 25 times as long" in lines


def test_growth_is_a_power_of_the_length() -> None:
    found = result(
        example(100, seconds=1.0), replace(example(1000), contenders=(scaled(10.0),), bars=()), what="length"
    )
    assert growth(found) == pytest.approx(1.0)
    assert "to the power 1.00" in sentences(found)[-1]
    assert growth(result(example())) is None


def scaled(factor: float) -> Measured:
    ours = example()["ours"]
    return replace(
        ours, forward=tuple(factor * f for f in ours.forward), backward=tuple(factor * b for b in ours.backward)
    )


def test_pictures_have_lines_with_names_and_units() -> None:
    axes = cost_against_length({"ours": [(10, 0.1), (100, 1.0)], "theirs": [(10, 2.0)]})
    assert [line.get_label() for line in axes.get_lines()] == ["ours", "theirs"]
    assert axes.get_xscale() == axes.get_yscale() == "log" and "seconds" in axes.get_ylabel()
    assert len({(line.get_linestyle(), line.get_marker()) for line in axes.get_lines()}) == 2, (
        "they differ without colour"
    )
    three = gradient_against_length([(50, "ours", 1.0, 0.1, None), (50, "theirs", None, 0.2, 10**6)])
    assert [len(place.get_lines()) for place in three] == [2, 2, 2]
    assert [len(place.get_lines()[1].get_xdata()) for place in three] == [0, 1, 1], "what is not known is left out"  # type: ignore
    assert cost_against_length({}) and gradient_against_length([])


def test_all_of_it_runs_in_a_tiny_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(
        [
            "bench",
            "speed",
            "--quick",
            "--repeats",
            "1",
            "--only",
            "length,gradients",
            "--out",
            str(tmp_path / "out"),
        ]
    )
    said = capsys.readouterr()
    assert (
        "length-1000000: the EigenWorms model" in said.err and "training step by" in said.out and "cosine" in said.out
    )
    name = this_machine().name
    wanted = {f"{name}-quick-{what}.json" for what in ("length", "gradients")}
    wanted |= {f"{name}-quick-{what}.png" for what in ("length", "gradients")}
    assert {file.name for file in (tmp_path / "out").iterdir()} == wanted, "and no part of a file"
    for file in (tmp_path / "out").glob("*.json"):
        assert Result.from_json(json.loads(file.read_text())).file == file.name


def test_what_cannot_be_measured_is_refused_before_anything_is() -> None:
    for only, repeats, budget in ((["nothing"], 1, 1.0), ([], 0, 1.0), ([], 1, 0.0)):
        with pytest.raises(FwpError):
            speed(only, repeats, budget, Path("nowhere"), True, print, print)
    assert not Path("nowhere").exists()


def test_workloads_have_the_published_sizes() -> None:
    sizes = {w.name: (w.batch, w.windows, w.channels, w.width, w.heads) for suite in SUITES.values() for w in suite}
    assert sizes["eigenworms"] == (32, 4495, 7, 128, 16)
    net = replace(SUITES["eigenworms"][0], batch=1, windows=2).build().net
    assert sum(p.numel() for p in net.parameters()) == 1_024 + 256 + 35_088 + 16_512, (
        "input, norm, slots and query of 86,925"
    )
    speech = replace(SUITES["speech"][0], batch=1, windows=2).build().net
    assert sum(p.numel() for p in speech.parameters()) == 1_760 + 160 + 6_804 + 1_760 + 6_480


def test_some_contenders_alone():
    workload = SUITES["eigenworms"][0]
    few = workload.among(["torchdiffeq-adjoint", "ours", "nobody"])
    assert few.contenders == ("ours", "torchdiffeq-adjoint") and [b.ratio for b in few.bars] == [30.0]
    assert workload.among(()) == workload


def test_an_unknown_contender_is_refused(tmp_path):
    with pytest.raises(FwpError, match="no contender has this name"):
        speed(["short"], 1, 1.0, tmp_path, True, print, print, ["nobody"])
