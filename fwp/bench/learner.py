"""What lightning trains: a classifier, its loss and its optimiser; what is random depends on seed, epoch and batch alone."""

from collections.abc import Iterable
from typing import Any, assert_never, cast

import lightning.pytorch as pl
import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, DistributedSampler
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, MulticlassAccuracy

from fwp.bench.examples import Batch, Examples, batches
from fwp.bench.metric import likelihood
from fwp.bench.recipe import OneCycle, Plateau, Recipe
from fwp.models.classifier import Classifier

__all__ = ["Learner", "answers", "loss_of", "seed_of"]


def seed_of(seed: int, *purpose: int) -> int:
    """A seed for torch from that of the run and what it is for, such as epoch and batch: others are unrelated to it."""
    return int(np.random.SeedSequence(seed, spawn_key=purpose).generate_state(1, np.uint64)[0] >> np.uint64(1))


def loss_of(
    logits: Float[Tensor, "example logit"],
    labels: Int64[Tensor, "example"],
    smoothing: float = 0.0,
    positive_weight: float = 1.0,
) -> Float[Tensor, ""]:
    """Mean cross entropy in nats, of one logit for two classes (positives weighted) or of one logit for each class."""
    if logits.shape[-1] == 1:
        targets = labels.to(logits.dtype) * (1 - smoothing) + smoothing / 2
        return binary_cross_entropy_with_logits(logits[:, 0], targets, pos_weight=logits.new_tensor(positive_weight))
    return cross_entropy(logits, labels, label_smoothing=smoothing)


def answers(
    classifier: Classifier, parts: Iterable[Batch]
) -> tuple[Float[Tensor, "example logit"], Int64[Tensor, "example"]]:
    """The logits of all parts together, and their labels in the same order."""
    logits, labels = zip(*((classifier(part.inputs, part.ends), part.labels) for part in parts), strict=True)
    return torch.cat(logits), torch.cat(labels)


class Learner(pl.LightningModule):
    """A classifier as lightning trains it: cross entropy, Adam with decoupled decay, and the recipe's schedule."""

    def __init__(self, classifier: Classifier, train: Examples, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self.classifier, self.train_examples, self.recipe, self.seed = classifier, train, recipe, seed
        for parameter in classifier.classify.parameters():
            if recipe.head_gradient != 1:
                parameter.register_hook(lambda gradient: gradient * recipe.head_gradient)
        self.plateau: ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] | None = None
        self.measures = torch.nn.ModuleDict(
            {f"{part}_{name}": own for part in ("train", "valid") for name, own in measures(classifier).items()}
        )

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches in an order that lightning asks the sampler for by the number of the epoch."""
        order = DistributedSampler(
            self.train_examples, self.trainer.world_size, self.trainer.global_rank, seed=seed_of(self.seed, 0)
        )
        return batches(self.train_examples, self.recipe.batch, order, self.recipe.drop_last)

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
        logits, labels = answers(self.classifier, batch)
        self._measure("train", logits.detach(), labels)
        loss = loss_of(logits, labels, self.recipe.smoothing, self.recipe.positive_weight)
        if self.recipe.penalty:
            norms = torch.stack([torch.linalg.vector_norm(parameter) for parameter in self.classifier.parameters()])
            loss = loss + self.recipe.penalty * norms.sum()
        return loss

    def validation_step(self, batch: list[Batch], index: int) -> None:
        """Measure one batch that is held back."""
        self._measure("valid", *answers(self.classifier, batch))

    def _measure(self, part: str, logits: Tensor, labels: Tensor) -> None:
        scores = likelihood(logits) if logits.shape[-1] == 1 else logits
        for name, measure in self.measures.items():
            if not name.startswith(part):
                continue
            if isinstance(measure, MeanMetric):
                measure.update(loss_of(logits, labels, positive_weight=self.recipe.positive_weight), weight=len(labels))
            else:
                cast(Metric, measure).update(scores, labels)
            self.log(name, cast(Metric, measure), on_step=False, on_epoch=True, batch_size=len(labels))

    def configure_optimizers(self) -> Any:
        """Adam with decoupled decay of matrices, the last map with a rate of its own, and the recipe's schedule."""
        recipe, classifier = self.recipe, self.classifier
        groups: dict[tuple[float, float], list[Parameter]] = {}
        for name, parameter in classifier.named_parameters():
            rate = recipe.learning_rate * (recipe.head_rate if name.startswith("classify.") else 1.0)
            # Gains and biases say where a unit works: drawn to 0 they switch it off instead of simplifying it.
            groups.setdefault((rate, recipe.weight_decay if parameter.ndim > 1 else 0.0), []).append(parameter)
        rates = [rate for rate, _ in groups]
        optimiser = torch.optim.AdamW(
            [{"params": own, "lr": rate, "weight_decay": decay} for (rate, decay), own in groups.items()]
        )
        match recipe.schedule:
            case OneCycle(warmup):
                steps = max(2, int(self.trainer.estimated_stepping_batches))
                rise = min(1.0, max(warmup, 2 / steps))  # torch divides by zero where the rise takes a single step
                cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=steps, pct_start=rise)
                return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
            case Plateau(_, stall):
                self.plateau = ReduceLROnPlateau(optimiser, factor=0.1, patience=stall, min_lr=1e-7)
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


def measures(classifier: Classifier) -> dict[str, Metric]:
    """What is measured of each epoch."""
    if classifier.head.one_logit:
        return {"loss": MeanMetric(), "auc": BinaryAUROC(), "accuracy": BinaryAccuracy()}
    return {"loss": MeanMetric(), "accuracy": MulticlassAccuracy(classifier.head.classes, average="micro")}
