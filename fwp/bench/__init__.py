"""Benchmarks: tasks on real data, recipes, and runs that can be killed at any moment and go on."""

from fwp.bench.pipeline import Run as Run
from fwp.bench.pipeline import run as run
from fwp.bench.report import Report as Report
from fwp.bench.task import TASKS as TASKS
from fwp.bench.task import Task as Task
from fwp.bench.task import task as task
from fwp.training.recipe import Recipe as Recipe
