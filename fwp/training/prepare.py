"""From series and what is right of them to an untrained predictor and its examples: scales, clocks, initial weights."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, overload

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.controls import Control, LogSignature
from fwp.data import Labelled, Normaliser, Series, Valued
from fwp.data.resolution import CONSTANT
from fwp.errors import FwpError
from fwp.fields import Model, Net, spread_rates
from fwp.models import Classes, Head, Predictor, Recurrent, Solver, Trained, Values
from fwp.models.answer import Answer
from fwp.models.recurrent import HIDDEN
from fwp.models.stream import stride_of
from fwp.training.examples import Examples
from fwp.training.learner import seed_of
from fwp.training.loss import Targets
from fwp.training.metric import Metric
from fwp.training.recipe import Recipe

__all__ = ["Data", "begun", "mean_step", "paced", "prepare", "scale", "scaled", "words_of"]

Data = Labelled | Valued


@overload
def begun(
    model: Model | Recurrent,
    data: Labelled,
    recipe: Recipe,
    metric: Metric,
    seed: int = 0,
    sizes: Mapping[str, int] = {},
) -> Trained[Classes]: ...


@overload
def begun(
    model: Model | Recurrent,
    data: Valued,
    recipe: Recipe,
    metric: Metric,
    seed: int = 0,
    sizes: Mapping[str, int] = {},
) -> Trained[Values]: ...


def begun(
    model: Model | Recurrent,
    data: Data,
    recipe: Recipe,
    metric: Metric,
    seed: int = 0,
    sizes: Mapping[str, int] = {},
) -> Trained[Any]:
    """A predictor with initial weights that depend on the seed alone, and the scale of the training series.

    Args:
        model: complete but for sizes.
        data: training series: their scale is learnt, and what the answers are.
        recipe: says width, heads, clock and head.
        metric: with that of classes that share a logit, an area, there is one for two of them.
        seed: 0 or more.
        sizes: of axes that neither width nor heads determine.

    Raises:
        FwpError: a metric of classes where there are numbers, or the other way round; a quantity of which nothing is known.
        SizeError: a size is missing, or is none of the model's.
    """
    series, normaliser, answer = data.series, scale(data.series, recipe), _answer(data, metric)
    every = isinstance(data, Valued) and data.every
    head = Head(answer.outputs, recipe.hidden, recipe.dropout, every=every)
    features = 0 if series.static is None else series.static.shape[1]
    with torch.random.fork_rng([]):
        torch.manual_seed(seed_of(seed))
        if isinstance(model, Recurrent):
            encoder = model.build(series.channels, recipe.width, features)
        else:
            model = replace(model, control=paced(model.control, recipe.pace, mean_step(series) / normaliser.span))
            if recipe.increments == "scaled":
                model = replace(model, control=scaled(model.control, normaliser.apply(series)))
            given: dict[str, Any] = {"width": recipe.width, "heads": recipe.heads, **sizes}
            if "feature" in model.axes:
                given = {"feature": features, "feature_hidden": HIDDEN, **given}
            encoder = model.build(series.channels, **given)
            if recipe.memory:
                spread_rates(encoder, recipe.memory * recipe.pace)
        predictor = Predictor(encoder, head, Solver(recipe.method, recipe.steps, recipe.gradient))
    return Trained(predictor, normaliser, answer, recipe.query)


def _answer(data: Data, metric: Metric) -> Answer:
    """What the outputs will mean; numbers in the scale of the training examples."""
    if metric.of_classes != isinstance(data, Labelled):
        raise FwpError(
            "the metric does not measure what is to be found",
            ("metric", metric.value),
            ("found are", "classes" if isinstance(data, Labelled) else "numbers"),
            help="Metric.ACCURACY or Metric.AUC for classes, Metric.R2 for numbers",
        )
    if isinstance(data, Labelled):
        if len(data.classes) < 2:
            only = ", ".join(data.classes) or "none"
            raise FwpError(
                "there is nothing to tell apart", ("classes", only), help="give series of two classes at least"
            )
        return Classes(data.classes, metric.one_logit)
    columns = _own(data).flatten(0, -2).double().unbind(1)
    known = [column[~column.isnan()] for column in columns]
    for name, own in zip(data.names, known, strict=True):
        if len(own) < 2:
            raise FwpError(
                "there is too little to learn from",
                (f"known numbers of {name!r}", str(len(own))),
                help="two at least, in the training examples",
            )
    deviations = [float(own.std(correction=0)) for own in known]
    means = [float(own.mean()) for own in known]
    stds = [std if std > CONSTANT * abs(mean) else 1.0 for mean, std in zip(means, deviations, strict=True)]
    return Values(data.names, tuple(means), tuple(stds))


def _own(data: Valued) -> Float[Tensor, "batch *time value"]:
    """The numbers, not known after each series' end."""
    if not data.every:
        return data.values
    after = torch.arange(data.values.shape[1], device=data.values.device) >= data.series.lengths[:, None]
    return data.values.masked_fill(after[..., None], torch.nan)


