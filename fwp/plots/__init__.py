"""Figures: functions from results to matplotlib axes. They draw where they are told to, and never show or save."""

from fwp.plots.cost import cost_against_length as cost_against_length
from fwp.plots.cost import gradient_against_length as gradient_against_length
from fwp.plots.curve import learning_curve as learning_curve
from fwp.plots.weights import fast_weights as fast_weights
