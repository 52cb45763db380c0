"""Under the name of a published model one finds the rule that is nearest to it, and what is not the same."""

import pytest
import torch

from fwp.errors import AxisError, FwpError
from fwp.fields import external, parameter, start
from fwp.rules import ALL, by_name, delta, hebb, leaky_delta, x
from fwp.rules.names import PUBLISHED, nearest
from fwp.testing.flows import stepped

NAMES = {
    "GatedDeltaNet": "leaky_delta", "Gated DeltaNet": "leaky_delta", "gated_delta_net": "leaky_delta", "KDA": "gated_delta",
    "Kimi-Delta-Attention": "gated_delta", "KimiLinear": "gated_delta", "DeltaNet": "delta", "deltanet": "delta",
    "LinearTransformer": "hebb", "linear_attention": "hebb", "SRWM": "self_reference", "GatedDeltaNet-2": "erase_write",
    "Mamba2": "hebb", "NeuralCDE": "ncde", "GRU-ODE-Bayes": "gru_ode",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_published_name_finds_the_nearest_rule_with_its_caveat(name):
    found = nearest(name)
    assert found is not None and found.rule == NAMES[name]
    with pytest.raises(FwpError) as caught:
        by_name(name)
    assert f"take {NAMES[name]}" in str(caught.value) and found.but in str(caught.value)


def test_every_published_name_leads_to_a_rule_and_no_rule_is_hidden_by_one():
    assert {found.rule for found in PUBLISHED.values()} <= set(ALL)
    assert all(by_name(name) is ALL[name] for name in ALL)
    for misspelt, meant in (("detla", "delta"), ("Gated_Delta", "gated_delta"), ("oja-subspace", "oja_subspace")):
        with pytest.raises(FwpError, match=f"did you mean {meant}"):
            by_name(misspelt)


def stepped_once(rule, W, **slots):
    (_, after) = stepped(rule, "euler")(
        W, {n: s[None] for n, s in slots.items()}, torch.ones(1, dtype=torch.float64).numpy()
    )
    return after


def test_what_is_said_of_the_recurrences_is_so():
    """Euler's step of Delta is DeltaNet's; of leaky Delta it is Gated DeltaNet's less the decay of what is erased."""
    numbers = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.rand(*shape, generator=numbers, dtype=torch.float64).numpy()

    W, k, v, beta, decay = draw(3, 4), draw(4), draw(3), *draw(2)
    eye, kk, vk = torch.eye(4).numpy(), torch.outer(*[torch.from_numpy(k)] * 2).numpy(), v[:, None] * k
    assert abs(stepped_once(delta, W, beta=beta, k=k, v=v) - (W @ (eye - beta * kk) + beta * vk)).max() < 1e-12
    assert abs(stepped_once(hebb, W, beta=beta, k=k, v=v) - (W + beta * vk)).max() < 1e-12
    ours = stepped_once(leaky_delta, W, beta=beta, k=k, v=v, gamma=decay)
    published = (1 - decay) * W @ (eye - beta * kk) + beta * vk
    assert abs(ours - published).max() > 1e-3
    assert abs(ours + decay * beta * W @ kk - published).max() < 1e-12


@pytest.mark.parametrize("pattern", ["key -> head hidden key", "head key -> head value"])
def test_an_axis_on_both_sides_of_a_learned_constant_is_refused_in_our_words(pattern):
    with pytest.raises(AxisError, match="each axis once"):
        start(W1=parameter(pattern))


@pytest.mark.parametrize("make", [lambda p: parameter(p), lambda p: external(torch.nn.Identity(), x, p)])
@pytest.mark.parametrize("pattern", ["key key", "key 2", "(key)", 3, None])
def test_patterns_of_maps_are_read_by_one_reader(make, pattern):
    with pytest.raises(AxisError):
        make(pattern)
