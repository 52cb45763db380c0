"""What runs over a computation from outside: forward-mode derivatives, `torch.vmap`, and the transforms of `torch.func`.

A tensor that is mapped over stands for many whose numbers cannot be asked for one by one, and a tangent that an operator
does not know of is lost without a word. The questions are here, in one place, as torch has no public name for them.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch._C import _functorch  # pyright: ignore[reportAttributeAccessIssue]
from torch.autograd import forward_ad

from fwp.errors import DataError

__all__ = ["behind", "first_true", "forward_mode", "mapped", "mapping_of_old", "one_tangent_below", "transformed"]


def forward_mode() -> bool:
    """Whether tangents may be under way: inside `forward_ad.dual_level`, `torch.func.jvp`, `jacfwd` or `hessian`."""
    return forward_ad._current_level >= 0


@contextmanager
def one_tangent_below(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """For the `jvp` of an operator: its tensors without the tangents that are being computed there, while all others go on.

    torch switches all of them off, so that a tangent of a tangent would be 0.
    """
    with forward_ad._set_fwd_grad_enabled(True):
        yield [forward_ad.unpack_dual(tensor).primal for tensor in tensors]


def transformed() -> bool:
    """Whether a transform of `torch.func`, or `torch.vmap`, is running."""
    return torch._C._are_functorch_transforms_active()


def mapping_of_old() -> bool:
    """Whether torch's first `vmap` is running, not that of `torch.func`: the one of `is_grads_batched` and `vectorize=True`."""
    level = torch._C._vmapmode_increment_nesting()  # nothing else tells
    torch._C._vmapmode_decrement_nesting()
    return level > 1


def mapped(*tensors: Tensor) -> bool:
    """Whether one of them stands for many, in a function that `torch.vmap` maps."""
    return transformed() and any(_wrapped(tensor) for tensor in tensors)


def behind(tensor: Tensor) -> Tensor:
    """The numbers of all tensors that a mapped one stands for, with axes in no order to rely on."""
    while transformed() and _functorch.is_functorch_wrapped_tensor(tensor):
        tensor = _functorch.get_unwrapped(tensor)
    return tensor


def first_true(bad: Tensor) -> Tensor | None:
    """Where the first True stands; on the meta device, and in a graph, there is nothing to see.

    Raises:
        DataError: there is one somewhere in what `torch.vmap` maps over, where no place has a name.
    """
    if bad.is_meta or torch.compiler.is_compiling() or not bool(behind(bad).any()):
        return None
    if mapped(bad):
        raise DataError(
            "in one of the series that torch.vmap maps over a number, a time or a length is not as it must be",
            help="make the same call without torch.vmap, on all of them or on one by one: it says what, and where",
        )
    return bad.nonzero()[0]


def _wrapped(tensor: Tensor) -> bool:
    """A derivative may be taken of the mapped tensor, or the other way round: each puts a wrapper around the last one."""
    while _functorch.is_functorch_wrapped_tensor(tensor):
        if _functorch.is_batchedtensor(tensor):
            return True
        tensor = _functorch.get_unwrapped(tensor)
    return False
