"""A lowered term means what `evaluate` says, for any batch axes, dtype and device."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from fwp import lower
from fwp.errors import SizeError
from fwp.lowering import Lowered, lower_rule
from fwp.rules import ALL, W, beta, delta, k, oja, v
from fwp.terms import Node, axis_classes, differentiate, evaluate, ones, subterms, tanh, variables
from fwp.terms.build import as_term
from tests.golden import check
from tests.strategies import error, seeds, sizes, terms, values

HERE = __file__.rpartition("/")[0]


def drawn(lowered: Lowered, *batch: int, device: str = "cpu", dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """Tensors for every argument, each class of equal axes with a size of its own."""
    classes = axis_classes([*lowered.terms, *lowered.arguments])
    size = {axis: n for equal, n in zip(classes, (3, 2, 5, 7), strict=False) for axis in equal}
    shapes = {a.name: [*batch, *(size[x] for x in a.declared)] for a in lowered.arguments}
    return {name: torch.randn(shape, dtype=dtype, device=device) for name, shape in shapes.items()}


def outputs(result: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


@given(terms(), seeds)
def test_random_terms_agree_with_their_meaning(term: Node, seed: int) -> None:
    if not variables(term):
        return
    own, size = values(seed, term), sizes(term)
    found = lower(term, sizes=size)(**{n: torch.from_numpy(np.asarray(x)) for n, x in own.items()})
    assert isinstance(found, Tensor)
    expected = evaluate(term, own, size)
    assert error(found.expand(expected.shape).numpy(), expected) < 1e-12


@given(terms(), seeds)
def test_batches_are_their_members(term: Node, seed: int) -> None:
    if not variables(term):
        return
    size = sizes(term)
    members = [values(seed + i, term) for i in range(3)]
    stacked = {n: torch.from_numpy(np.stack([np.asarray(m[n]) for m in members])) for n in members[0]}
    found = lower(term, sizes=size)(**stacked)
    assert isinstance(found, Tensor)
    for i, member in enumerate(members):
        expected = evaluate(term, member, size)
        assert error(found.expand(3, *expected.shape)[i].numpy(), expected) < 1e-12


@given(terms(), seeds)
def test_forward_derivative_is_the_reference_derivative(term: Node, seed: int) -> None:
    if not variables(term):
        return
    own, moves, size = values(seed, term), values(seed + 1, term), sizes(term)
    lowered = lower(term, sizes=size)
    point, direction = (
        tuple(torch.from_numpy(np.asarray(x[a.name])) for a in lowered.arguments) for x in (own, moves)
    )
    _, found = torch.func.jvp(lowered.function, point, direction)
    expected = differentiate(term, own, moves, size)
    assert error(found.expand(expected.shape).numpy(), expected) < 1e-10


@pytest.mark.users
@pytest.mark.parametrize("batch", [(), (4,), (4, 2)], ids=str)
@pytest.mark.parametrize("name", ALL)
def test_every_rule(name: str, batch: tuple[int, ...]) -> None:
    lowered = lower_rule(ALL[name])
    own = drawn(lowered, *batch)
    first = (0,) * len(batch)
    for found, rule in zip(outputs(lowered(**own)), ALL[name].rules, strict=True):
        expected = evaluate(rule.rate, {n: x[first].numpy() for n, x in own.items()})
        assert found.shape[: len(batch)] == batch
        assert error(found[first].numpy(), expected) < 1e-12


@pytest.mark.parametrize("name", ALL)
def test_float32_is_close_to_float64(name: str) -> None:
    lowered = lower_rule(ALL[name])
    own = drawn(lowered, 4, 2)
    single = outputs(lowered(**{n: x.float() for n, x in own.items()}))
    for found, exact in zip(single, outputs(lowered(**own)), strict=True):
        assert found.dtype == torch.float32
        assert error(found.numpy(), exact.numpy()) < 1e-5


@pytest.mark.parametrize("name", ALL)
def test_gradients(name: str) -> None:
    lowered = lower_rule(ALL[name])
    own = {n: x.requires_grad_() for n, x in drawn(lowered, 2).items()}

    def rates(*tensors: Tensor) -> tuple[Tensor, ...]:
        return outputs(lowered.function(*tensors))

    assert torch.autograd.gradcheck(rates, tuple(own.values()), eps=1e-6, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_nothing_touches_the_host(name: str) -> None:
    """On torch's meta device a stray CPU tensor or a look at a value is an error."""
    lowered = lower_rule(ALL[name])
    own = {n: x.requires_grad_() for n, x in drawn(lowered, 4, 2, device="meta").items()}
    rates = outputs(lowered(**own))
    torch.stack([rate.sum() for rate in rates]).sum().backward()
    assert all(rate.is_meta for rate in rates)
    used = variables(*(r.rate for r in ALL[name].rules))
    assert all(own[x.name].grad is not None for x in used)


