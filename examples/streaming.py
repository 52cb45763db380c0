"""An endless stream through `fwp.FastWeights`, in chunks of any size, with a state that never grows.

The data are made up: a random walk in three channels at irregular times, a tenth of it missing, which somebody hands over in
chunks of 1 to 99 time points. Chunk after chunk gives what one call on the whole gives. (To learn as the stream goes on, pass
`state.detach()` from time to time: gradients flow through states.)

    python examples/streaming.py
"""

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from fwp import FastWeights
from fwp.models import State
from fwp.rules import delta


def stream() -> Iterator[tuple[Tensor, Tensor]]:
    """Values (1 time 3), NaN where missing, and times (1 time), for ever."""
    last, clock = torch.zeros(1, 1, 3), torch.zeros(1, 1, dtype=torch.float64)
    while True:
        size = int(torch.randint(1, 100, ()))
        walk = last + 0.1 * torch.randn(1, size, 3).cumsum(1)
        times = clock + (torch.rand(1, size, dtype=torch.float64) + 0.01).cumsum(1)
        last, clock = walk[:, -1:], times[:, -1:]
        yield walk.where(torch.rand(walk.shape) > 0.1, torch.nan), times


def tensors(state: State) -> list[Tensor]:
    """All that the state holds: fast weights of each layer, and the last two points that each was given, with their times."""
    return [own for layer in state.weights for own in layer.values()] + [*state.knots, state.times]


@torch.no_grad()
def main() -> None:
    """Print what the state holds as the stream goes on, and how far its outputs are from those of one call."""
    torch.manual_seed(0)
    layer = FastWeights(delta, 3, 32, layers=2, heads=4)
    chunks, outputs, state = list(islice(stream(), 200)), [], None
    for n, (values, times) in enumerate(chunks, 1):
        found, state = layer(values, state, times=times)
        outputs.append(found)
        if n in (1, 10, 100, 200):
            seen, held = sum(own.shape[1] for own in outputs), sum(own.numel() for own in tensors(state))
            print(f"{n:>3} chunks, {seen:>6,} time points: a state of {held:,} numbers")
    values, times = (torch.cat(parts, 1) for parts in zip(*chunks, strict=True))
    whole, _ = layer(values, times=times)
    print(f"outputs differ from those of one call by {(torch.cat(outputs, 1) - whole).abs().max():.0e}")


if __name__ == "__main__":
    main()
