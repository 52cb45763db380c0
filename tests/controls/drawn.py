"""What the property tests of controls draw: series with their own times, lengths and gaps, no two axes alike."""

import torch
from hypothesis import strategies as st
from torch import Tensor

from fwp.controls import Control, Kind, Path, log_signature
from fwp.data import Series, series

KINDS = list(Kind)
controls = st.sampled_from(
    [Control(kind, time, pace) for kind in KINDS for time in (True, False) for pace in (1.0, 2.5)]
)
windows = st.builds(
    log_signature, st.sampled_from([1, 2]), st.integers(1, 4), st.booleans(), st.sampled_from([1.0, 2.5])
)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def batches(draw, missing: float | None = None, unequal: bool = True) -> Series:
    """Irregular times; the batch, time and channel sizes are different primes, the shortest length 1."""
    batch, time, channel = draw(st.permutations([2, 3, 5, 7]))[:3]
    return make(
        draw(seeds),
        batch,
        time,
        channel,
        draw(st.sampled_from([0.0, 0.4, 0.9])) if missing is None else missing,
        unequal,
    )


def make(seed: int, batch: int, time: int, channel: int, missing: float, unequal: bool = False) -> Series:
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    values = torch.randn(batch, time, channel, generator=generator, dtype=torch.float64)
    values = torch.where(rand(batch, time, channel) < missing, torch.nan, values)
    if missing:
        values[0, :, 0] = torch.nan  # never observed
    times = (rand(batch, time) + 0.05).cumsum(1) + 10 * rand(batch, 1) - 5
    lengths = torch.randint(1, time + 1, (batch,), generator=generator) if unequal else None
    return series(values, times, lengths=lengths, static=rand(batch, 11))


def knots(path: Path) -> Tensor:
    """x at every knot: batch knot channel."""
    x, _ = path.nodes([0.0, 1.0])
    return torch.cat([x[:, :, 0], x[:, -1:, 1]], 1)


def close(ours: Tensor, reference: Tensor, bar: float = 1e-10) -> bool:
    """Max-abs of the difference over max(1, max-abs of the reference)."""
    assert ours.shape == reference.shape
    if not ours.numel():
        return True
    return bool((ours - reference).abs().max() <= bar * max(1.0, float(reference.abs().max())))
