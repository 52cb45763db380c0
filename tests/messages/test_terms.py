"""Complaints about terms, as source text: what a person types, and what they read."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fwp import terms
from fwp.rules import vocabulary
from fwp.terms.syntax import Constant, Map, Product, Scale, Sum, Variable
from tests.messages.said import said

NAMES = {
    **{name: getattr(terms, name) for name in terms.__all__},
    **{name: getattr(vocabulary, name) for name in vocabulary.__all__},
    **{c.__name__: c for c in (Constant, Map, Product, Scale, Sum, Variable)},
    "np": np,
    "torch": torch,
}

CASES = {
    "subtract": "beta * (v - v @ W) * k",
    "add_two_vectors": "v + k",
    "add_a_vector_to_a_matrix": "W + beta * v",
    "add_a_matrix_to_a_vector": "v + W",
    "add_a_number": "1 - v",
    "add_two": "k + 2",
    "add_a_scalar": "v - beta",
    "add_without_a_matrix": "tanh(v) - softmax(k, 'key')",
    "contract_without_shared_axis": "v @ k",
    "contract_a_number": "W @ 2",
    "tensor_in_a_term": "torch.ones(2) * k",
    "term_in_a_function_of_torch": "torch.tanh(v - W @ k)",
    "transpose_of_a_term": "k - W.T @ v",
    "array_in_a_term": "np.ones(2) * k",
    "array_by_a_function": "np.tanh(v - W @ k)",
    "array_of_terms": "np.array([k, v])",
    "method_of_a_tensor": "W.sum(0)",
    "size_of_a_term": "W.shape",
    "unknown_attribute": "k.axis",
    "entry_of_a_term": "k[0]",
    "length_of_a_term": "len(k)",
    "terms_in_a_loop": "[a for a in k]",
    "term_as_a_number": "float(beta)",
    "truth_of_a_term": "v if k else 0",
    "order_of_terms": "k > 0",
    "term_that_equals_a_number": "k == 0",
    "caret": "k ^ 2",
    "absolute_value": "abs(v)",
    "power_of_a_number": "2 ** k",
    "remainder": "k % 2",
    "text_in_a_term": "W @ 'k'",
    "number_that_is_not_finite": "float('nan') * v",
    "divide_by_zero": "v / (1 - 1)",
    "power_of_a_half": "v ** 0.5",
    "power_of_a_term": "v ** beta",
    "softmax_over_no_axis": "softmax(v, 'key')",
    "softmax_of_a_scalar": "softmax(beta, 'key')",
    "softmax_without_axis": "softmax(k, None)",
    "tanh_over_an_axis": "Map(Primitive.TANH, 'key', k, k.axes)",
    "map_of_other_axes": "Map(Primitive.TANH, None, k, v.axes)",
    "name_of_a_variable": "Slot('learning rate')",
    "keyword_as_name": "Slot('lambda')",
    "axis_twice": "Slot('A', 'key key')",
    "name_of_an_axis": "Slot('A', '2d')",
    "keyword_as_axis": "Slot('A', 'in out')",
    "domain_over_another_axis": "Slot('p', 'key', simplex('value'))",
    "domain_without_axis": "Domain(DomainKind.SIMPLEX)",
    "domain_with_axis": "Domain(DomainKind.UNIT, 'key')",
    "axes_of_a_variable": "Variable('k', ('key',), Role.SLOT, real, ())",
    "two_variables_of_one_name": "variables(v * Slot('v', 'key'))",
    "signal_and_increment_of_one_name": "variables(x @ Increment('x'))",
    "identity_over_one_axis": "eye('value', 'value')",
    "identity_without_axes": "Constant(ConstantKind.EYE, ('value',))",
    "product_with_an_axis_too_many": "Product((v, k), ('value', 'key', 'channel'))",
    "empty_sum": "Sum((), ())",
    "sum_of_different_axes": "Sum((v, k), ('value',))",
    "scale_of_different_axes": "Scale(2, v, ('key',))",
    "rename_no_axis": "rename(W @ k, key='key2')",
    "rename_a_scalar": "rename(beta, key='key2')",
    "rename_two_into_one": "rename(W, value='key')",
    "pattern_without_arrow": "ein('o i, i', W, k)",
    "pattern_with_batch_axes": "ein('... o i, ... i -> ... o', W, k)",
    "pattern_with_a_bad_name": "ein('o- i, i -> o', W, k)",
    "pattern_with_a_one": "ein('o 1, i -> o', W, k)",
    "pattern_with_too_few_operands": "ein('o i, i -> o', W)",
    "pattern_without_operands": "ein('o i -> o')",
    "pattern_side_too_short": "ein('o, i -> o', W, k)",
    "pattern_side_of_a_scalar": "ein('o, i -> i', beta, k)",
    "pattern_misspelt": "ein('o i, ii -> o', W, k)",
    "pattern_axis_bound_twice": "ein('o i, o -> o', W, k)",
    "pattern_axis_from_nowhere": "ein('o i, i -> j', W, k)",
    "value_missing": "evaluate(W @ k, {'W': np.ones((3, 2))})",
    "value_of_other_size": "evaluate(W @ k, {'W': np.ones((3, 2)), 'k': np.ones(3)})",
    "value_of_other_shape": "evaluate(W @ k, {'W': np.ones((3, 2)), 'k': np.ones((3, 2))})",
    "given_size_that_differs": "evaluate(v, {'v': np.ones(3)}, {'value': 4})",
    "identity_of_two_sizes": "evaluate(eye('value', 'key') * W, {'W': np.ones((3, 2))})",
    "size_not_known": "evaluate(beta * ones('value'), {'beta': 1.0})",
    "structure_of_another_state": "structure(beta * (v - W @ k), W)",
    "json_that_is_no_list": "from_json({'node': 'variable'})",
    "json_of_an_unknown_node": "from_json([{'node': 'integral'}])",
    "json_that_looks_ahead": "from_json([{'node': 'sum', 'terms': [1], 'axes': []}])",
    "json_without_an_entry": "from_json([{'node': 'constant'}])",
    "json_of_axes_that_do_not_fit": "from_json([*to_json(v), {'node': 'sum', 'terms': [0], 'axes': ['key']}])",
    "json_too_deep": "from_json(to_json(k) + [dict(node='map', primitive='tanh', over=None, term=i) for i in range(300)])",
    "json_too_long": "from_json([{'node': 'constant', 'kind': 'ones', 'axes': []}] * 10_001)",
    "json_that_doubles": "from_json(to_json(k) + [dict(node='sum', terms=[i, i], axes=['key']) for i in range(100)])",
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, tmp_path: Path) -> None:
    said("terms", name, lambda _: eval(CASES[name], dict(NAMES)), tmp_path, CASES[name])
