"""A solve ends: methods that choose their steps take so many between two knots at most, and then say where they are."""

import pytest
import torch

import fwp
from fwp.controls import hermite
from fwp.errors import SolveError
from fwp.fields import external, linear
from fwp.rules import delta, dx, k, momentum_delta, v, x
from fwp.solvers.budget import MAX_STEPS, Budget
from fwp.solvers.torchdiffeq import METHODS, Family

CHOOSING = [name for name, family in METHODS.items() if family in (Family.ADAPTIVE, Family.SCIPY)]


def stiff(rule: fwp.Rule | fwp.System = delta, times: float = 1e4) -> fwp.VectorField:
    """Keys of norms in the tens of thousands: millions of steps between two knots."""
    torch.manual_seed(0)
    net = (rule @ fwp.Projection(k=linear("channel -> head key", x)) @ hermite).build(channels=3, width=4)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith("weight") or "k" in name:
                parameter.mul_(times)
    return net(fwp.series(torch.randn(2, 6, 3)))


@pytest.mark.parametrize("method", CHOOSING)
def test_forwards(method: str) -> None:
    with (
        torch.no_grad(),
        pytest.raises(
            SolveError, match=r"(?s)more than max_steps=20 between two knots.* sample \d of 2, knot \d+, t = "
        ),
    ):
        fwp.solve(stiff(), method=method, max_steps=20)


def test_of_systems_and_read_outs() -> None:
    for solve in (fwp.solve, fwp.read_along):
        with pytest.raises(SolveError, match="max_steps=20"):
            solve(stiff(momentum_delta), method="dopri5", max_steps=20)


def test_by_torchcde() -> None:
    torch.manual_seed(0)
    wild = external(torch.nn.Sequential(torch.nn.Linear(4, 4), Wild()), x, "key")
    feeds = fwp.Projection(v=linear("channel -> head value", dx, bias=False), k=wild)
    net = (fwp.Rule(v * k) @ feeds @ hermite).build(channels=3, width=4)
    with torch.no_grad(), pytest.raises(SolveError, match="max_steps=20"):
        fwp.solve(net(fwp.series(torch.randn(2, 9, 3))), backend="torchcde", method="dopri5", max_steps=20)


class Wild(torch.nn.Module):
    def forward(self, source: torch.Tensor) -> torch.Tensor:
        return torch.sin(1e5 * source)


@pytest.mark.filterwarnings("ignore:the adjoint's gradients are noise")
def test_backwards_along_the_adjoint() -> None:
    """Forwards is easy; what contracts forwards grows backwards."""
    field = stiff(times=2.5)
    solution = fwp.solve(field, method="dopri5", gradient="adjoint", max_steps=12)
    with pytest.raises(SolveError, match="max_steps=12"):
        solution.final["W"].square().sum().backward()


def test_there_is_a_bound_unless_one_is_given() -> None:
    with torch.no_grad(), pytest.raises(SolveError, match=f"max_steps={MAX_STEPS}"):
        fwp.solve(stiff(times=1e6), method="adaptive_heun")


def test_a_larger_one_is_enough() -> None:
    field = stiff(times=4.0)
    with torch.no_grad():
        with pytest.raises(SolveError, match="max_steps=2 "):
            fwp.solve(field, method="dopri5", max_steps=2)
        found = fwp.solve(field, method="dopri5").final["W"]
        assert (found - fwp.solve(field, method="magnus4", steps=64).final["W"]).abs().max() < 0.05 * found.abs().max()


@pytest.mark.parametrize(("each", "ends"), [(30, False), (200, True)])
def test_a_path_has_a_bound_too(each: int, ends: bool) -> None:
    """Some hundred steps between any two of a hundred knots, as unnormalised keys ask for, are minutes."""
    budget = Budget("dopri5", MAX_STEPS, 100, False, lambda place, _, because: SolveError(because, help=f"{place}"))

    def walk() -> None:
        for interval in range(100):
            for step in range(6 * each):
                budget.spend(interval, step / (6 * each), torch.zeros(1))

    if ends:
        with pytest.raises(SolveError, match="more than 7,296 steps in all"):
            walk()
    else:
        walk()
