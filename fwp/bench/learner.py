"""What lightning trains: a classifier, its loss and its optimiser; what is random depends on seed, epoch and batch alone."""

from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, DistributedSampler
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy

from fwp.bench.recipe import Recipe
from fwp.controls import Path
from fwp.models.classifier import Classifier

__all__ = ["Examples", "Learner", "batches", "seed_of"]


class Examples(Dataset[tuple[Path, Tensor]]):
    """Paths and what they are: a batch is one indexing, since the paths are fitted before training."""

    def __init__(self, path: Path, labels: Int64[Tensor, "example"]) -> None:
        self.path, self.labels = path, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Path, Tensor]:
        """One example, as a batch of one."""
        return self.__getitems__([index])

    def __getitems__(self, rows: list[int]) -> tuple[Path, Tensor]:
        """A batch: what torch's loader asks for."""
        index = torch.tensor(rows)
        return self.path[index], self.labels[index]


def batches(examples: Examples, size: int, order: DistributedSampler[Any] | None = None) -> DataLoader[Any]:
    """All examples, in batches: as they stand, or in an order."""
    return DataLoader(examples, size, sampler=order, collate_fn=_whole)


def _whole(batch: Any) -> tuple[Path, Tensor]:
    """`Examples` gives batches already."""
    return batch


def seed_of(seed: int, *purpose: int) -> int:
    """A seed for torch from that of the run and what it is for, such as epoch and batch: others are unrelated to it."""
    return int(np.random.SeedSequence(seed, spawn_key=purpose).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Learner(pl.LightningModule):
    """A classifier as lightning trains it: cross entropy, AdamW, one cycle of the learning rate."""

    def __init__(self, classifier: Classifier, train: Examples, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self.classifier, self.train_examples, self.recipe, self.seed = classifier, train, recipe, seed
        self.train_loss, self.valid_loss = MeanMetric(), MeanMetric()
        self.train_accuracy, self.valid_accuracy = (
            MulticlassAccuracy(classifier.head.classes, average="micro") for _ in range(2)
        )

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches in an order that lightning asks the sampler for by the number of the epoch."""
        order = DistributedSampler(
            self.train_examples, self.trainer.world_size, self.trainer.global_rank, seed=seed_of(self.seed, 0)
        )
        return batches(self.train_examples, self.recipe.batch, order)

    def on_train_batch_start(self, batch: tuple[Path, Tensor], batch_idx: int) -> None:
        """Everything random in this step (dropout; the order has a sampler) comes from here.

        Not once an epoch: a loader draws from torch's generator when it begins, which is earlier in a run that goes on.
        """
        torch.manual_seed(seed_of(self.seed, 1, self.current_epoch, batch_idx, self.global_rank))

    def training_step(self, batch: tuple[Path, Tensor], index: int) -> Tensor:
        """The loss of one batch."""
        path, labels = batch
        logits = self.classifier(path)
        self._measure("train", self.train_loss, self.train_accuracy, logits.detach(), labels)
        return cross_entropy(logits, labels, label_smoothing=self.recipe.smoothing)

    def validation_step(self, batch: tuple[Path, Tensor], index: int) -> None:
        """Measure one batch that is held back."""
        path, labels = batch
        self._measure("valid", self.valid_loss, self.valid_accuracy, self.classifier(path), labels)

    def _measure(self, part: str, loss: Metric, accuracy: Metric, logits: Tensor, labels: Tensor) -> None:
        loss.update(cross_entropy(logits, labels, reduction="none"))
        accuracy.update(logits, labels)
        for name, measure in (("loss", loss), ("accuracy", accuracy)):
            self.log(f"{part}_{name}", measure, on_step=False, on_epoch=True, batch_size=len(labels))

    def configure_optimizers(self) -> Any:
        """AdamW, its learning rate on one cycle over the whole training."""
        recipe = self.recipe
        optimiser = torch.optim.AdamW(self.classifier.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
        steps = int(self.trainer.estimated_stepping_batches)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps, pct_start=recipe.warmup)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