def scale(series: Series, recipe: Recipe) -> Normaliser:
    """That of the training series, or none; their times run from -1 to 1, from 0 to 1, or as in the data."""
    found = Normaliser.fit(series)
    if not recipe.standardise:
        channels, features = len(found.mean), len(found.static_mean)
        found = replace(found, mean=(0.0,) * channels, std=(1.0,) * channels)
        found = replace(found, static_mean=(0.0,) * features, static_std=(1.0,) * features)
    match recipe.time:
        case "scaled":
            return replace(found, origin=found.origin + found.span / 2, span=found.span / 2)
        case "unit":
            return found
        case "raw":
            return replace(found, origin=0.0, span=1.0)


def paced(control: Control, pace: float, step: float) -> Control:
    """The control on a clock on which the mean step between observations, or a window of a log-signature, lasts `pace`.

    A pace of the control's own multiplies it.
    """
    unit = 1.0 if isinstance(control.kind, LogSignature) else step
    return replace(control, pace=control.pace * pace / unit)


def scaled(control: Control, series: Series) -> Control:
    """The control with each word of its log-signatures divided by its root mean square over the windows of these series.

    Raises:
        FwpError: its paths are no log-signatures.
    """
    kind = words_of(control)
    path = replace(control, kind=replace(kind, scale=()))(series)
    own = path.pieces[0][path.steps > 0].double()  # without windows after the end
    means = own.square().mean(0).sqrt()
    return replace(control, kind=replace(kind, scale=tuple(torch.where(means > 0, means, 1.0).tolist())))


def words_of(control: Control) -> LogSignature:
    """The log-signature whose words are to be scaled. Raises: FwpError: the control's paths are none."""
    if isinstance(control.kind, LogSignature):
        return control.kind
    raise FwpError(
        "only the words of a log-signature are scaled",
        ("increments", "scaled"),
        ("control", repr(control)),
        help='leave `increments` at "raw", or take log_signature(…)',
    )


def mean_step(series: Series) -> float:
    """The mean time from one observation to the next; 1 if no series has two."""
    times, lengths = series.times, series.lengths
    steps = int((lengths - 1).sum())
    return float((times[:, -1] - times[:, 0]).sum()) / steps if steps else 1.0


def prepare(trained: Trained, part: Data) -> Examples:
    """Normalised, and with the control fitted: once, before training."""
    numbers = next(trained.predictor.parameters()).dtype
    series, ends = trained.queried(trained.normaliser.apply(part.series).to(dtype=numbers))
    net = trained.predictor.net
    right = _targets(trained.answer, part)
    if not isinstance(net, Net):
        return Examples(series, right, ends)
    return Examples(net.model.control(series), right, ends, stride_of(net.model.control))


def _targets(answer: Answer, part: Data) -> Targets:
    if isinstance(part, Labelled):
        return part.labels
    assert isinstance(answer, Values)
    return answer.scaled(_own(part))
