"""From series and what is right of them to a trained model: recipes, losses, metrics, a training that survives a kill."""

from fwp.training.fit import Fitted as Fitted
from fwp.training.metric import Metric as Metric
from fwp.training.prepare import begun as begun
from fwp.training.recipe import OneCycle as OneCycle
from fwp.training.recipe import Plateau as Plateau
from fwp.training.recipe import Recipe as Recipe
from fwp.training.train import measure as measure
from fwp.training.train import train as train
