"""What lightning trains: a predictor, its loss and its optimiser; what is random depends on seed, epoch and batch alone."""

from collections.abc import Iterable
from typing import Any, assert_never, cast

import lightning.pytorch as pl
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Parameter
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, DistributedSampler
from torchmetrics import MeanMetric, Metric, R2Score
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, MulticlassAccuracy
from torchmetrics.wrappers import MultioutputWrapper

from fwp.errors import FwpError
from fwp.fields.net import LayerNet, Net
from fwp.models.answer import Answer, Classes, Values
from fwp.models.predictor import Predictor
from fwp.training.examples import Batch, Examples, batches
from fwp.training.loss import Targets, loss_of, weights_of
from fwp.training.metric import likelihood
from fwp.training.recipe import OneCycle, Plateau, Recipe

__all__ = ["Learner", "answers", "penalised", "seed_of"]


def seed_of(seed: int, *purpose: int) -> int:
    """A seed for torch from that of the run and what it is for, such as epoch and batch: others are unrelated to it."""
    return int(np.random.SeedSequence(seed, spawn_key=purpose).generate_state(1, np.uint64)[0] >> np.uint64(1))


def answers(predictor: Predictor, parts: Iterable[Batch]) -> tuple[Float[Tensor, "row output"], Targets]:
    """The outputs of all parts together, and their targets in the same order: a row an example, or one a time point."""
    both = ((predictor(part.inputs, part.ends), part.targets) for part in parts)
    # Parts differ in how many time points they have: then each is a row of its own.
    outputs, targets = zip(
        *((o, t) if o.ndim < 3 else (o.flatten(0, 1), t.flatten(0, 1)) for o, t in both), strict=True
    )
    return torch.cat(outputs), torch.cat(targets)


