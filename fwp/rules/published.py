"""The rules as the paper's published code runs them (IDSIA/neuraldiffeq-fwp, commit d7c678c), which are not its equations.

There the keys are softmax(k), but for Oja's, which pass the rule's own softmax, and the values tanh(v), but for tanh_delta's:
maps that belong to the projection.
"""

from fwp.rules.rule import Rule
from fwp.rules.vocabulary import W, beta, k, v
from fwp.terms.declare import Slot
from fwp.terms.maps import softmax, tanh

__all__ = ["hebb_transposed", "q_value", "softmax_oja", "softmax_oja_transposed", "tanh_delta"]

tanh_delta = Rule(beta * tanh(v - W @ k) * k, name="tanh_delta")
"""dW/dt = β tanh(v − W k) kᵀ: the Delta rule of the EigenWorms experiments ("post-tanh")."""

softmax_oja = Rule(beta * v * softmax(k - v @ W, "key"), name="softmax_oja")
"""dW/dt = β v softmax(k − Wᵀv)ᵀ: Oja with the softmax applied after the subtraction, to keys that have passed none before."""

q_value = Slot("q_value", "value")
"""A query that meets values: the published Hebb and Oja CDEs read Wᵀq, so that key content comes out."""

hebb_transposed = Rule(beta * v * k, name="hebb_transposed", read=q_value @ W)
"""Hebb as the published CDE reads it. (There β is not squashed and v not either: give the projection those maps.)"""

softmax_oja_transposed = Rule(softmax_oja.rate, name="softmax_oja_transposed", read=q_value @ W)
"""softmax_oja as the published CDE reads it."""
