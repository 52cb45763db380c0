"""A scan is a way to compute states, not a choice of states: all agree, gradients included, at every length."""

from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import grad

from fwp.solvers.scans.associative import dense, scan_associative
from fwp.solvers.scans.chunked import read_chunked, scan_chunked
from fwp.solvers.scans.sequential import scan_sequential
from fwp.solvers.steps import LowRankSteps
from tests.fields.nets import few
from tests.solvers.cases import off

CHUNKS = (1, 4, 16, 32, 64)
READS = ("shared", "own", "none")
DECAYS = ("none", "gentle", "zeros", "signs")

Scan = Callable[[LowRankSteps, Tensor, Sequence[int]], Tensor]
Tensors = dict[str, Tensor]

SCANS: dict[str, Scan] = {f"chunks of {c}": lambda s, w, at, c=c: scan_chunked(s, w, at, c) for c in CHUNKS}
SCANS["tree"] = scan_associative
SCANS["tree of dense steps"] = lambda s, w, at: scan_associative(dense(s), w, at)


def drawn(
    length: int, rank: int = 1, reads: str = "shared", decay: str = "none", seed: int = 0, batch: int = 2, sizes: tuple[int, int, int] = (2, 4, 5)
) -> Tensors:  # fmt: skip
    """Steps that forget, in all tensors that they have, and the first state; decays of 0 and Euler's negative ones if wanted."""
    generator = torch.Generator().manual_seed(seed)
    heads, outputs, width = sizes

    def randn(*shape: int) -> Tensor:
        return torch.randn(batch, length, heads, *shape, generator=generator, dtype=torch.float64)

    found = {"write": randn(rank, width) / width**0.5, "value": randn(rank, outputs), "gain": randn(rank, rank)}
    if reads != "none":
        mixing = 0.2 * randn(rank, rank) + 0.7 * torch.eye(rank, dtype=torch.float64)
        found["erase"] = mixing / (1 + found["write"].square().sum((-1, -2))[..., None, None])
    if reads == "own":
        found["read"] = found["write"] * randn(1, width).sigmoid()
    if decay != "none":
        found["decay"] = randn().sigmoid() ** 0.3
    if decay in ("zeros", "signs"):
        found["decay"] = torch.where(randn() > 1, torch.zeros(()).double(), found["decay"])
    if decay == "signs":
        found["decay"] = torch.where(randn() > 0.5, -found["decay"], found["decay"])
    found["initial"] = torch.randn(batch, heads, outputs, width, generator=generator, dtype=torch.float64)
    return found


def steps_of(tensors: Tensors) -> LowRankSteps:
    own = {name: tensors.get(name) for name in ("write", "value", "gain", "read", "erase", "decay")}
    own["read"] = own["read"] if "read" in tensors else own["write"] if "erase" in tensors else None
    return LowRankSteps(**own)  # type: ignore[arg-type]


def results(scan: Scan, tensors: Tensors, at: Sequence[int]) -> list[Tensor]:
    """The states, and the gradients of everything."""
    leaves = {name: value.clone().requires_grad_() for name, value in tensors.items()}
    states = scan(steps_of(leaves), leaves["initial"], at)
    weights = torch.linspace(-1, 2, states.numel(), dtype=states.dtype).view(states.shape) / len(at)
    found = grad((weights * states).sum(), list(leaves.values()), allow_unused=True)
    return [
        states.detach(),
        *(torch.zeros_like(v) if g is None else g for g, v in zip(found, tensors.values(), strict=True)),
    ]


def agree(tensors: Tensors, at: Sequence[int], scans: Sequence[str] = tuple(SCANS)) -> None:
    reference = results(scan_sequential, tensors, at)
    single = {name: value.float() for name, value in tensors.items()}
    rounded = results(scan_sequential, {name: value.double() for name, value in single.items()}, at)
    for name in scans:
        for ours, wanted in zip(results(SCANS[name], tensors, at), reference, strict=True):
            assert off(ours, wanted) < 1e-12, name
    for name in scans:
        for ours, wanted in zip(results(SCANS[name], single, at), rounded, strict=True):
            assert ours.dtype == torch.float32
            assert off(ours, wanted) < 1e-5, name


@st.composite
def situations(draw: st.DrawFn) -> tuple[Tensors, list[int]]:
    """A stretch of steps, and the places where states are wanted."""
    length = draw(st.one_of(st.integers(1, 70), st.integers(1, 300)))
    kind = draw(st.sampled_from([1, 2])), draw(st.sampled_from(READS)), draw(st.sampled_from(DECAYS))
    at = draw(st.one_of(
        st.just([length]), st.just(list(range(1, length + 1))),
        st.lists(st.integers(1, length), min_size=1, max_size=6, unique=True).map(sorted),
    ))  # fmt: skip
    return drawn(length, *kind, draw(st.integers(0, 2**32 - 1))), at


