"""Who computes a log-signature: our closed forms up to depth 2, beyond it signatory or pysiglib, whichever is installed.

All of them in the basis of Lyndon words, shorter ones first and equally long ones in lexicographic order: the number that
belongs to a word is its coefficient in the logarithm of the signature, seen as a tensor.
"""

from enum import Enum
from importlib import import_module
from types import ModuleType
from typing import Any, assert_never

import torch
from jaxtyping import Float64
from torch import Tensor

from fwp.controls.signature.closed import closed_form
from fwp.controls.signature.words import lyndon_words
from fwp.errors import DataError
from fwp.kinds import explained

__all__ = ["Backend", "backend_of", "chosen", "log_signature_by"]


class Backend(Enum):
    """Who computes."""

    CLOSED_FORM = "closed form"
    SIGNATORY = "signatory"
    PYSIGLIB = "pysiglib"


@explained
def backend_of(depth: int) -> str:
    """The name, for results, of what computes log-signatures of this depth here: "closed form", "signatory" or "pysiglib".

    Raises:
        DataError: more than depth 2, and neither signatory nor pysiglib is installed.
    """
    return chosen(depth).value


def chosen(depth: int) -> Backend:
    """Who computes log-signatures of this depth.

    Raises:
        DataError: more than depth 2, and neither signatory nor pysiglib is installed.
    """
    if depth <= 2:
        return Backend.CLOSED_FORM
    for backend in (Backend.SIGNATORY, Backend.PYSIGLIB):
        if _installed(backend) is not None:
            return backend
    raise DataError(
        "nothing installed computes log-signatures of more than depth 2",
        ("depth", str(depth)),
        ("looked for", "signatory, pysiglib"),
        help="pip install 'fwp[signatures]' for pysiglib, or build signatory with `make signatory`",
    )


def log_signature_by(
    backend: Backend, points: Float64[Tensor, "window point channel"], depth: int
) -> Float64[Tensor, "window word"]:
    """The log-signatures of the straight lines through the points of each window.

    Raises:
        DataError: gradients of gradients or derivatives in forward mode are asked of signatory or pysiglib.
    """
    match backend:
        case Backend.CLOSED_FORM:
            return closed_form(points, depth)
        case Backend.SIGNATORY | Backend.PYSIGLIB:
            return _Once.apply(points, depth, backend)  # pyright: ignore[reportReturnType]  # torch leaves `apply` untyped
        case _:
            assert_never(backend)


def _installed(backend: Backend) -> ModuleType | None:
    """The library; None too where it cannot be loaded, as after another torch than the one it was built with."""
    try:
        return import_module(backend.value)
    except (ImportError, OSError):
        return None


def _computed(backend: Backend, points: Tensor, depth: int) -> Tensor:
    if not len(points):  # which signatory refuses
        return points.new_zeros(0, lyndon_words(points.shape[2], depth))
    if backend is Backend.SIGNATORY:
        return import_module("signatory").logsignature(points, depth, mode="words")
    library, lines = import_module("pysiglib"), points.cpu().contiguous()
    words = 1  # pysiglib's number for the basis of Lyndon words
    library.prepare_log_sig(points.shape[2], depth, words, device="cpu")
    return import_module("pysiglib.torch_api").log_sig(lines, depth, method=words).to(points.device)


class _Once(torch.autograd.Function):
    """Differentiable once: both libraries' backward is no operation of autograd, so that a gradient through it would be 0."""

    @staticmethod
    def forward(points: Tensor, depth: int, backend: Backend) -> Tensor:
        return _computed(backend, points, depth)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int, Backend], output: Tensor) -> None:
        points, ctx.depth, ctx.backend = inputs
        ctx.save_for_backward(points)

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> Tensor:
        raise DataError(
            f"{ctx.backend.value} has no derivatives in forward mode",
            ("log-signature", f"depth {ctx.depth}"),
            help="use depth 1 or 2, whose closed forms have them, or gradients: torch.autograd.grad, backward",
        )

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int, None, None], points: Tensor, depth: int, backend: Backend
    ) -> tuple[Tensor, int]:
        windows = points.movedim(in_dims[0], 0)
        found: Tensor = _Once.apply(windows.flatten(0, 1), depth, backend)  # pyright: ignore[reportAssignmentType]
        return found.unflatten(0, (info.batch_size, windows.shape[1])), 0

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        if torch.is_grad_enabled():
            raise DataError(
                f"{ctx.backend.value} has no gradients of gradients",
                ("log-signature", f"depth {ctx.depth}"),
                help="use depth 1 or 2, whose closed forms have them, or leave out create_graph, which torch.func.grad implies",
            )
        with torch.enable_grad():
            points = ctx.saved_tensors[0].detach().requires_grad_()
            found = _computed(ctx.backend, points, ctx.depth)
        return torch.autograd.grad(found, points, gradients)[0], None, None
