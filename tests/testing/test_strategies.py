"""What is drawn for a rule: sizes that fit, values in their domains, cases that shrink to small ones."""

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from fwp.errors import FwpError
from fwp.rules import ALL, Rule, W, delta, k
from fwp.rules.law import Case
from fwp.terms import DomainKind, Slot, Variable, nonnegative, real, rename, simplex, sphere, unit, variables
from fwp.testing import all_values, cases, some_sizes, value_of
from fwp.testing.numbers import in_domain
from fwp.testing.strategies import axes_of, random_values
from fwp.testing.terms import namespace, rules

pytestmark = pytest.mark.nohook  # which draws numbers itself, once a call, and hypothesis makes thousands
DOMAINS = [real, nonnegative, unit, simplex("key"), sphere("key")]


def inside(x: Variable, value: np.ndarray) -> bool:
    """The declared axes are the last ones."""
    axis = x.declared.index(x.domain.axis) - len(x.declared) if x.domain.axis else -1
    match x.domain.kind:
        case DomainKind.REAL:
            return bool(np.isfinite(value).all())
        case DomainKind.NONNEGATIVE:
            return bool((value >= 0).all())
        case DomainKind.UNIT:
            return bool(((value >= 0) & (value <= 1)).all())
        case DomainKind.SIMPLEX:
            return bool((value >= 0).all()) and np.allclose(value.sum(axis), 1)
        case DomainKind.SPHERE:
            return np.allclose((value**2).sum(axis), 1)


@given(st.sampled_from(DOMAINS), st.sampled_from([("key",), ("key", "value"), ("value", "key")]), st.data())
def test_values_lie_in_their_domains(domain, declared, data) -> None:
    x = Slot("x", " ".join(declared), domain)
    shape = (4, *({"key": 3, "value": 2}[a] for a in declared))
    assert inside(x, data.draw(value_of(x, shape)))
    cut = data.draw(value_of(x, shape, (slice(1, 3), *(slice(2) for _ in declared))))
    assert cut.shape == (2, *(2 for _ in declared)) and inside(x, cut)


def test_all_zeros_have_a_place_in_every_domain() -> None:
    for domain in DOMAINS:
        x = Slot("x", "key", domain)
        assert inside(x, in_domain(x, np.zeros((2, 3))))


@pytest.mark.parametrize("name", ALL)
def test_axes_that_must_be_equal_are(name: str) -> None:
    rule = ALL[name]

    @given(all_values(rule), st.integers(0, 9))
    @settings(max_examples=5)
    def fits(drawn, seed) -> None:
        sizes, values = drawn
        for own in (values, random_values(rule, sizes, seed)):
            for x in rule.variables:
                assert own[x.name].shape == tuple(sizes[a] for a in x.declared)
                assert inside(x, own[x.name])

    fits()


def test_classes_of_axes() -> None:
    assert axes_of(delta) == (frozenset({"value"}), frozenset({"key"}))
    assert frozenset({"value", "value2"}) in axes_of(ALL["sanger"])
    renamed = Rule(rename(Slot("A", "key key2") @ k, key2="value") * k)
    assert axes_of(renamed) == (frozenset({"value", "key2"}), frozenset({"key"}))


@given(rules(), st.data())
def test_any_rule_gets_cases(rule: Rule, data) -> None:
    case = data.draw(cases(rule))
    (count,) = case.durations.shape
    assert 1 <= count <= 4 and (case.durations >= 0).all() and (case.durations <= 2).all()
    assert case.state.shape == case.other.shape
    wanted = {x.name: x for x in variables(rule.rate) if x.name != "W" and x.name != "M" and x.name != "w"}
    assert set(case.slots) == set(wanted)
    for name, x in wanted.items():
        assert case.slots[name].shape[0] == count and inside(x, case.slots[name])


def test_cases_shrink_to_what_matters() -> None:
    """Every size, and the number of steps, without disturbing the entries."""

    def matters(case: Case) -> bool:
        return bool(((case.slots["k"] > 1).any(1) & (case.durations > 0.4)).any())

    found = find(cases(delta), matters, settings=settings(max_examples=500, derandomize=True, database=None))
    assert found.state.tolist() == found.other.tolist() == [[0]]
    assert found.slots["k"].tolist() == [[1.125]] and found.durations.tolist() == [0.5]
    assert found.slots["v"].tolist() == [[0]] and found.slots["beta"].tolist() == [0]


def test_sizes_are_as_large_as_wanted() -> None:
    found = find(some_sizes(delta, 5), lambda sizes: sizes["key"] == 5, settings=settings(database=None))
    assert found == {"value": 1, "key": 5}


def test_greek_letters_are_read_back() -> None:
    assert eval(repr(delta.rate), namespace(*delta.variables)) == delta.rate
    assert eval("W @ rename(k, key='key')", namespace(W, k)) == W @ k


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib
    import sys

    for name in [name for name in sys.modules if name.startswith("fwp.testing") or name == "hypothesis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(FwpError, match=r"fwp\[testing\]"):
        importlib.import_module("fwp.testing")
