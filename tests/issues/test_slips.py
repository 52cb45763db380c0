"""What is written by habit with a tensor in mind ends in words of ours, and never in a number, a name or a truth by accident."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import fwp
from fwp.errors import AxisError, CompositionError, FwpError
from fwp.rules import W, beta, delta, k, momentum_delta, v
from fwp.terms import Node, reciprocal

NAMES = {"W": W, "k": k, "v": v, "beta": beta, "np": np, "torch": torch, "fwp": fwp, "delta": delta}
SLIPS = """
k.T; W.t(); W.mT; W.transpose(0, 1); W.sum(); k.mean(); k.norm(); W.shape; k.dot(v); k.anything
torch.tanh(k); torch.tensor(2.0) * k; k * torch.ones(3); torch.as_tensor(k); torch.tensor(k); torch.stack([k, v])
np.tanh(k); np.exp(beta); np.sum(k); np.dot(W, k); np.asarray(k); np.array([k, v]); np.linalg.norm(k); np.maximum(k, 0)
np.ones(2) * k; k @ np.ones(2); np.einsum("ij,j", W, k); np.add.reduce(k)
k[0]; k[:2]; len(k); list(k); [*k]; sum(k); "key" in k; float(beta); int(beta); round(beta); range(beta); complex(beta)
bool(k); not k; k and v; k or v; v if k else W; k > 0; k < v; k >= 1; max(k, v); sorted([k, v]); k == 0; k != 1.0; 0 == k
k ** 0.5; k ** -1; 2 ** k; k ^ 2; k // 2; k % 2; abs(k); ~k; k & v; k | v; k + "v"; k + None; True * k
fwp.Rule(W @ W); delta @ "plain"
"""


@pytest.mark.parametrize("slip", [slip.strip() for slip in SLIPS.replace("\n", ";").split(";") if slip.strip()])
def test_a_slip(slip: str) -> None:
    with pytest.raises(FwpError) as caught:
        eval(slip, dict(NAMES))
    assert caught.value.help


TERMS: list[Node] = [W, W @ k, v + v, 2 * v, delta.rate]


@pytest.mark.parametrize("term", TERMS, ids=repr)
def test_python_gets_its_usual_answers(term: Any) -> None:
    assert not hasattr(term, "shape") and not hasattr(term, "anything") and hasattr(term, "axes")
    assert copy.copy(term) == copy.deepcopy(term) == pickle.loads(pickle.dumps(term)) == term
    assert term != "W" and term is not None and {term: 1}[term] == 1 and term in [term]
    with pytest.raises(AttributeError):
        getattr(term, "shape")  # noqa: B009


def test_numbers_of_numpy_are_still_numbers() -> None:
    assert np.float64(2) * k == 2 * k and np.int64(3) * k == 3 * k and k * np.float32(2) == 2 * k
    assert (
        np.float64(1) / beta == reciprocal(beta) and np.float32(1) + beta == 1 + beta and 1 - beta == np.int8(1) - beta
    )


def test_names_are_no_values() -> None:
    for compose in (
        lambda: delta @ "plain",
        lambda: momentum_delta @ "plain",  # pyright: ignore[reportOperatorIssue]
        lambda: "delta" @ fwp.Projection(),
        lambda: delta @ fwp.Projection() @ "hermite",  # pyright: ignore[reportOperatorIssue]
    ):
        with pytest.raises(CompositionError, match="name"):
            compose()


def test_what_is_no_rule_projection_or_control_is_said_to_be_none() -> None:
    for given in ({"rule": None}, {"rule": fwp.Rule}, {"projection": 3}, {"control": None}, {"control": 3}):
        with pytest.raises(CompositionError, match="this is no"):
            fwp.FastWeights(**({"rule": delta, "input_size": 3, "hidden_size": 8} | given))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "habit",
    [
        "batch_first",
        "num_layers",
        "bidirectional",
        "bias",
        "proj_size",
        "nonlinearity",
        "num_heads",
        "head_dim",
        "width",
    ],
)
def test_habits_of_other_layers(habit: str) -> None:
    with pytest.raises(FwpError) as caught:
        fwp.FastWeights(delta, 3, 8, **{habit: 2})
    assert caught.value.help and habit in caught.value.what


def test_a_transpose_is_an_axis_error() -> None:
    with pytest.raises(AxisError, match="transpose"):
        getattr(W, "T")  # noqa: B009
