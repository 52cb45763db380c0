"""Random well-typed terms and rules, and values for their variables: what properties of the language are tested on.

Sizes go by the stem of an axis (`key`, `key2`, `key3` are copies of one), and different stems have different primes, so
that a confusion of axes shows as an error or a wrong number. Arguments of log, sqrt, reciprocal and normalize are kept
positive and those of exp small, so that every drawn term has a finite value everywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fwp.rules import Rule
from fwp.terms import (
    Increment,
    Node,
    Signal,
    Slot,
    State,
    Variable,
    ein,
    exp,
    eye,
    log,
    nonnegative,
    normalize,
    ones,
    reciprocal,
    relu,
    rename,
    sigmoid,
    simplex,
    softmax,
    softplus,
    sphere,
    sqrt,
    square,
    subterms,
    tanh,
    tril,
    unit,
    variables,
)
from fwp.terms.symbols import unicode_name
from fwp.testing.numbers import Values, random_value

__all__ = [
    "AXES",
    "NAMESPACE",
    "SIZES",
    "VOCABULARY",
    "Draw",
    "W",
    "factors",
    "namespace",
    "rules",
    "seeds",
    "size",
    "sizes",
    "stem",
    "terms",
    "values",
]

SIZES = {"value": 3, "key": 2, "channel": 5, "hidden": 7, "inner": 11}
"""By stem, all different."""

W = State("W", "value key")
VOCABULARY = (
    W,
    State("M", "value key"),
    State("w", "key"),
    Slot("k", "key"),
    Slot("v", "value"),
    Slot("p", "key", simplex("key")),
    Slot("n", "value", sphere("value")),
    Slot("g", "value", unit),
    Slot("beta"),
    Slot("gamma", domain=nonnegative),
    Slot("A", "key key2"),
    Slot("T", "value channel key"),
    Signal("x"),
    Increment("dx"),
)
Draw = Callable[[st.SearchStrategy[Any]], Any]
"""What hypothesis hands to a composite strategy. (Its own name for this is a protocol, which cannot be checked at run time.)"""

_FUNCTIONS = (ein, exp, eye, log, normalize, ones, reciprocal, relu, rename, sigmoid)
_FUNCTIONS += (softmax, softplus, sqrt, square, tanh, tril)


def namespace(*own: Variable) -> dict[str, object]:
    """What a printed term of these variables needs to be read back by Python's eval: Greek letters are printed as such."""
    named: dict[str, object] = {name: x for x in own for name in (x.name, unicode_name(x.name))}
    return {**{f.__name__: f for f in _FUNCTIONS}, **named}


NAMESPACE = namespace(*VOCABULARY)
"""The same for the random terms."""

seeds = st.integers(0, 2**32 - 1)
factors = st.one_of(
    st.integers(-3, 3),
    st.fractions(-4, 4, max_denominator=12),
    st.floats(-4, 4, allow_subnormal=False).filter(lambda f: f == 0 or abs(f) > 1e-3),
    st.sampled_from([0.1, 1 / 3, -0.5, 1e-3, Fraction(-7, 3)]),
)


def stem(axis: str) -> str:
    """`key` of `key`, `key2`, `key3`: copies of one axis, of one size."""
    return axis.rstrip("0123456789")


def size(axis: str) -> int:
    """The prime that is the size of an axis."""
    return SIZES[stem(axis)]


def sizes(*terms: Node) -> dict[str, int]:
    """The sizes of all axes in the terms, those that only constants have included."""
    return {a: size(a) for t in terms for node in subterms(t) for a in node.axes}


def values(seed: int, *terms: Node) -> Values:
    """Random values in the domain of each variable."""
    generator = np.random.default_rng(seed)
    return {x.name: random_value(x, tuple(size(a) for a in x.declared), generator) for x in variables(*terms)}


