"""torch.compile takes every lowered rule whole, and changes nothing but speed."""

import pytest
import torch
from torch import Tensor

from fwp.lowering import Lowered, lower_rule
from fwp.rules import ALL
from fwp.terms import axis_classes


def arguments(lowered: Lowered, *batch: int) -> dict[str, Tensor]:
    """Tensors for every argument, each class of equal axes with a size of its own."""
    classes = axis_classes([*lowered.terms, *lowered.arguments])
    sizes = {axis: size for equal, size in zip(classes, (2, 3, 5, 7), strict=False) for axis in equal}
    return {
        a.name: torch.randn(*batch, *(sizes[x] for x in a.declared), dtype=torch.float64) for a in lowered.arguments
    }


@pytest.mark.parametrize("name", ALL)
def test_every_rule_compiles_without_a_break(name: str) -> None:
    lowered = lower_rule(ALL[name])
    values = arguments(lowered, 4, 2)
    compiled = torch.compile(lowered.function, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(**values), lowered.function(**values), rtol=0, atol=0)


def test_delta_through_the_whole_compiler() -> None:
    lowered = lower_rule(ALL["delta"])
    values = arguments(lowered, 4, 2)
    compiled = torch.compile(lowered.function, fullgraph=True)
    torch.testing.assert_close(compiled(**values), lowered.function(**values), rtol=1e-12, atol=1e-12)


def test_gradients_of_a_compiled_rule() -> None:
    lowered = lower_rule(ALL["tanh_delta"])
    values = {name: x.requires_grad_() for name, x in arguments(lowered, 4, 2).items()}
    compiled = torch.compile(lowered.function, fullgraph=True, backend="aot_eager")
    gradients = [
        torch.autograd.grad(f(**values).square().sum(), list(values.values())) for f in (compiled, lowered.function)
    ]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-12, atol=1e-12)
