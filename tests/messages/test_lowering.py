"""Complaints about lowered terms: when they are made, and at the first call for new shapes."""

from pathlib import Path

import pytest
import torch

from fwp.lowering import lower, lower_rule
from fwp.rules import W, beta, delta, k, v
from fwp.terms import Slot, ones, tanh, tril
from tests.messages.said import said

NAMES = {"lower": lower, "lower_rule": lower_rule, "W": W, "beta": beta, "delta": delta, "k": k, "v": v, "torch": torch}
NAMES |= {"Slot": Slot, "ones": ones, "tanh": tanh, "tril": tril}

CASES = {
    "size_of_a_constant": "lower(beta * ones('value'))",
    "no_variables": "lower(2 * ones('value'), sizes={'value': 3})",
    "rule_in_place_of_a_term": "lower(delta)",
    "text_in_place_of_a_term": "lower('W @ k')",
    "name_of_a_function": "lower(v * k, name='my rule')",
    "variable_called_torch": "lower(tanh(Slot('torch', 'key')))",
    "argument_missing": "lower(W @ k)(torch.ones(3, 2))",
    "argument_too_many": "lower(W @ k)(torch.ones(3, 2), torch.ones(2), torch.ones(2))",
    "argument_given_twice": "lower(W @ k)(torch.ones(3, 2), W=torch.ones(3, 2))",
    "argument_unknown": "lower(W @ k)(W=torch.ones(3, 2), key=torch.ones(2))",
    "sizes_that_differ": "lower(W @ k)(torch.ones(3, 2), torch.ones(3))",
    "batches_that_differ": "lower_rule(delta)(torch.ones(8, 3, 2), torch.ones(8), torch.ones(8, 3), torch.ones(4, 2))",
    "whole_numbers": "lower(W @ k)(torch.ones(3, 2), torch.arange(2))",
    "too_few_axes": "lower(W @ k)(torch.ones(3), torch.ones(2))",
    "triangle_that_is_not_square": "lower(tril('value', 'key') * W)(torch.ones(3, 2))",
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, tmp_path: Path) -> None:
    said("lowering", name, lambda _: eval(CASES[name], dict(NAMES)), tmp_path, CASES[name])
