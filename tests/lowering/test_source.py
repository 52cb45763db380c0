"""The source is straight-line and can be read: two rules as they were read once, and what holds of all of them."""

import ast
from pathlib import Path

import pytest
from hypothesis import assume, given

from fwp.lowering import lower, lower_rule
from fwp.rules import ALL, W, k, v
from fwp.terms import Node, ein, rename, subterms, tanh, variables
from fwp.testing.terms import sizes, terms
from tests import golden

HERE = Path(__file__).parent


@pytest.mark.users
@pytest.mark.parametrize("name", ["delta", "oja", "hebb", "sanger", "gated_delta", "momentum_delta", "gru_ode"])
def test_sources_that_were_read(name: str) -> None:
    golden.check(HERE / "sources" / f"{name}.py.txt", lower_rule(ALL[name]).source)


def straight_line(source: str) -> list[ast.Assign]:
    """The assignments of a function that has nothing but assignments and one return."""
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    *lines, last = function.body
    assert isinstance(last, ast.Return)
    assert all(isinstance(line, ast.Assign) for line in lines)
    control = (ast.If, ast.For, ast.While, ast.IfExp, ast.Lambda, ast.comprehension, ast.BoolOp, ast.Compare, ast.Try)
    assert not [node for node in ast.walk(function) if isinstance(node, control)]
    return lines


@pytest.mark.parametrize("name", ALL)
def test_every_rule_is_straight_line(name: str) -> None:
    straight_line(lower_rule(ALL[name]).source)


@given(terms())
def test_each_line_is_written_once_and_used(term: Node) -> None:
    assume(variables(term))
    lines = straight_line(lower(term, sizes=sizes(term)).source)
    right = [ast.unparse(line.value) for line in lines]
    assert len(set(right)) == len(right), "an equal subterm is computed twice"
    names = [line.targets[0].id for line in lines]
    assert len(set(names)) == len(names)
    source = lower(term, sizes=sizes(term)).source
    for name in names[:-1]:
        assert source.count(name) > 1
    assert len(lines) <= 1 + sum(max(1, len(getattr(t, "operands", ())) - 1) for t in subterms(term))


def test_equal_subterms_appear_once() -> None:
    y = W @ k
    source = lower(tanh(y) * y * v + y).source
    assert source.count("matmul") == 1
    assert lower((v - y) * k + (v - y) * k).source.count(" - ") == 1


@pytest.mark.parametrize(
    "term, line",
    [
        (W @ k, "torch.matmul(W, k.unsqueeze(-1)).squeeze(-1)"),
        (v @ W, "torch.matmul(v.unsqueeze(-2), W).squeeze(-2)"),
        (k @ k, "(k * k).sum(-1)"),
        (v * k, "v.unsqueeze(-1) * k.unsqueeze(-2)"),
        (W @ rename(W, value="value2"), "torch.matmul(W, W.transpose(-1, -2))"),
        (W * k, "W * k.unsqueeze(-2)"),
        (ein("o i -> i o", W), "W.transpose(-1, -2)"),
        (ein("o i -> o", W), 'torch.einsum("...ab -> ...a", W)'),
        (2 * v - 1 * v / 4, "2.0 * v - 0.25 * v"),
        (-v, "-v"),
    ],
)
def test_operations_are_those_that_one_would_write(term: Node, line: str) -> None:
    assert line in lower(term).source


def test_a_variable_alone_is_returned() -> None:
    assert lower(W).source == "def term(W):\n    return W\n"
