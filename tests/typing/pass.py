"""Programs as people write them: a type checker has nothing to say."""

from pathlib import Path

import torch
from torch import Tensor

from fwp import Model, Net, Projection, Rule, Slot, Solution, Spec, System, VectorField, lower, series, solve, stack
from fwp.bench import TASKS, Recipe, Report, Run, Task, run
from fwp.controls import hermite, natural_cubic
from fwp.fields import Instant, first_write, keys_from_increments, linear, sigmoid, softmax, start
from fwp.rules import W, beta, delta, dx, hebb, k, momentum_delta, v, x
from fwp.terms import Node, evaluate, parts, show
from fwp.training.recipe import OneCycle

decay = Slot("decay")
leaky: Rule = Rule(beta * (v - W @ k) * k - decay * W / 2, name="leaky")
both: Rule = 2 * hebb + (1 - beta) * leaky + leaky * decay
term: Node = 1 - beta
text: str = show(term)
split: dict[int | float, Node] = parts(leaky.rate, W)
number: float = float(evaluate(term, {"beta": 0.5}))

project = Projection(
    k=softmax(linear("channel -> head key", dx), "key"),
    beta=sigmoid(linear("channel -> head", x)),
    initial=first_write(beta=sigmoid(linear("channel -> head", x))),
)
spec: Spec = leaky @ project
model: Model = spec @ hermite
same: Model = leaky @ (project @ hermite)
system: System = momentum_delta
deep: Model = stack(delta @ keys_from_increments(), hebb @ Projection(initial=start())) @ natural_cubic

net: Net = model.build(channels=3, width=16, heads=2, dtype=torch.float64)
data = series(torch.randn(4, 10, 3, dtype=torch.float64))
field: VectorField = net(data)
again: VectorField = net @ hermite(data)
instant: Instant = field(2.5)
rates: dict[str, Tensor] = instant(field.initial())
solution: Solution = solve(field, "knots", method="dopri5", rtol=1e-6)
states: Tensor = solution.states["W"]
reading: Tensor = solution.read()
lowered = lower(leaky.rate)
source: str = lowered.source

worms: Task = TASKS["worms"]
recipe: Recipe = Recipe(schedule=OneCycle(0.1), gradient="exact")
whole: Run = Run(worms, model, recipe, seed=1)
report: Report = run(whole, Path("runs"))
