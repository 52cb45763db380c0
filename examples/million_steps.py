"""A training step on one series of 1,000,000 steps: the time that it takes on this machine, and the memory.

The data are made up, a random walk in six channels. All gradients are exact, those of the very steps taken: of so long a series
backward keeps the fast weights at the ends of segments, and computes what is inside again.

    python examples/million_steps.py [STEPS]
"""

import resource
import sys
from time import perf_counter

import torch

from fwp import explain, prepare, series, solve
from fwp.controls import linear
from fwp.fields import keys_from_increments
from fwp.rules import delta


def peak() -> float:
    """The most memory that this process has had so far, in MB; macOS counts in bytes, Linux in kB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main(steps: int = 1_000_000) -> None:
    """Print the plan, the time and the memory of forward and backward, and what backward found."""
    torch.manual_seed(0)
    net = (delta @ keys_from_increments() @ linear).build(channels=6, width=32, heads=4)
    times = torch.linspace(0, 100, steps + 1, dtype=torch.float64)
    field = net(series(torch.randn(1, steps + 1, 6).cumsum(1) / steps**0.5, times))
    prepare(field)  # compiles the kernel, once a machine
    print(*(line for line in explain(field).splitlines() if "segment " in line or "gradient " in line), sep="\n")
    began, before = perf_counter(), peak()
    read = solve(field).read()
    solved = perf_counter()
    read.square().sum().backward()
    done = perf_counter()
    size = torch.cat([own.grad.flatten() for own in net.parameters() if own.grad is not None]).norm()
    print(f"{steps:,} steps: forward {solved - began:.1f} s, backward {done - solved:.1f} s")
    print(f"peak memory {peak():.0f} MB, of which {peak() - before:.0f} MB for these two")
    print(f"the gradient of {sum(own.numel() for own in net.parameters()):,} parameters has norm {size:.2e}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
