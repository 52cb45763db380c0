"""Numbers are learnt at the end of a series and at every time point, and what is not known is not learnt from."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from sklearn.metrics import r2_score

from fwp.controls import by_name, hermite, linear
from fwp.data import Labelled, Series, Valued, series
from fwp.errors import DataError, FwpError
from fwp.fields import wiring
from fwp.models import Estimate, Recurrent
from fwp.rules import delta, hebb
from fwp.training import Metric, Plateau, Recipe, begun, measure, train
from fwp.training.examples import batches
from fwp.training.learner import answers
from fwp.training.loss import loss_of, weights_of
from fwp.training.prepare import _own, prepare

RECIPE = Recipe(width=16, heads=4, hidden=32, dropout=0.0, epochs=10, batch=8, learning_rate=3e-2, clip=0.0)
MODEL = delta @ wiring("keys-from-increments") @ linear


def drawn(batch: int, seed: int = 0) -> Series:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(batch, 12, 2, generator=generator).cumsum(1)
    return series(values, lengths=torch.randint(4, 13, (batch,), generator=generator))


def ends(data: Series) -> Valued:
    """What each series' two channels end with: their difference, and ten times their sum."""
    last = data.values[torch.arange(len(data)), data.lengths - 1]
    return Valued(data, torch.stack([last[:, 0] - last[:, 1], 100 + 10 * last.sum(1)], 1), ("difference", "sum"))


def ahead(data: Series) -> Valued:
    """At each time point the first channel's change since the time point before."""
    values = data.values[..., :1].diff(dim=1, prepend=data.values[:, :1, :1])
    return Valued(data, values)


@pytest.mark.nohook  # a whole training
@pytest.mark.parametrize("wanted", [ends, ahead])
def test_numbers_are_learnt(wanted: Any) -> None:
    data, other = wanted(drawn(64)), wanted(drawn(40, seed=1))
    trained = begun(MODEL, data, RECIPE, Metric.R2)
    fitted = train(trained, data, other, RECIPE, Metric.R2, show=False)
    found = measure(trained, other, RECIPE, Metric.R2)
    assert found["r2"] > 0.8
    assert fitted.metrics[fitted.epoch - 1]["valid_r2"] == max(row["valid_r2"] or 0 for row in fitted.metrics)
    estimate = trained.predict(other.series)
    assert isinstance(estimate, Estimate) and not estimate.values.requires_grad
    predicted = estimate.values
    inside = torch.arange(12) < other.series.lengths[:, None] if other.every else torch.ones(40, dtype=torch.bool)
    error = (predicted[inside] - other.values[inside]).square().mean().sqrt()
    assert found["rmse"] == pytest.approx(error.item(), rel=1e-4), "in the units of the data"


@pytest.mark.parametrize("control", ["linear", "rectilinear", "hermite"])
def test_outputs_of_batches_are_those_of_each_series_alone(control: str) -> None:
    data = drawn(9)
    values = torch.arange(9.0)[:, None, None] + 100 * torch.arange(12.0)[:, None]
    wanted = Valued(data, values)
    trained = begun(delta @ wiring("direct") @ by_name(control), wanted, RECIPE, Metric.R2)
    examples = prepare(trained, wanted)
    with torch.no_grad():
        outputs, targets = answers(trained.predictor.eval(), (part for batch in batches(examples, 4) for part in batch))
    known = ~targets[:, 0].isnan()
    assert int(known.sum()) == int(data.lengths.sum()), "every own time point, and none after the end"
    back = trained.answer.read(targets[known]).values[:, 0]  # pyright: ignore[reportAttributeAccessIssue]
    place = {round(value.item(), 2): number for number, value in enumerate(back)}
    for i in range(9):
        alone = trained.predict(data[i])
        assert isinstance(alone, Estimate)
        for j in range(int(data.lengths[i])):
            found = trained.answer.read(outputs[known][place[round(float(values[i, j, 0]), 2)]][None])
            torch.testing.assert_close(found.values[0], alone.values[0, j], rtol=1e-4, atol=1e-4)  # pyright: ignore[reportAttributeAccessIssue]


def test_a_recurrence_learns_numbers_too() -> None:
    data = ahead(drawn(64))
    trained = begun(Recurrent("gru"), data, RECIPE, Metric.R2)
    train(trained, data, None, RECIPE, Metric.R2, show=False)
    assert measure(trained, data, RECIPE, Metric.R2)["r2"] > 0.8


def test_nothing_is_learnt_from_what_is_not_known() -> None:
    """Of another number where none is known, and of another after the ends, the gradient is the same."""
    data = drawn(6)
    values = torch.randn(6, 12, 1)
    values[1, 0] = values[3, 2] = torch.nan
    after = (torch.arange(12) >= data.lengths[:, None])[..., None]
    gradients: list[torch.Tensor] = []
    for more in (0.0, 1e6):
        wanted = Valued(data, torch.where(after, values + more, values))
        trained = begun(MODEL, wanted, RECIPE, Metric.R2)
        (batch,) = batches(prepare(trained, wanted), 6)
        loss_of(*answers(trained.predictor, batch)).backward()
        weight = trained.predictor.output.weight.grad
        assert weight is not None and bool(weight.isfinite().all()) and bool(weight.any())
        gradients.append(weight)
    assert torch.equal(*gradients)


