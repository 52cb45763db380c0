"""Irregular times, missing values, unequal lengths: two kinds of series that differ in nothing but their clock.

The data are made up: noisy waves, seen at 12 to 30 random times, a third of the values missing. The clock of the second kind runs
at half the speed, so that value for value both kinds look alike. What is not to be seen is 1,000 in the arrays that are passed.

    python examples/irregular.py
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fwp import series, solve
from fwp.controls import linear
from fwp.fields import keys_from_increments
from fwp.rules import delta


def waves(count: int) -> tuple[dict[str, Tensor], Tensor]:
    """The arguments of `series`, and the kinds."""
    kinds, lengths = torch.randint(2, (count,)), torch.randint(12, 31, (count,))
    phase = (torch.rand(count, 30) + 0.5).cumsum(1) / 2 + 6.3 * torch.rand(count, 1)
    values = torch.stack([phase.sin(), phase.cos()], -1) + 0.1 * torch.randn(count, 30, 2)
    mask, times = torch.rand(count, 30, 2) > 1 / 3, (phase - phase[:, :1]) * (1 + kinds[:, None])
    seen = mask & (torch.arange(30) < lengths[:, None])[..., None]
    return {"values": values.where(seen, 1000.0), "times": times, "mask": mask, "lengths": lengths}, kinds


def trained(*withheld: str) -> tuple[Callable[..., Tensor], float]:
    """A classifier that never sees these arguments, as a function from arguments to logits; and its accuracy on new series."""
    torch.manual_seed(0)
    net = (delta @ keys_from_increments() @ linear).build(channels=2, width=16, heads=2)
    head = nn.Linear(net.outputs, 2)
    optimiser = torch.optim.Adam([*net.parameters(), *head.parameters()], 0.01)

    def logits(**told: Tensor) -> Tensor:
        data = series(**{name: own for name, own in told.items() if name not in withheld})
        return head(solve(net(data)).read().flatten(1))  # what is read at each series' own end

    for _ in range(150):
        told, kinds = waves(64)
        optimiser.zero_grad()
        cross_entropy(logits(**told), kinds).backward()
        optimiser.step()
    told, kinds = waves(1000)
    return logits, float((logits(**told).argmax(1) == kinds).float().mean())


def main() -> None:
    """Print accuracies with and without the times, and what padding and duplicates change."""
    logits, accuracy = trained()
    print(f"accuracy {accuracy:.3f}, and {trained('times')[1]:.3f} where the times are withheld")
    told, _ = waves(8)
    together = logits(**told)
    twice = logits(**{name: torch.cat([own, own]) for name, own in told.items()})
    ends = enumerate(told.pop("lengths").tolist())
    alone = torch.cat([logits(**{name: own[i : i + 1, :end] for name, own in told.items()}) for i, end in ends])
    print(f"each series alone, without padding: logits differ by {(alone - together).abs().max():.0e}")
    print(f"each series twice in the batch: logits differ by {(twice - together.repeat(2, 1)).abs().max():.0e}")


if __name__ == "__main__":
    main()
