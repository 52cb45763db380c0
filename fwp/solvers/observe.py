"""Observables: terms in a rule's state, slots and signals, whose value or integral along a solution is wanted.

An integral is one more state, ds/dt = term, that no rate reads. So it needs no solver of its own: the states are solved at
the nodes of a quadrature inside every interval, and the terms there are summed. Lobatto's four nodes (Abramowitz, Stegun,
25.4.32) have order 6 and share the knots; of the Euler method, whose steps are a rule's discrete-time meaning, it is the sum
h Σ term that an Euler step of s gives.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, Literal

import torch
from einops import rearrange
from jaxtyping import Float, Float64
from torch import Tensor

from fwp.controls.split import split
from fwp.errors import CompositionError, FwpError
from fwp.fields import Net, VectorField
from fwp.fields.fit import slots_of
from fwp.fields.net import LayerNet, own_states
from fwp.lowering import Lowered, lower
from fwp.rules.vocabulary import dx, x
from fwp.solvers.choices import check_choices, check_steps
from fwp.solvers.solution import Solution
from fwp.solvers.solve import requests_of, solve
from fwp.terms.suggest import pretty_axes
from fwp.terms.syntax import Node, Role, Term, Variable, variables

__all__ = ["Observable", "Observed", "observe"]

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Observable:
    """A named term of a layer's states, slots and signals, and whether its value is wanted or its integral.

    `Observable("energy", ein("value key, value key ->", W, W))`, `Observable("work", beta * (e @ e), integral=True)`.

    Args:
        name: under which `observe` returns it.
        term: what is observed; its axes are those of the result, in order.
        integral: the integral from the beginning of the series, over the same clock as the rates, instead of the value.
        layer: whose states and slots these are, counted from 1 at the bottom of a stack.

    Raises:
        FwpError: no term, or one of constants alone.
    """

    name: str
    term: Node
    integral: bool = False
    layer: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.term, Term):  # users run without pyright
            raise FwpError(
                f"the observable `{self.name}` is not a term",
                ("given", f"a {type(self.term).__name__}"),
                help="write it in a rule's variables: from fwp.rules import W, k, v",
            )
        if not variables(self.term):
            raise FwpError(
                f"the observable `{self.name}` has no variables: it is the same everywhere",
                ("term", repr(self.term)),
                help="observe a term of states, slots or signals",
            )


@dataclass(frozen=True, eq=False)
class Observed:
    """What was observed, by name, `(batch request head *axes)`, and the solution along which it was.

    Where no times were requested there is no axis `request`, as in `solution.read()`: values and integrals are those at each
    sample's own end.
    """

    solution: Solution
    values: Mapping[str, Float[Tensor, "batch ..."]]

    def __getitem__(self, name: str) -> Float[Tensor, "batch ..."]:
        if name not in self.values:
            raise FwpError(
                f"nothing of the name `{name}` was observed",
                ("observed", ", ".join(self.values) or "nothing"),
                help="use one of these names",
            )
        return self.values[name]


def observe(
    field: VectorField,
    observables: Iterable[Observable] | Observable,
    times: Float64[Tensor, "request"] | Float64[Tensor, "batch request"] | Literal["knots"] | None = None,
    *,
    method: str = "auto",
    steps: int = 1,
    **choices: Any,
) -> Observed:
    """Solve the field, with all observables along it. Differentiable as the states are, in parameters and in the series.

    Values are those at the requested times, of slots and signals as they arrive there: as a read-out sees them. Integrals run
    from the series' beginning to each requested time. For them the method takes three steps, from node to node, where it
    would take one: the states of a method that is not exact are closer to the truth than those of `solve(field)`, and the
    error of an integral is of the method's order in the step's length, of at most 6. (Euler steps stay as they are, and the
    integral is h Σ term.) An adaptive method holds the states to its tolerance, not the integral: `steps` refines that. All
    states at nodes are held.

    Args:
        field: `net(series)` or `net @ path`.
        observables: what is wanted, one or several.
        times: as of `solve`: None for each sample's own end, "knots" for every knot of the path.
        method: as of `solve`.
        steps: in each interval, each with the nodes of the quadrature in it.
        choices: all else that `solve` takes: `backend`, `initial`, `gradient`, …

    Raises:
        FwpError: two observables of one name.
        CompositionError: a term reads what its layer does not have.
        AxisError: a term's variable has other axes than the rule's of that name.
        SolveError, DataError: as of `solve`.
    """
    wanted = (observables,) if isinstance(observables, Observable) else tuple(observables)
    for each in wanted:
        if not isinstance(each, Observable):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
            raise FwpError(
                "what is observed has no name",
                ("given", repr(each)[:80]),
                help='name it: Observable("energy", term)',
            )
    # The quadrature of an integral takes steps of its own, whatever the method does.
    steps = check_steps(steps)
    own = 1 if any(o.integral for o in wanted) else steps
    check_choices(field, method, own, gradient=choices.get("gradient", "exact"))
    terms = {o.name: _Term(field.net, o) for o in wanted}
    if len(terms) < len(wanted):
        raise FwpError(
            "two observables have one name",
            ("names", ", ".join(o.name for o in wanted)),
            help="give each a name of its own",
        )
    integrals = {o.name: terms[o.name] for o in wanted if o.integral}
    if integrals:
        solution, found = _integrals(field, integrals, times, method, steps, choices)
    else:
        solution, found = solve(field, times, method=method, steps=steps, **choices), {}
    at = solution.field.at_knots(solution.knots).inputs
    every = {name: found[name] if name in found else term(solution.states, at) for name, term in terms.items()}
    return Observed(solution, {name: v[:, 0] if solution.at_end else v for name, v in every.items()})


def _integrals(
    field: VectorField,
    terms: Mapping[str, "_Term"],
    times: Tensor | str | None,
    method: str,
    steps: int,
    choices: Mapping[str, Any],
) -> tuple[Solution, dict[str, Tensor]]:
    """The solution at the requested times, from states at all nodes, and the integrals up to there."""
    path, knots, at_end = requests_of(field.path, times)
    nodes, weights = _quadrature(method)
    cuts = [node for node in nodes if node < 1]
    fine = split(path, [(i + cut) / steps for i in range(steps) for cut in cuts])
    solved = solve(VectorField(field.net, fine), "knots", method=method, **choices)
    # From here on a panel is one step: a stretch of an interval with nodes from its own left end to its own right one.
    first = torch.arange(path.intervals * steps, device=knots.device)[:, None] * len(cuts)
    places = first + torch.arange(len(nodes), device=knots.device)
    states = {name: state[:, places] for name, state in solved.states.items()}
    own = VectorField(field.net, path)
    at_nodes = path.nodes([(i + node) / steps for i in range(steps) for node in nodes])
    signals = own.signals(*(v.flatten(1, 2).unflatten(1, (-1, len(nodes))) for v in at_nodes))
    length = path.steps.repeat_interleave(steps, 1) / steps
    batch = torch.arange(path.batch, device=knots.device)[:, None]
    found: dict[str, Tensor] = {}
    for name, term in terms.items():
        values = term(states, signals)
        weighted = length[..., None] * torch.tensor(weights, dtype=torch.float64, device=length.device)
        panels = torch.einsum("bpn,bpn...->bp...", weighted.to(values.dtype), values)
        sums = torch.cat([torch.zeros_like(panels[:, :1]), panels.cumsum(1)], 1)
        found[name] = sums[batch, knots * steps]
    at_requests = {name: state[batch, knots * steps * len(cuts)] for name, state in solved.states.items()}
    at = path.times.gather(1, knots)
    return replace(solved, field=own, states=at_requests, times=at, knots=knots, at_end=at_end), found


def _quadrature(method: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nodes, as fractions of a step, the first its left end, and weights."""
    if method == "euler":
        return (0.0,), (1.0,)
    inner = sqrt(1 / 5)
    return (0.0, (1 - inner) / 2, (1 + inner) / 2, 1.0), (1 / 12, 5 / 12, 5 / 12, 1 / 12)


