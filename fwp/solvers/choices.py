"""What may be asked of a solver, before anything is known of the rule: names that there are, numbers that are used."""

import torch

from fwp.errors import CompositionError, SolveError
from fwp.fields import VectorField
from fwp.solvers.options import MOST_STEPS, ORDER, Scan
from fwp.solvers.torchdiffeq import ATOL, METHODS, RTOL, takes

__all__ = ["check_choices", "refuse_onnx"]


def refuse_onnx() -> None:
    """Raise where the calls are recorded as ONNX: it would be unrolled for one length of series, without a word."""
    if torch.onnx.is_in_onnx_export():
        raise CompositionError(
            "ONNX has no operator for the steps of fast weights",
            ("asked for", "torch.onnx.export"),
            help="torch.export.export(layer, …, dynamic_shapes=…) and torch.export.save keep it for any batch and length",
        )


def check_choices(
    field: VectorField,
    method: str = "auto",
    steps: int = 1,
    scan: str = "auto",
    chunk: int | None = None,
    gradient: str = "exact",
    backend: str = "auto",
    rtol: float = RTOL,
    atol: float = ATOL,
) -> None:
    """Refuse choices that nobody could mean, whatever the rule.

    Raises:
        CompositionError: no field.
        SolveError: an unknown name, a number below 1, or one of which the method makes no use.
    """
    refuse_onnx()
    if not isinstance(field, VectorField):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
        raise CompositionError(
            f"only a field is solved, and this is a {type(field).__name__}",
            ("given", f"a {type(field).__name__}"),
            help="bind a net to a series: net = model.build(…); solve(net(series))",
        )
    for name, chosen, known in (
        ("method", method, ("auto", *dict.fromkeys((*ORDER, *METHODS)))),
        ("scan", scan, ("auto", *(s.value for s in Scan))),
        ("gradient", gradient, ("exact", "adjoint")),
        ("backend", backend, ("auto", "structured", "torchdiffeq", "torchcde")),
    ):
        if chosen not in known:
            raise SolveError(f"no {name} has this name", (name, repr(chosen)), help=f"use one of {', '.join(known)}")
    if steps < 1:
        raise SolveError(
            "a method takes at least one step between knots", ("steps", str(steps)), help="give steps=1 or more"
        )
    if steps > MOST_STEPS:
        raise SolveError(
            "no method needs so many steps between knots",
            ("steps", f"{steps:,}, of at most {MOST_STEPS:,}" if steps < 10**12 else "more than 10^12"),
            help="take a method of higher order, an exponential one for what is stiff, or an adaptive one, such as dopri5",
        )
    if chunk is not None and chunk < 1:
        raise SolveError("a chunk has at least one step", ("chunk", str(chunk)), help="give chunk=1 or more")
    counts, tolerates = takes(method)
    if steps != 1 and not counts:
        raise SolveError(
            f"the method `{method}` chooses its steps itself",
            ("steps", str(steps)),
            help="leave steps at 1; rtol and atol decide how many it takes",
        )
    if (rtol, atol) != (RTOL, ATOL) and not tolerates:
        raise SolveError(
            "a method of fixed steps has no tolerances",
            ("method", f"{method!r}, which takes {steps} step{'s' * (steps > 1)} between knots"),
            ("rtol, atol", f"{rtol:g}, {atol:g}"),
            help="leave them out, take more steps=…, or an adaptive method, such as dopri5",
        )
    learns = torch.is_grad_enabled() and any(p.requires_grad for p in field.net.parameters())
    if method == "scipy_solver" and gradient == "exact" and learns:
        raise SolveError(
            "scipy's solvers leave no trace to differentiate",
            ("method", method),
            ("gradient", gradient),
            help="take gradient='adjoint', solve under torch.no_grad(), or choose another method",
        )
