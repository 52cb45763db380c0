"""Several states at once."""

import pytest

from fwp.errors import AxisError, CompositionError
from fwp.rules import ALL, Rule, System, W, bcm, beta, closed, delta, gamma, hebb, k, momentum_delta, self_reference, v
from fwp.terms import Slot, State, rename
from fwp.testing.terms import NAMESPACE

M, theta = State("M", "value key"), State("theta", "value")


@pytest.mark.users
def test_a_system_is_a_value() -> None:
    same = System(Rule(M, name="other"), Rule(beta * v * k - gamma * M - beta * (W @ k) * k, of=M))
    assert same == momentum_delta and hash(same) == hash(momentum_delta)
    assert same != System(*reversed(same.rules))
    assert System(delta) != delta
    with pytest.raises(AttributeError):
        same.name = "z"
    with pytest.raises(AttributeError):
        same.read = W


def test_it_is_read_as_its_first_rule_or_as_it_says() -> None:
    assert momentum_delta.read == delta.read
    assert self_reference.read == W @ Slot("u", "key")
    assert System(delta, read=W @ k).read == W @ k
    assert System(delta, read=W @ k) != System(delta)


def test_variables_states_first() -> None:
    assert [x.name for x in bcm.variables] == ["W", "theta", "beta", "k", "gamma", "q"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: System(),
        lambda: System(delta, hebb),
        lambda: System(delta, Rule(Slot("W", "key"), of=State("b", "key"))),
        lambda: System(Rule(M), Rule(v, of=State("M", "value"))),
        lambda: System(delta, read=Slot("k", "value")),
    ],
)
def test_what_is_no_system(make) -> None:
    with pytest.raises(AxisError):
        make()


def test_a_rule_that_reads_another_state_needs_its_equation() -> None:
    with pytest.raises(CompositionError, match="reads the state `M`"):
        closed(Rule(M))
    with pytest.raises(CompositionError, match="reads the state `theta`"):
        closed(System(bcm.rules[0]))
    with pytest.raises(CompositionError, match="reads the state `theta`"):
        closed(System(delta, read=theta))
    with pytest.raises(CompositionError):
        closed(Rule(rename(M, value="value2") @ rename(v, value="value2") * v))


@pytest.mark.parametrize("name", ALL)
def test_every_rule_is_closed(name: str) -> None:
    assert closed(ALL[name]) is ALL[name]


@pytest.mark.parametrize("name", [name for name, rule in ALL.items() if isinstance(rule, System)])
def test_repr_round_trips(name: str) -> None:
    system = ALL[name]
    names = {**NAMESPACE, "Rule": Rule, "System": System, **{x.name: x for x in system.variables}}
    assert eval(repr(system), {**names, "β": beta, "γ": gamma, "θ": theta}) == system


def test_str_has_a_line_for_each_state() -> None:
    assert str(momentum_delta) == "dW/dt = M\ndM/dt = β (v − W k) kᵀ − γ M"
