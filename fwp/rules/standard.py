"""The three rules of the paper (Irie, Faccio, Schmidhuber, NeurIPS 2022, eq. 21), values × keys throughout.

Where the paper's orientations disagree among themselves the consistent reading is taken: the query meets the keys.
"""

from fwp.rules.rule import Rule
from fwp.rules.vocabulary import W, beta, k, v

__all__ = ["delta", "hebb", "oja"]

hebb = Rule(beta * v * k, name="hebb")
"""dW/dt = β v kᵀ: correlations accumulate; in discrete time the linear Transformer."""

oja = Rule(beta * v * (k - v @ W), name="oja")
"""dW/dt = β v (k − Wᵀv)ᵀ: Hebb with a decay towards keys that the values already recall."""

delta = Rule(beta * (v - W @ k) * k, name="delta")
"""dW/dt = β (v − W k) kᵀ: the error of recalling v by k is written back; in discrete time DeltaNet."""
