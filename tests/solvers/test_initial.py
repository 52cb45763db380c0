"""States to begin with: where one path ended, the next goes on; and they may be learned."""

import pytest
import torch

from fwp import controls
from fwp.errors import SolveError
from fwp.fields import direct, plain, stack, suited
from fwp.rules import ALL, delta, dx, hebb, momentum_delta
from fwp.solvers import read_along, solve
from fwp.solvers.solve import follow
from tests.fields.nets import TIMELESS, built, close, random_states, sized, some_series

RULES = ("hebb", "delta", "gated_delta", "tanh_delta", "oja_subspace", "momentum_delta", "bcm")


def test_a_tensor_alone_is_the_only_state() -> None:
    net = built(delta, direct())
    field, states = net(some_series()), random_states(net, 3)
    named = solve(field, "knots", initial=states)
    alone = solve(field, "knots", initial=states["W"])
    assert torch.equal(alone.states["W"], named.states["W"]) and torch.equal(alone.states["W"][:, 0], states["W"])
    assert torch.equal(read_along(field, initial=states["W"]), read_along(field, initial=states))
    assert not close(alone.final["W"], solve(field).final["W"], 1e-3)


@pytest.mark.parametrize("backend", ["structured", "torchdiffeq", "torchcde"])
def test_one_state_for_all_samples(backend: str) -> None:
    net = built(hebb, plain(values=dx), controls.linear)
    field, one = net(some_series()), random_states(net, 1)["W"]
    ours, theirs = (
        solve(field, "knots", initial=state, backend=backend).states["W"]
        for state in (one[0], one.expand(3, -1, -1, -1))
    )
    assert torch.equal(ours, theirs) and torch.equal(ours[:, 0], one.expand(3, -1, -1, -1))


@pytest.mark.parametrize("knot", [1, 4, 7])
@pytest.mark.parametrize("name", RULES)
def test_a_path_goes_on_where_another_ended(name: str, knot: int) -> None:
    torch.manual_seed(0)
    field = (net := built(ALL[name], suited(direct(), ALL[name]), TIMELESS))(some_series(time=9, unequal=True))
    whole = solve(field, "knots")
    first, second = net @ field.path.between(0, knot), net @ field.path.between(knot, 8)
    states = solve(first).final
    rest = solve(second, "knots", initial=states)
    for state, own in whole.states.items():
        assert close(states[state], own[:, knot], 1e-12) and close(rest.states[state], own[:, knot:], 1e-12)


@pytest.mark.parametrize("name", RULES)
def test_following_gives_both_read_outs_and_last_states(name: str) -> None:
    torch.manual_seed(0)
    field = built(ALL[name], suited(direct(), ALL[name]))(some_series(time=9, unequal=True))
    reads, states = follow(field)
    assert torch.equal(reads, read_along(field))
    for state, own in solve(field).final.items():
        assert close(states[state], own, 1e-12)


@pytest.mark.parametrize(
    "options",
    [{}, {"scan": "sequential"}, {"method": "magnus4"}, {"method": "rk4", "backend": "torchdiffeq"}],
    ids=["auto", "sequential", "magnus4", "torchdiffeq"],
)
def test_a_start_can_be_learned(options: dict[str, str]) -> None:
    """By its gradient, which is that of central differences; of one state for all samples, the sum over these."""
    net = built(delta, direct())
    field = net(some_series())
    start = random_states(net, 1)["W"][0].requires_grad_()
    assert torch.autograd.gradcheck(lambda w: solve(field, initial=w, **options).read(), [start], rtol=1e-6, atol=1e-8)
    each = start.detach().expand(3, -1, -1, -1).clone().requires_grad_()
    (shared,) = torch.autograd.grad(solve(field, initial=start, **options).read().square().sum(), [start])
    (own,) = torch.autograd.grad(solve(field, initial=each, **options).read().square().sum(), [each])
    assert close(own.sum(0), shared, 1e-11) and shared.abs().max() > 1e-6


@pytest.mark.filterwarnings("ignore:the adjoint")
def test_the_adjoint_knows_the_start() -> None:
    net = built(hebb, direct())
    field, start = net(some_series()), random_states(net, 3)["W"].requires_grad_()
    exact, adjoint = (
        torch.autograd.grad(
            solve(field, initial=start, method="rk4", gradient=g, steps=4).read().square().sum(), [start]
        )[0]
        for g in ("exact", "adjoint")
    )
    assert close(adjoint, exact, 1e-6)


def test_states_of_layers_are_told_by_name() -> None:
    torch.manual_seed(0)
    net = sized(stack(delta @ direct(), delta @ direct()) @ controls.linear)
    field, states = net(some_series()), random_states(net, 3)
    found = solve(field, "knots", initial={"layer2.W": states["layer2.W"]})
    assert torch.equal(found.states["layer2.W"][:, 0], states["layer2.W"])
    assert torch.equal(found.states["layer1.W"][:, 0], field.initial()["layer1.W"])
    with pytest.raises(SolveError, match="several states"):
        solve(field, initial=states["layer1.W"])


def test_what_cannot_begin_is_refused() -> None:
    net = built(delta, direct())
    field, state = net(some_series()), random_states(net, 3)["W"]
    for wrong in (state[:2], state[0, 0], state[..., :2], state[:, None]):
        with pytest.raises(SolveError, match="not those of the field"):
            solve(field, initial=wrong)
    with pytest.raises(SolveError, match="another kind of number"):
        solve(field, initial=state.float())
    with pytest.raises(SolveError, match="several states"):
        solve(built(momentum_delta, direct().restricted(momentum_delta))(some_series()), initial=state)