@few
@given(situations())
@example((drawn(1), [1]))
@example((drawn(64, 2, "own", "signs"), [16, 32, 64]))
@example((drawn(65, 2, "shared", "zeros"), [1, 2, 64, 65]))
@example((drawn(300, 1, "own", "gentle"), [300]))
def test_all_scans_agree(situation: tuple[Tensors, list[int]]) -> None:
    agree(*situation)


@pytest.mark.users
@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("rank", [1, 2])
def test_all_scans_agree_on_every_kind(rank: int, reads: str, decay: str) -> None:
    agree(drawn(37, rank, reads, decay), [3, 16, 32, 37], ["chunks of 1", "chunks of 16", "chunks of 64", "tree"])


@pytest.mark.slow
@pytest.mark.parametrize("rank, reads, decay", [(1, "shared", "none"), (1, "own", "gentle"), (2, "shared", "signs")])
def test_all_scans_agree_at_full_length(rank: int, reads: str, decay: str) -> None:
    tensors = drawn(4495, rank, reads, decay, batch=1, sizes=(4, 8, 8))
    agree(tensors, [1, 1000, 4495], ["chunks of 32", "chunks of 64", "tree"])
    agree(tensors, [4495], ["chunks of 16", "tree"])


@pytest.mark.parametrize("places", [[1], [9], [4, 8, 9], [4, 8], [2, 3, 7], list(range(1, 10))])
def test_only_the_steps_up_to_the_last_place_count(places: list[int]) -> None:
    """Whatever comes later, NaN included, reaches no state and no gradient of what comes before."""
    tensors = drawn(9, 2, "own", "gentle")
    shorter = {n: v if n == "initial" else v[:, : places[-1]] for n, v in tensors.items()}
    for name in ("chunks of 4", "tree"):
        whole, part = results(SCANS[name], tensors, places), results(SCANS[name], shorter, places)
        assert off(whole[0], part[0]) < 1e-14
        for n, ours, theirs in zip(tensors, whole[1:], part[1:], strict=True):
            assert off(ours if n == "initial" else ours[:, : places[-1]], theirs) < 1e-14
            assert n == "initial" or not ours[:, places[-1] :].any()


@few
@given(situations(), st.sampled_from(CHUNKS))
def test_reading_in_chunks_is_reading_the_states(situation: tuple[Tensors, list[int]], chunk: int) -> None:
    tensors, _ = situation
    length, seen = tensors["write"].shape[1], []
    for chunked in (True, False):
        leaves = {name: value.clone().requires_grad_() for name, value in tensors.items()}
        generator = torch.Generator().manual_seed(1)
        queries = torch.randn(2, length, 2, 5, generator=generator, dtype=torch.float64).requires_grad_()
        steps, initial = steps_of(leaves), leaves["initial"]
        if chunked:
            outputs, last = read_chunked(steps, initial, queries, chunk)
        else:
            states = scan_sequential(steps, initial, range(1, length + 1))
            outputs, last = (states @ queries[..., None])[..., 0], states[:, -1]
        slopes = grad(outputs.sum() / length + last.sum(), [queries, *leaves.values()], allow_unused=True)
        seen.append([outputs, last, *(s for s in slopes if s is not None)])
    assert len(seen[0]) == len(seen[1])
    for ours, wanted in zip(*seen, strict=True):
        assert off(ours, wanted) < 1e-12


def test_a_decay_of_zero_forgets_everything() -> None:
    """Nothing is divided by a product of decays: whatever came before, the states after it are the same bits."""
    tensors = drawn(20, 1, "shared", "gentle")
    tensors["decay"][:, 9] = 0
    tensors["erase"][:, 9] = 0
    other = tensors | {"initial": 1e3 * tensors["initial"]}
    for scan in SCANS.values():
        one, two = (scan(steps_of(t), t["initial"], [10, 15, 20]) for t in (tensors, other))
        assert off(one, two) < 1e-12


def test_tiny_decays_overflow_nowhere() -> None:
    tensors = drawn(64, 1, "shared", "gentle")
    tensors["decay"] = torch.full_like(tensors["decay"], 1e-30)
    agree(tensors, [5, 64], ["chunks of 32", "chunks of 64", "tree"])
