"""The kernels as operators of torch, with exact gradients."""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from threading import Thread
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import hardshrink

from fwp.errors import SolveError
from fwp.solvers.kernels.build import library
from fwp.solvers.kernels.source import CHUNK, heads
from fwp.solvers.kernels.spec import KernelSpec, from_text, shapes, to_text

__all__ = ["fused_scan"]

_spec = cache(from_text)


def fused_scan(spec: KernelSpec, initial: Tensor, inputs: Mapping[str, Tensor], at: Sequence[int]) -> Tensor:
    """The states `(batch, place, head, row, column)` after the steps `at`, differentiable once in everything.

    Args:
        spec: what a step is; the first use of it on a machine compiles it.
        initial: the state before the first step, `(batch, head, row, column)`.
        inputs: for each of `spec.inputs`, a tensor `(batch, time, head, …)`, see `shapes`.
        at: numbers of steps, ascending, of 1 … time; `[time]` is the end alone.

    Raises:
        SolveError: the tensors or places do not fit, or the kernel cannot be built.
    """
    _check(spec, initial, inputs, at)
    states, _ = _scan(initial, [inputs[name] for name in spec.inputs], list(at), to_text(spec))
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
    _in_threads(code, arguments, initial.shape[0] * initial.shape[1], heads(own), sizes[2])
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
    _in_threads(code, arguments, initial.shape[0] * initial.shape[1], heads(own), sizes[2])
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
    if torch.is_grad_enabled():
        facts = ("kernel", ctx.spec)
        help = "pass scan='sequential', which runs in torch, or leave out create_graph=True"
        raise SolveError("a fused kernel has no second derivative", facts, help=help)
    first, *others = _scan_backward(grad, initial, inputs, borders, ctx.at, ctx.spec)
    return first, others, None, None


_scan.register_autograd(_backward, setup_context=_setup)


def _sizes(initial: Tensor, inputs: Sequence[Tensor], at: Sequence[int]) -> list[int]:
    """Places, batch, time and heads, as both functions of a kernel want them."""
    return [len(at), initial.shape[0], inputs[-1].shape[1], initial.shape[1]]


def _addresses(tensors: Sequence[Tensor]) -> Any:
    return (ctypes.c_void_p * len(tensors))(*[x.data_ptr() for x in tensors])


def _integers(numbers: Sequence[int]) -> Any:
    return (ctypes.c_long * len(numbers))(*numbers)


_WORTH = 2**13
"""Steps of heads, about a millisecond, for which another thread is started."""


def _in_threads(code: Callable[..., int], arguments: list[Any], instances: int, group: int, steps: int) -> None:
    """Split the instances among torch's number of threads, at multiples of a group: no number depends on the split.

    Threads are started for each call: two cost 50 µs, and none is left behind for a fork to lose.
    """
    groups = -(-instances // group)
    count = max(1, min(torch.get_num_threads(), groups, instances * steps // _WORTH))
    borders = [min(groups * k // count * group, instances) for k in range(count + 1)]
    failed: list[int] = []

    def part(k: int) -> None:
        if code(*arguments, borders[k], borders[k + 1]):
            failed.append(k)

    threads = [Thread(target=part, args=(k,)) for k in range(1, count)]
    for thread in threads:
        thread.start()
    part(0)
    for thread in threads:
        thread.join()
    if failed:
        raise SolveError(
            "a fused kernel found no memory", help="solve fewer series at a time, or pass scan='sequential'"
        )
