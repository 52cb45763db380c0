"""Checking a rule: the library's pass, those that claim too much do not, and every check notices what it is there for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fwp.lowering.source
import fwp.solvers.walk
import fwp.testing.solved
import fwp.testing.static
from fwp.rules import ALL, Rule, System, W, beta, delta, gamma, hebb, k, oja, tanh_delta, v
from fwp.rules.laws import LAWS, error_contraction, non_expansiveness, quadrature
from fwp.terms import Node, Primitive, Product, Slot, State, nonnegative, normalize, sqrt
from fwp.testing import Report, Verdict, check_rule, checks_of
from fwp.testing.attempt import Broken

pytestmark = pytest.mark.nohook  # thousands of calls of what is checked elsewhere
QUICK = ["delta", "oja_neuron", "covariance"]
M = State("M", "value key")


def failed(report: Report) -> dict[str, str]:
    return {own.name: own.detail for own in report.outcomes if own.verdict is Verdict.FAILED}


def outcome(rule: Rule | System, name: str):
    (check,) = (each for each in checks_of(rule) if each.name == name)
    return check.run()


OF_ALL = ["types", "shapes", "folds", "gradcheck", "start", "bounded"]


@pytest.mark.parametrize("name", QUICK)
def test_a_rule_of_the_library_passes(name: str) -> None:
    report = check_rule(ALL[name])
    assert report.passed, report
    assert [own.name for own in report.outcomes if own.verdict is not Verdict.PASSED] in ([], ["bounded"])
    assert [own.name for own in report.outcomes[:6]] == OF_ALL


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ALL if name not in QUICK])
def test_every_rule_of_the_library_passes(name: str) -> None:
    report = check_rule(ALL[name])
    assert [own.name for own in report.outcomes if own.verdict is not Verdict.PASSED] in ([], ["bounded"]), report
    assert report.passed


def test_the_laws_of_delta_are_tried() -> None:
    names = [check.name for check in checks_of(delta)]
    assert {"law: semigroup", "law: error contraction", "law: Euler stability"} < set(names)
    assert len(names) == 7 + sum(law.applies(delta) for law in LAWS)


def test_a_claim_is_tried_once_and_is_no_secret() -> None:
    """One that structure implies is among the laws anyway; any other has a check of its own."""
    flipped = Rule(-beta * (v - W @ k) * k, laws=[error_contraction])
    names = [check.name for check in checks_of(flipped)]
    assert names.count("claim: error contraction") == 1 and "law: error contraction" not in names
    own = [check.name for check in checks_of(Rule(delta.rate, laws=[error_contraction]))]
    assert own == [check.name for check in checks_of(delta)]


def test_oja_with_its_sign_flipped_does_not_contract() -> None:
    flipped = Rule(-beta * v * (k - v @ W), name="flipped", laws=[error_contraction])
    report = check_rule(flipped)
    assert not report.passed and list(failed(report)) == ["claim: error contraction"]
    reason = failed(report)["claim: error contraction"]
    lines = reason.split("\n")
    assert lines[0] == error_contraction.unicode
    assert lines[1].startswith("is broken by ") and lines[1].endswith("where round-off explains 1e-12")
    assert "counterexample" in lines
    pairs = (line.split(" = ", 1) for line in lines[lines.index("counterexample") + 2 :])
    shown = {name.strip(): value for name, value in pairs}
    assert lines[lines.index("counterexample") + 1] == "  value = 1, key = 1", "the smallest sizes"
    assert shown["W"] == "[[0]]" and shown["beta"] == "[0.125]" and shown["durations"] == "[0.125]"
    # The numbers that it shows are those of the rule: the error grows by e^{βκh}, κ = v².
    h, b, κ, e = 0.125, 0.125, float(shown["v"].strip("[]")) ** 2, abs(float(shown["k"].strip("[]")))
    assert f"{e * np.exp(b * κ * h):.9g}" in reason


@pytest.mark.parametrize(
    "rule, law",
    [
        (Rule(Slot("eta", domain=nonnegative) * W + beta * v * k), non_expansiveness),
        (Rule(-gamma * W), quadrature),
        (Rule(delta.rate - 2 * beta * (v - W @ k) * k), non_expansiveness),
        (Rule(W @ k * k), error_contraction),
        (ALL["oja_neuron"], error_contraction),
    ],
)
def test_what_is_claimed_and_false_fails(rule: Rule, law) -> None:
    """Also where the law has no words for the rule's structure."""
    claiming = Rule(rule.rate, of=rule.of, laws=[law])
    assert outcome(claiming, f"claim: {law.name}").verdict is Verdict.FAILED


def test_a_true_claim_that_structure_does_not_show_passes() -> None:
    """β − β² is not negative for a rate in [0, 1], which the analysis of signs does not see."""
    rule = Rule((beta - beta * beta) * (v - W @ k) * k, laws=[non_expansiveness])
    assert not non_expansiveness.applies(rule)
    assert outcome(rule, "claim: non-expansiveness").verdict is Verdict.PASSED


def test_of_a_system_what_it_is_is_checked() -> None:
    report = check_rule(ALL["bcm"])
    assert report.passed and [own.name for own in report.outcomes] == OF_ALL


def test_a_rule_that_reads_the_state_of_another_is_not_solved() -> None:
    report = check_rule(Rule(M, name="half"))
    verdicts = {own.name: own.verdict for own in report.outcomes}
    assert report.passed and verdicts["types"] is Verdict.PASSED and verdicts["gradcheck"] is Verdict.PASSED
    assert verdicts["scans"] is Verdict.OUTSIDE
    assert not [name for name in verdicts if name.startswith("law: ") and verdicts[name] is not Verdict.OUTSIDE]


