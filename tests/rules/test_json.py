"""Rules travel as json, with their names; what is no rule is refused."""

import json

import pytest
from hypothesis import given

from fwp.errors import FormatError
from fwp.rules import ALL, Rule, System, W, delta, from_json, hebb, k, to_json
from fwp.terms import to_json as term_to_json
from fwp.testing.terms import rules


@pytest.mark.users
@pytest.mark.parametrize("name", ALL)
def test_every_rule_travels(name: str) -> None:
    rule = ALL[name]
    back = from_json(json.loads(json.dumps(to_json(rule), allow_nan=False)))
    assert type(back) is type(rule)
    assert back == rule and back.name == rule.name
    assert [r.rate for r in back.rules] == [r.rate for r in rule.rules] and back.read == rule.read


@given(rules())
def test_any_rule_travels(rule: Rule) -> None:
    back = from_json(json.loads(json.dumps(to_json(rule))))
    assert back == rule and back.rate == rule.rate


GOOD = to_json(delta)
RATE = {"of": GOOD["rules"][0]["of"], "rate": GOOD["rules"][0]["rate"]}
HOSTILE = {
    "nothing": None,
    "a list": [GOOD],
    "a text": "delta",
    "no entries": {},
    "no kind": {n: x for n, x in GOOD.items() if n != "kind"},
    "an unknown kind": GOOD | {"kind": "model"},
    "a list as kind": GOOD | {"kind": ["rule"]},
    "a number as name": GOOD | {"name": 5},
    "no rules": GOOD | {"rules": []},
    "no rules at all": GOOD | {"kind": "system", "rules": []},
    "a number as rules": GOOD | {"rules": 5},
    "a text as rules": GOOD | {"rules": "rules"},
    "none as rules": GOOD | {"rules": [None]},
    "two rules in one": GOOD | {"rules": [RATE, RATE]},
    "two rules of one state": GOOD | {"kind": "system", "rules": [RATE, RATE]},
    "a rate that is no term": GOOD | {"rules": [RATE | {"rate": "W @ k"}]},
    "a rate of other axes": GOOD | {"rules": [RATE | {"rate": term_to_json(k)}]},
    "a state that is a slot": GOOD | {"rules": [RATE | {"of": term_to_json(k)}]},
    "a state that is a product": GOOD | {"rules": [RATE | {"of": term_to_json(W @ k)}]},
    "no state": GOOD | {"rules": [{"rate": RATE["rate"]}]},
    "a read-out that is no term": GOOD | {"read": 5},
    "no read-out": {n: x for n, x in GOOD.items() if n != "read"},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_rule_is_refused(case: str) -> None:
    with pytest.raises(FormatError):
        from_json(HOSTILE[case])


def test_a_system_of_one_stays_a_system() -> None:
    system = System(hebb, name="alone")
    assert from_json(to_json(system)) == system != hebb
