"""The steps of a stretch of time as values: what a rule does to its state from one knot to the next, once discretised.

A state is a matrix `(batch head output read)`: its read axis last, all others flattened in `output`. The tensors of steps
are `(batch time head …)`; those of one step lack `time`. A scan runs through them; which scans can, depends on the kind of step.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor

from fwp.terms.primitive import Primitive

__all__ = ["DenseSteps", "FlowSteps", "LowRankSteps", "RungeKuttaSteps", "Steps", "each"]


@dataclass(frozen=True, eq=False)
class LowRankSteps:
    """W⁺ = λ W + Σₛ (Σᵣ gain[r,s] valueᵣ − erase[r,s] W readᵣ) writeₛᵀ.

    Without `decay` λ is 1; without `read` nothing is erased; where `read` is `write`, it is the very same tensor.
    """

    write: Float[Tensor, "batch *time head rank read"]
    value: Float[Tensor, "batch *time head rank output"]
    gain: Float[Tensor, "batch *time head rank rank"]
    read: Float[Tensor, "batch *time head rank read"] | None
    erase: Float[Tensor, "batch *time head rank rank"] | None
    decay: Float[Tensor, "batch *time head"] | None


@dataclass(frozen=True, eq=False)
class DenseSteps:
    """W⁺ = W transition + offset, with a full matrix; without it W is kept."""

    transition: Float[Tensor, "batch *time head read read"] | None
    offset: Float[Tensor, "batch *time head output read"]


@dataclass(frozen=True, eq=False)
class FlowSteps:
    """W⁺ = W + rate · F(offset + slope · W read; −slope · rate · readᵀwrite) writeᵀ, with F the mean of tanh or softmax
    along its own flow (see `flows`); `rate` and `slope` are `(batch time head 1)`, for tanh also `(… output)`.
    """

    primitive: Primitive
    rate: Float[Tensor, "batch *time head #output"]
    offset: Float[Tensor, "batch *time head output"]
    slope: Float[Tensor, "batch *time head #output"] | float
    read: Float[Tensor, "batch *time head read"]
    write: Float[Tensor, "batch *time head read"]


@dataclass(frozen=True, eq=False)
class RungeKuttaSteps:
    """Steps of an explicit Runge–Kutta method whose slots are at hand at all stages.

    `rate(state, slots)` is per unit of time; `slots` are the slots of each stage, tensors `(batch time head …)`, of size 1
    along batch and time where nothing in them depends on the series.
    With `read` and `write` the rate is that of the m numbers by which `write` is written, a function of W read alone.
    """

    rate: Callable[[Tensor, Mapping[str, Tensor]], Tensor]
    slots: tuple[Mapping[str, Tensor], ...]
    weights: tuple[tuple[float, ...], ...]
    """The tableau's rows below the diagonal, and last the row of the result."""
    length: Float[Tensor, "batch *time"]
    read: Float[Tensor, "batch *time head read"] | None = None
    write: Float[Tensor, "batch *time head read"] | None = None


Steps = LowRankSteps | DenseSteps | FlowSteps | RungeKuttaSteps

_S = TypeVar("_S", bound=Steps)


def each(steps: _S) -> Iterator[_S]:
    """The steps one by one, without the axis of time.

    All tensors are cut at once: the gradient of one selection after another would each time be written into zeros of the
    size of the whole series.
    """
    columns: dict[int, Sequence[Tensor]] = {}

    def cut(value: object, i: int) -> object:
        match value:
            case Tensor():
                if id(value) not in columns:  # where read is write, they stay one
                    columns[id(value)] = value.unbind(1)
                found = columns[id(value)]
                return found[i if len(found) > 1 else 0]
            case tuple() if value and isinstance(value[0], Mapping):
                return tuple({name: cut(own, i) for name, own in stage.items()} for stage in value)
            case _:
                return value

    own = {f.name: getattr(steps, f.name) for f in fields(steps)}
    count = next(own[name].shape[1] for name in ("length", "write", "offset") if name in own and own[name] is not None)
    return (replace(steps, **{name: cut(value, i) for name, value in own.items()}) for i in range(count))
