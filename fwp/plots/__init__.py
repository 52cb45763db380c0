"""Figures: functions from results to matplotlib axes. They draw where they are told to, and never show or save."""

from fwp.plots.curve import learning_curve as learning_curve
from fwp.plots.weights import fast_weights as fast_weights
