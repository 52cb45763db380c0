"""Lowered terms mean what `evaluate` says, for any batch axes, dtype and device."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from torch import Tensor

from fwp.errors import AxisError, SizeError
from fwp.lowering import lower, lower_rule
from fwp.rules import ALL, Rule, System, W, beta, delta, gamma, k, momentum_delta, v
from fwp.terms import (
    Node,
    Primitive,
    Slot,
    as_term,
    ein,
    evaluate,
    eye,
    ones,
    rename,
    softplus,
    subterms,
    tanh,
    tril,
    variables,
)
from fwp.terms.syntax import Map
from fwp.testing.numbers import Values, error
from fwp.testing.terms import seeds, size, sizes, terms, values

BATCHES = [(), (2,), (3, 2), (2, 1, 3)]


def tensors(arrays: Values, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    return {name: torch.as_tensor(array, dtype=dtype) for name, array in arrays.items()}


def stacked(samples: Sequence[Values], batch: tuple[int, ...]) -> dict[str, Tensor]:
    def batched(name: str) -> Tensor:
        return torch.stack([torch.as_tensor(np.asarray(s[name])) for s in samples])

    return {name: batched(name).reshape((*batch, *np.shape(samples[0][name]))) for name in samples[0]}


@pytest.mark.users
@given(terms(), seeds)
@example(v @ eye("value", "value2") * tril("value3", "value2"), 0)
@example(as_term(1) - beta, 0)
def test_a_lowered_term_is_its_value(term: Node, seed: int) -> None:
    assume(variables(term))
    arrays = values(seed, term)
    ours = lower(term, sizes=sizes(term))(**tensors(arrays))
    assert error(ours, evaluate(term, arrays, sizes(term))) <= 1e-12


@given(terms(depth=2), seeds, st.sampled_from(BATCHES), st.sampled_from([1, 3, 4]))
def test_batch_axes_of_any_number(term: Node, seed: int, batch: tuple[int, ...], shared: int) -> None:
    """Every sample is on its own; arguments without batch axes, or with 1 in place of one, are broadcast."""
    assume(variables(term))
    samples = [values(seed + i, term) for i in range(int(np.prod(batch)))]
    names = [x.name for x in variables(term)]
    for name in names[::shared] if shared > 1 else []:
        samples = [s | {name: samples[0][name]} for s in samples]
    inputs = stacked(samples, batch)
    for i, name in enumerate(names[::shared] if shared > 1 else []):
        inputs[name] = torch.as_tensor(samples[0][name])
        if i % 2 and batch:
            inputs[name] = inputs[name].reshape((*[1] * len(batch), *inputs[name].shape))
    ours = lower(term, sizes=sizes(term))(**inputs)
    known = sizes(term)
    reference = np.stack([evaluate(term, s, known) for s in samples]).reshape((*batch, *map(size, term.axes)))
    assert error(ours.broadcast_to(reference.shape), reference) <= 1e-12


@given(terms(), seeds)
def test_float32(term: Node, seed: int) -> None:
    """The result has the arguments' precision, constants included."""
    assume(variables(term))
    arrays = values(seed, term)
    ours = lower(term, sizes=sizes(term))(**tensors(arrays, torch.float32))
    assert ours.dtype == torch.float32
    largest = max(float(np.max(np.abs(evaluate(t, arrays, sizes(term))), initial=1)) for t in subterms(term))
    assert error(ours, evaluate(term, arrays, sizes(term))) <= 1e-5 * largest**2


@given(terms(depth=2), seeds)
def test_forward_mode_is_the_derivative_of_the_term(term: Node, seed: int) -> None:
    """torch.func.jvp of the lowered function against the chain rule in numpy."""
    from fwp.terms import differentiate

    assume(variables(term))
    arrays, directions = values(seed, term), values(seed + 1, term)
    lowered = lower(term, sizes=sizes(term))
    names = [a.name for a in lowered.arguments]
    primal, tangent = ([torch.as_tensor(np.asarray(d[n])) for n in names] for d in (arrays, directions))
    value, ours = torch.func.jvp(lowered.function, tuple(primal), tuple(tangent))
    assert error(value, evaluate(term, arrays, sizes(term))) <= 1e-12
    assert error(ours, differentiate(term, arrays, directions, sizes(term))) <= 1e-11


