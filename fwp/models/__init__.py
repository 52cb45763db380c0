"""Nets become models: a sequence layer, classifiers, and the two files in which they are kept."""

from fwp.models.checkpoint import Prediction as Prediction
from fwp.models.checkpoint import Trained as Trained
from fwp.models.checkpoint import evaluating as evaluating
from fwp.models.checkpoint import load as load
from fwp.models.checkpoint import save as save
from fwp.models.classifier import Classifier as Classifier
from fwp.models.classifier import Head as Head
from fwp.models.classifier import Solver as Solver
from fwp.models.layer import FastWeights as FastWeights
from fwp.models.recurrent import Recurrence as Recurrence
from fwp.models.recurrent import Recurrent as Recurrent
from fwp.models.stream import State as State