class Learner(pl.LightningModule):
    """A predictor as lightning trains it: its loss, Adam with decoupled decay, and the recipe's schedule.

    Raises:
        FwpError: the recipe does not have one weight for each class, or weights of classes where there are none.
    """

    class_weights: Tensor | None

    def __init__(self, predictor: Predictor, answer: Answer, train: Examples, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self.predictor, self.train_examples, self.recipe, self.seed = predictor, train, recipe, seed
        self.penalised = penalised(predictor) if recipe.penalty else []
        self.plateau: ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] | None = None
        self.measures = torch.nn.ModuleDict(
            {f"{part}_{name}": own for part in ("train", "valid") for name, own in measures(answer).items()}
        )
        self.register_buffer("class_weights", _class_weights(answer, train, recipe), persistent=False)

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches in an order that lightning asks the sampler for by the number of the epoch."""
        order = DistributedSampler(
            self.train_examples, self.trainer.world_size, self.trainer.global_rank, seed=seed_of(self.seed, 0)
        )
        batch = min(self.recipe.batch, len(self.train_examples))  # a last batch that is dropped is never the only one
        return batches(self.train_examples, batch, order, self.recipe.drop_last)

    def on_train_batch_start(self, batch: list[Batch], batch_idx: int) -> None:
        """Everything random in this step (dropout; the order has a sampler) comes from here.

        Not once an epoch: a loader draws from torch's generator when it begins, which is earlier in a run that goes on.
        """
        torch.manual_seed(seed_of(self.seed, 1, self.current_epoch, batch_idx, self.global_rank))

    def transfer_batch_to_device(self, batch: list[Batch], device: torch.device, dataloader_idx: int) -> list[Batch]:
        """Each part by itself."""
        return [part.to(device) for part in batch]

    def training_step(self, batch: list[Batch], index: int) -> Tensor:
        """The loss of one batch."""
        outputs, targets = answers(self.predictor, batch)
        self._measure("train", outputs.detach(), targets)
        loss = loss_of(outputs, targets, self.recipe.smoothing, self.class_weights)
        if self.recipe.penalty:
            norms = torch.stack([torch.linalg.vector_norm(parameter) for parameter in self.penalised])
            loss = loss + self.recipe.penalty * norms.sum()
        return loss

    def on_after_backward(self) -> None:
        """The last map's gradient, as the recipe scales it: here, since a hook would stay with the predictor."""
        if self.recipe.head_gradient != 1:
            for parameter in self.predictor.output.parameters():
                if parameter.grad is not None:
                    parameter.grad.mul_(self.recipe.head_gradient)

    def validation_step(self, batch: list[Batch], index: int) -> None:
        """Measure one batch that is held back."""
        self._measure("valid", *answers(self.predictor, batch))

    def _measure(self, part: str, outputs: Tensor, targets: Targets) -> None:
        numbers = targets.is_floating_point()
        weight = int((~targets.isnan()).sum()) if numbers else len(targets)
        scores = likelihood(outputs) if outputs.shape[-1] == 1 and not numbers else outputs
        for name, measure in self.measures.items():
            if not name.startswith(part):
                continue
            if isinstance(measure, MeanMetric):
                measure.update(loss_of(outputs, targets, weights=self.class_weights), weight=weight)
            else:
                cast(Metric, measure).update(scores, targets)
            self.log(name, cast(Metric, measure), on_step=False, on_epoch=True, batch_size=weight)

    def configure_optimizers(self) -> Any:
        """Adam with decoupled decay of matrices, the last map with a rate of its own, and the recipe's schedule."""
        recipe, predictor = self.recipe, self.predictor
        groups: dict[tuple[float, float], list[Parameter]] = {}
        for name, parameter in predictor.named_parameters():
            rate = recipe.learning_rate * (recipe.head_rate if name.startswith("output.") else 1.0)
            # Gains and biases say where a unit works: drawn to 0 they switch it off instead of simplifying it. Biases over
            # heads have two axes, and the results in `results/` are with theirs drawn to 0.
            groups.setdefault((rate, recipe.weight_decay if parameter.ndim > 1 else 0.0), []).append(parameter)
        rates = [rate for rate, _ in groups]
        optimiser = torch.optim.AdamW(
            [{"params": own, "lr": rate, "weight_decay": decay} for (rate, decay), own in groups.items()]
        )
        match recipe.schedule:
            case OneCycle(warmup):
                steps = max(3, int(self.trainer.estimated_stepping_batches))
                rise = max(warmup, 2 / steps)  # torch divides by zero where the rise, or the fall, takes no step at all
                cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=steps, pct_start=rise)
                return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
            case Plateau(_, stall, threshold):
                self.plateau = ReduceLROnPlateau(
                    optimiser, factor=0.1, patience=stall, threshold=threshold, min_lr=1e-7
                )
                if self._plateau_state is not None:
                    self.plateau.load_state_dict(self._plateau_state)
                return optimiser
            case _:
                assert_never(recipe.schedule)

    def on_train_epoch_end(self) -> None:
        """Look whether a loss has stopped falling: here, since lightning would do so after the epoch's state is saved."""
        schedule, epoch = self.recipe.schedule, self.current_epoch + 1
        if isinstance(schedule, Plateau) and self.plateau is not None and epoch % self.recipe.evaluate_every == 0:
            self.plateau.step(self.trainer.callback_metrics[schedule.watch].item())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """With the plateau, of which lightning does not know."""
        if self.plateau is not None:
            state = self.plateau.state_dict()
            checkpoint["plateau"] = {name: state[name] for name in ("best", "num_bad_epochs", "last_epoch", "_last_lr")}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Kept until the optimiser is made."""
        self._plateau_state = checkpoint.get("plateau")


def penalised(predictor: Predictor) -> list[Parameter]:
    """All parameters but those through which static features enter, which the published code leaves out."""
    net = predictor.net
    layers = [layer for layer in net.layers if isinstance(layer, LayerNet)] if isinstance(net, Net) else []
    left_out = {id(parameter) for layer in layers for parameter in layer.slow.parameters_from("static")}
    return [parameter for parameter in predictor.parameters() if id(parameter) not in left_out]


class Explained(MultioutputWrapper):
    """A measure of each quantity by itself, of what is known of it; and their mean."""

    def compute(self) -> Tensor:
        """The mean over the quantities."""
        return super().compute().mean()


def measures(answer: Answer) -> dict[str, Metric]:
    """What is measured of each epoch."""
    match answer:
        case Classes(one_logit=True):
            return {"loss": MeanMetric(), "auc": BinaryAUROC(), "accuracy": BinaryAccuracy()}
        case Classes(names):
            return {"loss": MeanMetric(), "accuracy": MulticlassAccuracy(len(names), average="micro")}
        case Values(names):
            return {"loss": MeanMetric(), "r2": Explained(R2Score(), len(names))}
        case _:
            assert_never(answer)


def _class_weights(answer: Answer, train: Examples, recipe: Recipe) -> Tensor | None:
    if isinstance(answer, Classes):
        return weights_of(recipe.class_weights, train.targets, answer.names)
    if recipe.class_weights != "equal":
        raise FwpError(
            "numbers have no classes that could be weighted",
            ("class_weights", str(recipe.class_weights)),
            ("quantities", ", ".join(answer.names)),
            help='leave `class_weights` at "equal"',
        )
    return None
