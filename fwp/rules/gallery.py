"""Rules of the literature, one line each: what the language can say, and a place to start a rule of one's own."""

from fwp.errors import FwpError
from fwp.kinds import explained
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.rules.vocabulary import W, beta, dx, erase, gamma, k, v, write, x
from fwp.terms.declare import Slot, State, ones, tril
from fwp.terms.domain import nonnegative
from fwp.terms.maps import relu, sigmoid, softmax, square, tanh
from fwp.terms.rename import rename

__all__ = [
    "anti_hebb",
    "bcm",
    "big_map",
    "classic_hebb",
    "covariance",
    "erase_write",
    "gated_delta",
    "gru_ode",
    "leaky_delta",
    "momentum_delta",
    "ncde",
    "neural_cde",
    "nrde",
    "oja_neuron",
    "oja_subspace",
    "sanger",
    "self_reference",
]

y = W @ k
"""The output of the fast layer on the key: the postsynaptic activity of the classic rules."""

classic_hebb = Rule(beta * y * k, name="classic_hebb")
"""Hebb, The Organization of Behavior (1949); the paper's eq. 11–12 with y = W k."""

anti_hebb = Rule(-beta * y * k, name="anti_hebb")
"""Földiák, Forming sparse representations by local anti-Hebbian learning (1990)."""

w = State("w", "key")
oja_neuron = Rule(beta * (w @ k) * (k - (w @ k) * w), of=w, name="oja_neuron")
"""Oja, A simplified neuron model as a principal component analyzer (1982); the paper's eq. 13–14 for one neuron."""

oja_subspace = Rule(beta * y * (k - y @ W), name="oja_subspace")
"""Oja, Neural networks, principal components, and subspaces (1989); the paper's eq. 13–14 with y = W k."""

sanger = Rule(
    beta * (y * k - (tril("value", "value2") * y * rename(y, value="value2")) @ rename(W, value="value2")),
    name="sanger",
)
"""Sanger, Optimal unsupervised learning in a single-layer linear feedforward neural network (1989)."""

leaky_delta = Rule(beta * (v - W @ k) * k - gamma * W, name="leaky_delta")
"""A continuous relative of Yang, Kautz, Hatamizadeh, Gated Delta Networks (2024): one decay for all of W.

Its Euler step, W (1 − γ − β k kᵀ) + β v kᵀ, is not that recurrence, W α (1 − β k kᵀ) + β v kᵀ, in which the decay comes
first: the two agree to first order in γ and β.
"""

forget = Slot("forget", "key", nonnegative)
gated_delta = Rule(beta * (v - W @ k) * k - forget * W, name="gated_delta")
"""A continuous relative of Kimi Team, Kimi Linear (2025), whose recurrence is called KDA: a decay for each key component.

Its Euler step, W (Diag(1 − forget) − β k kᵀ) + β v kᵀ, is not that recurrence, W Diag(α) (1 − β k kᵀ) + β v kᵀ: the two agree
to first order in forget and β.
"""

erase_write = Rule((write * v - W @ (erase * k)) * k, name="erase_write")
"""A continuous relative of Gated DeltaNet-2 (arXiv 2605.22791), without its decay: separate gates for erasing and writing.

Its Euler step is that recurrence only where nothing decays.
"""

k_mean, v_mean = State("k_mean", "key"), State("v_mean", "value")
covariance = System(
    Rule(beta * (v - v_mean) * (k - k_mean)),
    Rule(gamma * (k - k_mean), of=k_mean),
    Rule(gamma * (v - v_mean), of=v_mean),
    name="covariance",
)
"""Sejnowski, Storing covariance with nonlinearly interacting neurons (1977), with running means."""

theta = State("theta", "value")
bcm = System(
    Rule(beta * y * (y - theta) * k),
    Rule(gamma * (square(y) - theta), of=theta),
    name="bcm",
    unbounded="W escapes as y³ does where the threshold follows y² more slowly than W grows",
)
"""Bienenstock, Cooper, Munro, Theory for the development of neuron selectivity (1982), with a sliding threshold."""

