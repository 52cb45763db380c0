"""A forecast at every time point: the next frame of a spoken vowel, from all frames up to now (JapaneseVowels, part of aeon).

Many to many: what is to be found is a number of each quantity at each time point, in the units of the data. The last frame has no
next one: NaN says that it is not known, and nothing is learnt from it. Hermite pieces with backward differences are causal.

    python examples/forecast.py
"""

from dataclasses import replace

import torch
from sklearn.metrics import r2_score

from fwp import Series
from fwp.controls import hermite
from fwp.data import Valued, load_uea
from fwp.fields import keys_from_increments
from fwp.rules import delta
from fwp.training import Metric, Recipe, begun, measure, train


def ahead(series: Series) -> Valued:
    """What each channel will be at the next time point."""
    following = torch.where(series.mask, series.values, torch.nan).roll(-1, 1)
    last = torch.arange(series.values.shape[1]) == series.lengths[:, None] - 1
    return Valued(series, following.masked_fill(last[..., None], torch.nan), tuple(f"c{i}" for i in range(12)))


def main() -> None:
    """Print the share of the variance explained on new utterances, that of the last frame itself, and one forecast."""
    known, new = (ahead(part.series) for part in load_uea("JapaneseVowels"))
    recipe = Recipe(epochs=15, smoothing=0.0, dropout=0.1, batch=27)
    trained = begun(delta @ keys_from_increments() @ hermite, known, recipe, Metric.R2)
    train(trained, known, None, recipe, Metric.R2, show=False)
    found = measure(trained, new, recipe, Metric.R2)
    print(f"test: R² {found['r2']:.3f}, root mean square error {found['rmse']:.3f}")

    told = ~new.values.isnan().any(-1)
    print(f"as the frame before: R² {r2_score(new.values[told], new.series.values[told]):.3f}")
    one = replace(new.series[0], values=new.series.values[:1].clone())
    before = trained.predict(one).values[0, :5]
    one.values[:, 5:] = 9.0  # another future
    print(
        f"another future changes the past's forecasts by {float((trained.predict(one).values[0, :5] - before).abs().max())}"
    )


if __name__ == "__main__":
    main()
