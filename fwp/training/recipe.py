"""How a model is trained on a task: every number of a run that is neither the model's nor the data's."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from fwp.errors import FwpError
from fwp.solvers.choices import choices_of
from fwp.training.kinds import require_kinds

__all__ = ["OneCycle", "Plateau", "Recipe"]


@dataclass(frozen=True)
class OneCycle:
    """The learning rate rises and then falls to nothing over the whole training (Smith & Topin, 2019)."""

    warmup: float = 0.25
    """Share of the training over which the learning rate rises."""

    def __post_init__(self) -> None:
        require_kinds(self, "schedule")


@dataclass(frozen=True)
class Plateau:
    """The learning rate falls to a tenth whenever a loss has stopped falling."""

    watch: Literal["train_loss", "valid_loss"] = "train_loss"
    """The loss that is watched."""
    stall: int = 2
    """Evaluations without a lower loss, after which the learning rate falls."""
    threshold: float = 1e-4
    """Share of the loss by which it must be lower to count."""

    def __post_init__(self) -> None:
        require_kinds(self, "schedule")


@dataclass(frozen=True)
class Recipe:
    """Sizes of the net, its solver, and how it learns.

    The defaults are those of JapaneseVowels, found by cross-validation among its training utterances alone.

    Raises:
        FwpError: a value of another kind, a number outside its range, or two that do not go together; no method of this name.
    """

    name: str = "corrected"
    """What results call it: "corrected", "published", or a name for a recipe of one's own."""
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
    memory: float = 0.0
    """The longest memory at the start, in steps: heads' rates are spread from 1 to 1/memory. 0 leaves all near 1/2."""
    time: Literal["scaled", "unit", "raw"] = "scaled"
    """The time as the nets see it: from -1 to 1 over the longest series, from 0 to 1, or as in the data."""
    increments: Literal["raw", "scaled"] = "raw"
    """The words of a log-signature: as they are, or each divided by its root mean square over the training series."""
    standardise: bool = True
    """Whether channels and static features get mean 0 and deviation 1 over the training examples, or stay as in the data."""
    query: Literal["own", "batch"] = "own"
    """When each query is made: at its own series' end, or (published) where the longest of the part of the data ends."""
    method: str = "auto"
    """How the equation is solved: "auto" is the plan's choice, see `fwp explain`."""
    steps: int = 1
    """Solver steps from one knot of the control to the next."""
    gradient: Literal["exact", "adjoint"] = "exact"
    """That of the steps taken, or (published) the solution of the continuous adjoint equation."""
    epochs: int = 40
    """Passes through the training examples, at most."""
    evaluate_every: int = 1
    """Epochs from one evaluation on the validation examples to the next."""
    patience: int = 40
    """Epochs without a better evaluation after which training ends."""
    select: Literal["metric", "accuracy"] = "metric"
    """What the best epoch is best by: the task's own metric, or (published) accuracy."""
    batch: int = 54
    """Examples in one step of the optimiser."""
    drop_last: bool = False
    """Whether (published) training examples that fill no whole batch sit the epoch out."""
    learning_rate: float = 3e-3
    """Highest learning rate of Adam."""
    schedule: OneCycle | Plateau = OneCycle()
    """How the learning rate changes."""
    weight_decay: float = 0.1
    """Weight decay, decoupled from the gradient, of tensors with two axes or more: gains and most biases have none."""
    clip: float = 1.0
    """Largest norm of the gradient of one step; 0 lets it be."""
    smoothing: float = 0.1
    """Share of each target that is spread over all classes."""
    class_weights: Literal["equal", "balanced"] | tuple[float, ...] = "equal"
    """Of the examples of each class: the same for all, such that all classes weigh the same, or as given, in their order."""
    penalty: float = 0.0
    """Weight (published: 0.03) of the sum of all parameters' norms in the loss, those of maps of static features left out."""
    head_rate: float = 1.0
    """Multiple of the learning rate for the map to the logits."""
    head_gradient: float = 1.0
    """Multiple (published: 100) of the gradient of the map to the logits."""
    threads: int = 1
    """Threads of torch on a CPU; one is fastest for small models, and sums, hence last bits, depend on it."""

    def __post_init__(self) -> None:
        require_kinds(self, "recipe")
        for name in ("width", "heads", "steps", "epochs", "evaluate_every", "patience", "batch", "threads"):
            _require(self, name, getattr(self, name) >= 1, "at least 1")
        for name in ("learning_rate", "pace", "head_rate", "head_gradient"):
            _require(self, name, getattr(self, name) > 0, "more than 0")
        for name in ("hidden", "weight_decay", "clip", "penalty"):
            _require(self, name, getattr(self, name) >= 0, "at least 0")
        for name in ("dropout", "smoothing"):
            _require(self, name, 0 <= getattr(self, name) < 1, "from 0 to less than 1")
        weights = self.class_weights
        _require(self, "class_weights", isinstance(weights, str) or min(weights, default=0) > 0, "more than 0")
        _require(self, "memory", self.memory == 0 or self.memory > 1, "0, or more than 1")
        if isinstance(self.schedule, OneCycle):
            _require(self.schedule, "warmup", 0 < self.schedule.warmup < 1, "between 0 and 1")
        else:
            _require(self.schedule, "stall", self.schedule.stall >= 1, "at least 1")
            _require(self.schedule, "threshold", 0 <= self.schedule.threshold < 1, "from 0 to less than 1")
        choices_of(self.method, self.steps, gradient=self.gradient)
        if self.epochs % self.evaluate_every:
            raise FwpError(
                "training would not end with an evaluation",
                ("epochs", str(self.epochs)),
                ("evaluate_every", str(self.evaluate_every)),
                help="let `evaluate_every` divide `epochs`",
            )

    def to_json(self) -> dict[str, Any]:
        """As kept with a run and its results."""
        return {**asdict(self), "schedule": {"kind": type(self.schedule).__name__, **asdict(self.schedule)}}


def _require(owner: Recipe | OneCycle | Plateau, name: str, holds: bool, range: str) -> None:
    if not holds:
        default = next(f.default for f in fields(owner) if f.name == name)
        raise FwpError(
            "a number of the recipe is outside its range",
            (name, f"{getattr(owner, name)}"),
            ("range", range),
            help=f"Recipe() has {default}",
        )