def test_a_claim_that_cannot_be_tried_is_not_granted() -> None:
    half = Rule(M, laws=[quadrature])
    assert outcome(half, "claim: quadrature").verdict is Verdict.FAILED
    both = System(half, Rule(-gamma * M, of=M, laws=[quadrature]))
    names = [check.name for check in checks_of(both)]
    assert names[6:] == ["claim: quadrature, of W", "claim: quadrature, of M"]
    found = outcome(both, names[6])
    assert found.verdict is Verdict.FAILED and "cannot be tried: the rule reads the state `M`" in found.detail


def test_zero_keys_are_no_reason_to_fail() -> None:
    key = normalize(k, "key")
    rule = Rule(beta * (v - W @ key) * key)
    assert outcome(rule, "folds").verdict is Verdict.PASSED
    assert outcome(rule, "scans").verdict is Verdict.PASSED
    assert outcome(rule, "law: error contraction").verdict is Verdict.PASSED


def test_a_rate_that_is_no_number_on_its_domain_fails() -> None:
    reports = [outcome(Rule(sqrt(own) * k), "gradcheck") for own in (v, Slot("v", "value", nonnegative))]
    assert [own.verdict for own in reports] == [Verdict.FAILED, Verdict.PASSED]
    assert "nan" in reports[0].detail and "counterexample" in reports[0].detail


# Each check, on code that is broken on purpose.


def test_types_notice_a_term_with_axes_that_it_does_not_have() -> None:
    rate = W @ k * k
    rule = Rule(rate)
    inner = next(node for node in rule.rate.operands if isinstance(node, Product))  # type: ignore[union-attr]
    broken = Product(inner.operands, inner.axes)
    object.__setattr__(broken, "axes", ("value", "value2"))
    object.__setattr__(rule, "rate", Product((broken, k), ("value", "key")))
    with pytest.raises(Broken, match="value2"):
        fwp.testing.static.types(rule)


def test_shapes_notice_a_rate_that_lost_an_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    original = fwp.testing.static.lower_rule

    def lost(rule: Rule):
        lowered = original(rule)
        return replace(lowered, function=lambda **values: lowered.function(**values).sum(-1))

    monkeypatch.setattr(fwp.testing.static, "lower_rule", lost)
    found = outcome(delta, "shapes")
    assert found.verdict is Verdict.FAILED and "W should be (2, 3) and is (2,)" in found.detail


def test_folds_notice_a_primitive_lowered_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fwp.lowering.source._TORCH, Primitive.TANH, "torch.sin({x})")
    found = outcome(tanh_delta, "folds")
    assert found.verdict is Verdict.FAILED and "in torch is " in found.detail and "by its meaning " in found.detail
    assert "value = 1, key = 1" in found.detail


def test_folds_notice_a_print_that_means_another_term(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fwp.testing.static, "show", lambda term: "W")
    found = outcome(delta, "folds")
    assert found.verdict is Verdict.FAILED and "printed means something else" in found.detail


class Doubled(torch.autograd.Function):
    """tanh with a wrong derivative."""

    @staticmethod
    def forward(ctx, x):
        return x.tanh()

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


def test_gradcheck_notices_a_wrong_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "tanh", Doubled.apply)
    found = outcome(tanh_delta, "gradcheck")
    assert found.verdict is Verdict.FAILED and "Jacobian mismatch" in found.detail and "`" in found.detail


def test_gradcheck_notices_a_wrong_derivative_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    original = fwp.testing.solved.scan

    def halved(steps, state, at, by, chunk):
        found = original(steps, state, at, by, chunk)
        return found.detach() + (found - found.detach()) / 2

    monkeypatch.setattr(fwp.testing.solved, "scan", halved)
    assert outcome(hebb, "gradcheck").verdict is Verdict.FAILED


def test_scans_notice_a_chunk_that_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    original = fwp.solvers.walk.scan_chunked
    monkeypatch.setattr(fwp.solvers.walk, "scan_chunked", lambda *run: original(*run) * 0.5)
    found = outcome(delta, "scans")
    assert found.verdict is Verdict.FAILED and "exact steps, chunked scan: entry " in found.detail
    assert "one step after the other" in found.detail and "durations" in found.detail


def test_scans_notice_steps_that_are_not_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    """All scans agree, and are wrong together: only scipy knows."""
    original = fwp.testing.solved.stepped
    monkeypatch.setattr(fwp.testing.solved, "stepped", lambda rule, _, *by: original(rule, "euler", *by))
    found = outcome(oja, "scans")
    assert found.verdict is Verdict.FAILED and "as by DOP853" in found.detail


def test_laws_are_judged_on_the_steps_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Euler's steps in place of the exact ones."""
    original = fwp.testing.solved.stepped
    monkeypatch.setattr(fwp.testing.solved, "exact", lambda rule: original(rule, "euler"))
    assert outcome(delta, "law: error contraction").verdict is Verdict.FAILED
    assert outcome(delta, "law: Euler stability").verdict is Verdict.PASSED


def test_a_check_that_raises_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Node) -> str:
        raise ZeroDivisionError("no reason")

    monkeypatch.setattr(fwp.testing.static, "latex", never)
    found = outcome(delta, "folds")
    assert found.verdict is Verdict.FAILED and found.detail == "ZeroDivisionError: no reason"


def test_every_run_finds_the_same() -> None:
    rule = Rule(-beta * (v - W @ k) * k, laws=[non_expansiveness])
    one, other = (outcome(rule, "claim: non-expansiveness").detail for _ in range(2))
    assert one == other and "counterexample" in one
