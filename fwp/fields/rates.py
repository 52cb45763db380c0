"""Where rates begin: spread over heads, so that memories reach from one step to a whole series.

A head with the rate β and a softmax key forgets within 1/(β |k|²) units of the clock, |k|² being about 1/key for keys that are
spread over their components. At a usual start β is about 1/2 in all heads: a few steps. State-space models spread their
time steps for the same reason (Gu, Goel, Ré, Efficiently modeling long sequences with structured state spaces, 2022).
"""

import torch

from fwp.fields.maps import Activation, Linear
from fwp.fields.net import LayerNet, Net
from fwp.kinds import explained
from fwp.terms.domain import DomainKind
from fwp.terms.primitive import Primitive
from fwp.terms.syntax import Role

__all__ = ["spread_rates"]

FASTEST = 0.95
"""The largest rate at the start: at 1 a sigmoid has no gradient."""


@explained
@torch.no_grad()
def spread_rates(net: Net, memory: int | float) -> None:
    """Set the biases of the net's rates so that heads' memories are spread evenly, on a logarithmic scale.

    A rate is a slot without axes of its own whose map is a sigmoid of a linear map with a bias; other slots stay as they are,
    and so do decays that nobody named.

    Args:
        net: as built; changed in place.
        memory: of the slowest head, or the only one, in units of the clock; the fastest forgets at once.
    """
    for layer, own in zip(net.model.spec.layers, net.layers, strict=True):
        assert isinstance(own, LayerNet)
        for slot in own.rate_arguments:
            if slot.role is not Role.SLOT or slot.declared:
                continue
            if slot.name not in layer.projection.slots and slot.domain.kind is DomainKind.NONNEGATIVE:
                continue  # a decay, which forgets whatever the keys are
            match layer.projection.slot(slot):
                case Activation(Primitive.SIGMOID, None, Linear(_, ("head",), True)):
                    bias = own.slow.get_parameter(f"steps.{slot.name}_linear.bias")
                    slowest = min(FASTEST, own.sizes.get("key", 1) / memory)
                    heads = len(bias)
                    slowness = torch.linspace(0, 1, heads, dtype=torch.float64) if heads > 1 else torch.ones(1)
                    rates = FASTEST * (slowest / FASTEST) ** slowness
                    bias.copy_(rates.logit())
                case _:
                    pass
