"""The kernels as operators of torch, with exact derivatives: the first by kernels, all others of the same steps in torch."""

import ctypes
from collections.abc import Mapping, Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import hardshrink

from fwp.data.transforms import forward_mode, mapping_of_old, one_tangent_below, transformed
from fwp.errors import SolveError
from fwp.solvers.kernels.build import library
from fwp.solvers.kernels.in_torch import affine_states, flow_tangents
from fwp.solvers.kernels.source import CHUNK, heads
from fwp.solvers.kernels.spec import KernelSpec, Step, from_text, shapes, to_text
from fwp.solvers.kernels.threads import in_threads

__all__ = ["fused_scan"]

_spec = cache(from_text)


def fused_scan(spec: KernelSpec, initial: Tensor, inputs: Mapping[str, Tensor], at: Sequence[int]) -> Tensor:
    """The states `(batch, place, head, row, column)` after the steps `at`, differentiable in everything.

    A gradient is a kernel's, too. Tangents, and gradients of gradients, are computed in torch: exact, of every order, and as
    slow as a scan in torch. `torch.vmap` makes the batch longer.

    Args:
        spec: what a step is; the first use of it on a machine compiles it.
        initial: the state before the first step, `(batch, head, row, column)`.
        inputs: for each of `spec.inputs`, a tensor `(batch, time, head, …)`, see `shapes`.
        at: numbers of steps, ascending, of 1 … time; `[time]` is the end alone.

    Raises:
        SolveError: the tensors or places do not fit, or the kernel cannot be built.
    """
    _check(spec, initial, inputs, at)
    if forward_mode() and spec.step is Step.AFFINE:
        return affine_states(spec, initial, inputs, at)
    own = [inputs[name] for name in spec.inputs]
    if forward_mode() or transformed():
        states, _ = _Scan.apply(list(at), to_text(spec), initial, *own)  # pyright: ignore[reportGeneralTypeIssues]
    else:
        states, _ = _scan(initial, own, list(at), to_text(spec))
    return states


def _check(spec: KernelSpec, initial: Tensor, inputs: Mapping[str, Tensor], at: Sequence[int]) -> None:
    help = "give what `shapes(spec)` says, all on the CPU and of the dtype of the spec"
    if tuple(sorted(inputs)) != tuple(sorted(spec.inputs)):
        facts = ("needed", ", ".join(spec.inputs)), ("given", ", ".join(inputs))
        raise SolveError("these are not the inputs of the kernel", *facts, help=help)
    own, write = (spec.outputs, spec.reads), inputs["write"]
    batch, time, head = (*write.shape, 0, 0, 0)[:3]
    wanted = {name: (batch, time, head, *rest) for name, rest in shapes(spec).items()} | {
        "initial": (batch, head, *own)
    }
    dtype = getattr(torch, spec.dtype)
    for name, x in (*inputs.items(), ("initial", initial)):
        if tuple(x.shape) != wanted[name] or x.dtype != dtype or x.device.type != "cpu":
            facts = (name, _shown(x.dtype, x.shape, x.device)), ("needed", _shown(dtype, wanted[name], "cpu"))
            raise SolveError("a tensor does not fit the kernel", *facts, help=help)
    if not at or at[0] < 1 or at[-1] > time or any(b <= a for a, b in pairwise(at)):
        facts = ("places", str(list(at))), ("steps", str(time))
        raise SolveError("these are not places to keep a state at", *facts, help="give some of 1 … steps, ascending")


def _shown(dtype: torch.dtype, shape: Sequence[int], device: object) -> str:
    return f"{str(dtype).removeprefix('torch.')} {tuple(shape)} on {device}"


@torch.library.custom_op("fwp::scan", mutates_args=())
def _scan(initial: Tensor, inputs: Sequence[Tensor], at: Sequence[int], spec: str) -> tuple[Tensor, Tensor]:
    """The states at the places, and those between chunks, from which the gradient recomputes the others."""
    own = _spec(spec)
    states, borders = _empty(initial, inputs, at)
    initial, held = initial.contiguous(), [x.contiguous() for x in inputs]
    sizes = _sizes(initial, held, at)
    code = library(own).forward
    arguments = [initial.data_ptr(), _addresses(held), _integers(at), *sizes, states.data_ptr(), borders.data_ptr()]
    in_threads(code, arguments, initial.shape[0] * initial.shape[1], heads(own), sizes[2])
    return states, borders


@_scan.register_fake
def _(initial: Tensor, inputs: Sequence[Tensor], at: Sequence[int], spec: str) -> tuple[Tensor, Tensor]:
    return _empty(initial, inputs, at)


