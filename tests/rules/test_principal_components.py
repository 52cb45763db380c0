"""The paper's opening example on real data: what the rules are known for, against numpy's eigh."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from fwp.rules import oja_neuron, oja_subspace, sanger

pytestmark = pytest.mark.nohook


@pytest.fixture(scope="module")
def example() -> ModuleType:
    file = Path(__file__).parents[2] / "examples" / "principal_components.py"
    spec = importlib.util.spec_from_file_location("principal_components", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(example: ModuleType) -> np.ndarray:
    values = example.wines()
    assert values.shape == (178, 13)
    spectrum = np.linalg.eigvalsh(values.T @ values / len(values))[::-1]
    assert (spectrum[:3] / spectrum[1:4] > 1.5).all(), "components that are told apart"
    return values


def test_ojas_neuron_finds_the_first_component(example: ModuleType, data: np.ndarray) -> None:
    first = example.components(data, 1)[0]
    learned = example.learn(oja_neuron, data)
    assert example.agreement(learned, first) > 0.999
    assert abs(np.linalg.norm(learned) - 1) < 0.01
    early = example.learn(oja_neuron, data[:3], passes=1)
    assert example.agreement(early, first) < 0.9, "it was learned, not there to begin with"


def test_sangers_rule_finds_the_first_three_in_order(example: ModuleType, data: np.ndarray) -> None:
    learned = example.learn(sanger, data, value=3)
    assert (example.agreement(learned, example.components(data, 3)) > 0.995).all()
    assert np.abs(learned @ learned.T - np.eye(3)).max() < 0.03


def test_the_subspace_rule_finds_their_span_only(example: ModuleType, data: np.ndarray) -> None:
    """Oja 1989: the same plane, in no particular basis; it is Sanger's triangle that puts them in order."""
    meant, learned = example.components(data, 3), example.learn(oja_subspace, data, value=3)
    inside = np.linalg.svd(meant @ np.linalg.qr(learned.T).Q, compute_uv=False)
    assert (inside > 0.995).all()
    assert (example.agreement(learned, meant) < 0.99).any()


def test_the_example_says_what_it_found(example: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    example.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and all(float(line.rsplit(" ", 1)[1]) > 0.995 for line in lines)
