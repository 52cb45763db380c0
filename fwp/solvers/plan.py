"""How a field is solved, and why: a pure function of the rule's structure, sizes, types, the device, and what is installed.

No clock is ever asked. The thresholds are constants, each with the measurement that gave it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from fwp.errors import SolveError
from fwp.solvers.kernels import BUILD_SECONDS
from fwp.solvers.options import (
    DENSE,
    FEW,
    GAIN_SECONDS,
    ORDER,
    Scan,
    against,
    against_scan,
    fitting,
    human,
    why_not,
)
from fwp.solvers.situation import Situation, kernel_of
from fwp.terms.witness import ConstantRate, LowRank, OneSided, Structure, TwoSided

__all__ = ["ORDER", "Plan", "Scan", "fitting", "human", "plan"]


_ROWS = 4096
"""Instants of all samples in a segment: some 2 MB of slots a layer of 128, which stay in the processor's cache."""

_KEPT = 2**28
"""Bytes of slots and slow-net results up to which a whole series is kept for backward, rather than computed again."""

_OF_SLOTS = 4
"""The slow net keeps about this many times the bytes of the slots themselves for its backward."""

_CHUNK = 32
"""Steps in a chunk: the flops of the triangular system grow with it, the number of sequential rounds shrinks."""


@dataclass(frozen=True)
class Plan:
    """The choices, and the reasons against each alternative."""

    structure: Structure | None
    constant: bool
    backend: Literal["structured", "torchdiffeq", "torchcde"]
    method: str
    steps: int
    scan: Scan
    chunk: int
    segment: int
    recompute: bool
    gradient: Literal["exact", "adjoint"]
    flops: int
    bytes: int
    reasons: tuple[tuple[str, str], ...]

    @property
    def order(self) -> int | None:
        """Of the method in the length of a step; None where a step is exact or the method is not ours."""
        return ORDER.get(self.method)