@pytest.mark.parametrize("name", ALL)
def test_source_is_a_straight_line(name: str) -> None:
    text = lower_rule(ALL[name]).source
    assert not re.search(r"\b(if|for|while|lambda|try)\b", text)
    lines = [line.split(" = ", 1)[1] for line in text.splitlines() if " = " in line]
    assert len(lines) == len(set(lines)), "an expression is computed twice"


@pytest.mark.parametrize("rule", [delta, oja], ids=lambda r: r.name)
def test_source_as_it_stands(rule) -> None:
    from pathlib import Path

    check(Path(HERE) / "golden" / f"{rule.name}.txt", lower_rule(rule).source)


@given(terms())
def test_equal_subterms_are_computed_once(term: Node) -> None:
    if variables(term):
        doubled = lower(term * term, sizes=sizes(term)).source.count(" = ")
        assert doubled <= 1 + lower(term, sizes=sizes(term)).source.count(" = ") + len(subterms(term))


def test_broadcasting_between_arguments() -> None:
    own = drawn(lower_rule(delta), 4, 2)
    once = own | {"beta": own["beta"][:1, :1], "k": own["k"][0, 0]}
    every = {n: x.expand(4, 2, *x.shape[x.ndim - d :]) for (n, x), d in zip(once.items(), (2, 0, 1, 1), strict=True)}
    torch.testing.assert_close(lower_rule(delta)(**once), lower_rule(delta)(**every))


def test_numbers_and_constants() -> None:
    found = lower(as_term(1 - beta) * 2, name="f")(torch.tensor(0.25))
    assert found == torch.tensor(1.5)
    assert lower(3 * ones("value") + v)(torch.zeros(2)).tolist() == [3.0, 3.0]
    with pytest.raises(SizeError, match="no argument has the axis"):
        lower(beta * ones("value"))
    assert lower(beta * ones("value"), sizes={"value": 2})(torch.tensor(0.5)).tolist() == [0.5, 0.5]


def test_names_do_not_collide() -> None:
    from fwp import Slot

    t, t0 = Slot("t"), Slot("t0")
    assert lower(tanh(t) * tanh(t0) + t)(torch.tensor(1.0), torch.tensor(0.0)) == torch.tensor(1.0)


def test_sizes_that_do_not_fit() -> None:
    lowered = lower_rule(delta)
    own = drawn(lowered)
    with pytest.raises(SizeError, match="axis 'key' has two sizes"):
        lowered(**own | {"k": torch.zeros(9)})
    with pytest.raises(SizeError, match="no value was given for `k`"):
        lowered(W=own["W"], beta=own["beta"], v=own["v"])
    with pytest.raises(SizeError, match="do not fit the signature"):
        lowered(**own | {"v": own["v"].long()})
    with pytest.raises(SizeError, match="do not fit the signature"):
        lowered(**{n: x.expand(i + 2, *x.shape) for i, (n, x) in enumerate(own.items())})
    with pytest.raises(SizeError, match="does not have its declared axes"):
        lowered(**own | {"W": torch.zeros(3)})


def test_a_term_of_the_state_alone() -> None:
    assert torch.equal(lower(W @ k)(torch.eye(2), torch.ones(2)), torch.ones(2))