def _empty(initial: Tensor, inputs: Sequence[Tensor], at: Sequence[int]) -> tuple[Tensor, Tensor]:
    batch, *rest = initial.shape
    chunks = (inputs[-1].shape[1] - 1) // CHUNK
    return initial.new_empty((batch, len(at), *rest)), initial.new_empty((chunks, batch, *rest))


_ABOVE = 2.0**26
"""Gradients that are not so many times the smallest normal number are 0 (in float32 below 8e-31): what follows multiplies them
by small numbers, and on subnormal ones a processor takes many times as long. On 400,000 steps backward took twice as long."""


@torch.library.custom_op("fwp::scan_backward", mutates_args=())
def _scan_backward(
    grad: Tensor, initial: Tensor, inputs: Sequence[Tensor], borders: Tensor, at: Sequence[int], spec: str
) -> list[Tensor]:
    """The gradients of the initial state and of all inputs, in this order, given that of the states."""
    own = _spec(spec)
    found = _empty_gradients(initial, inputs)
    grad, initial, held = grad.contiguous(), initial.contiguous(), [x.contiguous() for x in inputs]
    borders = borders.contiguous()
    sizes = _sizes(initial, held, at)
    code = library(own).backward
    results = [borders.data_ptr(), grad.data_ptr(), found[0].data_ptr(), _addresses(found[1:])]
    arguments = [initial.data_ptr(), _addresses(held), _integers(at), *sizes, *results]
    in_threads(code, arguments, initial.shape[0] * initial.shape[1], heads(own), sizes[2])
    return [hardshrink(x, torch.finfo(x.dtype).tiny * _ABOVE) for x in found]


@_scan_backward.register_fake
def _(
    grad: Tensor, initial: Tensor, inputs: Sequence[Tensor], borders: Tensor, at: Sequence[int], spec: str
) -> list[Tensor]:
    return _empty_gradients(initial, inputs)


