"""How far a training run is, on stderr: a line an epoch, and on a terminal a moving bar inside each."""

import sys

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, RichProgressBar

__all__ = ["progress"]


def progress() -> list[Callback]:
    """The callbacks that show it."""
    bar = RichProgressBar(console_kwargs={"stderr": True})
    return [Lines(), bar] if sys.stderr.isatty() else [Lines()]


class Lines(Callback):
    """One line an epoch."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the epoch's number and how it went."""
        if trainer.is_global_zero:
            epoch, every = trainer.current_epoch + 1, trainer.check_val_every_n_epoch or 1
            found = {name: value.item() for name, value in trainer.callback_metrics.items()}
            names = sorted(found, reverse=True)
            # Lightning keeps the last measurement until the next.
            parts = ["train", *(["valid"] if epoch % every == 0 and any(n.startswith("valid") for n in names) else [])]
            said = [
                " ".join([part, *(f"{n.removeprefix(part)[1:]} {found[n]:.3f}" for n in names if n.startswith(part))])
                for part in parts
            ]
            print(f"epoch {epoch}/{trainer.max_epochs}   {'   '.join(said)}", file=sys.stderr, flush=True)
