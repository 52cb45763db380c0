"""Checks of what a rule is, before anything is solved: its types, its shapes, that all folds mean the same, and its gradient.

Each returns what was tried, in a few words; it raises Broken or Outside.
"""

from __future__ import annotations

import json

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from fwp.controls import Control, Kind
from fwp.data import series
from fwp.errors import FwpError
from fwp.fields import Projection, parameter
from fwp.fields.fit import default_map, slots_of
from fwp.fields.initial import unsaid
from fwp.lowering import Lowered, lower, lower_rule
from fwp.rules import Rule, System, closed, from_json, to_json, x
from fwp.solvers import solve
from fwp.terms import (
    Map,
    Node,
    Product,
    Scale,
    Sum,
    differentiate,
    einops,
    evaluate,
    fold,
    latex,
    normal,
    reconstruct,
    show,
    structure,
    unicode,
    variables,
)
from fwp.terms.suggest import pretty_axes
from fwp.testing.attempt import Broken, attempt, listed
from fwp.testing.numbers import Array, Values
from fwp.testing.strategies import all_values, axes_of, random_values, some_sizes
from fwp.testing.terms import namespace, seeds, stem

__all__ = ["folds", "gradients", "obstacle", "shapes", "sizes_tried", "types"]

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
_FOLDS_AGREE = 1e-12


def types(rule: Rule | System) -> str:
    """The axes of every node, inferred anew from the leaves, are those that it carries; every rate has its state's."""
    for each in rule.rules:
        for term in (each.rate, rule.read):
            try:
                again = fold(term, _retyped)
            except FwpError as error:
                raise Broken(str(error)) from error
            if again != term:
                raise Broken(f"{term!r}\n  carries axes that its parts do not give it")
        if each.rate.axes != each.of.axes:
            raise Broken(f"the rate is over {pretty_axes(each.rate.axes)}, its state over {pretty_axes(each.of.axes)}")
        if set(each.signature) != {x.name for x in variables(each.of, each.rate)} | {"return"}:
            raise Broken(f"the signature is that of other arguments: {', '.join(each.signature)}")
    return ", ".join(f"{x.name} : {pretty_axes(x.declared)}" for x in rule.variables)


def _retyped(node: Node, parts: tuple[Node, ...]) -> Node:
    match node:
        case Product(_, axes):
            return Product(parts, axes)
        case Sum():
            return Sum(parts, parts[0].axes)
        case Scale(factor):
            return Scale(factor, parts[0], parts[0].axes)
        case Map(primitive, over):
            return Map(primitive, over, parts[0], parts[0].axes)
        case _:
            return node


def sizes_tried(rule: Rule | System) -> tuple[dict[str, int], ...]:
    """Every axis of another size, twice; and all of size one."""
    classes = axes_of(rule)
    count = len(classes)
    several = (_PRIMES[:count], _PRIMES[count:0:-1], (1,) * count)
    return tuple({a: n for own, n in zip(classes, sizes, strict=True) for a in sorted(own)} for sizes in several)


def shapes(rule: Rule | System) -> str:
    """Rates, read-outs and solutions have their axes, behind batch and head axes of every kind."""
    why_not = obstacle(rule)
    for sizes in sizes_tried(rule):
        for batch in ((), (4,), (2, 3)):
            _shapes_of_terms(rule, sizes, batch)
        if why_not is None:
            _shapes_of_solution(rule, sizes)
    whole = "rates, read-out" + (", solution" if why_not is None else "")
    return f"{whole} of {' and of '.join(_sized(sizes) for sizes in sizes_tried(rule)[:2])}, and of 1"


def obstacle(rule: Rule | System) -> str | None:
    """Why the rule cannot be solved alone, or None: it may read a state whose equation is another rule's."""
    try:
        closed(rule)
    except FwpError as error:
        return error.what
    return None


def _sized(sizes: dict[str, int]) -> str:
    """Sizes in words; of copies of an axis, such as value2, the name of the first will do."""
    names = {stem(axis): size for axis, size in sizes.items()}
    return ", ".join(f"{axis} {size}" for axis, size in names.items()) or "no axes"


