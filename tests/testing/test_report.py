"""A report is short where all is well, and gives the reason where it is not."""

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from fwp.errors import FwpError
from fwp.testing import Outcome, Report, Verdict
from fwp.testing.attempt import Broken, attempt, listed


def test_a_line_a_check() -> None:
    good = Outcome("types", Verdict.PASSED, 0.04, "W : (value key)")
    bad = Outcome("law: semigroup", Verdict.FAILED, 1.26, "Φₛ(Φₜ(W)) = Φₛ₊ₜ(W)\nis broken by 1")
    none = Outcome("scans", Verdict.OUTSIDE, 0.0, "")
    known = Outcome("start", Verdict.DOUBTFUL, 0.0, "all units begin alike")
    report = Report("mine", "dW/dt = W", (good, bad, known, none))
    assert str(report).split("\n") == [
        "mine",
        "  dW/dt = W",
        "  ✓ types             0.0 s  W : (value key)",
        "  ✗ law: semigroup    1.3 s",
        "      Φₛ(Φₜ(W)) = Φₛ₊ₜ(W)",
        "      is broken by 1",
        "  ! start             0.0 s  all units begin alike",
        "  – scans             0.0 s",
        "  1 failed, 1 doubtful, 1 passed in 1.3 s",
    ]
    assert not report.passed and Report("mine", "", (good, known, none)).passed
    assert str(Report("mine", "", (good,))).endswith("1 passed in 0.0 s")


def test_arrays_are_listed_in_full() -> None:
    shown = listed({"key": 2, "value": 1}, {"W": np.array([[1.0, -0.125]]), "beta": np.array(0.5)})
    assert shown == "  key = 2, value = 1\n  W    = [[1, -0.125]]\n  beta = 0.5"
    assert listed({}, {}) == ""


def test_the_smallest_example_is_shown() -> None:
    with pytest.raises(Broken) as caught:
        attempt(st.integers(), lambda n: "too large" if n > 6 else None, str, 100)
    assert str(caught.value) == "too large\ncounterexample\n7"


def test_an_error_is_a_complaint_too() -> None:
    def judge(n: int) -> str | None:
        if n > 2:
            raise FwpError("it broke", help="mend it")
        return f"{1 / n}" * 0 or None

    with pytest.raises(Broken, match=r"ZeroDivisionError.*\ncounterexample\n0"):
        attempt(st.integers(0, 2), judge, str, 20)
    with pytest.raises(Broken) as caught:
        attempt(st.integers(3, 9), judge, str, 20)
    assert str(caught.value) == "it broke\n  help: mend it\ncounterexample\n3"


def test_where_no_example_is_left_nothing_was_tried() -> None:
    with pytest.raises(Broken, match="no example"):
        attempt(st.integers(), lambda n: assume(False), str, 10)
    attempt(st.integers(), lambda n: None, str, 10)


def test_the_search_for_a_smaller_example_ends() -> None:
    """A solution may cost a tenth of a second: what was found by then is shown, and is one that fails."""
    calls: list[int] = []

    def judge(numbers: list[int]) -> str | None:
        calls.append(sum(numbers))
        return f"{sum(numbers)} is too much" if sum(numbers) > 5000 else None

    with pytest.raises(Broken) as caught:
        attempt(st.lists(st.integers(0, 9999), min_size=30, max_size=30), judge, str, 10)
    complaint, _, shown = str(caught.value).split("\n")
    assert complaint == f"{sum(eval(shown))} is too much" and sum(eval(shown)) > 5000
    assert len(calls) <= 310
