"""Programs that cannot work: a type checker complains where it says so, and nowhere else."""

import torch

from fwp import Projection, Rule, lower, series, solve, stack
from fwp.bench import TASKS, Recipe, Run
from fwp.bench.report import table
from fwp.training.recipe import OneCycle
from fwp.controls import hermite
from fwp.fields import keys_from_increments, linear
from fwp.rules import delta, hebb, k, v, x

project = keys_from_increments()
data = series(torch.randn(4, 10, 3))
net = (delta @ project @ hermite).build(channels=3, width=16, heads=2)

wrong1 = hermite @ project  # error
wrong2 = project @ delta  # error
wrong3 = delta @ hermite  # error
wrong4 = delta @ hebb  # error
wrong5 = hermite @ hermite  # error
wrong6 = net @ data  # error
wrong7 = delta @ project @ project  # error
wrong8 = solve(delta @ project)  # error
wrong9 = solve(net)  # error
wrong10 = solve(net(data), method=4)  # error
wrong11 = solve(net(data), gradient="backsolve")  # error
wrong12 = Rule("v * k")  # error
wrong13 = Rule(v * k, of="W")  # error
wrong15 = Projection(k="linear")  # error
wrong16 = linear("channel -> key", 3)  # error
wrong17 = lower(delta)  # error
wrong18 = stack(delta)  # error
wrong19 = (delta @ project @ hermite).build(width=16)  # error
wrong20 = solve(net(data)).final("W")  # error
wrong21 = Run(TASKS["worms"], delta @ project, Recipe())  # error
wrong22 = Run("worms", delta @ project @ hermite, Recipe())  # error
wrong23 = Run(TASKS["worms"], delta @ project @ hermite, TASKS["worms"])  # error
wrong24 = Recipe(schedule="one-cycle")  # error
wrong25 = Recipe(schedule=OneCycle, gradient="exact")  # error
wrong26 = Recipe(gradient="true")  # error
wrong27 = table(Run(TASKS["worms"], delta @ project @ hermite, Recipe()))  # error
delta.rate = k  # error
x.name = "y"  # error
