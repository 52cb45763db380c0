"""A module that a user hands over is never changed: every layer is built of a copy, and shares only what was asked to be shared."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

import fwp.solvers.plan as planning
from fwp import FastWeights, Projection
from fwp.controls import hermite
from fwp.errors import CompositionError
from fwp.fields import external, first_write, linear, shared, softmax
from fwp.rules import delta, x
from fwp.training.classifier import FastWeightClassifier
from fwp.training.regressor import FastWeightRegressor

VALUES = torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(1))


def keys(module: nn.Module, **options: bool) -> Projection:
    """Keys from the module, softmaxed."""
    return Projection(k=softmax(linear("width -> head key", external(module, x, "width", **options)), "key"))


def encoder(channels: int = 3, width: int = 8) -> nn.Module:
    return nn.Sequential(nn.Linear(channels, width), nn.Tanh())


def own_of(net: nn.Module, name: str = "k_external") -> nn.Module:
    return net.layers[0].slow.steps[name]  # pyright: ignore


def same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def step(own: nn.Module) -> None:
    """One step of training."""
    own(VALUES)[0].square().sum().backward()
    torch.optim.SGD(own.parameters(), 0.1).step()


def test_builds_and_layers_have_a_copy_each() -> None:
    module = encoder(3, 3)
    before = copy.deepcopy(module)
    one, other = (FastWeights(delta, 3, 3, 2, projection=keys(module)) for _ in range(2))
    found = [own_of(net) for layer in (one, other) for net in layer.nets]
    assert all(same(own, module) for own in found), "parameters begin as they are in it"
    assert len({id(p) for own in [module, *found] for p in own.parameters()}) == 5 * 2
    expected = other(VALUES)[0]
    step(one)
    assert same(module, before) and all(p.grad is None for p in module.parameters())
    assert torch.equal(other(VALUES)[0], expected)
    assert not any(same(own, module) for own in found[:2]) and all(same(own, module) for own in found[2:])


def test_no_random_number_is_drawn_for_a_copy() -> None:
    with_module = Projection(k=external(encoder(), x, "key"), q=external(encoder(), x, "key"))
    torch.manual_seed(3)
    ours = FastWeights(delta, 3, 8, projection=with_module)
    torch.manual_seed(3)
    theirs = FastWeights(
        delta, 3, 8, projection=Projection(k=external(nn.Identity(), x, "key"), q=external(nn.Identity(), x, "key"))
    )
    named = dict(ours.named_parameters())
    assert all(torch.equal(named[name], p) for name, p in theirs.named_parameters())


def test_another_type_is_that_of_the_copy() -> None:
    module = encoder()
    net = (delta @ keys(module) @ hermite).build(2, width=8, dtype=torch.float64)
    assert next(module.parameters()).dtype is torch.float32 and next(own_of(net).parameters()).dtype is torch.float64
    assert all(torch.equal(p.double(), q) for p, q in zip(module.parameters(), own_of(net).parameters(), strict=True))
    on_meta = (delta @ keys(module) @ hermite).build(2, width=8, device="meta")
    assert all(p.is_meta for p in on_meta.parameters()) and not next(module.parameters()).is_meta


def test_modes_flags_and_hooks_are_the_user_s() -> None:
    module, called = encoder(), []
    module.eval()
    module[0].weight.requires_grad_(False)  # pyright: ignore
    module[0].register_forward_hook(lambda *_: called.append(1))  # pyright: ignore
    own = FastWeights(delta, 3, 8, projection=keys(module))
    mine = own_of(own.nets[0])
    assert not mine.training and not mine[0].training and own.training  # pyright: ignore
    assert not mine[0].weight.requires_grad and mine[0].bias.requires_grad  # pyright: ignore
    own(VALUES)
    assert called


def test_what_a_module_remembers_is_its_copy_s() -> None:
    class Normal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def forward(self, given: Tensor) -> Tensor:
            return self.norm(given.reshape(-1, 3)).view_as(given)

    module = nn.Sequential(Normal(), nn.Linear(3, 8))
    before = copy.deepcopy(module)
    one, other = (FastWeights(delta, 3, 8, projection=keys(module)) for _ in range(2))
    one(VALUES)
    assert same(module, before) and same(own_of(other.nets[0]), before)
    assert int(own_of(one.nets[0])[0].norm.num_batches_tracked) > 0  # pyright: ignore


@pytest.mark.parametrize("kind", ["batch norm", "spectral norm"])
def test_what_is_walked_again_in_backward_is_remembered_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a long series is computed again for its gradient, buffers are what they were then, and end as after one walk."""

    class Counted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 8)
            if kind == "spectral norm":
                parametrizations.spectral_norm(self.inner, n_power_iterations=1)
            self.norm = nn.BatchNorm1d(8) if kind == "batch norm" else nn.Identity()

        def forward(self, given: Tensor) -> Tensor:
            return self.norm(self.inner(given).reshape(-1, 8)).view(*given.shape[:-1], 8)

    monkeypatch.setattr(planning, "_CHUNK", 2)
    monkeypatch.setattr(planning, "_ROWS", 12)
    begun, found = FastWeights(delta, 3, 8, projection=keys(Counted()), dtype=torch.float64), []
    for most in (2**40, 0):
        monkeypatch.setattr(planning, "_KEPT", most)
        planning.plan.cache_clear()
        own = copy.deepcopy(begun)
        own(VALUES.double())[0].square().sum().backward()
        found.append(({n: p.grad for n, p in own.named_parameters()}, dict(own.named_buffers())))
    planning.plan.cache_clear()
    for kept, again in zip(*found, strict=True):
        assert kept.keys() == again.keys() and len(kept) > 1
        assert all(torch.allclose(again[n], kept[n], rtol=1e-12, atol=1e-12) for n in kept if kept[n] is not None)


