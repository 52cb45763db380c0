"""The published EigenWorms model as one would write it with torchdiffeq: slow net in the field, rk4, one step a window."""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm
from torchdiffeq import odeint, odeint_adjoint


class Plain(nn.Module):
    """dW/dt = β tanh(v − W k) kᵀ with e = LN(W_in x), k = softmax(W_k e), v = W_v e, β = σ(W_β e); `linear` leaves tanh out.

    `weights` are the matrices and vectors of the slow net by name, `windows` the control: (batch window channel).
    """

    def __init__(self, weights: dict[str, Tensor], windows: Tensor, heads: int, linear: bool = False) -> None:
        super().__init__()
        self.weights, self.windows, self.heads, self.linear = nn.ParameterDict(weights), windows, heads, linear

    def encode(self, x: Tensor) -> Tensor:
        w = self.weights
        return layer_norm(x @ w["in"].T + w["in_bias"], w["norm"].shape, w["norm"], w["norm_bias"])

    def map(self, name: str, e: Tensor) -> Tensor:
        return (e @ self.weights[name].T + self.weights[f"{name}_bias"]).unflatten(-1, (self.heads, -1))

    def forward(self, t: Tensor, W: Tensor | None) -> Tensor:
        e = self.encode(self.windows[:, int(t)])
        k, v, beta = self.map("k", e).softmax(-1), self.map("v", e), self.map("beta", e).sigmoid()
        error = v if W is None else v - (W @ k[..., None])[..., 0]
        return (beta * (error if self.linear else error.tanh()))[..., None] * k[..., None, :]

    def solve(self, adjoint: bool) -> Tensor:
        """The read-out W(T) softmax(W_q e(T)) after one step of rk4 a window; W begins at what it would write at first."""
        count = self.windows.shape[1]
        times = torch.tensor([0.0, count], dtype=self.windows.dtype, device=self.windows.device)
        options = {"step_size": 1.0, "perturb": True}  # or the last stage would read the next window
        start = self(times[0], None)
        W = (odeint_adjoint if adjoint else odeint)(self, start, times, method="rk4", options=options)[-1]
        q = self.map("q", self.encode(self.windows[:, -1])).softmax(-1)
        return (W @ q[..., None])[..., 0]
