"""A plan follows from what is known of a field alone; every choice can be forced, or is refused with a reason."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fwp import controls, explain, prepare, solve
from fwp.cli import main
from fwp.errors import SolveError
from fwp.fields import increments_only, plain, suited
from fwp.rules import ALL, Rule, W, delta, tanh_delta
from fwp.rules.vocabulary import gamma, k, v
from fwp.solvers import kernels
from fwp.solvers.explain import described
from fwp.solvers.kernels.build import library
from fwp.solvers.plan import ORDER, Plan, Scan, fitting, plan
from fwp.solvers.situation import Situation, kernel_of, situation_of
from fwp.terms import Slot, sigmoid, structure
from tests.fields.nets import TIMELESS, built, some_series, suitable

B = Slot("B", "value key")
RULES = {
    **{name: rule for name, rule in ALL.items() if isinstance(rule, Rule)},
    "constant": Rule(B),
    "decay": Rule(-gamma * W),
    "two_sided": Rule(B - B * W),
    "read_out": Rule(sigmoid(v - W @ k) * k),
}


def of(name: str, constant: bool = True, **changes: object) -> Situation:
    """16 heads of 8 × 8 along 32 series of 1000 intervals, on a CPU without a compiler."""
    rule = RULES[name]
    sizes = {"batch": 32, "intervals": 1000, "heads": 16, "outputs": 8, "reads": 8, "slots": 400}
    kind = {"dtype": "float32", "device": "cpu", "compiler": False}
    return replace(Situation(structure(rule.rate, rule.of), constant, **sizes, **kind), **changes)  # type: ignore[arg-type]


TABLE = {
    ("hebb", True): ("exact", "chunked"), ("hebb", False): ("exponential_midpoint", "chunked"),
    ("delta", True): ("exact", "chunked"), ("delta", False): ("exponential_midpoint", "chunked"),
    ("oja", True): ("exact", "chunked"), ("oja", False): ("exponential_midpoint", "chunked"),
    ("leaky_delta", True): ("exact", "chunked"), ("leaky_delta", False): ("exponential_midpoint", "chunked"),
    ("erase_write", True): ("exact", "chunked"), ("anti_hebb", False): ("exponential_midpoint", "chunked"),
    ("decay", True): ("exact", "chunked"), ("constant", True): ("exact", "associative"),
    ("gated_delta", True): ("exact", "associative"), ("gated_delta", False): ("exponential_midpoint", "associative"),
    ("tanh_delta", True): ("exact", "sequential"), ("tanh_delta", False): ("exponential_midpoint", "sequential"),
    ("softmax_oja", True): ("exact", "sequential"), ("read_out", True): ("rk4", "sequential"),
    ("read_out", False): ("exponential_midpoint", "sequential"), ("two_sided", True): ("rk4", "sequential"),
    ("oja_subspace", False): ("rk4", "sequential"), ("sanger", True): ("rk4", "sequential"),
    ("ncde", False): ("rk4", "sequential"),
}  # fmt: skip


@pytest.mark.users
@pytest.mark.parametrize("name, constant", TABLE)
def test_every_structure_has_its_plan(name: str, constant: bool) -> None:
    chosen = plan(of(name, constant))
    assert (chosen.method, chosen.scan.value) == TABLE[name, constant]
    assert (chosen.backend, chosen.gradient) == ("structured", "exact")
    assert chosen.order == ORDER[chosen.method]
    assert 1 <= chosen.segment <= 1000
    assert chosen.flops > 0 and chosen.bytes > 0


@pytest.mark.parametrize("name, constant", TABLE)
def test_a_plan_is_a_value(name: str, constant: bool) -> None:
    assert plan(of(name, constant)) == plan(of(name, constant))
    fresh = getattr(plan, "__wrapped__", plan)
    assert fresh(of(name, constant)) == plan(of(name, constant))


def test_sizes_choose_the_scan() -> None:
    assert plan(of("delta", intervals=8)).scan is Scan.SEQUENTIAL
    assert plan(of("gated_delta", reads=64)).scan is Scan.SEQUENTIAL
    assert plan(of("gated_delta", intervals=4)).scan is Scan.SEQUENTIAL
    assert plan(of("delta", intervals=8), steps=4).scan is Scan.CHUNKED
    assert plan(of("delta", device="cuda")).scan is Scan.CHUNKED
    asked = plan(of("delta", intervals=8), chunk=5)
    assert (asked.scan, asked.chunk) == (Scan.CHUNKED, 5), "whoever asks for a size of chunks asks for chunks"


def test_a_long_series_is_computed_again_segment_by_segment() -> None:
    short, long = plan(of("delta", intervals=100)), plan(of("delta", intervals=10**6))
    assert not short.recompute
    assert long.recompute
    assert long.segment < 10**6 / 100


@pytest.mark.parametrize("name", ["delta", "tanh_delta", "softmax_oja", "hebb", "leaky_delta"])
def test_kernels_are_compiled_only_where_that_pays(name: str) -> None:
    """A plan never compiles for longer than a call gains, unless it is told that the net will be solved many times."""
    first, short = of(name, intervals=20, batch=1, compiler=True), of(name, intervals=20, batch=1)
    assert plan(first).scan is plan(short).scan is not Scan.FUSED
    assert kernel_of(first, "exact") is not None
    assert plan(replace(first, intervals=10**7)).scan is Scan.FUSED
    assert plan(replace(first, prepared=True)).scan is Scan.FUSED
    assert plan(replace(short, prepared=True)).scan is not Scan.FUSED, "there is no compiler"
    assert plan(replace(short, intervals=10**7)).scan is not Scan.FUSED, "there is no compiler"
    assert plan(replace(first, intervals=10**7, device="cuda")).scan is not Scan.FUSED
    assert "prepare" in dict(plan(first).reasons)["fused scan"]


@pytest.mark.skipif(not kernels.available(), reason="no C compiler")
def test_prepare_compiles_what_a_plan_then_takes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FWP_CACHE", str(tmp_path))
    library.cache_clear()  # else a kernel that another test has opened in this process is not made again
    net = built(tanh_delta, increments_only(squash=False), TIMELESS, key=2, value=2)
    field = net(some_series(time=20))
    kernel = kernel_of(situation_of(field), "exact")
    assert kernel is not None
    assert plan(situation_of(field)).scan is Scan.SEQUENTIAL
    with torch.no_grad():
        before = solve(field)
        assert prepare(field)
        after = solve(field)
    assert (before.plan.scan, after.plan.scan) == (Scan.SEQUENTIAL, Scan.FUSED)
    assert net.prepared and any(tmp_path.rglob("*.so"))
    assert (before.final["W"] - after.final["W"]).abs().max() < 1e-13
    assert not prepare(built(ALL["oja_subspace"], suitable("oja_subspace"))(some_series()))
    assert not prepare(built(ALL["bcm"], suitable("bcm"))(some_series()))


@pytest.mark.parametrize("name, constant", TABLE)
def test_what_fits_can_be_forced(name: str, constant: bool) -> None:
    for method in fitting(of(name, constant).structure, constant):  # type: ignore[arg-type]
        chosen = plan(of(name, constant), method=method, scan="sequential", steps=3)
        assert (chosen.method, chosen.scan, chosen.steps) == (method, Scan.SEQUENTIAL, 3)


REFUSED = {
    "no exact step": ("delta", False, {"method": "exact"}, "change inside a step"),
    "no closed form": ("read_out", True, {"method": "exact"}, "no closed form"),
    "not affine": ("tanh_delta", True, {"method": "magnus4"}, "not affine"),
    "general": ("oja_subspace", True, {"method": "exact"}, "no exact step"),
    "nothing frozen": ("tanh_delta", True, {"method": "exponential_midpoint"}, "nothing is frozen"),
    "no chunks of read-outs": ("tanh_delta", True, {"scan": "chunked"}, "not affine of low rank"),
    "no chunks of full matrices": ("gated_delta", True, {"scan": "chunked"}, "not affine of low rank"),
    "no tree of read-outs": ("tanh_delta", True, {"scan": "associative"}, "not affine"),
    "no tree of stages": ("delta", True, {"method": "rk4", "scan": "associative"}, "one after the other"),
    "no chunks of stages": ("delta", True, {"method": "rk4", "scan": "chunked"}, "one after the other"),
    "not one side": ("two_sided", True, {"method": "magnus4"}, "both sides"),
    "no tree of two sides": ("two_sided", True, {"method": "euler", "scan": "associative"}, "both sides"),
    "no kernel": ("gated_delta", True, {"scan": "fused"}, "no kernel"),
    "no compiler": ("delta", True, {"scan": "fused"}, "no C compiler"),
    "no scan of torchdiffeq's": ("delta", True, {"method": "dopri5", "scan": "chunked"}, "only the structured steps"),
    "no adjoint in steps": ("delta", True, {"gradient": "adjoint", "backend": "structured"}, "backwards"),
    "not ours": ("delta", True, {"method": "dopri5", "backend": "structured"}, "torchdiffeq"),
    "not theirs": ("delta", True, {"method": "magnus4", "backend": "torchdiffeq"}, "magnus4"),
    "no adjoint of it": ("delta", True, {"method": "exact", "gradient": "adjoint"}, "exact"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_does_not_fit_is_refused(why: str) -> None:
    name, constant, options, said = REFUSED[why]
    with pytest.raises(SolveError, match=said) as caught:
        plan(of(name, constant), **options)
    assert caught.value.what and len(caught.value.facts) == 2 and caught.value.help


def test_coupled_states_are_torchdiffeq_s() -> None:
    chosen = plan(situation_of(built(ALL["bcm"], suitable("bcm"))(some_series())))
    assert (chosen.backend, chosen.method, chosen.structure) == ("torchdiffeq", "rk4", None)
    with pytest.raises(SolveError, match="only the structured steps") as caught:
        plan(situation_of(built(ALL["bcm"], suitable("bcm"))(some_series())), method="exact")
    assert caught.value.help


@pytest.mark.parametrize("name, constant", TABLE)
def test_an_explanation_says_everything(name: str, constant: bool) -> None:
    """Step and order, scan, chunk, work, gradient, and a reason for every method and scan that was not taken."""
    chosen: Plan = plan(of(name, constant))
    text = text_of(name, constant)
    for word in (
        "structure",
        "step",
        chosen.method,
        "scan",
        chosen.scan.value,
        "gradient",
        "exact",
        "work",
        "flop",
        "slots",
    ):
        assert word in text, word
    assert chosen.order is None or f"order {chosen.order}" in text
    assert chosen.scan is not Scan.CHUNKED or f"{chosen.chunk} steps in a chunk" in text
    reasons = dict(chosen.reasons)
    for other in [
        *(m for m in ORDER if m != chosen.method),
        *(f"{s.value} scan" for s in Scan if s is not chosen.scan),
    ]:
        assert len(reasons[other]) > 10, other
        assert reasons[other] in text
    assert "torchdiffeq" in reasons


def text_of(name: str, constant: bool) -> str:
    return described(of(name, constant), plan(of(name, constant)))


def test_witnesses_are_named() -> None:
    text = explain(built(ALL["leaky_delta"], suited(plain(), ALL["leaky_delta"]))(some_series()))
    for word in (
        "rank 1",
        "decay  γ",
        "rate  β",
        "value  v",
        "read  k",
        "write  k",
        "exponential_midpoint",
        "changing",
    ):
        assert word in text
    text = explain(built(delta, increments_only(squash=False), TIMELESS)(some_series()), method="euler")
    assert "constant on each interval" in text and "euler was asked for" in text
    assert "noise" in explain(built(delta, plain())(some_series()), gradient="adjoint")
    assert plan(situation_of(built(delta, plain(), controls.linear)(some_series()))).order == 2


def test_an_explanation_does_not_contradict_itself() -> None:
    for method in ("rk4", "euler"):
        text = described(of("two_sided"), plan(of("two_sided"), method=method))
        assert "affine in the state, on both of its sides" in text and "not affine" not in text
    assert "not affine" not in described(of("delta"), plan(of("delta"), method="rk4"))


def test_an_explanation_takes_what_solve_takes() -> None:
    field = built(delta, plain())(some_series())
    assert "dopri5" in explain(field, method="dopri5", rtol=1e-8, atol=1e-8)
    assert explain(field, initial=field.initial()) == explain(field)
    with pytest.raises(SolveError, match="no tolerances"):
        explain(field, rtol=1e-8)
    with pytest.raises(SolveError, match="not those of the field"):
        explain(field, initial={"V": torch.zeros(1)})


DISGUISE = """
from fwp import Rule
from fwp.rules import W, beta, k, v
from fwp.terms import ein, rename
recalled = rename(W, key="key7") @ rename(k, key="key7")
disguised = Rule(ein("o, i -> o i", ein(", o -> o", beta, v), k) - ein("i, , o -> o i", k, beta, recalled))
"""


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(["explain", *arguments])
    return capsys.readouterr().out


@pytest.mark.parametrize("name, said", [
    ("delta", "rank 1"), ("tanh_delta", "read-out"), ("gated_delta", "full matrix"), ("oja_subspace", "degree 3"),
])  # fmt: skip
def test_explain_on_the_command_line(capsys: pytest.CaptureFixture[str], name: str, said: str) -> None:
    text = told(capsys, name)
    assert said in text and "not taken" in text and "32 series of 1,000 intervals, 16 heads of 8 × 8" in text


@pytest.mark.parametrize("name", ALL)
def test_every_rule_is_explained_on_the_command_line(capsys: pytest.CaptureFixture[str], name: str) -> None:
    own = {"ncde": "ncde", "nrde": "nrde", "big_map": "big-map", "gru_ode": "gru-ode"}
    sizes = ["--sizes", "inner", "6"] if name in ("ncde", "nrde", "big_map") else []
    text = told(capsys, name, "--projection", own.get(name, "direct"), "--width", "8", "--heads", "2", *sizes)
    assert "plan for 32 series of 1,000 intervals, 2 heads" in text


def test_delta_in_disguise_is_explained_as_delta(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Expanded, in patterns, with axes renamed, in a file of its own: the same witnesses, the same plan."""
    file = tmp_path / "mine.py"
    file.write_text(DISGUISE)
    ours, plainly = told(capsys, f"{file}:disguised"), told(capsys, "delta")
    assert ours.splitlines()[0] != plainly.splitlines()[0]
    assert ours.splitlines()[1:] == plainly.splitlines()[1:]
