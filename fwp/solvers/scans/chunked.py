"""Low-rank steps in chunks, in parallel inside each: the WY form, here for any rank and with decay.

Inside a chunk that begins with W₀, Wᵢ = Λᵢ W₀ + Σ_{j≤i} (Λᵢ/Λⱼ) yⱼ writeⱼᵀ with Λ the product of decays, and the written
values y solve a unit triangular system,

    yᵢ + Σ_{j<i} (Λᵢ₋₁/Λⱼ) (readᵢᵀ writeⱼ) yⱼ = valueᵢ − Λᵢ₋₁ W₀ readᵢ.

It is solved for all chunks at once, before W₀ is known; from chunk to chunk a dense affine map remains.
Source: Bischof, Van Loan (1987); Yang et al., Parallelizing linear transformers with the delta rule over sequence length (2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from fwp.solvers.steps import LowRankSteps

__all__ = ["read_chunked", "scan_chunked"]


def scan_chunked(
    steps: LowRankSteps, initial: Float[Tensor, "batch head output read"], at: Sequence[int], chunk: int
) -> Float[Tensor, "batch place head output read"]:
    """The states after so many steps each, from 1 to all of them, ascending."""
    length = steps.write.shape[1]
    form = _chunks(steps, min(chunk, length))
    borders = _borders(form, initial)
    size = form.size
    if all(i % size == 0 or i == length for i in at):
        places = [-(-i // size) for i in at]  # padding behind the last step keeps the state
        return torch.stack([borders[p] for p in places], 1)
    inside = torch.tensor([(i - 1) // size for i in at], device=initial.device)
    place = torch.tensor([(i - 1) % size for i in at], device=initial.device)
    begin = torch.stack(borders[:-1], 2)[:, :, inside]
    written = _written(form, begin, inside)
    since = form.since[:, :, inside, place].unsqueeze(-1)  # (batch head place rank·size 1)
    kept = form.kept[:, :, inside, place][..., None, None]
    states = kept * begin + (written * since).mT @ form.write[:, :, inside]
    return states.movedim(2, 1)


def read_chunked(
    steps: LowRankSteps,
    initial: Float[Tensor, "batch head output read"],
    queries: Float[Tensor, "batch time head read"],
    chunk: int,
) -> tuple[Float[Tensor, "batch time head output"], Float[Tensor, "batch head output read"]]:
    """W q after every step, without forming the states; and the last state."""
    length = steps.write.shape[1]
    form = _chunks(steps, min(chunk, length))
    borders = _borders(form, initial)
    count = len(borders) - 1
    q = pad(queries, (0, 0, 0, 0, 0, count * form.size - length))
    q = rearrange(q, "batch (chunk step) head read -> batch head chunk step read", chunk=count)
    begin = torch.stack(borders[:-1], 2)
    written = _written(form, begin, torch.arange(count, device=initial.device))
    read = form.kept[..., None] * (q @ begin.mT) + (form.since * (q @ form.write.mT)) @ written
    return rearrange(read, "batch head chunk step output -> batch (chunk step) head output")[:, :length], borders[-1]


@dataclass(frozen=True, eq=False)
class _Chunks:
    """All that can be known of the chunks without their states; row = step · rank + part of it."""

    size: int
    write: Tensor
    """(batch head chunk row read)"""
    values: Tensor
    """What is written where the chunk begins with 0: (batch head chunk row output)."""
    reads: Tensor
    """What of W₀ is taken from that: (batch head chunk row read)."""
    kept: Tensor
    """Λᵢ, (batch head chunk step), or 1s."""
    since: Tensor
    """Λᵢ/Λⱼ where j ≤ i, else 0: (batch head chunk step row)."""


def _chunks(steps: LowRankSteps, size: int) -> _Chunks:
    length, rank = steps.write.shape[1], steps.write.shape[-2]
    count = -(-length // size)
    missing = count * size - length

    def rows(value: Tensor) -> Tensor:
        value = pad(value, (0, 0, 0, 0, 0, 0, 0, missing))
        return rearrange(value, "batch (chunk step) head rank entry -> batch head chunk (step rank) entry", chunk=count)

    write = rows(steps.write)
    value = rows(steps.gain.mT @ steps.value)
    kept, before, since = _ratios(steps, count, size, missing, write)
    if rank > 1:
        since = since.repeat_interleave(rank, -1)
    if steps.read is None or steps.erase is None:
        return _Chunks(size, write, value, torch.zeros_like(write), kept, since)
    read = rows(steps.erase.mT @ steps.read)
    # Steps strictly before a row's own have decayed up to the step before it: shift `since` by one step.
    strictly = pad(since, (0, 0, 1, -1)) if size > 1 else torch.zeros_like(since)
    if rank > 1:
        strictly = strictly.repeat_interleave(rank, -2)
        before = before.repeat_interleave(rank, -1)
    system = strictly * (read @ write.mT) + torch.eye(size * rank).to(write)
    right = torch.cat([value, before[..., None] * read], -1)
    solved = torch.linalg.solve_triangular(system, right, upper=False, unitriangular=True)
    values, reads = solved.split([value.shape[-1], read.shape[-1]], -1)
    return _Chunks(size, write, values, reads, kept, since)


def _ratios(steps: LowRankSteps, count: int, size: int, missing: int, write: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Λᵢ, Λᵢ₋₁ and Λᵢ/Λⱼ as products of decays, so that no decay of any sign or size is ever divided by."""
    lower = torch.ones(size, size, dtype=torch.bool, device=write.device).tril()
    if steps.decay is None:
        one = write.new_ones(1, 1, 1, 1)
        return one.expand(1, 1, count, size), one.expand(1, 1, count, size), lower.to(write).expand(1, 1, count, -1, -1)
    decay = pad(steps.decay, (0, 0, 0, missing), value=1.0)
    decay = rearrange(decay, "batch (chunk step) head -> batch head chunk step", chunk=count)
    kept = decay.cumprod(-1)
    before = pad(kept, (1, -1), value=1.0)
    since = torch.where(lower.tril(-1), decay[..., :, None], 1.0).cumprod(-2)
    return kept, before, torch.where(lower, since, 0.0)


def _written(form: _Chunks, begin: Tensor, chunks: Tensor) -> Tensor:
    """y of the chosen chunks, which begin with these states: (batch head chosen row output)."""
    return form.values[:, :, chunks] - form.reads[:, :, chunks] @ begin.mT


def _borders(form: _Chunks, initial: Tensor) -> list[Tensor]:
    """The states where chunks begin, and the last: W ↦ W (Λ I − readsᵀ write) + valuesᵀ write from one to the next."""
    late = form.since[..., -1, :, None] * form.write
    keep = torch.diag_embed(form.kept[..., -1:].expand(*form.kept.shape[:-1], form.write.shape[-1]))
    transition = keep - form.reads.mT @ late
    offset = form.values.mT @ late
    borders = [initial]
    for i in range(offset.shape[2]):
        borders.append(borders[-1] @ transition[:, :, i] + offset[:, :, i])
    return borders
