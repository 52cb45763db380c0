"""All laws that the library knows, and which of them a rule has by its structure."""

from __future__ import annotations

from fwp.kinds import explained
from fwp.rules.law import Law
from fwp.rules.laws_delta import (
    error_contraction,
    exact_affine_step,
    exact_step,
    growth_bound,
    non_expansiveness,
    wy,
)
from fwp.rules.laws_discrete import euler_non_expansiveness, euler_stability, euler_wy
from fwp.rules.laws_oja import norm_law, orthonormal_rows, sphere, subspace
from fwp.rules.laws_readout import monotone_read_out, softmax_closed_form, tanh_closed_form
from fwp.rules.laws_solution import duality, euler_duality, euler_identity, euler_step, identity, semigroup
from fwp.rules.laws_sums import euler_quadrature, linear_growth, quadrature, superposition
from fwp.rules.rule import Rule

LAWS: tuple[Law, ...] = (
    identity,
    semigroup,
    duality,
    quadrature,
    superposition,
    linear_growth,
    exact_step,
    exact_affine_step,
    error_contraction,
    non_expansiveness,
    growth_bound,
    wy,
    tanh_closed_form,
    softmax_closed_form,
    monotone_read_out,
    norm_law,
    sphere,
    subspace,
    orthonormal_rows,
    euler_identity,
    euler_step,
    euler_duality,
    euler_quadrature,
    euler_wy,
    euler_stability,
    euler_non_expansiveness,
)
"""Every law, those of flows first."""


@explained
def laws_of(rule: Rule) -> tuple[Law, ...]:
    """The laws that the rule's structure and the domains of its slots imply, in the order of `LAWS`.

    Names do not matter; what its author claims is in `rule.laws`.
    """
    return tuple(law for law in LAWS if law.applies(rule))


__all__ = [
    "LAWS",
    "duality",
    "error_contraction",
    "euler_duality",
    "euler_identity",
    "euler_non_expansiveness",
    "euler_quadrature",
    "euler_stability",
    "euler_step",
    "euler_wy",
    "exact_affine_step",
    "exact_step",
    "growth_bound",
    "identity",
    "laws_of",
    "linear_growth",
    "monotone_read_out",
    "non_expansiveness",
    "norm_law",
    "orthonormal_rows",
    "quadrature",
    "semigroup",
    "softmax_closed_form",
    "sphere",
    "subspace",
    "superposition",
    "tanh_closed_form",
    "wy",
]
