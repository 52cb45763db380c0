"""In which order the operands of a product are multiplied, two at a time: shared by `cost` and the lowering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from fwp.terms.syntax import Axes

__all__ = ["Step", "schedule"]


@dataclass(frozen=True)
class Step:
    """Multiply slots `left` and `right` and sum `summed`; the result, over `axes`, becomes the next slot."""

    left: int
    right: int
    summed: Axes
    axes: Axes


def schedule(operands: Sequence[Axes], output: Axes) -> tuple[Step, ...]:
    """Binary steps from slots 0 … n−1 (the operands) to the last slot, over `output`.

    Greedy by names alone, since sizes come later: first the pair that leaves the fewest axes, then the one that touches the
    fewest; ties go to the leftmost. An axis that only one operand has and that the output lacks is summed at its first use.
    """
    slots: dict[int, Axes] = dict(enumerate(operands))
    steps: list[Step] = []
    while len(slots) > 1:

        def step(pair: tuple[int, int]) -> Step:
            left, right = (slots[i] for i in pair)
            elsewhere = set(output).union(*(axes for i, axes in slots.items() if i not in pair))
            together = tuple(dict.fromkeys(left + right))
            kept = output if len(slots) == 2 else tuple(a for a in together if a in elsewhere)
            return Step(*pair, tuple(a for a in together if a not in elsewhere), kept)

        best = min(map(step, combinations(slots, 2)), key=lambda s: (len(s.axes), len(s.axes) + len(s.summed)))
        del slots[best.left], slots[best.right]
        slots[len(operands) + len(steps)] = best.axes
        steps.append(best)
    return tuple(steps)