@dataclass
class _Pen:
    """Writes one random term; keeps what it wrote, so that subterms are used again."""

    draw: Draw
    maps: bool
    eyes: bool
    pool: dict[frozenset[str], list[Node]] = field(default_factory=dict)

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    def term(self, axes: Sequence[str], depth: int) -> Node:
        """A term with these axes, in any order."""
        known = self.pool.setdefault(frozenset(axes), [])
        if known and self.draw(st.integers(0, 3)) == 0:
            return self.pick(known)
        written = self.leaf(axes) if depth <= 0 else self.node(axes, depth - 1)
        assert set(written.axes) == set(axes)
        known.append(written)
        return written

    def node(self, axes: Sequence[str], depth: int) -> Node:
        kinds = [self.sum, self.sum, self.scale, self.product, self.product, self.contraction, self.contraction]
        kinds += [self.pattern, self.renamed, self.square]
        return self.pick(kinds + [self.map] * 3 if self.maps else kinds)(axes, depth)

    def leaf(self, axes: Sequence[str]) -> Node:
        """A variable that fits, renamed if need be; else a constant, else a product of smaller leaves."""
        fitting = [x for x in VOCABULARY if sorted(map(stem, x.declared)) == sorted(map(stem, axes))]
        if fitting and self.draw(st.integers(0, 4)):
            chosen = self.pick(fitting)
            left = list(self.draw(st.permutations(axes)))
            names = {}
            for own in chosen.declared:
                names[own] = next(a for a in left if stem(a) == stem(own))
                left.remove(names[own])
            return rename(chosen, **names)
        if len(axes) == 2 and stem(axes[0]) == stem(axes[1]):
            return self.pick([eye, tril] if self.eyes else [tril])(*self.draw(st.permutations(axes)))
        if len(axes) > 2:
            return self.leaf(axes[:1]) * self.leaf(axes[1:])
        return ones(*axes) if axes else self.pick([x for x in VOCABULARY if not x.axes])

    def sum(self, axes: Sequence[str], depth: int) -> Node:
        one, other = self.term(axes, depth), self.term(axes, depth)
        return self.pick(
            [lambda: one + other, lambda: one - other, lambda: sum([one, other, one]), lambda: -one + other]
        )()

    def scale(self, axes: Sequence[str], depth: int) -> Node:
        one, factor = self.term(axes, depth), self.draw(factors)
        return one / factor if factor and self.draw(st.booleans()) else factor * one

    def product(self, axes: Sequence[str], depth: int) -> Node:
        left = [a for a in axes if self.draw(st.booleans())]
        right = [a for a in axes if a not in left or self.draw(st.booleans())]
        return self.term(left, depth) * self.term(right, depth)

    def contraction(self, axes: Sequence[str], depth: int) -> Node:
        shared = self.fresh(axes)
        left = [a for a in axes if self.draw(st.booleans())]
        one, other = self.term([*left, shared], depth), self.term([shared, *(a for a in axes if a not in left)], depth)
        return one @ other

    def pattern(self, axes: Sequence[str], depth: int) -> Node:
        """A product of up to three operands that share kept and summed axes as they like, its pattern in local names."""
        names = [*axes, self.fresh(axes)]
        operands = [[a for a in names if self.draw(st.booleans())] for _ in range(self.draw(st.integers(1, 3)))]
        operands[0] += [a for a in axes if not any(a in o for o in operands)]
        terms = [self.term(o, depth) for o in operands]
        local = {a: f"i{i}" for i, a in enumerate(names)}
        sides = ", ".join(" ".join(local[a] for a in t.axes) for t in terms)
        return ein(f"{sides} -> {' '.join(local[a] for a in self.draw(st.permutations(axes)))}", *terms)

    def renamed(self, axes: Sequence[str], depth: int) -> Node:
        """A term over copies of the axes, brought to these names; swaps included."""
        copies = [self.copy(axes, a) for a in axes]
        if len(set(copies)) < len(copies):
            copies = list(axes)
        targets = {c: a for c, a in zip(copies, axes, strict=True)}
        twins = [(a, b) for a in axes for b in axes if a < b and stem(a) == stem(b)]
        if copies == list(axes) and twins:
            one, other = self.pick(twins)
            targets |= {one: other, other: one}
        return rename(self.term(copies, depth), **targets)

    def copy(self, axes: Sequence[str], axis: str) -> str:
        return self.pick([axis, *(a for a in (f"{stem(axis)}{i}" for i in ("", 2, 3)) if a not in axes)])

    def fresh(self, axes: Sequence[str]) -> str:
        """An axis that is not taken, to be summed."""
        return self.pick([a for s in ("key", "value", "channel") for a in (s, f"{s}2", f"{s}4") if a not in axes])

    def square(self, axes: Sequence[str], depth: int) -> Node:
        return self.term(axes, depth - 1) ** 2

    def map(self, axes: Sequence[str], depth: int) -> Node:
        inner = self.term(axes, depth)
        if not variables(inner):
            return inner
        small = self.pick([tanh, sigmoid])(inner)
        positive = self.pick([exp(small), softplus(inner) + (ones(*inner.axes) if inner.axes else 1)])
        choices = [small, positive, relu(inner), softplus(inner), tanh(inner)]
        choices += [log(positive), sqrt(positive), reciprocal(positive), 1 / positive]
        if axes:
            over = self.pick(sorted(axes))
            choices += [softmax(inner, over), normalize(positive, over)] * 2
        return self.pick(choices)


@st.composite
def terms(
    draw: Draw,
    axes: Sequence[str] | None = None,
    depth: int = 3,
    maps: bool = True,
    eyes: bool = True,
) -> Node:
    """A random term over the axes, in any order (drawn too by default).

    With `maps=False` a polynomial in its variables, with `eyes=False` one without identity matrices.
    """
    wanted = draw(st.sampled_from(AXES)) if axes is None else axes
    return _Pen(draw, maps, eyes).term(list(wanted), draw(st.integers(0, depth)))


AXES = ((), ("key",), ("value",), ("value", "key"), ("key", "key2"), ("channel",), ("value", "key", "value2"))


@st.composite
def rules(draw: Draw, depth: int = 3, maps: bool = True) -> Rule:
    """A random rule of W."""
    return Rule(draw(terms(("value", "key"), depth, maps)), of=W)
