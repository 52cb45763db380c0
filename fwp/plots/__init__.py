"""Figures: functions from results to matplotlib axes. They draw where they are told to, and never show or save."""

from fwp.plots.animation import fast_weights_moving as fast_weights_moving
from fwp.plots.changes import Changes as Changes
from fwp.plots.changes import changes as changes
from fwp.plots.cost import cost_against_length as cost_against_length
from fwp.plots.cost import gradient_against_length as gradient_against_length
from fwp.plots.course import Course as Course
from fwp.plots.course import Queries as Queries
from fwp.plots.course import course as course
from fwp.plots.course import queries as queries
from fwp.plots.curve import learning_curve as learning_curve
from fwp.plots.graph import fast_net as fast_net
from fwp.plots.readout_map import contributions as contributions
from fwp.plots.readout_map import readout_map as readout_map
from fwp.plots.spectrum import spectrum as spectrum
from fwp.plots.weights import fast_weights as fast_weights
from fwp.plots.writes import writes as writes
