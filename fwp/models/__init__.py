"""Nets become models: a sequence layer, predictors, and the two files in which they are kept."""

from fwp.models.answer import Classes as Classes
from fwp.models.answer import Estimate as Estimate
from fwp.models.answer import Prediction as Prediction
from fwp.models.answer import Values as Values
from fwp.models.checkpoint import Trained as Trained
from fwp.models.checkpoint import evaluating as evaluating
from fwp.models.checkpoint import load as load
from fwp.models.checkpoint import save as save
from fwp.models.layer import FastWeights as FastWeights
from fwp.models.paths import Paths as Paths
from fwp.models.paths import attribute_paths as attribute_paths
from fwp.models.predictor import Head as Head
from fwp.models.predictor import Predictor as Predictor
from fwp.models.predictor import Solver as Solver
from fwp.models.recurrent import Recurrence as Recurrence
from fwp.models.recurrent import Recurrent as Recurrent
from fwp.models.stream import State as State
from fwp.models.trajectory import Trajectory as Trajectory
from fwp.models.trajectory import trajectory as trajectory