def test_one_module_in_two_places_is_one_in_each_layer() -> None:
    """And so are two modules that have a part in common."""
    module = nn.Linear(3, 3)
    projection = Projection(
        k=softmax(external(module, x, "key"), "key"),
        q=external(nn.Sequential(module, nn.ReLU()), x, "key"),
        initial=first_write(k=external(module, x, "key")),
    )
    own = FastWeights(delta, 3, 3, 2, projection=projection)
    found = [[own_of(net, n) for n in ("k_external", "q_external", "initial_k_external")] for net in own.nets]
    assert all(first is second[0] is third for first, second, third in found)  # pyright: ignore
    assert found[0][0] is not found[1][0] and module not in [found[0][0], found[1][0]]
    named = [n for n, p in own.named_parameters() if "external" in n]
    assert len(named) == 2 * 2


def test_a_shared_name_is_one_map() -> None:
    encoded = shared("encoded", external(encoder(), x, "width"))
    projection = Projection(k=linear("width -> head key", encoded), q=linear("width -> head key", encoded))
    net = (delta @ projection @ hermite).build(2, width=8)
    assert [n for n in net.layers[0].slow.steps if "external" in n] == ["encoded_external"]  # pyright: ignore


def test_what_is_to_be_shared_is_shared() -> None:
    """By all layers and builds, and with the user; a copy of a layer shares within itself alone."""
    module = encoder(3, 3)
    one, other = (FastWeights(delta, 3, 3, 2, projection=keys(module, shared=True)) for _ in range(2))
    assert all(own_of(net) is module for layer in (one, other) for net in layer.nets)
    copied = copy.deepcopy(one)
    theirs = own_of(copied.nets[0])
    assert theirs is own_of(copied.nets[1]) and theirs is not module
    expected = copied(VALUES)[0]
    step(one)
    assert not same(module, theirs) and torch.equal(copied(VALUES)[0], expected)
    assert "shared=True" in repr(one.model) and "shared" not in repr(keys(module))


def test_copies_of_a_layer_are_independent() -> None:
    own = FastWeights(delta, 3, 8, projection=keys(encoder()))
    expected = own(VALUES)[0]
    for other in (copy.deepcopy(own), pickle.loads(pickle.dumps(own))):
        assert torch.equal(other(VALUES)[0], expected)
        step(other)
        assert torch.equal(own(VALUES)[0], expected) and not torch.equal(other(VALUES)[0], expected)
        again = other.model.build(3, width=8)
        assert own_of(again) is not own_of(other.nets[0])


SPECIAL: dict[str, Callable[[], nn.Module]] = {
    "lazy": lambda: nn.LazyLinear(8),
    "weight_norm": lambda: nn.utils.weight_norm(nn.Linear(3, 8)),
    "pruned": lambda: prune.l1_unstructured(nn.Linear(3, 8), "weight", 0.5),
    "parametrized": lambda: parametrizations.weight_norm(nn.Linear(3, 8)),
    "traced": lambda: torch.jit.trace(nn.Linear(3, 8), torch.randn(2, 3)),
    "compiled": lambda: torch.compile(nn.Linear(3, 8), backend="eager"),  # pyright: ignore
}


