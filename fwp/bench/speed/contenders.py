"""Who is timed: a training step of the same weights on the same data, by this library and by others.

One step is the forward solve, the sum of squares of what is read at the end, and the backward pass to all parameters.
"""

import importlib.util
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

import fwp
from fwp.bench.speed.workloads import Case
from fwp.rules import delta
from fwp.solvers import prepare, solve

__all__ = ["CONTENDERS", "Absent", "Contender", "Step", "raw_weights", "slow_weights", "windows_of"]


@dataclass(frozen=True, eq=False)
class Step:
    """A training step: what computes the loss, and the leaves that get a gradient."""

    loss: Callable[[], Tensor]
    leaves: tuple[Tensor, ...]


@dataclass(frozen=True)
class Absent:
    """Why a contender is not timed."""

    reason: str


@dataclass(frozen=True)
class Contender:
    """A way to take a training step."""

    name: str
    about: str
    prepare: Callable[[Case], Step | Absent]


def _ours(case: Case) -> Step:
    step = _solved(case)

    @cache
    def ready() -> bool:
        return prepare(case.net @ case.path)

    def loss() -> Tensor:
        ready()  # in the first call, so that its time shows there
        return step.loss()

    return Step(loss, step.leaves)


def _sequential(case: Case) -> Step:
    return _solved(case, scan="sequential")


def _chunked(case: Case) -> Step:
    return _solved(case, scan="chunked")


def _exact(case: Case) -> Step:
    return _solved(case, method="rk4", backend="torchdiffeq")


def _adjoint(case: Case) -> Step:
    step = _solved(case, method="rk4", backend="torchdiffeq", gradient="adjoint")

    def loss() -> Tensor:
        with warnings.catch_warnings():  # that it is wrong on long series is what the benchmark shows
            warnings.simplefilter("ignore", UserWarning)
            return step.loss()

    return Step(loss, step.leaves)


def _solved(case: Case, **options: Any) -> Step:
    def loss() -> Tensor:
        return solve(case.net @ case.path, **options).read().square().sum()

    return Step(loss, tuple(case.net.parameters()))


def _plain(adjoint: bool) -> Callable[[Case], Step | Absent]:
    def prepare(case: Case) -> Step | Absent:
        module = _script("plain_torchdiffeq")
        if module is None:
            return NO_SCRIPT
        w, linear = raw_weights(case), case.workload.rule == delta
        plain = module.Plain(w, windows_of(case), case.workload.heads, linear)
        return Step(lambda: plain.solve(adjoint).square().sum(), tuple(plain.weights[name] for name in w))

    return prepare


def _plain_loop(case: Case) -> Step | Absent:
    module = _script("plain_loop")
    if module is None:
        return NO_SCRIPT
    w, windows, linear = raw_weights(case), windows_of(case), case.workload.rule == delta
    return Step(lambda: module.read_out(w, windows, case.workload.heads, linear).square().sum(), tuple(w.values()))


def _slices(share: int) -> Callable[[Case], Step | Absent]:
    """One SLiCE layer in parallel mode, at the state size of the workload divided by `share`, in blocks of the heads' size."""

    def prepare(case: Case) -> Step | Absent:
        if importlib.util.find_spec("slices") is None:
            return Absent("torch-slices is not installed: pip install 'fwp[bench-speed]'")
        from slices import SLiCE  # pyright: ignore[reportMissingImports]  # an optional extra

        block = case.workload.width // case.workload.heads
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            state = case.workload.width * block // share
            layer = SLiCE(case.workload.channels, hidden_dim=state, block_size=block, path_mode="increments")
        windows = windows_of(case)
        return Step(lambda: layer(windows)[:, -1].square().sum(), tuple(layer.parameters()))

    return prepare


NO_SCRIPT = Absent("its script stands in the benchmarks folder of the source tree, and this is an installed package")

CONTENDERS: Mapping[str, Contender] = {
    c.name: c
    for c in (
        Contender("ours", "fwp.solve(field), after fwp.prepare(field)", _ours),
        Contender("ours-sequential", "fwp.solve, its steps one after the other in torch", _sequential),
        Contender("ours-chunked", "fwp.solve, its steps in parallel inside chunks", _chunked),
        Contender("torchdiffeq-exact", "fwp.solve through torchdiffeq's rk4, gradient of the steps taken", _exact),
        Contender("torchdiffeq-adjoint", "fwp.solve through torchdiffeq's rk4, continuous adjoint", _adjoint),
        Contender("plain-exact", "benchmarks/plain_torchdiffeq.py, odeint", _plain(adjoint=False)),
        Contender("plain-adjoint", "benchmarks/plain_torchdiffeq.py, odeint_adjoint", _plain(adjoint=True)),
        Contender("plain-loop", "benchmarks/plain_loop.py, exact steps in a loop of torch", _plain_loop),
        Contender("torch-slices", "torch-slices' SLiCE, parallel, with as many numbers of state", _slices(1)),
        Contender("torch-slices-eighth", "the same with an eighth of the state", _slices(8)),
    )
}


def slow_weights(case: Case) -> dict[str, nn.Parameter]:
    """The slow net's own parameters, under the names that the plain scripts use."""
    modules = {"in": "encoder_linear", "norm": "encoder_norm"} | {n: f"{n}_linear" for n in ("k", "v", "beta", "q")}
    own, at = dict(case.net.named_parameters()), "layers.0.slow.steps"
    weights = {name: own[f"{at}.{module}.weight"] for name, module in modules.items()}
    return weights | {f"{name}_bias": own[f"{at}.{module}.bias"] for name, module in modules.items()}


def raw_weights(case: Case) -> dict[str, Tensor]:
    """Copies of them as plain matrices (out, in) and vectors, heads side by side."""
    shaped = {
        name: own.flatten() if name.endswith("_bias") or name == "norm" else own.reshape(-1, own.shape[-1])
        for name, own in slow_weights(case).items()
    }
    return {name: own.detach().clone().requires_grad_() for name, own in shaped.items()}


def windows_of(case: Case) -> Tensor:
    """The increment on each window: (batch window channel)."""
    _, increments = case.path.nodes([0.0])
    return increments[:, :, 0]


def _script(name: str) -> ModuleType | None:
    """A script of the source tree, as a module; None where there is only the installed package."""
    file = File(fwp.__file__).parents[1] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"_fwp_benchmark_{name}", file)
    if not file.is_file() or spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