def _shapes_of_terms(rule: Rule | System, sizes: dict[str, int], batch: tuple[int, ...]) -> None:
    values = random_values(rule, sizes, 0, *batch)
    own = [(each.of.name, each.of.axes) for each in rule.rules]
    tensors = _computed(lower_rule(rule), values)
    if variables(rule.read):
        own.append(("the read-out", rule.read.axes))
        tensors += _computed(lower(rule.read), values)
    for (name, axes), tensor in zip(own, tensors, strict=True):
        shape = (*batch, *(sizes[a] for a in axes))
        # A rate without any of its arguments' batch axes has none itself: broadcasting is the caller's matter.
        if tuple(tensor.shape) not in (shape, shape[len(batch) :]):
            where = f"{_sized(sizes)}, batch {batch}"
            raise Broken(f"{name} should be {shape} and is {tuple(tensor.shape)}", f"  {where}")


def _shapes_of_solution(rule: Rule | System, sizes: dict[str, int]) -> None:
    """Through a slow net of linear maps, on a series so short that nothing has time to grow.

    A slot with channels of its own is a learned constant: a linear map would sum the channels that it has to keep.
    """
    channels, heads, batch, knots = sizes.get("channel", 3), 2, 3, 4
    constant = parameter("entry")
    maps = {slot.name: default_map(slot, constant) for slot in slots_of(rule).values() if "channel" in slot.declared}
    model = rule @ Projection(default=x, initial=unsaid, **maps) @ Control(Kind.LINEAR, time=False)
    known = {"entry": 2, **sizes}
    given = {a: n for a, n in known.items() if a in model.axes and a not in ("channel", "head")}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net = model.build(channels, width=None, heads=heads, dtype=torch.float64, device=None, **given)
        times = torch.arange(knots, dtype=torch.float64) / 1000
        found = solve(net(series(torch.randn(batch, knots, channels, dtype=torch.float64), times)), "knots")
        tensors = [(each.of.name, each.of.axes, found.states[each.of.name]) for each in rule.rules]
        tensors.append(("the read-out", rule.read.axes, found.read()))
    for name, axes, tensor in tensors:
        shape = (batch, knots, heads, *(sizes[a] for a in axes))
        if tuple(tensor.shape) != shape:
            raise Broken(f"solved, {name} should be {shape} and is {tuple(tensor.shape)}", f"  {_sized(sizes)}")


def folds(rule: Rule | System, examples: int = 25) -> str:
    """What is printed reads back, what is lowered computes what `evaluate` means, and so does what structure finds."""
    terms = [*(each.rate for each in rule.rules), rule.read]
    names = namespace(*rule.variables)
    for term in terms:
        for spelled in (show(term), einops(term)):
            again = eval(spelled, dict(names))
            if not isinstance(again, int | float) and normal(again) != normal(term):
                raise Broken(f"what is printed means something else\n  {spelled}")
        unicode(term)
        latex(term)
    if from_json(json.loads(json.dumps(to_json(rule)))) != rule:
        raise Broken("what is written as json reads back as another rule")
    backs = [
        (each.of.name, each.rate, back)
        for each in rule.rules
        if (back := reconstruct(structure(each.rate, each.of), each.of)) is not None
    ]
    lowered, read = lower_rule(rule), lower(rule.read) if variables(rule.read) else None

    def judge(drawn: tuple[dict[str, int], Values]) -> str | None:
        sizes, values = drawn
        pairs = zip(rule.rules, _computed(lowered, values), strict=True)
        several = [(f"d{each.of.name}/dt in torch", each.rate, own.numpy()) for each, own in pairs]
        if read is not None:
            several += [("the read-out in torch", rule.read, own.numpy()) for own in _computed(read, values)]
        with np.errstate(all="ignore"):  # where a key is zero, normalize(k) is not a number, in every fold alike
            several += [
                (f"d{name}/dt from its structure", rate, evaluate(back, values, sizes)) for name, rate, back in backs
            ]
            for name, term, ours in several:
                complaint = _differ(name, ours, evaluate(term, values, sizes))
                if complaint is not None:
                    return complaint
        return None

    attempt(all_values(rule), judge, lambda own: listed(*own), examples)
    return "evaluate, torch, structure, show, einops, latex, json"


