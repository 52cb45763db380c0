"""A predictor is trained on series and what is right of them, and measured on others."""

from pathlib import Path as Folder

import torch

from fwp.controls import Path
from fwp.data.digest import fingerprint
from fwp.errors import FwpError
from fwp.fields import Net
from fwp.kinds import explained
from fwp.models import Classes, Trained, Values, evaluating
from fwp.models.answer import Answer
from fwp.models.checkpoint import model_digest
from fwp.solvers import prepare as compile_ahead
from fwp.training.examples import Examples, batches
from fwp.training.fit import EVALUATED_AT_ONCE, Fitted, fit
from fwp.training.learner import Learner, answers
from fwp.training.loss import loss_of, weights_of
from fwp.training.metric import Metric, measured
from fwp.training.prepare import Data, prepare
from fwp.training.recipe import Plateau, Recipe
from fwp.training.surroundings import reproducible

__all__ = ["measure", "train"]

CPU = torch.device("cpu")


@explained
def train(
    trained: Trained,
    data: Data,
    valid: Data | None,
    recipe: Recipe,
    metric: Metric,
    seed: int = 0,
    folder: Folder | None = None,
    device: torch.device = CPU,
    show: bool = True,
) -> Fitted:
    """Train a predictor, which ends on the CPU with the weights of the epoch that was best on the validation examples.

    Args:
        trained: what `begun` gives for the same data, recipe and metric.
        data: training examples.
        valid: examples by which the epoch is chosen; without them it is the last.
        recipe: how.
        metric: by which the epoch is chosen, unless the recipe selects by accuracy.
        seed: decides order and dropout.
        folder: gets the state after every epoch, from which a killed training goes on. Nothing is written where there is none.
        device: where the predictor is trained.
        show: whether progress is shown on stderr.

    Raises:
        FwpError: the disk refused; the folder has the state of another model or of other data; the recipe's weights of classes,
            schedule or choice of the epoch do not fit the data.
        FormatError: the folder's state is damaged.
    """
    if recipe.select == "accuracy" and not metric.of_classes:
        raise FwpError(
            "numbers have no accuracy by which an epoch could be chosen",
            ("select", recipe.select),
            ("metric", metric.value),
            help='leave `select` at "metric"',
        )
    if valid is None and isinstance(recipe.schedule, Plateau) and recipe.schedule.watch == "valid_loss":
        raise FwpError(
            "there are no validation examples whose loss the schedule could watch",
            ("schedule", repr(recipe.schedule)),
            help='let it watch="train_loss"',
        )
    predictor, examples = trained.predictor, prepare(trained, data)
    held = None if valid is None else prepare(trained, valid)
    if held is not None:
        _refuse_unknown(held, trained.answer)
    net, path = predictor.net, examples.inputs[:1]
    if device.type == "cpu" and isinstance(net, Net) and isinstance(path, Path) and not predictor.head.every:
        compile_ahead(net @ path, recipe.method)  # a run takes far more steps than its kernel takes to compile
    learner = Learner(predictor, trained.answer, examples, recipe, seed)
    select = f"valid_{metric.value if recipe.select == 'metric' else recipe.select}"
    with reproducible(recipe.threads):
        fitted = fit(
            learner, held, select, folder, device, show, {} if folder is None else _origin(trained, data, valid)
        )
    predictor.cpu().load_state_dict(fitted.weights)
    return fitted


def _origin(trained: Trained, data: Data, valid: Data | None) -> dict[str, str]:
    """What the state of a training belongs to, as digests."""
    model = model_digest(trained)
    parts = {"training data": data} if valid is None else {"training data": data, "validation data": valid}
    own = {name: fingerprint(part) for name, part in parts.items()}
    return own if model is None else {"model": model, **own}


def _refuse_unknown(valid: Examples, answer: Answer) -> None:
    """An explained share of a variance asks for two numbers of each quantity; of the training examples `begun` asked it."""
    if isinstance(answer, Classes):
        return
    counts = (~valid.targets.isnan()).flatten(0, -2).sum(0).tolist()
    for name, count in zip(answer.names, counts, strict=True):
        if count < 2:
            raise FwpError(
                f"the validation examples hold fewer than two known numbers of {name!r}",
                ("known", str(count)),
                ("examples", str(len(valid))),
                help="give more examples, or other ones",
            )


@explained
@torch.no_grad()
def measure(trained: Trained, part: Data, recipe: Recipe, metric: Metric) -> dict[str, float | int]:
    """The metric, what goes with it, and the loss on all examples, where the predictor is; numbers in their own units."""
    predictor, answer, examples = trained.predictor, trained.answer, prepare(trained, part)
    device = next(predictor.parameters()).device
    with evaluating(predictor):
        own = (cut.to(device) for batch in batches(examples, EVALUATED_AT_ONCE) for cut in batch)
        outputs, targets = answers(predictor, own)
    weights = None if isinstance(answer, Values) else weights_of(recipe.class_weights, examples.targets, answer.names)
    loss = loss_of(outputs, targets, weights=None if weights is None else weights.to(device)).item()
    if isinstance(answer, Values):
        outputs, targets = answer.read(outputs).values, answer.read(targets).values
    return {"examples": len(examples), **measured(metric, outputs, targets), "loss": loss}
