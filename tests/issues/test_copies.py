"""A copy, a pickle and `torch.load` give the same numbers to the last bit, keep all that torch's own modules keep, share nothing."""

import copy
import io
import multiprocessing
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

import fwp
from fwp import FastWeights, Projection
from fwp.controls import hermite, linear
from fwp.fields import external, softmax, wiring
from fwp.fields import linear as linear_map
from fwp.models import Head, Predictor, Recurrent, State
from fwp.rules import ALL, W, delta, momentum_delta, x
from fwp.rules.laws import growth_bound
from tests.fields.nets import built, some_series, suitable

VALUES = torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(1))

SOFT = Projection(k=softmax(linear_map("channel -> head key", x), "key"))


def kept(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def saved(value: Any) -> Any:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES = pytest.mark.parametrize("copied", [copy.deepcopy, kept, saved])


def net(rule: fwp.Rule | fwp.System = delta) -> fwp.Net:
    return (rule @ Projection() @ hermite).build(channels=3, width=8)


def read(own: nn.Module) -> Tensor:
    """What a net, a predictor, a recurrence or a layer makes of the same values."""
    given = own(VALUES) if isinstance(own, FastWeights) else own(fwp.series(VALUES))
    if isinstance(given, fwp.VectorField):
        return fwp.solve(given).read()
    return given[0] if isinstance(given, tuple) else given


MODULES: dict[str, Callable[[], nn.Module]] = {
    "net": net,
    "system": partial(net, momentum_delta),
    "stack": lambda: (fwp.stack(delta @ SOFT, delta @ SOFT) @ linear).build(3, width=8),
    "layer": lambda: FastWeights(delta, 3, 8, 2, heads=2),
    "predictor": lambda: Predictor(net(), Head(2, dropout=0.0)),
    "every point": lambda: Predictor(net(), Head(2, every=True)),
    **{kind: lambda kind=kind: Recurrent(kind).build(3, 8) for kind in ("gru", "gru-d", "ode-rnn")},
}


@COPIES
@pytest.mark.parametrize("name", MODULES)
def test_every_module_travels(name: str, copied: Callable[[Any], Any]) -> None:
    own = MODULES[name]().eval()
    before = torch.get_rng_state()
    other = copied(own)
    assert torch.equal(before, torch.get_rng_state())
    expected = read(own)
    assert torch.equal(read(other), expected) and list(other.state_dict()) == list(own.state_dict())
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.mul_(0.5)
    assert torch.equal(read(other), expected) and not torch.equal(read(own), expected)


@pytest.mark.parametrize("name", ALL)
def test_a_field_of_every_rule_travels(name: str) -> None:
    field = built(ALL[name], suitable(name))(some_series())
    states = {n: torch.randn_like(state) for n, state in field.initial().items()}
    rates = field(0.5)(states)
    for other in (kept(field), copy.deepcopy(field)):
        assert all(torch.equal(rate, rates[n]) for n, rate in other(0.5)(states).items())
        assert torch.equal(other(0.5).read(states), field(0.5).read(states))


# What torch's own modules keep.


def inner(layer: FastWeights) -> nn.Module:
    steps = layer.nets[0].layers[0].slow.steps  # pyright: ignore
    return steps["k_linear"]  # pyright: ignore


def ties(layer: FastWeights) -> None:
    first, second = (own.layers[0].slow.steps["beta_linear"] for own in layer.nets)  # pyright: ignore
    second.bias = first.bias


def remembers(layer: FastWeights) -> None:
    inner(layer).register_buffer("seen", torch.arange(3))
    inner(layer).register_buffer("passing", torch.arange(3), persistent=False)
    layer.note = {"of": ["mine"]}  # pyright: ignore


def doubled(_: nn.Module, __: Any, given: Tensor) -> Tensor:
    return 2 * given


def halved(_: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
    return (given[0] / 2 + 1,)


def sign(_: nn.Module, gradients: Any, __: Any) -> Any:
    return tuple(None if gradient is None else gradient.sign() for gradient in gradients)


def more(_: nn.Module, state: dict[str, Any], prefix: str, __: Any) -> None:
    state[f"{prefix}more"] = torch.ones(1)


CHANGES: dict[str, Callable[[FastWeights], object]] = {
    "weight_norm": lambda own: nn.utils.weight_norm(inner(own)),
    "pruning": lambda own: prune.l1_unstructured(inner(own), "weight", 0.5),
    "parametrization": lambda own: parametrizations.weight_norm(inner(own)),
    "tied weights": ties,
    "buffers and attributes": remembers,
    "forward hook": lambda own: inner(own).register_forward_hook(doubled),
    "pre-hook": lambda own: inner(own).register_forward_pre_hook(halved),
    "backward hook": lambda own: inner(own).register_full_backward_hook(sign),
    "hook of the state": lambda own: inner(own)._register_state_dict_hook(more),
    "frozen": lambda own: inner(own).requires_grad_(False),
    "eval inside": lambda own: inner(own).eval(),
    "train inside": lambda own: (own.eval(), inner(own).train()),
    "gradients": lambda own: own(VALUES)[0].sum().backward(),
    "half a layer in float64": lambda own: own.double(),
}


def gradients(layer: FastWeights) -> list[Tensor]:
    wanted = [p for p in layer.parameters() if p.requires_grad]
    values = VALUES.to(wanted[0].dtype).requires_grad_()
    return list(torch.autograd.grad(layer(values)[0].square().sum(), [*wanted, values]))


def seen(own: nn.Module) -> list[tuple[str, bool, list[tuple[str, bool]], list[str]]]:
    """Modes, parameters and buffers, by name."""
    return [
        (name, m.training, [(n, p.requires_grad) for n, p in m.named_parameters(recurse=False)], list(m._buffers))
        for name, m in own.named_modules()
    ]


@COPIES
@pytest.mark.parametrize("name", CHANGES)
def test_a_layer_keeps_what_a_module_keeps(name: str, copied: Callable[[Any], Any]) -> None:
    own = FastWeights(delta, 3, 8, 2, heads=2)
    before = own(VALUES)[0]
    CHANGES[name](own)
    values = VALUES.to(next(own.parameters()).dtype)
    expected = own(values)[0]
    if name == "parametrization" and copied is not copy.deepcopy:
        with pytest.raises(RuntimeError, match="parametrized modules is only supported through state_dict"):
            copied(nn.Sequential(own))  # torch pickles none of them
        return
    other = copied(own)
    assert seen(other) == seen(own) and list(other.state_dict()) == list(own.state_dict())
    assert len(list(other.parameters())) == len(list(own.parameters()))
    assert torch.equal(other(values)[0], expected)
    assert all(torch.equal(a, b) for a, b in zip(gradients(other), gradients(own), strict=True))
    assert vars(other).get("note") == vars(own).get("note")
    if name in ("weight_norm", "pruning", "parametrization", "tied weights", "forward hook", "pre-hook"):
        with torch.no_grad():
            for parameter in own.parameters():
                parameter.add_(1.0)
        assert torch.equal(other(values)[0], expected) and not torch.equal(own(values)[0], expected)
    if "hook" in name and "forward" in name:
        assert not torch.equal(expected, before)


@COPIES
def test_what_a_copy_learns_it_alone_knows(copied: Callable[[Any], Any]) -> None:
    """Through what pruning and weight_norm compute, too: the copy's own parameters are in its graph."""
    own = FastWeights(delta, 3, 8, heads=2)
    nn.utils.weight_norm(inner(own))
    prune.l1_unstructured(own.nets[0].layers[0].slow.steps["v_linear"], "weight", 0.5)  # pyright: ignore
    own(VALUES)
    other = copied(own)
    kept_as = [p.clone() for p in own.parameters()]
    optimiser = torch.optim.SGD(other.parameters(), 0.1)
    for _ in range(2):
        optimiser.zero_grad()
        other(VALUES)[0].square().sum().backward()
        optimiser.step()
    assert all(p.grad is None and torch.equal(p, q) for p, q in zip(own.parameters(), kept_as, strict=True))
    assert all(not torch.equal(p, q) for p, q in zip(other.parameters(), kept_as, strict=True))


# Values that are no modules.


@COPIES
@pytest.mark.parametrize("given", [VALUES, VALUES.clone().requires_grad_()], ids=["data", "data with gradients"])
def test_fields_and_solutions_travel(given: Tensor, copied: Callable[[Any], Any]) -> None:
    """With the numbers of a solution, not with their history, which torch does not copy either."""
    field = net()(fwp.series(given))
    at = field(0.3)
    assert at.slots
    solution = fwp.solve(field, "knots")
    observed = fwp.observe(field, fwp.Observable("W2", W * W))
    other = copied(solution)
    assert torch.equal(other.states["W"], solution.states["W"]) and torch.equal(other.read(), solution.read())
    assert other.plan == solution.plan and other.stats == solution.stats
    assert torch.equal(fwp.solve(copied(field)).final["W"], solution.final["W"])
    assert torch.equal(copied(at)(solution.final)["W"], at(solution.final)["W"])
    assert torch.equal(copied(observed)["W2"], observed["W2"])
    assert torch.equal(fwp.solve(field.net @ copied(field.path)).final["W"], solution.final["W"])
    own = fwp.trajectory(solution.__class__(**vars(solution)))
    assert (copied(own).values == own.values).all()
    cde = (ALL["ncde"] @ wiring("ncde") @ hermite).build(3, hidden=4, inner=4)(fwp.series(given)).as_cde()
    assert torch.equal(
        copied(cde).func.prod(0.5, cde.z0, cde.X.derivative(0.5)), cde.func.prod(0.5, cde.z0, cde.X.derivative(0.5))
    )


@COPIES
def test_a_state_travels(copied: Callable[[Any], Any]) -> None:
    own = FastWeights(delta, 3, 8, 2, heads=2)
    _, state = own(VALUES[:, :8])
    other = copied(state)
    assert isinstance(other, State)
    assert torch.equal(own(VALUES[:, 8:], other)[0], own(VALUES[:, 8:], state)[0])
    other.weights[0]["W"].data.zero_()
    assert state.weights[0]["W"].any()


def test_states_and_state_dicts_load_where_nothing_is_unpickled() -> None:
    own, other = FastWeights(delta, 3, 8, 2, heads=2), FastWeights(delta, 3, 8, 2, heads=2)
    _, state = own(VALUES[:, :8])
    file = io.BytesIO()
    torch.save({"layer": own.state_dict(), "state": state}, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    other.load_state_dict(loaded["layer"])
    assert isinstance(loaded["state"], State)
    assert torch.equal(other(VALUES[:, 8:], loaded["state"])[0], own(VALUES[:, 8:], state)[0])


@COPIES
def test_a_lowered_rule_travels(copied: Callable[[Any], Any]) -> None:
    lowered = fwp.lower(delta.rate, name="rate")
    values = [torch.randn(2, *[4] * len(a.declared)) for a in lowered.arguments]
    other = copied(lowered)
    assert other == lowered and other.source == lowered.source
    assert torch.equal(other(*values), lowered(*values))


@COPIES
def test_a_rule_travels_with_what_it_claims_where_that_can(copied: Callable[[Any], Any]) -> None:
    """A law of functions without a name stays behind in a pickle, as in json; the rule and what is built of it do not."""
    law = replace(growth_bound, name="mine", applies=lambda rule: False)
    own = FastWeights(fwp.Rule(delta.rate, laws=[growth_bound, law]), 3, 8)
    other = copied(own)
    assert torch.equal(other(VALUES)[0], own(VALUES)[0])
    (layer,) = other.model.spec.layers
    assert layer.rule.laws == ((growth_bound, law) if copied is copy.deepcopy else (growth_bound,))


@COPIES
def test_a_projection_with_a_module_travels(copied: Callable[[Any], Any]) -> None:
    """And a copy of it has a module of its own, one where one stood in two places."""
    module = nn.Linear(3, 8)
    one = external(module, x, "key")
    other = copied(Projection(k=one, q=external(module, x, "key")))
    found = [other.slots[name].module for name in ("k", "q")]
    assert found[0] is found[1] and found[0] is not module
    assert torch.equal(found[0].weight, module.weight)


def answered(modules: list[nn.Module], solution: fwp.Solution) -> list[Any]:
    torch.set_num_threads(1)
    with torch.no_grad():
        return [read(own).numpy() for own in modules] + [solution.final["W"].numpy()]


def test_another_process_gets_them() -> None:
    """By the pickler of torch's own multiprocessing, as in `mp.spawn` and in workers of a data loader."""
    modules = [own().eval() for own in MODULES.values()]
    with torch.no_grad():
        solution = fwp.solve(net()(fwp.series(VALUES)))
    context = torch.multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        theirs = pool.apply(answered, (modules, solution))
    with torch.no_grad():
        ours = [read(own).numpy() for own in modules] + [solution.final["W"].numpy()]
    assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))
    assert multiprocessing.active_children() == []