M = State("M", "value key")
momentum_delta = System(Rule(M), Rule(beta * (v - W @ k) * k - gamma * M, of=M), name="momentum_delta")
"""The Delta rule with momentum M, as heavy-ball gradient descent on ½|v − W k|² (Polyak, 1964)."""

u = Slot("u", "key")
Wk, Wq, wb = State("Wk", "key2 key"), State("Wq", "key2 key"), State("wb", "key")
own_key, own_query = (rename(softmax(A @ u, "key2"), key2="key") for A in (Wk, Wq))
own_rate = sigmoid(wb @ u)
self_reference = System(
    *(Rule(own_rate * (A @ own_query - A @ own_key) * own_key, of=A) for A in (W, Wk, Wq, wb)),
    read=W @ u,
    name="self_reference",
)
"""Irie, Schlag, Csordás, Schmidhuber, A modern self-referential weight matrix that learns to modify itself (2022).

The matrix is kept as four states by what its rows produce: the output, the key, the query and the rate, all from u. The rule is
in continuous time; its Euler step is the recurrence with one rate for all four, where the published model has one for each.
"""

z = State("z", "hidden")
A_in, b_in = Slot("A_in", "inner hidden"), Slot("b_in", "inner")
A_out, b_out = Slot("A_out", "hidden channel inner"), Slot("b_out", "hidden channel")


@explained
def neural_cde(layers: int) -> Rule:
    """Kidger, Morrill, Foster, Lyons, Neural controlled differential equations (2020): a vector state, a field of an MLP.

    Each hidden layer has a matrix of its own, A_in, A_2, A_3, …; the published Speech and Sepsis models have 4 of them.

    Args:
        layers: hidden ones, 1 or more.

    Raises:
        FwpError: there are none.
    """
    if layers < 1:
        raise FwpError(
            "a neural CDE has at least one hidden layer", ("layers", str(layers)), help="give layers=1 or more"
        )
    hidden = relu(A_in @ z + b_in)
    for i in range(2, layers + 1):
        hidden = relu(Slot(f"A_{i}", "inner inner2") @ rename(hidden, inner="inner2") + Slot(f"b_{i}", "inner"))
    return Rule(tanh(A_out @ hidden + b_out) @ dx, of=z, name="ncde" if layers == 1 else f"ncde_{layers}")


ncde = neural_cde(1)
"""With one hidden layer."""

A_h, b_h = Slot("A_h", "inner inner2"), Slot("b_h", "inner")
inner = A_in @ z + b_in
for _ in range(2):
    inner = A_h @ rename(relu(inner), inner="inner2") + b_h
nrde = Rule((A_out @ tanh(inner) + b_out) @ dx, of=z, name="nrde")
"""Morrill, Salvi, Kidger, Foster, Neural rough differential equations for long time series (2021), as published for EigenWorms.

Both hidden layers are one matrix, there by accident, and the tanh comes before the last map, not after it as in `ncde`.
"""

B = State("B", "hidden channel")
M_in, m_in = Slot("M_in", "inner hidden channel"), Slot("m_in", "inner")
M_out, m_out = Slot("M_out", "hidden channel channel2 inner"), Slot("m_out", "hidden channel channel2")
big_map = Rule(
    tanh(M_out @ relu(M_in @ B + m_in) + m_out) @ rename(dx, channel="channel2"), of=B, read=B @ x, name="big_map"
)
"""The paper's eq. 22, the naive CDE of a matrix: an MLP from the matrix to what multiplies dx, one hidden layer."""

r_x, u_x, g_x = Slot("r_x", "hidden"), Slot("u_x", "hidden"), Slot("g_x", "hidden")
U_r, U_u, U_g = (Slot(name, "hidden hidden2") for name in ("U_r", "U_u", "U_g"))
reset, update = (sigmoid(a + U @ rename(z, hidden="hidden2")) for a, U in ((r_x, U_r), (u_x, U_u)))
gru_ode = Rule(
    (ones("hidden") - update) * (tanh(g_x + U_g @ rename(reset * z, hidden="hidden2")) - z), of=z, name="gru_ode"
)
"""De Brouwer, Simm, Arany, Moreau, GRU-ODE-Bayes (2019), as a field driven by x."""
