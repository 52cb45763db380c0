"""What a fused kernel computes, as a value: the kind of its step, its sizes and its precision."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from fwp.errors import SolveError

__all__ = ["KernelSpec", "Step", "from_text", "shapes", "to_text"]


class Step(Enum):
    """What one step adds to a state W.

    All kinds read the state along vectors and add columns: W⁺ = λ W + Σ_s g_s C_sᵀ, where g depends on what was read.
    """

    AFFINE = "affine"
    """g_s = Σ_r gain[r, s] V_r − erase[r, s] W U_r."""
    TANH = "tanh"
    """g = rate · mean_tanh(p − W a, rate · a·c): the flow of dW/dt = b tanh(p − W a) cᵀ over a step."""
    SOFTMAX = "softmax"
    """g = rate · mean_softmax(p − W a, rate · a·c): that of dW/dt = b softmax(p − W a) cᵀ; rate · a·c ≥ 0."""


@dataclass(frozen=True)
class KernelSpec:
    """One kernel: two programs that agree in these have the same machine code.

    Attributes:
        step: what a step adds.
        outputs: rows of the state, the size of what is read.
        reads: columns of the state, the size of a vector that reads.
        dtype: of all tensors.
        shared: the vectors that read and those that write are one and the same tensor.
        decays: AFFINE only: the state is multiplied by a number in every step.
        rank: AFFINE only: how many columns a step adds.
        reading: AFFINE only: False for pure sums, which never look at the state.
    """

    step: Step
    outputs: int
    reads: int
    dtype: Literal["float32", "float64"]
    shared: bool
    decays: bool = False
    rank: int = 1
    reading: bool = True

    def __post_init__(self) -> None:
        plain = not self.decays and self.rank == 1 and self.reading
        if min(self.outputs, self.reads, self.rank) < 1 or not (plain or self.step is Step.AFFINE):
            help = "sizes are at least 1; decays, rank and reading are for affine steps"
            raise SolveError("no kernel computes this", repr(self), help=help)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the tensors that a step needs, in the order in which the kernel takes them."""
        if self.step is not Step.AFFINE:
            return "rate", "offset", *(() if self.shared else ("read",)), "write"
        reading = ("erase", *(() if self.shared else ("read",))) if self.reading else ()
        return *(("decay",) if self.decays else ()), "gain", *reading, "value", "write"


def shapes(spec: KernelSpec) -> dict[str, tuple[int, ...]]:
    """What each input has beyond (batch, time, head)."""
    if spec.step is not Step.AFFINE:
        own = {"rate": (), "offset": (spec.outputs,), "read": (spec.reads,), "write": (spec.reads,)}
    else:
        square, columns = (spec.rank, spec.rank), (spec.rank, spec.reads)
        own = {"decay": (), "gain": square, "erase": square, "value": (spec.rank, spec.outputs)}
        own |= {"read": columns, "write": columns}
    return {name: own[name] for name in spec.inputs}


def to_text(spec: KernelSpec) -> str:
    """The spec as an argument of an operator of torch, which takes no objects; plain, so that a compiler can trace it."""
    flags = f"{int(spec.shared)} {int(spec.decays)} {spec.rank} {int(spec.reading)}"
    return f"{spec.step.value} {spec.outputs} {spec.reads} {spec.dtype} {flags}"


def from_text(text: str) -> KernelSpec:
    """The inverse of `to_text`."""
    step, outputs, reads, dtype, shared, decays, rank, reading = text.split()
    sizes, flags = (int(outputs), int(reads)), (shared == "1", decays == "1", int(rank), reading == "1")
    return KernelSpec(Step(step), *sizes, "float32" if dtype == "float32" else "float64", *flags)
