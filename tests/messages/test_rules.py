"""Complaints about rules and systems."""

from pathlib import Path

import pytest

from fwp import rules
from fwp.terms import Slot, State, rename, tanh
from fwp.terms import to_json as term_to_json
from tests.messages.said import said

NAMES = {
    **{name: getattr(rules, name) for name in rules.__all__},
    **{"Slot": Slot, "State": State, "rename": rename, "tanh": tanh, "term_to_json": term_to_json},
    "M": State("M", "value key"),
}

CASES = {
    "rule_of_a_misspelt_name": "by_name('detla')",
    "rule_of_a_published_name": "by_name('GatedDeltaNet')",
    "claim_of_no_reason": "Rule(v * k, unbounded=True)",
    "rate_of_a_vector": "Rule(beta * v)",
    "rate_without_axes": "Rule(beta)",
    "rate_with_an_axis_too_many": "Rule(v * k * x)",
    "rate_with_another_axis": "Rule(v * rename(k, key='key2'))",
    "rate_of_another_state": "Rule(v * k, of=State('b', 'value'))",
    "rate_of_a_slot": "Rule(v * k, of=k)",
    "rate_of_a_renamed_state": "Rule(v * k, of=rename(W, key='key2'))",
    "two_variables_of_one_name": "Rule(v * k * Slot('beta', 'key'), read=W @ Slot('k', 'key') * beta)",
    "sum_of_two_states": "hebb + Rule(M, of=M)",
    "sum_of_two_read_outs": "hebb + Rule(v * k, read=v @ W)",
    "sum_of_a_rule_and_a_number": "hebb + 1",
    "sum_of_a_rule_and_a_system": "hebb + bcm",
    "rule_times_a_vector": "hebb * v",
    "vector_times_a_rule": "v * hebb",
    "rule_at_a_name": "delta @ 'plain'",
    "claim_of_no_law": "Rule(v * k, laws=['growth bound'])",
    "dual_of_a_vector": "oja_neuron.dual()",
    "neural_cde_without_layers": "neural_cde(0)",
    "system_of_nothing": "System()",
    "system_of_a_system": "System(bcm, delta)",
    "system_with_a_state_twice": "System(hebb, delta)",
    "state_without_equation": "closed(Rule(M))",
    "state_without_equation_in_a_system": "closed(System(bcm.rules[0], name='bcm'))",
    "json_of_no_rule": "from_json([])",
    "json_without_an_entry": "from_json({'kind': 'rule', 'name': None})",
    "json_of_an_unknown_kind": "from_json(to_json(hebb) | {'kind': 'law'})",
    "json_of_a_rate_that_does_not_fit": "from_json(to_json(hebb) | {'rules': [dict(of=term_to_json(W), rate=term_to_json(v))]})",
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, tmp_path: Path) -> None:
    said("rules", name, lambda _: eval(CASES[name], dict(NAMES)), tmp_path, CASES[name])
