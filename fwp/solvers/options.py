"""What a plan may choose among: methods with their orders, scans, which of them fit a structure, and what speaks against each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import assert_never

from fwp.solvers.kernels import BUILD_SECONDS
from fwp.solvers.situation import Situation
from fwp.terms.witness import ConstantRate, LowRank, OneSided, ReadOut, Structure, TwoSided

__all__ = [
    "DENSE",
    "FEW",
    "GAIN_SECONDS",
    "MOST_STEPS",
    "ORDER",
    "Scan",
    "against",
    "against_scan",
    "fitting",
    "human",
    "why_not",
]


class Scan(Enum):
    """How steps become states."""

    SEQUENTIAL = "sequential"
    """One after the other, in torch."""
    CHUNKED = "chunked"
    """In parallel inside chunks, which follow each other: for low-rank affine steps."""
    ASSOCIATIVE = "associative"
    """As a tree of dense matrices: for affine steps."""
    FUSED = "fused"
    """One after the other in a kernel made for the rule, on a CPU with a C compiler."""


ORDER: Mapping[str, int | None] = {
    "exact": None,
    "exponential_midpoint": 2,
    "magnus4": 4,
    "commutator_free4": 4,
    "rk4": 4,
    "euler": 1,
}
"""The order in the step length of each method of our own; None is exact."""

FEW = 16
"""Steps below which chunks and trees gain nothing over one step after the other."""

DENSE = 32
"""Columns up to which a tree of dense matrices beats a sequential scan."""

MOST_STEPS = 10_000
"""Between two knots: what needs more is stiff, and wants an exponential method; and a model's file can ask for any number."""

GAIN_SECONDS: Mapping[Scan, float] = {Scan.SEQUENTIAL: 8e-4, Scan.CHUNKED: 2.5e-5}
"""What a kernel gains on a scan in torch, for each step of one series, forward and backward; more of larger batches.

Measured on two cores with 16 heads of 8 × 8: 220 ms and 11 ms for 256 steps, against 5 ms."""


def fitting(structure: Structure, constant: bool) -> tuple[str, ...]:
    """The methods of our own that fit a structure, the first is what a plan takes by itself."""
    match structure:
        case ConstantRate() | LowRank() | OneSided():
            exponentials = ("exponential_midpoint", "magnus4", "commutator_free4")
            return (*(("exact",) if constant else ()), *exponentials, "rk4", "euler")
        case ReadOut() if constant:
            return ("exact", "rk4", "euler") if structure.closed is not None else ("rk4", "euler")
        case ReadOut():
            return ("exponential_midpoint", "rk4", "euler")
        case _:
            return ("rk4", "euler")


def why_not(structure: Structure, constant: bool, method: str) -> str:
    """Why a method does not fit a structure."""
    match structure:
        case ReadOut(closed=closed) if method == "exact" and constant and closed is None:
            return "no closed form of this read-out's flow is known"
        case ReadOut() | ConstantRate() | LowRank() | OneSided() if method == "exact":
            return "the slots change inside a step, so that no step is exact"
        case ReadOut() if method == "exponential_midpoint":
            return "the slots are constant on each step: nothing is frozen"
        case TwoSided():
            return "it acts on both sides of the state; no such step is made here"
        case _:
            return (
                "the rate is not affine in the state" if method != "exact" else "no exact step of such a rate is known"
            )


def against(structure: Structure, constant: bool, other: str) -> str:
    """The reason against a method that a plan does not take by itself."""
    if other not in fitting(structure, constant):
        return why_not(structure, constant, other)
    match other:
        case "exponential_midpoint" if constant:
            return "the same step as exact, where slots are constant"
        case "magnus4" | "commutator_free4" if constant:
            return "exact already, with one node instead of two"
        case "commutator_free4":
            return "order 4 as magnus4, with two exponentials a step instead of one"
        case "magnus4":
            return "order 4 instead of 2, for twice the evaluations of the slow net and twice the rank"
        case "rk4":
            return "four stages a step; unstable where a step contracts by more than e^2.8"
        case "euler":
            return "order 1: the discrete-time meaning of the rule; unstable where a step contracts by more than 2"
        case _:
            raise AssertionError(f"{other} is what a plan takes where it fits")


def against_scan(situation: Situation, chosen: Scan, other: Scan, count: int) -> str:
    """The reason against a scan that could run through the steps, given the one that was taken."""
    match other:
        case Scan.FUSED:
            gain = count * GAIN_SECONDS[chosen]
            return f"compiling takes some {BUILD_SECONDS} s, more than the {gain:.2g} s that a call gains: fwp.prepare(field)"
        case Scan.SEQUENTIAL:
            return "the overhead of torch's operators at every step"
        case Scan.CHUNKED if chosen is Scan.SEQUENTIAL:
            return f"fewer than {FEW} steps"
        case Scan.CHUNKED:
            return "more flops and more memory traffic than a kernel"
        case Scan.ASSOCIATIVE if count < FEW:
            return f"fewer than {FEW} steps"
        case Scan.ASSOCIATIVE:
            return f"multiplies {situation.reads} × {situation.reads} matrices where vectors do"
        case _:
            assert_never(other)


def human(count: int | float, unit: str = "B") -> str:
    """Bytes, or anything else, in words."""
    for prefix in ("", "k", "M"):
        if count < 1000:
            return f"{count:.3g} {prefix}{unit}"
        count /= 1000
    return f"{count:.3g} G{unit}"
