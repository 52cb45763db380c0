"""Every option of a recipe does what it says, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from fwp.bench.paper import PUBLISHED
from fwp.controls import Path, linear, log_signature
from fwp.data import Labelled, series
from fwp.errors import FwpError
from fwp.fields import wiring
from fwp.models import Trained
from fwp.rules import delta
from fwp.solvers import solve
from fwp.training import Metric, Plateau, Recipe, begun, train
from fwp.training.examples import Examples
from fwp.training.learner import Learner, penalised
from fwp.training.loss import loss_of
from fwp.training.prepare import mean_step, paced, prepare, scale

RECIPE = Recipe(width=8, heads=2, hidden=8, dropout=0.0)
MODEL = delta @ wiring("keys-from-increments") @ linear


def labelled() -> Labelled:
    generator = torch.Generator().manual_seed(0)
    lengths = [9, 2, 5, 7]
    times = 20 + 3 * torch.arange(9.0)
    values = torch.randn(4, 9, 3, generator=generator)
    return Labelled(series(values, times, lengths=lengths), torch.tensor([0, 1, 1, 0]), ("no", "yes"))


def untrained(recipe: Recipe = RECIPE) -> Trained:
    return begun(MODEL, labelled(), recipe, Metric.ACCURACY)


def learner(recipe: Recipe = RECIPE) -> Learner:
    trained = untrained(recipe)
    return Learner(trained.predictor, trained.answer, prepare(trained, labelled()), recipe, 0)


def gradients(own: Learner) -> dict[str, torch.Tensor]:
    batch = own.train_examples.__getitems__([0, 1, 2, 3])
    logits = torch.cat([own.predictor(part.inputs, part.ends) for part in batch])
    loss_of(logits, torch.cat([part.targets for part in batch])).backward()
    own.on_after_backward()
    return {name: p.grad for name, p in own.predictor.named_parameters() if p.grad is not None}


def test_scaled_time_runs_from_minus_1_to_1_and_raw_time_as_in_the_data() -> None:
    data = labelled().series
    scaled = scale(data, RECIPE).apply(data).times
    assert scaled.min() == -1 and scaled.max() == 1
    assert torch.equal(scale(data, replace(RECIPE, time="raw")).apply(data).times, data.times)


@pytest.mark.parametrize("time", ["scaled", "raw"])
def test_the_mean_step_lasts_the_pace_on_the_clock_whatever_the_times(time: Any) -> None:
    recipe = replace(RECIPE, time=time, pace=0.5)
    trained = untrained(recipe)
    inputs = prepare(trained, labelled()).inputs
    assert inputs.steps[0].tolist() == pytest.approx([0.5] * 8)


def test_a_window_of_a_log_signature_lasts_the_pace() -> None:
    path = paced(log_signature(1, 4), 0.5, mean_step(labelled().series))(labelled().series)
    assert path.steps[0].tolist() == [0.5, 0.5]


def test_scaled_words_are_of_equal_size_over_the_windows_of_the_training_series() -> None:
    recipe, data = replace(RECIPE, increments="scaled"), labelled()
    trained = begun(delta @ wiring("direct") @ log_signature(2, 2), data, recipe, Metric.ACCURACY)
    examples = prepare(trained, data)
    assert isinstance(examples.inputs, Path)
    inside = examples.inputs.steps > 0
    assert inside.sum() == 4 + 1 + 2 + 3, "no window after an end counts"
    sizes = examples.inputs.pieces[0][inside].square().mean(0).sqrt()
    assert torch.allclose(sizes, torch.ones(10), atol=1e-5)
    raw = prepare(begun(delta @ wiring("direct") @ log_signature(2, 2), data, RECIPE, Metric.ACCURACY), data).inputs
    assert isinstance(raw, Path) and not torch.allclose(raw.pieces[0][inside].square().mean(0).sqrt(), sizes, atol=0.1)
    with pytest.raises(FwpError, match="only the words of a log-signature"):
        begun(MODEL, data, recipe, Metric.ACCURACY)


def test_queries_of_the_batch_are_those_of_the_longest_series_end_and_states_of_their_own() -> None:
    recipe = replace(RECIPE, query="batch")
    own = learner(recipe)
    examples = own.train_examples
    assert isinstance(examples, Examples) and examples.ends is not None
    (batch,) = examples.__getitems__([0, 1, 2, 3])
    net = own.predictor.eval().net
    late, early = solve(net @ batch.inputs), solve(net @ prepare_own(own).inputs)
    states = {"W": early.final["W"]}
    assert torch.allclose(late.final["W"][0], states["W"][0], atol=1e-6)  # the longest series
    expected = late.field.at_knots(late.knots).read({"W": states["W"][:, None]})[:, 0]
    assert torch.allclose(own.predictor(batch.inputs, batch.ends), head(own, expected), atol=1e-5)
    assert not torch.allclose(own.predictor(batch.inputs, batch.ends)[1], head(own, early.read())[1], atol=1e-3)


def prepare_own(own: Learner) -> Examples:
    return learner(replace(own.recipe, query="own")).train_examples


def head(own: Learner, reading: torch.Tensor) -> torch.Tensor:
    predictor = own.predictor
    return predictor.output(predictor.block(predictor.projection(reading.flatten(1))))


def test_lengthened_series_observe_nothing_more() -> None:
    data = labelled().series
    long = data.lengthened()
    assert torch.equal(long.mask, data.mask) and long.lengths.tolist() == [9] * 4
    assert long.times[1].tolist() == data.times[0].tolist()


def test_the_penalty_is_the_sum_of_all_norms() -> None:
    plain, penal = learner(), learner(replace(RECIPE, penalty=0.03))
    batch = plain.train_examples.__getitems__([0, 1, 2, 3])
    for own in (plain, penal):
        own.log = lambda *_, **__: None  # type: ignore[method-assign]  # there is no trainer
    norms = sum(p.norm() for p in plain.predictor.parameters())
    expected = plain.training_step(batch, 0) + 0.03 * norms
    assert torch.allclose(penal.training_step(batch, 0), expected, rtol=1e-6)


def test_the_penalty_leaves_out_the_maps_of_static_features() -> None:
    predictor = PUBLISHED["sepsis/no-oi/delta-cde"].build()
    kept = {id(parameter) for parameter in penalised(predictor)}
    left = {name for name, parameter in predictor.net.named_parameters() if id(parameter) not in kept}
    assert {name.split(".")[-2] for name in left} == {
        "features_linear",
        "initial_k_linear",
        "initial_v_linear",
        "initial_beta_linear",
    }
    assert len(kept) + len(left) == len(list(predictor.parameters()))


def test_a_batch_larger_than_all_examples_is_not_dropped() -> None:
    data, recipe = labelled(), replace(RECIPE, batch=100, drop_last=True, epochs=2)
    fitted = train(begun(MODEL, data, recipe, Metric.ACCURACY), data, data, recipe, Metric.ACCURACY, show=False)
    assert fitted.epoch and fitted.metrics[0]["train_loss"]


def test_of_equal_epochs_the_later_is_kept_but_by_accuracy_the_first() -> None:
    data, still = labelled(), replace(RECIPE, epochs=3, learning_rate=1e-12)
    for recipe, kept in ((still, 3), (replace(still, select="accuracy"), 1)):
        fitted = train(begun(MODEL, data, recipe, Metric.ACCURACY), data, data, recipe, Metric.ACCURACY, show=False)
        assert len({row["valid_accuracy"] for row in fitted.metrics}) == 1 and fitted.epoch == kept


def test_the_gradient_of_the_map_to_the_logits_alone_is_multiplied() -> None:
    plain, more = gradients(learner()), gradients(learner(replace(RECIPE, head_gradient=100.0)))
    for name, gradient in plain.items():
        factor = 100 if name.startswith("output.") else 1
        assert torch.allclose(more[name], factor * gradient, rtol=1e-5), name


def test_a_predictor_that_is_trained_again_has_its_gradient_multiplied_once() -> None:
    recipe = replace(RECIPE, head_gradient=10.0)
    once = gradients(learner(recipe))
    trained = untrained(recipe)
    for _ in range(2):
        own = Learner(trained.predictor, trained.answer, prepare(trained, labelled()), recipe, 0)
    again = gradients(own)
    assert all(torch.equal(again[name], gradient) for name, gradient in once.items())


def test_the_map_to_the_logits_alone_has_a_rate_of_its_own() -> None:
    own = learner(replace(RECIPE, head_rate=10.0, schedule=Plateau()))
    groups = own.configure_optimizers().param_groups
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    fast = {id(p) for p in own.predictor.output.parameters()}
    assert rates.keys() == {id(p) for p in own.predictor.parameters()}
    assert {rates[p] for p in fast} == {10 * RECIPE.learning_rate}
    assert {rate for p, rate in rates.items() if p not in fast} == {RECIPE.learning_rate}


def test_tensors_of_two_axes_decay_and_those_of_one_do_not() -> None:
    own = learner(replace(RECIPE, schedule=Plateau(), weight_decay=0.3))
    groups = own.configure_optimizers().param_groups
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert {decays[id(p)] for p in own.predictor.parameters() if p.ndim > 1} == {0.3}
    assert {decays[id(p)] for p in own.predictor.parameters() if p.ndim <= 1} == {0.0}


def test_values_stay_as_in_the_data_where_the_recipe_says_so() -> None:
    part = labelled().series
    raw = scale(part, replace(RECIPE, standardise=False)).apply(part)
    assert torch.equal(raw.values[raw.mask], part.values[part.mask])
    assert torch.equal(raw.times, scale(part, RECIPE).apply(part).times)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8, 100])
def test_the_shortest_trainings_have_a_cycle_too(steps: int) -> None:
    class Trainer:
        estimated_stepping_batches = steps

    own = learner()
    own._trainer = Trainer()  # type: ignore[assignment]
    chosen = own.configure_optimizers()
    rates = [chosen["optimizer"].param_groups[0]["lr"]]
    for _ in range(steps):  # lightning asks for one more after the last step
        chosen["optimizer"].step()
        chosen["lr_scheduler"]["scheduler"].step()
        rates.append(chosen["optimizer"].param_groups[0]["lr"])
    rates = rates[:steps]
    assert all(0 < rate <= RECIPE.learning_rate * (1 + 1e-12) for rate in rates)
    assert steps < 3 or max(rates) == pytest.approx(RECIPE.learning_rate)


def test_the_memory_spreads_the_rates() -> None:
    biases = [
        untrained(recipe).predictor.net.get_parameter("layers.0.slow.steps.beta_linear.bias")
        for recipe in (RECIPE, replace(RECIPE, memory=100.0))
    ]
    assert biases[0].std() < 1 < biases[1].std()


def test_the_last_batch_may_be_dropped() -> None:
    class Trainer:
        world_size, global_rank = 1, 0

    for drop, count in ((False, 2), (True, 1)):
        own = learner(replace(RECIPE, batch=3, drop_last=drop))
        own._trainer = Trainer()  # type: ignore[assignment]
        assert len(own.train_dataloader()) == count
