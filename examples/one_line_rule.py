"""A new rule in one line: Delta that can also empty an address. What follows from the line, and how it learns beside Delta.

The data are made up. In each of 16 steps a value is put at one of six addresses, and another address is emptied; then the value
at one address is asked for. One head of Delta moves W along one key at a time; one head of the new rule along two.

    python examples/one_line_rule.py
"""

import torch
from torch.nn.functional import mse_loss, one_hot, pad

from fwp import Control, Projection, Rule, Series, Slot, explain, series, solve
from fwp.controls import Kind
from fwp.fields import linear, shared
from fwp.rules import W, beta, delta, dx, gamma, k, laws_of, v

free = Slot("free", "key")
tidy = Rule(beta * (v - W @ k) * k - gamma * (W @ free) * free)

address = shared("address", linear("channel -> head key", dx, bias=False))  # of what is put, and of what is asked for
project = Projection(k=address, q=address, default=dx)  # every other slot: a linear map of dx into the slot's domain


def tasks(count: int, steps: int = 16) -> tuple[Series, torch.Tensor]:
    """Paths, the slope of which says what is put and what is emptied, and last what is asked for; and the answers."""
    put, shift = torch.randint(6, (count, steps + 1)), torch.randint(1, 6, (count, steps + 1))
    empty, values, row = (put + shift) % 6, torch.randn(count, steps, 4), torch.arange(count)
    held = torch.zeros(count, 6, 4)
    for i in range(steps):
        held[row, put[:, i]] = values[:, i]
        held[row, empty[:, i]] = 0
    asks = torch.eye(steps + 1)[-1].expand(count, -1)[..., None]
    told = torch.cat([one_hot(put, 6), one_hot(empty, 6) * (1 - asks), pad(values, (0, 0, 0, 1)), asks], -1)
    return series(pad(told.cumsum(1), (0, 0, 1, 0))), held[row, put[:, -1]]


def main() -> None:
    """Print what the library knows of the new rule, and the error of both after the same training."""
    print(f"{tidy}\nlaws: {', '.join(law.name for law in laws_of(tidy))}")
    for rule in delta, tidy:
        torch.manual_seed(0)
        net = (rule @ project @ Control(Kind.LINEAR, time=False)).build(channels=17, heads=1, key=8, value=4)
        optimiser = torch.optim.Adam(net.parameters(), 0.03)
        for _ in range(200):
            data, answers = tasks(64)
            optimiser.zero_grad()
            mse_loss(solve(net(data)).read()[:, 0], answers).backward()
            optimiser.step()
        data, answers = tasks(2000)
        print("", explain(net(data)).partition("\n\n")[0], sep="\n")
        with torch.no_grad():
            error = mse_loss(solve(net(data)).read()[:, 0], answers)
        print(f"error {error:.4f}, where answers of 0 have {answers.square().mean():.4f}")


if __name__ == "__main__":
    main()
