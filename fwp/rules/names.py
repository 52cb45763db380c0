"""Names under which models are published, each with the rule here that is nearest to it, and what is not the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

__all__ = ["PUBLISHED", "Nearest", "nearest"]


@dataclass(frozen=True)
class Nearest:
    """The rule that is nearest to a published model.

    Args:
        published: how the model is called.
        rule: the name of the rule in `fwp.rules.ALL`.
        but: how the two differ.
    """

    published: str
    rule: str
    but: str


_GATED = Nearest(
    "Gated DeltaNet",
    "leaky_delta",
    "a continuous relative, whose Euler step W (1 − γ − β k kᵀ) + β v kᵀ is not the recurrence W α (1 − β k kᵀ) + β v kᵀ",
)
_KIMI = Nearest(
    "Kimi Delta Attention",
    "gated_delta",
    "a continuous relative, whose Euler step W (Diag(1 − forget) − β k kᵀ) + β v kᵀ is not the recurrence "
    "W Diag(α) (1 − β k kᵀ) + β v kᵀ",
)
_TWO = Nearest("Gated DeltaNet-2", "erase_write", "a continuous relative without its decay")
_DELTA = Nearest("DeltaNet", "delta", 'in continuous time; its Euler step, method="euler", is the recurrence itself')
_LINEAR = Nearest(
    "the linear Transformer",
    "hebb",
    'in continuous time, and without the normaliser; its Euler step, method="euler", adds β v kᵀ',
)
_DECAYING = Nearest(
    "linear attention with a decay",
    "hebb",
    "it has no decay; Rule(hebb.rate - gamma * W) is a continuous relative with one",
)
_SELF = Nearest(
    "the self-referential weight matrix",
    "self_reference",
    "in continuous time, with one rate where the published model has four, and with u for its input once squashed",
)
_TITANS = Nearest("Titans", "momentum_delta", "a linear memory with momentum, where the published one is a deep net")

PUBLISHED: Mapping[str, Nearest] = MappingProxyType(
    {
        "gateddeltanet": _GATED,
        "gdn": _GATED,
        "gateddeltanet2": _TWO,
        "gdn2": _TWO,
        "kda": _KIMI,
        "kimideltaattention": _KIMI,
        "kimilinear": _KIMI,
        "deltanet": _DELTA,
        "lineartransformer": _LINEAR,
        "linearattention": _LINEAR,
        "retnet": _DECAYING,
        "mamba2": _DECAYING,
        "gla": _DECAYING,
        "gatedlinearattention": _DECAYING,
        "srwm": _SELF,
        "selfreferentialweightmatrix": _SELF,
        "titans": _TITANS,
        "neuralcde": Nearest("the neural CDE", "ncde", "the same, with one hidden layer; neural_cde(layers) has more"),
        "neuralrde": Nearest("the neural RDE", "nrde", "as published for EigenWorms; it is driven by log-signatures"),
        "gruodebayes": Nearest("GRU-ODE-Bayes", "gru_ode", "its field alone, driven by x, without the Bayesian update"),
        "generalizedhebbianalgorithm": Nearest("the generalized Hebbian algorithm", "sanger", "in continuous time"),
    }
)
"""By name in lower case, without what stands between words."""


def nearest(name: object) -> Nearest | None:
    """What is nearest to a model that is published under this name, however its words are joined; None for other names."""
    plain = "".join(letter for letter in str(name).casefold() if letter.isalnum())
    found = get_close_matches(plain, PUBLISHED, n=1, cutoff=0.9)
    return PUBLISHED[found[0]] if found else None