def _empty_gradients(initial: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    return [x.new_empty(x.shape) for x in (initial, *inputs)]


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    initial, own, ctx.at, ctx.spec = inputs
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(initial, *own, output[1])


def _backward(ctx: Any, grad: Tensor | None, _: Tensor | None) -> tuple[Any, ...]:
    initial, *inputs, borders = ctx.saved_tensors
    if grad is None:
        return None, [None] * len(inputs), None, None
    first, *others = _gradients(ctx.at, ctx.spec, grad, borders, initial, *inputs)
    return first, others, None, None


_scan.register_autograd(_backward, setup_context=_setup)


def _gradients(at: Sequence[int], spec: str, grad: Tensor, borders: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
    """The gradients of the initial state and of the inputs, which are the leaves, differentiable in all but the borders."""
    _refuse_first_vmap()
    if forward_mode() and _spec(spec).step is Step.AFFINE:
        return _affine_gradients(at, spec, grad, *leaves)
    return _ScanBackward.apply(at, spec, grad, borders, *leaves)  # pyright: ignore[reportReturnType]


def _refuse_first_vmap() -> None:
    if mapping_of_old():
        what = "a fused kernel has one derivative at a time for torch's first vmap, which is not that of torch.func"
        help = "take torch.func.jacrev, jacfwd or vmap, or leave out is_grads_batched=True or vectorize=True"
        raise SolveError(what, help=help)


def _affine_gradients(at: Sequence[int], spec: str, grad: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
    own = _spec(spec)

    def states(initial: Tensor, *inputs: Tensor) -> Tensor:
        return affine_states(own, initial, _named(own, inputs), at)

    return torch.func.vjp(states, *leaves)[1](grad)


def _tangents(at: Sequence[int], spec: str, *both: Tensor) -> Tensor:
    """The tangents of a flow's states, from the leaves and the tangents of all of them."""
    _refuse_first_vmap()
    own, last = _spec(spec), at[-1]
    (initial, *inputs), (d_initial, *d_inputs) = both[: len(both) // 2], both[len(both) // 2 :]
    inputs, d_inputs = ([x[:, :last] for x in several] for several in (inputs, d_inputs))
    states, _ = _Scan.apply(list(range(1, last + 1)), spec, initial, *inputs)  # pyright: ignore[reportGeneralTypeIssues]
    found = flow_tangents(own, initial, _named(own, inputs), states, d_initial, _named(own, d_inputs))
    return found[:, [i - 1 for i in at]]


def _named(spec: KernelSpec, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    return dict(zip(spec.inputs, inputs, strict=True))


class _Scan(torch.autograd.Function):
    """`fwp::scan` for forward mode and `torch.func`, which ask of an operator more than torch lets one with lists say."""

    @staticmethod
    def forward(at: Sequence[int], spec: str, *leaves: Tensor) -> tuple[Tensor, Tensor]:
        return _scan(leaves[0], list(leaves[1:]), list(at), spec)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.at, ctx.spec, *leaves = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*leaves, output[1])
        ctx.save_for_forward(*leaves)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        *leaves, borders = ctx.saved_tensors
        return None, None, *_gradients(ctx.at, ctx.spec, grads[0], borders, *leaves)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> tuple[Tensor, None]:
        with one_tangent_below(ctx.saved_tensors) as leaves:
            return _tangents(ctx.at, ctx.spec, *leaves, *tangents[2:]), None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], at: Sequence[int], spec: str, *leaves: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        longer = [_longer(x, where, info.batch_size) for x, where in zip(leaves, in_dims[2:], strict=True)]
        states, borders = _Scan.apply(at, spec, *longer)  # pyright: ignore[reportGeneralTypeIssues]
        return (_shorter(states, info.batch_size), _shorter(borders, info.batch_size, 1)), (0, 1)


class _ScanBackward(torch.autograd.Function):
    """`fwp::scan_backward`, and its own derivatives.

    It is Jᵀ g with J the derivative of the states by the leaves. So what it has for derivatives follows from those of a
    tangent J u: by g that tangent itself, by the leaves the gradient of gᵀ J u.
    """

    @staticmethod
    def forward(at: Sequence[int], spec: str, grad: Tensor, borders: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        return tuple(_scan_backward(grad, leaves[0], list(leaves[1:]), borders, list(at), spec))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.at, ctx.spec, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad, _, *leaves = ctx.saved_tensors
        if _spec(ctx.spec).step is Step.AFFINE:
            gradients = partial(_affine_gradients, ctx.at, ctx.spec)
            by_grad, *by_leaves = torch.func.vjp(gradients, grad, *leaves)[1](grads)
        else:
            by_grad, by_leaves = _bent(ctx.at, ctx.spec, grad, leaves, grads)
        return None, None, by_grad, None, *by_leaves

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> tuple[Tensor, ...]:
        with one_tangent_below(ctx.saved_tensors) as (grad, borders, *leaves):
            _, bent = _bent(ctx.at, ctx.spec, grad, leaves, tangents[4:])
            straight = _gradients(ctx.at, ctx.spec, tangents[2], borders, *leaves)
            return tuple(a + b for a, b in zip(straight, bent, strict=True))

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        at: Sequence[int],
        spec: str,
        grad: Tensor,
        borders: Tensor,
        *leaves: Tensor,
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        both = zip((grad, *leaves), (in_dims[2], *in_dims[4:]), strict=True)
        grad, *others = [_longer(x, where, info.batch_size) for x, where in both]
        borders = _longer(borders, in_dims[3], info.batch_size, 1)
        found: tuple[Tensor, ...] = _ScanBackward.apply(at, spec, grad, borders, *others)  # pyright: ignore[reportAssignmentType]
        return tuple(_shorter(x, info.batch_size) for x in found), (0,) * len(found)


def _bent(
    at: Sequence[int], spec: str, grad: Tensor, leaves: Sequence[Tensor], directions: Sequence[Tensor]
) -> tuple[Tensor, Sequence[Tensor]]:
    """The tangent J u of a flow's states along directions u of the leaves, and the gradient of gᵀ J u by the leaves."""
    found = torch.func.vjp(lambda *own: _tangents(at, spec, *own, *directions), *leaves)
    return found[0], found[1](grad)


def _longer(x: Tensor, where: int | None, count: int, batch: int = 0) -> Tensor:
    """With the axis that is mapped, of `count` members, inside that of the batch."""
    members = x.expand(count, *x.shape) if where is None else x.movedim(where, 0)
    return members.movedim(0, batch).flatten(batch, batch + 1)


def _shorter(x: Tensor, count: int, batch: int = 0) -> Tensor:
    return x.unflatten(batch, (count, x.shape[batch] // count))


def _sizes(initial: Tensor, inputs: Sequence[Tensor], at: Sequence[int]) -> list[int]:
    """Places, batch, time and heads, as both functions of a kernel want them."""
    return [len(at), initial.shape[0], inputs[-1].shape[1], initial.shape[1]]


def _addresses(tensors: Sequence[Tensor]) -> Any:
    return (ctypes.c_void_p * len(tensors))(*[x.data_ptr() for x in tensors])


def _integers(numbers: Sequence[int]) -> Any:
    return (ctypes.c_long * len(numbers))(*numbers)