def _differ(name: str, ours: Array, meant: Array) -> str | None:
    """The complaint about the entry where two arrays are farthest apart, not a number being equal to itself alone."""
    if ours.shape != meant.shape:
        return f"{name} has the shape {ours.shape}, by its meaning {meant.shape}"
    apart = np.where(np.isnan(ours) == np.isnan(meant), np.abs(np.nan_to_num(ours) - np.nan_to_num(meant)), np.inf)
    finite = np.abs(meant[np.isfinite(meant)])
    if not apart.size or apart.max() <= _FOLDS_AGREE * max(1.0, float(finite.max(initial=0))):
        return None
    place = np.unravel_index(int(apart.argmax()), apart.shape)
    return f"{name} is {ours[place]:.15g}, by its meaning {meant[place]:.15g}, at {tuple(map(int, place))}"


def gradients(rule: Rule | System, examples: int = 6) -> str:
    """The derivative of the rates: torch's against differences, and against the chain rule in numpy."""
    lowered = lower_rule(rule)
    names = [a.name for a in lowered.arguments]

    def judge(drawn: tuple[dict[str, int], Values]) -> str | None:
        sizes, values = drawn
        leaves = [torch.from_numpy(values[name]).requires_grad_() for name in names]
        complaint = differences(lowered.function, leaves, names)
        if complaint is not None:
            return complaint
        moves = {name: np.cos(np.arange(values[name].size)).reshape(values[name].shape) for name in names}
        found = lowered.function(*leaves)
        for each, own in zip(rule.rules, found if isinstance(found, tuple) else (found,), strict=True):
            with np.errstate(all="ignore"):
                meant = differentiate(each.rate, values, moves, sizes)
            probe = np.sin(1 + np.arange(meant.size)).reshape(meant.shape)
            slopes = torch.autograd.grad(own, leaves, torch.from_numpy(probe), allow_unused=True, retain_graph=True)
            ours = sum(float((s.numpy() * moves[n]).sum()) for n, s in zip(names, slopes, strict=True) if s is not None)
            theirs = float((probe * meant).sum())
            if not abs(ours - theirs) <= 1e-10 * max(1.0, float(np.abs(meant).sum())):
                return f"the derivative of d{each.of.name}/dt is {ours:.12g} in torch, {theirs:.12g} by the chain rule"
        return None

    attempt(generic(rule), judge, lambda own: listed(*own), examples)
    return "rates against differences and the chain rule"


def generic(rule: Rule | System) -> st.SearchStrategy[tuple[dict[str, int], Values]]:
    """Sizes, and normal values in their domains: nothing sits on the kink of a relu."""
    return st.builds(lambda sizes, seed: (sizes, random_values(rule, sizes, seed)), some_sizes(rule, 3), seeds)


def differences(function: object, leaves: list[Tensor], names: list[str]) -> str | None:
    """What torch's own comparison with finite differences complains of, with arguments by name."""
    try:
        gradcheck(function, leaves, atol=1e-9, rtol=1e-6)  # pyright: ignore[reportArgumentType]
    except RuntimeError as error:
        text = str(error)
        for i, name in reversed(list(enumerate(names))):
            text = text.replace(f"input {i}", f"`{name}`")
        return text
    return None


def _computed(lowered: Lowered, values: Values) -> tuple[Tensor, ...]:
    """What the lowered terms are of these values, a tensor each."""
    found = lowered(**{a.name: torch.from_numpy(np.array(values[a.name], order="C")) for a in lowered.arguments})
    return found if isinstance(found, tuple) else (found,)
