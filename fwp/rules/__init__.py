"""Learning rules as values: the shared vocabulary, `Rule` and `System`, the rules of the literature, and their laws."""

from collections.abc import Mapping
from types import MappingProxyType

from fwp.errors import FwpError, did_you_mean
from fwp.kinds import explained
from fwp.rules.gallery import (
    anti_hebb,
    bcm,
    big_map,
    classic_hebb,
    covariance,
    erase_write,
    gated_delta,
    gru_ode,
    leaky_delta,
    momentum_delta,
    ncde,
    neural_cde,
    nrde,
    oja_neuron,
    oja_subspace,
    sanger,
    self_reference,
)
from fwp.rules.json import from_json, to_json
from fwp.rules.law import Case, Finding, Flow, Law, Solver
from fwp.rules.laws import LAWS, laws_of
from fwp.rules.names import nearest
from fwp.rules.published import hebb_transposed, softmax_oja, softmax_oja_transposed, tanh_delta
from fwp.rules.rule import Rule
from fwp.rules.standard import delta, hebb, oja
from fwp.rules.system import System, closed
from fwp.rules.vocabulary import W, beta, dx, erase, gamma, k, q, v, write, x

ALL: Mapping[str, Rule | System] = MappingProxyType(
    {
        "hebb": hebb,
        "oja": oja,
        "delta": delta,
        "tanh_delta": tanh_delta,
        "softmax_oja": softmax_oja,
        "hebb_transposed": hebb_transposed,
        "softmax_oja_transposed": softmax_oja_transposed,
        "classic_hebb": classic_hebb,
        "anti_hebb": anti_hebb,
        "oja_neuron": oja_neuron,
        "oja_subspace": oja_subspace,
        "sanger": sanger,
        "leaky_delta": leaky_delta,
        "gated_delta": gated_delta,
        "erase_write": erase_write,
        "covariance": covariance,
        "bcm": bcm,
        "momentum_delta": momentum_delta,
        "self_reference": self_reference,
        "ncde": ncde,
        "nrde": nrde,
        "big_map": big_map,
        "gru_ode": gru_ode,
    }
)
"""Every rule that the library ships, by name."""

__all__ = [
    "ALL",
    "LAWS",
    "Case",
    "Finding",
    "Flow",
    "Law",
    "Rule",
    "Solver",
    "System",
    "W",
    "anti_hebb",
    "bcm",
    "beta",
    "big_map",
    "by_name",
    "classic_hebb",
    "closed",
    "covariance",
    "delta",
    "dx",
    "erase",
    "erase_write",
    "from_json",
    "gamma",
    "gated_delta",
    "gru_ode",
    "hebb",
    "hebb_transposed",
    "k",
    "laws_of",
    "leaky_delta",
    "momentum_delta",
    "ncde",
    "neural_cde",
    "nrde",
    "oja",
    "oja_neuron",
    "oja_subspace",
    "q",
    "sanger",
    "self_reference",
    "softmax_oja",
    "softmax_oja_transposed",
    "tanh_delta",
    "to_json",
    "v",
    "write",
    "x",
]


@explained
def by_name(name: str) -> Rule | System:
    """The rule of `ALL` that has this name. Raises: FwpError, where none has."""
    if name in ALL:
        return ALL[name]
    known = nearest(name)
    if known is not None:
        raise FwpError(
            f"no rule is {known.published} itself",
            ("name", repr(name)),
            ("nearest", known.rule),
            ("but", known.but),
            help=f"take {known.rule}, if that will do; fwp show {known.rule} says what it is",
        )
    own = "a rule of your own is a value, Rule(…), and on the command line path/to/file.py:name"
    raise FwpError(
        "no rule has this name",
        ("name", repr(name)),
        ("rules", ", ".join(ALL)),
        help=did_you_mean(name, ALL, own),
    )