class _Term:
    """An observable, checked against the net and lowered."""

    def __init__(self, net: Net, observable: Observable) -> None:
        self.net, self.place = net, observable.layer - 1
        _fit(net, observable)
        layer = net.layers[self.place]
        assert isinstance(layer, LayerNet)
        self.lowered: Lowered = lower(observable.term, sizes=layer.sizes)
        self.axes, self.heads = len(observable.term.axes), layer.sizes["head"]
        arguments = self.lowered.arguments
        self.states = tuple(a.name for a in arguments if a.role is Role.STATE)
        self.others = tuple(a for a in arguments if a.role is not Role.STATE)

    def __call__(self, states: Tensors, inputs: Tensors) -> Float[Tensor, "batch ..."]:
        """Its value where the states are `(batch *place head *axes)` and the signals `(batch *place channel)`."""
        lead = inputs["x"].shape[:-1]
        for layer, names in zip(self.net.layers[: self.place], self.net.state_names, strict=False):
            assert isinstance(layer, LayerNet)
            inputs = {**inputs, "x": rearrange(layer.read(own_states(states, names), inputs), layer.side_by_side)}
        layer, own = self.net.layers[self.place], own_states(states, self.net.state_names[self.place])
        assert isinstance(layer, LayerNet)
        known = {name: own[name] for name in self.states} | layer.slots(self.others, inputs)
        value = self.lowered(**known)
        assert isinstance(value, Tensor)  # there is one term
        # What no head or no sample has for its own has no such axis, or one of size 1.
        return value.expand(*lead, self.heads, *value.shape[value.ndim - self.axes :])


def _fit(net: Net, observable: Observable) -> None:
    """Refuse a term that reads what its layer does not have."""
    layers = net.model.spec.layers
    if not 1 <= observable.layer <= len(layers):
        raise CompositionError(
            f"the observable `{observable.name}` is of a layer that the net does not have",
            ("observable", f"layer {observable.layer}"),
            ("net", f"layers 1 to {len(layers)}" if len(layers) > 1 else "one layer"),
            help="layers are counted from 1, at the bottom",
        )
    rule = layers[observable.layer - 1].rule
    own = [v for v in rule.variables if v.role in (Role.SIGNAL, Role.INCREMENT)]
    signals = dict.fromkeys([*own, x] if observable.layer > 1 else [*own, x, dx])
    known: list[Variable] = [*(r.of for r in rule.rules), *slots_of(rule).values(), *signals]
    for variable in variables(observable.term):
        if (variable.name, variable.role) not in [(other.name, other.role) for other in known]:
            raise CompositionError(
                f"the observable `{observable.name}` reads the {variable.role.value} `{variable.name}`, "
                "which its layer does not have",
                ("observable", repr(observable.term)),
                ("rule", repr(rule)),
                ("known there", ", ".join(f"{v.name} {pretty_axes(v.declared)}" for v in known)),
                help="observe a term of these",
            )
    variables(*known, observable.term)  # refuses a variable of another declaration than the rule's