def arguments(name: str, batch: tuple[int, ...] = (), **options: object) -> list[Tensor]:
    """Random arguments of a rule's lowered function, in order."""
    rates = [r.rate for r in ALL[name].rules]
    lowered = lower_rule(ALL[name])
    drawn = [values(i, *lowered.arguments, *rates) for i in range(int(np.prod(batch)))]
    return [stacked(drawn, batch)[a.name].to(**options) for a in lowered.arguments]


def every(result: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", ALL)
def test_every_rule_is_its_value(name: str) -> None:
    lowered, rates = lower_rule(ALL[name]), [r.rate for r in ALL[name].rules]
    inputs = arguments(name, (2, 3))
    results = every(lowered(*inputs))
    assert len(results) == len(rates)
    for b in range(2):
        for h in range(3):
            arrays = {a.name: x[b, h].numpy() for a, x in zip(lowered.arguments, inputs, strict=True)}
            for ours, rate in zip(results, rates, strict=True):
                assert error(ours[b, h], evaluate(rate, arrays)) <= 1e-12


@pytest.mark.parametrize("name", ALL)
def test_every_rule_in_float32(name: str) -> None:
    exact, ours = (
        every(lower_rule(ALL[name])(*arguments(name, (4,), dtype=d))) for d in (torch.float64, torch.float32)
    )
    for one, reference in zip(ours, exact, strict=True):
        assert one.dtype == torch.float32
        assert error(one, reference) <= 1e-5


@pytest.mark.parametrize("name", ALL)
def test_every_rule_on_the_meta_device(name: str) -> None:
    """Forward and backward: a stray tensor on another device, or a value read by the host, fails there."""
    inputs = [x.requires_grad_() for x in arguments(name, (2, 3), device="meta", dtype=torch.float32)]
    results = every(lower_rule(ALL[name])(*inputs))
    for result, rule in zip(results, ALL[name].rules, strict=True):
        assert result.device.type == "meta"
        assert result.shape == (2, 3, *(size(a) for a in rule.of.axes))
    gradients = torch.autograd.grad([r.sum() for r in results], inputs, allow_unused=True)
    used = {x.name for x in variables(*(r.rate for r in ALL[name].rules))}
    for a, x, gradient in zip(lower_rule(ALL[name]).arguments, inputs, gradients, strict=True):
        assert (gradient is not None) == (a.name in used)
        assert gradient is None or (gradient.is_meta and gradient.shape == x.shape)


@pytest.mark.parametrize("name", ALL)
def test_the_gradient_of_every_rule(name: str) -> None:
    inputs = [x.requires_grad_() for x in arguments(name, (2,))]
    lowered = lower_rule(ALL[name])
    assert torch.autograd.gradcheck(lowered.function, inputs, eps=1e-5, atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize("name", ["delta", "softmax_oja", "sanger"])
def test_second_derivatives(name: str) -> None:
    inputs = [x.requires_grad_() for x in arguments(name)]
    assert torch.autograd.gradgradcheck(lower_rule(ALL[name]).function, inputs, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_every_rule_passes_functional_transforms(name: str) -> None:
    """vmap over samples is the batched call."""
    inputs = arguments(name, (3,))
    function = lower_rule(ALL[name]).function
    for ours, reference in zip(every(torch.vmap(function)(*inputs)), every(function(*inputs)), strict=True):
        assert error(ours, reference) <= 1e-14


@pytest.mark.parametrize("primitive", Primitive, ids=lambda p: p.name.lower())
def test_every_primitive(primitive: Primitive) -> None:
    over = "key" if primitive.facts.over_axis else None
    term = Map(primitive, over, W, W.axes)
    arrays = {"W": np.abs(values(0, W)["W"]) + 0.1}
    assert error(lower(term)(**tensors(arrays)), evaluate(term, arrays)) <= 1e-14


def test_far_out_softplus_keeps_its_precision() -> None:
    """torch's own softplus turns linear at 20, where e⁻²⁰ is still 2e-9."""
    x = np.array([-800.0, -40.0, -20.5, 0.0, 19.9, 20.5, 25.0, 800.0])
    z = Slot("z", "key")
    ours = lower(softplus(z))(torch.as_tensor(x)).numpy()
    assert np.allclose(ours, np.logaddexp(0, x), rtol=1e-15, atol=0)


def test_arguments_by_position_or_by_name_in_order_of_appearance() -> None:
    one, other = lower_rule(Rule(k * v * beta)), lower_rule(Rule(beta * v * k))
    assert [a.name for a in one.arguments] == ["W", "k", "v", "beta"]
    assert [a.name for a in other.arguments] == ["W", "beta", "v", "k"]
    arrays = tensors(values(0, W, *one.terms))
    results = [one(*(arrays[a.name] for a in one.arguments)), other(*(arrays[a.name] for a in other.arguments))]
    results += [one(**arrays), one(arrays["W"], arrays["k"], beta=arrays["beta"], v=arrays["v"])]
    assert all(error(r, results[0]) <= 1e-15 for r in results)


def test_chosen_arguments_come_first() -> None:
    lowered = lower(W @ k, arguments=(beta, k, W))
    assert lowered.source.startswith("def term(beta, k, W):")
    assert error(lowered(torch.ones(()), torch.ones(2), torch.ones(3, 2)), 2 * np.ones(3)) == 0


def test_several_terms_share_subterms() -> None:
    y = W @ k
    lowered = lower(tanh(y), y * v)
    assert lowered.source.count("matmul") == 1
    arrays = values(0, W, k, v)
    one, other = lowered(**tensors(arrays))
    assert error(one, np.tanh(arrays["W"] @ arrays["k"])) <= 1e-15
    assert error(other, arrays["W"] @ arrays["k"] * arrays["v"]) <= 1e-15


def test_a_system_gives_every_rate() -> None:
    results = lower_rule(momentum_delta)(*arguments("momentum_delta", (2,)))
    assert [tuple(r.shape) for r in results] == [(2, 3, 2), (2, 3, 2)]


def test_constants_follow_their_arguments() -> None:
    term = (
        tril("value", "value2") @ rename(v, value="value2")
        + 2 * ones("value")
        + eye("value", "value2") @ ones("value2")
    )
    ours = lower(term)(torch.ones(4, 5, dtype=torch.float64))
    assert error(ours, np.broadcast_to(np.arange(1, 6) + 3.0, (4, 5))) == 0


def test_sizes_of_constants_may_be_given() -> None:
    lowered = lower(beta * ones("value", "key"), sizes={"value": 3, "key": 2})
    assert lowered(torch.ones(5)).shape == (5, 3, 2)
    with pytest.raises(SizeError, match="no argument has the axis 'value'"):
        lower(beta * ones("value"))


def test_a_dimension_of_one_axis_may_bear_another_axis_name() -> None:
    """The output is fed back as a key: `key` is here as long as W's values."""
    term = rename(W @ k, value="key") + ones("key")
    assert lower(term)(torch.ones(3, 2), torch.ones(2)).tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    "call",
    [
        lambda f: f(torch.ones(3, 2), torch.ones(3)),
        lambda f: f(torch.ones(3, 2)),
        lambda f: f(torch.ones(3, 2), torch.ones(2), torch.ones(2)),
        lambda f: f(torch.ones(3, 2), torch.ones(2), k=torch.ones(2)),
        lambda f: f(torch.ones(3, 2), torch.ones(2), z=torch.ones(2)),
        lambda f: f(torch.ones(3), torch.ones(2)),
        lambda f: f(torch.ones(4, 3, 2), torch.ones(5, 2)),
        lambda f: f(torch.ones(3, 2).int(), torch.ones(2)),
        lambda f: f(torch.ones(3, 2).bool(), torch.ones(2)),
        lambda f: f(torch.ones(3, 2, dtype=torch.complex64), torch.ones(2)),
        lambda f: f(W=torch.ones(3, 2)),
        lambda f: f(),
    ],
)
def test_arguments_that_do_not_fit(call) -> None:
    lowered = lower(W @ k)
    for _ in range(2):  # a refusal is not remembered as a success
        with pytest.raises(SizeError):
            call(lowered)


def test_good_shapes_do_not_excuse_bad_ones() -> None:
    lowered = lower(W @ k)
    lowered(torch.ones(3, 2), torch.ones(2))
    with pytest.raises(SizeError):
        lowered(torch.ones(3, 2), torch.ones(3))
    lowered(torch.ones(5, 7), torch.ones(7))


def test_constants_that_need_equal_sizes_are_checked() -> None:
    lowered = lower(tril("value", "key") * W)
    with pytest.raises(SizeError, match="two sizes"):
        lowered(torch.ones(3, 2))
    assert lowered(torch.ones(2, 2)).sum() == 3


@pytest.mark.parametrize("term", [ones("value"), as_term(2), ones("value") @ ones("value")])
def test_a_term_without_variables_has_no_device(term: Node) -> None:
    with pytest.raises(AxisError):
        lower(term, sizes={"value": 3})
    assert lower(term, sizes={"value": 3}, arguments=(k,))(torch.ones(2)).dtype == torch.float32


@pytest.mark.parametrize(
    "name", ["t", "t0", "t_", "t1", "self", "args", "rate", "term", "step", "tmp", "gamma", "float", "lambda_"]
)
def test_a_variable_may_have_any_name(name: str) -> None:
    z, t, other = Slot(name, "key"), Slot("t2", "key"), Slot("theta")
    term = tanh(z) * z + t * other + (tmp := Slot("tmp2", "key")) * tmp
    arrays = values(0, term)
    assert error(lower(term)(**tensors(arrays)), evaluate(term, arrays)) <= 1e-14


def test_a_variable_that_hides_torch_is_refused() -> None:
    with pytest.raises(AxisError, match="torch"):
        lower(tanh(Slot("torch", "key")))


@pytest.mark.parametrize("name", ["torch", "lambda", "my rule", "W", "t0", "2nd", ""])
def test_a_rule_may_have_any_name(name: str) -> None:
    inputs = arguments("tanh_delta")
    ours = lower_rule(ALL["tanh_delta"].renamed(name))(*inputs)
    assert error(ours, lower_rule(ALL["tanh_delta"])(*inputs)) == 0


@pytest.mark.parametrize("name", ["torch", "lambda", "my rule", "2nd", "", "\N{LATIN SMALL LIGATURE FI}"])
def test_a_function_may_not_have_any_name(name: str) -> None:
    with pytest.raises(AxisError, match="cannot have this name"):
        lower(W @ k, name=name)
    assert lower_rule(delta.renamed(name)).source.startswith("def rate(")


@pytest.mark.nohook  # which refuses the argument before we can
@pytest.mark.parametrize("rule", [delta, momentum_delta])
def test_a_rule_is_no_term(rule: Rule | System) -> None:
    with pytest.raises(AxisError, match="lower_rule"):
        lower(rule)  # pyright: ignore[reportArgumentType]


def test_extreme_factors() -> None:
    for factor in (1e-300, 1e300, 5e-324, 1 / 3):
        assert float(lower(factor * beta)(torch.ones((), dtype=torch.float64))) == factor


def test_a_lowered_term_is_a_value() -> None:
    assert lower(W @ k) == lower(W @ k)
    assert lower(W @ k) != lower(W @ k, name="other")
    assert delta == delta + 0 * Rule(gamma * W)
    assert ein("o i, i -> o", W, k) == lower(W @ k).terms[0]
