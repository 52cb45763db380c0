"""How far a training run is, on stderr: a line an epoch, and on a terminal a moving bar inside each."""

import sys

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, RichProgressBar

__all__ = ["measured", "progress"]


def progress() -> list[Callback]:
    """The callbacks that show it."""
    bar = RichProgressBar(console_kwargs={"stderr": True})
    return [Lines(), bar] if sys.stderr.isatty() else [Lines()]


class Lines(Callback):
    """One line an epoch."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the epoch's number and how it went."""
        if trainer.is_global_zero:
            found = measured(trainer)
            names = sorted(found, reverse=True)
            parts = [
                " ".join([part, *(f"{n.removeprefix(part)[1:]} {found[n]:.3f}" for n in names if n.startswith(part))])
                for part in ("train", "valid")
                if any(n.startswith(part) for n in names)
            ]
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            print("   ".join([epoch, *parts]), file=sys.stderr, flush=True)


def measured(trainer: pl.Trainer) -> dict[str, float]:
    """What was measured of the epoch that ends: lightning keeps what validation found until it is done again."""
    evaluated = (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0
    found = {name: value.item() for name, value in trainer.callback_metrics.items()}
    return {name: value for name, value in found.items() if evaluated or not name.startswith("valid_")}
