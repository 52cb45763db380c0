"""The rules as the paper's published code runs them (IDSIA/neuraldiffeq-fwp, commit d7c678c), which are not its equations.

There the keys are softmax(k) and, but for tanh_delta, the values tanh(v): maps that belong to the projection.
"""

from fwp.rules.rule import Rule
from fwp.rules.vocabulary import W, beta, k, v
from fwp.terms.maps import softmax, tanh

__all__ = ["softmax_oja", "tanh_delta"]

tanh_delta = Rule(beta * tanh(v - W @ k) * k, name="tanh_delta")
"""dW/dt = β tanh(v − W k) kᵀ: the Delta rule of the EigenWorms experiments ("post-tanh")."""

softmax_oja = Rule(beta * v * softmax(k - v @ W, "key"), name="softmax_oja")
"""dW/dt = β v softmax(k − Wᵀv)ᵀ: Oja with the softmax applied after the subtraction."""
