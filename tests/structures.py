"""Slots and states for tests of `structure`, and `check`, which tests every promise that a structure makes."""

from fwp.rules.vocabulary import W, q
from fwp.terms import (
    Closed,
    ConstantRate,
    GeneralRate,
    LowRank,
    Node,
    OneSided,
    Primitive,
    ReadOut,
    Slot,
    State,
    Structure,
    TwoSided,
    Variable,
    Write,
    equivalent,
    evaluate,
    nonnegative,
    real,
    reconstruct,
    rename,
    softmax,
    structure,
    tanh,
    variables,
)
from fwp.terms.build import add, align, multiply
from fwp.testing.numbers import error
from fwp.testing.terms import sizes, values

q2 = rename(q, key="key2")
k2, v2, p, g = Slot("k2", "key"), Slot("v2", "value"), Slot("p", "key"), Slot("g", "value")
eta, mu, real_rate = Slot("eta"), Slot("mu", domain=nonnegative), Slot("real_rate", domain=real)
A, B = Slot("A", "key key2"), Slot("B", "value key")
w = State("w", "key")
M = State("M", "value key")
s = State("s", "")
W2 = rename(W, value="value2")


def witnesses(found: Structure) -> list[Node]:
    """All terms of a structure that must not contain the state."""
    match found:
        case ConstantRate(rate, _, writes):
            return [rate, *(t for w in writes for t in of_write(w))]
        case LowRank(_, decay, writes):
            return [*([] if decay is None else [decay]), *(t for w in writes for t in of_write(w))]
        case OneSided(_, _, generator, offset):
            return [generator, *([] if offset is None else [offset])]
        case TwoSided(_, offset):
            return [] if offset is None else [offset]
        case ReadOut(_, read, write, _, response, closed):
            return [read, write, response, *(of_closed(closed) if closed else [])]
        case GeneralRate():
            return []


def of_write(found: Write) -> list[Node]:
    return [t for t in (found.rate, found.value, found.read, found.write) if t is not None]


def of_closed(found: Closed) -> list[Node]:
    return [t for t in (found.rate, found.offset, found.slope) if t is not None]


def check(rate: Node, state: Variable = W, seed: int = 0) -> Structure:
    """The structure of the rate, after every promise about it that evaluation can test."""
    found = structure(rate, state)
    for term in witnesses(found):
        assert all(x.name != state.name for x in variables(term))
    back = reconstruct(found, state)
    if isinstance(found, GeneralRate):
        assert back is None
        return found
    assert back.axes == state.axes
    arrays = values(seed, rate, state)
    plain = lambda term: evaluate(align(term, state.axes), arrays, sizes(term))  # noqa: E731
    assert error(plain(back), plain(rate)) <= 1e-9
    assert equivalent(back, rate)
    outputs = tuple(a for a in state.axes if a != getattr(found, "axis", None))
    for wrote in getattr(found, "writes", ()):
        assert wrote.rate.axes == () and wrote.write.axes == (found.axis,)
        assert wrote.value is not None or wrote.read is not None
        assert wrote.value is None or wrote.value.axes == outputs
        assert wrote.read is None or wrote.read.axes == (found.axis,)
    match found:
        case LowRank(_, decay, _):
            assert decay is None or decay.axes == ()
        case OneSided(axis, other, generator, offset):
            assert generator.axes == (other, axis) and other not in state.axes
            assert offset is None or offset.axes == state.axes
        case ReadOut(axis, read, write, output, response, closed):
            assert output.name not in {x.name for x in variables(rate, state)}
            assert (read.axes, write.axes, response.axes) == ((axis,), (axis,), outputs) and output.axes == outputs
            if closed is not None:
                check_closed(closed, found, seed)
    return found


def check_closed(closed: Closed, found: ReadOut, seed: int) -> None:
    inside = [multiply((closed.slope, found.output), found.output.axes)]
    inside += [closed.offset] if closed.offset is not None else []
    applied = {
        Primitive.TANH: tanh,
        Primitive.SOFTMAX: lambda x: softmax(x, *found.output.axes),
    }[closed.primitive](add(inside))
    ours = multiply((closed.rate, applied), found.response.axes)
    assert equivalent(ours, found.response)
    assert all(x.name != found.output.name for t in of_closed(closed) for x in variables(t))
    if closed.primitive is Primitive.SOFTMAX:
        known = closed.rate, closed.slope
        arrays = values(seed, *known)
        assert closed.rate.axes == closed.slope.axes == () and equivalent(found.read, found.write)
        assert evaluate(closed.rate, arrays, sizes(*known)) >= 0 >= evaluate(closed.slope, arrays, sizes(*known))