def test_the_explained_variance_is_that_of_scikit_learn() -> None:
    """A mean over the quantities, each over what is known of it; after every epoch too."""
    data = ends(drawn(30))
    data.values[3, 0] = data.values[5, 1] = torch.nan
    recipe = replace(RECIPE, epochs=1)
    trained = begun(MODEL, data, recipe, Metric.R2)
    fitted = train(trained, data, data, recipe, Metric.R2, show=False)
    predicted = trained.predict(data.series)
    assert isinstance(predicted, Estimate)
    known = ~data.values.isnan()
    each = [r2_score(data.values[known[:, i], i], predicted.values[known[:, i], i]) for i in range(2)]
    expected = pytest.approx(sum(each) / 2, rel=1e-4)
    assert measure(trained, data, recipe, Metric.R2)["r2"] == expected
    assert fitted.metrics[0]["valid_r2"] == expected


def test_targets_stay_on_their_device() -> None:
    """A stray tensor would be on the meta device, and fail."""
    data = ahead(drawn(3))
    with torch.device("meta"):
        assert not _own(data).is_meta


def test_without_validation_the_last_epoch_is_kept_and_nothing_is_written() -> None:
    data = ends(drawn(20))
    recipe = replace(RECIPE, epochs=3)
    trained = begun(hebb @ wiring("direct") @ hermite, data, recipe, Metric.R2)
    fitted = train(trained, data, None, recipe, Metric.R2, show=False)
    assert not torch.are_deterministic_algorithms_enabled(), "what lightning sets is set back"
    assert fitted.epoch == 3 and len(fitted.metrics) == 3 and "valid_r2" not in fitted.metrics[0]


def labelled(counts: tuple[int, ...]) -> Labelled:
    labels = torch.tensor([i for i, count in enumerate(counts) for _ in range(count)])
    return Labelled(drawn(len(labels)), labels, tuple("abcdef"[: len(counts)]))


def test_balanced_classes_weigh_the_same() -> None:
    data = labelled((6, 3, 1))
    weights = weights_of("balanced", data.labels, data.classes)
    assert weights is not None and (weights * torch.tensor([6.0, 3.0, 1.0])).tolist() == pytest.approx([10 / 3] * 3)
    logits = torch.randn(10, 3)
    each = [loss_of(logits[data.labels == i], data.labels[data.labels == i]) for i in range(3)]
    assert loss_of(logits, data.labels, weights=weights).item() == pytest.approx(torch.stack(each).mean().item())
    assert weights_of("equal", data.labels, data.classes) is None


def test_one_logit_has_the_weights_of_both_classes() -> None:
    logits, labels = torch.randn(10, 1), torch.arange(10) % 2
    both = torch.cat([torch.zeros(10, 1), logits], 1)
    weights = torch.tensor([0.5, 3.0])
    expected = (weights[labels] * torch.nn.functional.cross_entropy(both, labels, reduction="none")).mean()
    assert loss_of(logits, labels, weights=weights).item() == pytest.approx(expected.item(), rel=1e-6)


def refusals() -> dict[str, tuple[Any, Recipe, Metric, str]]:
    numbers = ends(drawn(8))
    unknown = Valued(drawn(8), torch.full((8, 1), torch.nan))
    return {
        "weights": (
            labelled((4, 2)),
            replace(RECIPE, class_weights=(1.0, 2.0, 3.0)),
            Metric.ACCURACY,
            "one weight for each",
        ),
        "weights of numbers": (numbers, replace(RECIPE, class_weights="balanced"), Metric.R2, "no classes"),
        "accuracy of numbers": (numbers, replace(RECIPE, select="accuracy"), Metric.R2, "no accuracy"),
        "area of numbers": (numbers, RECIPE, Metric.AUC, "does not measure"),
        "variance of classes": (labelled((4, 2)), RECIPE, Metric.R2, "does not measure"),
        "area of three classes": (labelled((4, 2, 2)), RECIPE, Metric.AUC, "one logit"),
        "no validation": (
            numbers,
            replace(RECIPE, schedule=Plateau("valid_loss")),
            Metric.R2,
            "no validation examples",
        ),
        "nothing known": (unknown, RECIPE, Metric.R2, "too little to learn from"),
    }


@pytest.mark.parametrize("name", refusals())
def test_what_does_not_fit_is_refused_before_training(name: str) -> None:
    data, recipe, metric, words = refusals()[name]
    with pytest.raises(FwpError, match=words) as caught:
        train(begun(MODEL, data, recipe, metric), data, None, recipe, metric, show=False)
    assert "help: " in str(caught.value)


def test_too_few_known_numbers_for_validation_are_refused() -> None:
    data, one = ends(drawn(8)), ends(drawn(8))[:1]
    one = Valued(one.series, one.values[:, :1])
    data = Valued(data.series, data.values[:, :1])
    with pytest.raises(FwpError, match="validation examples hold fewer than two"):
        train(begun(MODEL, data, RECIPE, Metric.R2), data, one, RECIPE, Metric.R2, show=False)


@pytest.mark.parametrize("values", [torch.zeros(7, 1), torch.zeros(8, 11, 1), torch.full((8, 1), torch.inf)])
def test_numbers_are_of_every_series_or_of_every_time_point(values: torch.Tensor) -> None:
    with pytest.raises(DataError):
        Valued(drawn(8), values)
