"""A kernel's function on pieces of its instances at once, in as many threads as torch has."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import torch

from fwp.errors import SolveError

__all__ = ["in_threads"]

_WORTH = 2**13
"""Steps of heads, about a millisecond, for which another thread is started."""


def in_threads(code: Callable[..., int], arguments: list[Any], instances: int, group: int, steps: int) -> None:
    """Split the instances among torch's number of threads, at multiples of a group: no number depends on the split.

    Threads are started for each call: two cost 50 µs, and none is left behind for a fork to lose.
    """
    groups = -(-instances // group)
    count = max(1, min(torch.get_num_threads(), groups, instances * steps // _WORTH))
    borders = [min(groups * k // count * group, instances) for k in range(count + 1)]
    failed: list[int] = []

    def part(k: int) -> None:
        if code(*arguments, borders[k], borders[k + 1]):
            failed.append(k)

    threads = [Thread(target=part, args=(k,)) for k in range(1, count)]
    for thread in threads:
        thread.start()
    part(0)
    for thread in threads:
        thread.join()
    if failed:
        raise SolveError(
            "a fused kernel found no memory", help="solve fewer series at a time, or pass scan='sequential'"
        )