@lru_cache(maxsize=256, typed=True)
def plan(
    situation: Situation,
    *,
    method: str = "auto",
    scan: str = "auto",
    chunk: int | None = None,
    steps: int = 1,
    gradient: Literal["exact", "adjoint"] = "exact",
    backend: str = "auto",
) -> Plan:
    """The plan for a situation; what is not "auto" is forced.

    Raises:
        SolveError: a forced choice does not fit the structure, or two do not fit each other.
    """
    reasons: list[tuple[str, str]] = []
    scan = _chunked(scan, chunk)
    chosen_backend = _backend(situation, method, scan, gradient, backend, reasons)
    if chosen_backend != "structured":
        name = "rk4" if method == "auto" else method
        own = (situation.structure, situation.constant, chosen_backend, name, steps, Scan.SEQUENTIAL, 1)
        return Plan(*own, situation.intervals, False, gradient, *_work(situation, name, steps), tuple(reasons))
    assert situation.structure is not None
    chosen = _method(situation, method, reasons)
    by = _scan(situation, chosen, scan, steps, reasons)
    chunk = max(1, min(_CHUNK if chunk is None else chunk, situation.intervals * steps))
    segment = max(1, min(situation.intervals, max(_ROWS // max(situation.batch * steps, 1), chunk)))
    kept = situation.batch * situation.intervals * steps * situation.slots * _width(situation) * _OF_SLOTS
    kept *= _evaluations(situation, chosen)
    recompute = kept > _KEPT and segment < situation.intervals
    reasons.append(
        (
            "keeping all slots",
            f"{human(kept)} for backward, more than {human(_KEPT)}: computed again, segment by segment",
        )
        if recompute
        else ("computing slots again", f"all that backward needs are some {human(kept)}: kept")
    )
    own = (
        situation.structure,
        situation.constant,
        "structured",
        chosen,
        steps,
        by,
        chunk,
        segment,
        recompute,
        gradient,
    )
    return Plan(*own, *_work(situation, chosen, steps), tuple(reasons))


def _backend(
    situation: Situation, method: str, scan: str, gradient: str, backend: str, reasons: list[tuple[str, str]]
) -> Literal["structured", "torchdiffeq", "torchcde"]:
    """Who solves: the structured steps wherever they can."""
    obstacle = None
    if situation.structure is None:
        obstacle = "several layers or coupled states: what one reads of another changes inside a step"
    elif gradient == "adjoint":
        obstacle = "the adjoint solves a second equation backwards, which only torchdiffeq does"
    elif method not in ("auto", *ORDER):
        obstacle = f"{method!r} is a method of torchdiffeq"
    if backend == "auto":
        if obstacle is None:
            reasons.append(("torchdiffeq", "evaluates the slow net at every stage, one instant at a time"))
            return "structured"
        backend = "torchdiffeq"
    elif backend == "structured" and obstacle is not None:
        raise SolveError(
            "the structured steps cannot do this",
            ("because", obstacle),
            ("backend", backend),
            help="leave backend to 'auto'",
        )
    if backend != "structured":
        why = obstacle or f"backend={backend!r} was asked for"
        reasons.append(("structured steps", why))
        if method in ORDER and method not in ("rk4", "euler"):
            raise SolveError(
                f"only the structured steps have the method `{method}`",
                ("because", why),
                ("backend", backend),
                help="take rk4, or another method of torchdiffeq's",
            )
        if scan != "auto":
            raise SolveError(
                "only the structured steps have a choice of scans",
                ("scan", scan),
                ("backend", backend),
                help="leave scan to 'auto'",
            )
    return backend  # pyright: ignore[reportReturnType]  # the caller has checked the name


def _method(situation: Situation, method: str, reasons: list[tuple[str, str]]) -> str:
    structure = situation.structure
    assert structure is not None
    fits = fitting(structure, situation.constant)
    chosen = fits[0] if method == "auto" else method
    if chosen not in fits:
        why = why_not(structure, situation.constant, chosen)
        raise SolveError(
            f"the method `{chosen}` does not fit this rule and control",
            ("structure", type(structure).__name__),
            ("because", why),
            help=f"use one of {', '.join(fits)}",
        )
    for other in ORDER:
        if other != chosen:
            asked = method != "auto" and other in fits
            reasons.append(
                (other, f"{chosen} was asked for" if asked else against(structure, situation.constant, other))
            )
    return chosen


def _chunked(scan: str, chunk: int | None) -> str:
    """The scan that is asked for: whoever gives the size of a chunk asks for chunks."""
    if chunk is None or scan == Scan.CHUNKED.value:
        return scan
    if scan != "auto":
        raise SolveError(
            "only the chunked scan has chunks",
            ("scan", scan),
            ("chunk", str(chunk)),
            help="leave one of them out",
        )
    return Scan.CHUNKED.value


def _scan(situation: Situation, method: str, scan: str, steps: int, reasons: list[tuple[str, str]]) -> Scan:
    structure = situation.structure
    kernel = kernel_of(situation, method)
    low_rank = isinstance(structure, LowRank) or (isinstance(structure, ConstantRate) and bool(structure.writes))
    count = situation.intervals * steps
    why: dict[Scan, str] = {}
    if method == "rk4":
        why = dict.fromkeys((Scan.CHUNKED, Scan.ASSOCIATIVE), "Runge–Kutta steps are taken one after the other")
    elif isinstance(structure, TwoSided):
        why = dict.fromkeys((Scan.CHUNKED, Scan.ASSOCIATIVE), "the steps act on both sides of the state")
    elif not low_rank:
        why[Scan.CHUNKED] = "the steps are not affine of low rank"
        if not isinstance(structure, ConstantRate | OneSided):
            why[Scan.ASSOCIATIVE] = "the steps are not affine in the state"
    if kernel is None:
        why[Scan.FUSED] = "no kernel is made of such steps" if situation.device == "cpu" else "kernels run on CPUs"
    elif not situation.compiler:
        why[Scan.FUSED] = "there is no C compiler"
    if scan != "auto":
        forced = Scan(scan)
        if forced in why:
            raise SolveError(
                f"the scan `{scan}` cannot run through these steps",
                ("because", why[forced]),
                ("method", method),
                help=f"use one of {', '.join(s.value for s in Scan if s not in why)}",
            )
        chosen = forced
    else:
        if Scan.CHUNKED not in why and count >= FEW:
            chosen = Scan.CHUNKED
        elif Scan.ASSOCIATIVE not in why and not low_rank and count >= FEW and situation.reads <= DENSE:
            chosen = Scan.ASSOCIATIVE
        else:
            chosen = Scan.SEQUENTIAL
        if Scan.FUSED not in why and (kernel in situation.built or count * GAIN_SECONDS[chosen] > BUILD_SECONDS):
            chosen = Scan.FUSED
    for other in Scan:
        if other is not chosen:
            asked = (
                f"{chosen.value} was asked for"
                if scan != "auto"
                else against_scan(situation, kernel, chosen, other, count)
            )
            reasons.append((f"{other.value} scan", why.get(other) or asked))
    return chosen


def _width(situation: Situation) -> int:
    return 8 if situation.dtype == "float64" else 4


def _evaluations(situation: Situation, method: str) -> int:
    """Slow-net evaluations a step."""
    if situation.constant:
        return 1
    return {"rk4": 4, "magnus4": 2, "commutator_free4": 2}.get(method, 1)


def _work(situation: Situation, method: str, steps: int) -> tuple[int, int]:
    """Flops of all steps forward, without the slow net, and the bytes of their slots."""
    matrix = situation.outputs * situation.reads
    match situation.structure:
        case LowRank(_, _, writes) | ConstantRate(_, _, writes):
            each = 4 * matrix * max(len(writes), 1) * {"magnus4": 2, "commutator_free4": 4, "rk4": 7}.get(method, 1)
        case OneSided():
            each = 2 * matrix * situation.reads
        case _:
            each = 4 * matrix * (7 if method == "rk4" else 1)
    count = situation.batch * situation.intervals * steps
    flops = count * situation.heads * each
    return flops, count * situation.slots * _width(situation) * _evaluations(situation, method)
