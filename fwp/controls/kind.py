"""The kinds of path: how one runs from observation to observation, or what it says of a window of them."""

from dataclasses import dataclass
from enum import Enum
from math import inf

from fwp.data.plain import plain
from fwp.errors import DataError

__all__ = ["Kind", "LogSignature"]


class Kind(Enum):
    """How a path runs from one observation to the next."""

    LINEAR = "linear"
    RECTILINEAR = "rectilinear"
    NATURAL_CUBIC = "natural-cubic"
    HERMITE = "hermite"


@dataclass(frozen=True)
class LogSignature:
    """Windows of `step` intervals, each stood for by the log-signature up to `depth` of the straight lines in it.

    Raises:
        DataError: a depth or a step below 1, a scale that is not positive and finite.
    """

    depth: int
    step: int
    scale: tuple[float, ...] = ()
    """What each word of the log-signature is divided by; without it they are taken as they are."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", tuple(map(plain, self.scale)))
        if not all(0 < number < inf for number in self.scale):
            raise DataError(
                "the words of a log-signature are divided by positive, finite numbers",
                ("scale", str(self.scale)[:200]),
                help="give their root mean squares over the training series",
            )
        for name in ("depth", "step"):
            object.__setattr__(self, name, plain(getattr(self, name)))
            number = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool):
                raise DataError(
                    f"the {name} of a log-signature is a whole number",
                    (name, repr(number)),
                    help="log_signature(depth=2, step=16) has depth 2, and windows of 16 intervals",
                )
            if number < 1:
                raise DataError(
                    f"the {name} of a log-signature is at least 1",
                    (name, str(number)),
                    help="depth 1 with step 1 are the increments themselves",
                )
