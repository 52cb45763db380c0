"""How a model is trained on a task: every number of a run that is neither the model's nor the data's."""

from dataclasses import dataclass, fields

from fwp.errors import FwpError

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """Sizes of the net, its solver, and how it learns.

    The defaults are those of JapaneseVowels, found by cross-validation among its training utterances alone.

    Raises:
        FwpError: a number outside its range.
    """

    width: int = 64
    """Numbers in all heads' values together."""
    heads: int = 16
    """Heads, each with fast weights of its own."""
    hidden: int = 256
    """Hidden units of the feed-forward block after the read-out; 0 leaves the block out."""
    dropout: float = 0.5
    """Share of units dropped after the read-out and in the block."""
    pace: float = 1.0
    """How long the mean step between observations lasts on the model's clock, on which rates are between 0 and 1."""
    method: str = "auto"
    """How the equation is solved: "auto" is the plan's choice, see `fwp explain`."""
    steps: int = 1
    """Solver steps from one knot of the control to the next."""
    epochs: int = 40
    """Passes through the training examples, at most."""
    patience: int = 40
    """Epochs without a better validation loss after which training ends."""
    batch: int = 54
    """Examples in one step of the optimiser."""
    rate: float = 3e-3
    """Highest learning rate of AdamW's one-cycle schedule."""
    warmup: float = 0.25
    """Share of the training over which the learning rate rises."""
    decay: float = 0.1
    """Weight decay."""
    clip: float = 1.0
    """Largest norm of the gradient of one step."""
    smoothing: float = 0.1
    """Share of each target that is spread over all classes."""
    threads: int = 1
    """Threads of torch on a CPU; one is fastest for small models, and sums, hence last bits, depend on it."""
    validation: float = 0.2
    """Share of the training examples on which epoch and weights are chosen."""

    def __post_init__(self) -> None:
        for name in ("width", "heads", "steps", "epochs", "patience", "batch", "threads"):
            _require(self, name, getattr(self, name) >= 1, "at least 1")
        for name in ("rate", "clip", "pace"):
            _require(self, name, getattr(self, name) > 0, "more than 0")
        for name in ("hidden", "decay"):
            _require(self, name, getattr(self, name) >= 0, "at least 0")
        for name in ("dropout", "smoothing"):
            _require(self, name, 0 <= getattr(self, name) < 1, "from 0 to less than 1")
        for name in ("warmup", "validation"):
            _require(self, name, 0 < getattr(self, name) < 1, "between 0 and 1")


def _require(recipe: Recipe, name: str, holds: bool, range: str) -> None:
    if not holds:
        raise FwpError(
            "a number of the recipe is outside its range",
            (name, f"{getattr(recipe, name)}"),
            ("range", range),
            help=f"the default is {next(f.default for f in fields(Recipe) if f.name == name)}",
        )