@pytest.mark.parametrize("name", SPECIAL)
def test_modules_of_every_kind_are_copied(name: str) -> None:
    module = SPECIAL[name]()
    own = FastWeights(delta, 3, 8, projection=keys(module))
    other = copy.deepcopy(own)
    before = [p.clone() for p in module.parameters() if not nn.parameter.is_lazy(p)]
    torch.manual_seed(0)
    expected = own(VALUES)[0]
    torch.manual_seed(0)
    assert torch.equal(other(VALUES)[0], expected)
    step(own)
    assert all(torch.equal(p, q) for p, q in zip(module.parameters(), before, strict=name != "lazy"))
    assert all(nn.parameter.is_lazy(p) for p in module.parameters()) is (name == "lazy")
    mine = [p for n, p in own.named_parameters() if "k_external" in n]
    assert mine and all(p.grad is not None and p.grad.any() for p in mine)


def test_lazy_modules_take_the_size_of_each_layer() -> None:
    own = FastWeights(delta, 3, 8, 2, projection=keys(nn.LazyLinear(8)))
    own(VALUES)
    assert [own_of(net).in_features for net in own.nets] == [3, 8]  # pyright: ignore


class Locked(nn.Linear):
    """As one that holds a file or a lock."""

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        raise TypeError("cannot pickle '_io.TextIOWrapper' object")


def test_what_cannot_be_copied_is_refused_unless_it_is_shared() -> None:
    with pytest.raises(CompositionError, match=r"(?s)cannot be copied.*Locked.*_io.TextIOWrapper.*shared=True"):
        FastWeights(delta, 3, 8, projection=keys(Locked(3, 8)))
    module = Locked(3, 8)
    assert own_of(FastWeights(delta, 3, 8, projection=keys(module, shared=True)).nets[0]) is module


SMALL: dict[str, Any] = dict(width=8, heads=2, hidden=8, epochs=2, batch=12, random_state=0)
CASES = np.random.default_rng(0).normal(size=(16, 2, 8)).cumsum(2)
TARGETS: dict[type, np.ndarray] = {
    FastWeightClassifier: np.where(CASES[:, 0, -1] > 0, "up", "down"),
    FastWeightRegressor: CASES[:, 0, -1],
}


@pytest.mark.parametrize("sharing", [False, True])
@pytest.mark.parametrize("kind", TARGETS)
def test_estimators_train_copies(kind: type, sharing: bool) -> None:
    module = encoder(3)
    before, projection = copy.deepcopy(module), keys(module, shared=sharing)
    first = kind(projection=projection, **SMALL).fit(CASES, TARGETS[kind])
    assert same(module, before) and all(p.grad is None for p in module.parameters())
    assert first.get_params()["projection"] is projection and projection.slots["k"].of.of.module is module  # pyright: ignore
    assert not same(own_of(first.model_.predictor.net), before)
    expected = first.predict(CASES)
    second = clone(first)
    second.set_params(random_state=5).fit(CASES[::-1], TARGETS[kind])
    assert np.array_equal(first.predict(CASES), expected) and same(module, before)
    again = clone(first).fit(CASES, TARGETS[kind])
    assert np.array_equal(again.predict(CASES), expected)


@pytest.mark.parametrize("kind", TARGETS)
def test_fitted_estimators_travel(kind: type, tmp_path: Any) -> None:
    import joblib

    first = kind(projection=keys(nn.utils.weight_norm(nn.Linear(3, 8))), **SMALL).fit(CASES, TARGETS[kind])
    expected = first.predict(CASES)
    joblib.dump(first, tmp_path / "model")
    others = [joblib.load(tmp_path / "model"), pickle.loads(pickle.dumps(first)), copy.deepcopy(first)]
    with torch.no_grad():
        for parameter in first.model_.predictor.parameters():
            parameter.mul_(-2.0)
    for other in others:
        assert np.array_equal(other.predict(CASES), expected)
        assert other.metrics_ == first.metrics_ and other.epoch_ == first.epoch_
    assert not np.array_equal(first.predict(CASES), expected)


@pytest.mark.slow
def test_a_search_in_processes_leaves_the_module() -> None:
    module = encoder(3)
    before = copy.deepcopy(module)
    search = GridSearchCV(
        FastWeightRegressor(projection=keys(module), **SMALL), {"dropout": [0.0, 0.2]}, cv=2, n_jobs=2
    )
    search.fit(CASES, TARGETS[FastWeightRegressor])
    assert same(module, before) and np.isfinite(search.cv_results_["mean_test_score"]).all()
