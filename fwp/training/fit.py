"""Training a predictor by lightning, so that what comes out depends on data, recipe and seed alone.

An epoch's randomness is drawn from (seed, epoch), the state at the end of each epoch is one file, and a run that is started
again goes on from there: killed or not, it ends with the same bits.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Checkpoint, EarlyStopping, ProgressBar
from torch import Tensor

from fwp.errors import FormatError, FwpError
from fwp.files import sealed_lines, write_bytes
from fwp.models.files import undigested
from fwp.training.examples import Examples, batches
from fwp.training.learner import Learner
from fwp.training.progress import measured, progress
from fwp.training.recipe import Recipe
from fwp.training.state import SafetensorsIO, load_tree
from fwp.training.surroundings import quiet

__all__ = ["Fitted", "fit"]

EVALUATED_AT_ONCE = 1024
"""Validation examples in one batch: no gradient is kept of it."""


@dataclass(frozen=True)
class Fitted:
    """What training has found: the rows of metrics, the chosen epoch (from 1) and its weights, and the seconds it took."""

    metrics: tuple[Mapping[str, float | int | None], ...]
    epoch: int
    weights: Mapping[str, Tensor]
    seconds: float


class Keeper(Checkpoint):
    """Keeps the best weights and all metrics, and puts them with lightning's own state into one file at each epoch's end.

    A checkpoint callback runs after all others, so that their states are those at the end of the epoch.
    """

    def __init__(self, folder: FilePath | None, select: str | None, origin: Mapping[str, str]) -> None:
        self.file = None if folder is None else folder / "state.safetensors"
        self.metrics = None if folder is None else folder / "metrics.jsonl"
        self.select, self.origin = select, dict(origin)
        self.rows: list[dict[str, float | int | None]] = []
        self.best: dict[str, Tensor] = {}
        self.best_epoch, self.done = 0, False
        self.before, self.started = 0.0, time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write one row of metrics, compare, save."""
        assert isinstance(pl_module, Learner)
        epoch = trainer.current_epoch + 1
        evaluated = epoch % pl_module.recipe.evaluate_every == 0
        found = {**measured(trainer), "rate": trainer.optimizers[0].param_groups[0]["lr"]}
        row = {name: value if math.isfinite(value) else None for name, value in sorted(found.items())}
        self.rows.append({"epoch": epoch, **row})
        if evaluated and (not self.best or self.better(epoch, pl_module.recipe)):
            self.best_epoch = epoch
            self.best = {name: value.detach().cpu().clone() for name, value in pl_module.predictor.state_dict().items()}
        self.done = trainer.should_stop or epoch == trainer.max_epochs
        if self.file is not None:
            trainer.save_checkpoint(self.file)
        if trainer.is_global_zero:
            self.write_metrics()

    def better(self, epoch: int, recipe: Recipe) -> bool:
        """Whether an epoch takes the place of the best so far.

        Of equal ones the later does: its learning rate is lower. Where epochs are chosen by accuracy, as published, the first
        stays, as it does there.
        """
        value, best = self.rank(epoch), self.rank(self.best_epoch)
        return value > best or (value == best and recipe.select == "metric")

    def rank(self, epoch: int) -> float:
        """What epochs are compared by."""
        if self.select is None:
            return 0.0
        value = self.rows[epoch - 1][self.select]
        return -math.inf if value is None else value

    def write_metrics(self) -> None:
        """All rows as json lines; the state has them too, so a kill in between loses none."""
        if self.metrics is not None:
            write_bytes(self.metrics, sealed_lines(self.rows))

    def state_dict(self) -> dict[str, Any]:
        """What a run that goes on later has to know."""
        names = ("rows", "best", "best_epoch", "done")
        return {**{name: getattr(self, name) for name in names}, "seconds": self.seconds(), "origin": self.origin}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        for name in ("rows", "best", "best_epoch", "done"):
            setattr(self, name, state_dict[name])
        self.before = state_dict["seconds"]

    def seconds(self) -> float:
        """Seconds of training, those before a kill included."""
        return self.before + time.monotonic() - self.started

    def result(self) -> Fitted:
        """What has been found so far."""
        return Fitted(tuple(self.rows), self.best_epoch, self.best, self.seconds())


def fit(
    learner: Learner,
    valid: Examples | None,
    select: str,
    folder: FilePath | None,
    device: torch.device,
    show: bool = True,
    origin: Mapping[str, str] | None = None,
) -> Fitted:
    """Train, or go on where the state in the folder ends, and say what was best on the validation examples.

    The predictor is left with its last weights.

    Args:
        learner: what is trained.
        valid: examples by which the best epoch is chosen, and training ended; the last epoch is kept where there are none.
        select: the column of metrics.jsonl by which it is chosen: "valid_accuracy", "valid_auc", "valid_r2".
        folder: gets state.safetensors and metrics.jsonl after every epoch; nothing is written where there is none.
        device: where.
        show: whether progress is shown on stderr.
        origin: digests of the model and of the data, by name, which are kept with the state and compared when it is gone on with.

    Raises:
        FormatError: the folder's state is damaged.
        FwpError: the disk refused, or the folder's state is that of another model, or of other data.
        KeyboardInterrupt: a signal to end, SIGTERM too; the folder has what the epochs before have found.
    """
    recipe = learner.recipe
    keeper = Keeper(folder, None if valid is None else select, origin or {})
    resume = keeper.file is not None and keeper.file.exists()
    if resume:
        assert keeper.file is not None
        try:
            state = load_tree(keeper.file)["callbacks"]["Keeper"]
            _require_same_origin(keeper.file, state.get("origin"), keeper.origin)
            keeper.load_state_dict(state)
        except (KeyError, TypeError, AttributeError) as error:
            raise FormatError(
                "the state of a run is not what this version of the library writes",
                ("file", str(keeper.file)),
                ("missing", str(error)),
                help="remove that file to train from the start",
            ) from error
        keeper.write_metrics()
        if keeper.done:
            return keeper.result()
    shown = progress() if show else []
    patience = max(1, recipe.patience // recipe.evaluate_every)
    stopping = EarlyStopping(select, mode="max", patience=patience, check_on_train_epoch_end=False)
    with quiet():
        trainer = pl.Trainer(
            accelerator=device.type,
            devices=[device.index] if device.index is not None and device.type != "cpu" else 1,
            max_epochs=recipe.epochs,
            gradient_clip_val=recipe.clip or None,
            check_val_every_n_epoch=recipe.evaluate_every,
            callbacks=[*shown, *([] if valid is None else [stopping]), keeper],
            enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in shown),
            plugins=[SafetensorsIO()],
            logger=False,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            deterministic="warn",
            default_root_dir=folder,
        )
        held = None if valid is None else batches(valid, EVALUATED_AT_ONCE)
        try:
            trainer.fit(learner, val_dataloaders=held, ckpt_path=keeper.file if resume else None)
        except SystemExit:  # how lightning ends at a signal, with a status as if all had been done
            raise KeyboardInterrupt from None
    return keeper.result()


def _require_same_origin(file: FilePath, then: Mapping[str, str] | None, now: Mapping[str, str]) -> None:
    """Refuse to go on with the state of another model, or of other data."""
    if then is None:
        undigested(file)
        return
    for name in [name for name in now if then.get(name, now[name]) != now[name]]:
        raise FwpError(
            f"the state in the folder is that of a training with another {name}",
            ("file", str(file)),
            ("there", f"SHA-256 {then[name]}"),
            ("now", f"SHA-256 {now[name]}"),
            help="train with what it was begun with, or choose another folder",
        )
