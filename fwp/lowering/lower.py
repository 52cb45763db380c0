"""Terms as torch functions: compiled from `source`, checked once for each new combination of shapes, dtypes and devices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from beartype import beartype
from jaxtyping import Float, jaxtyped
from torch import Tensor

from fwp.errors import AxisError, SizeError
from fwp.kinds import explained
from fwp.lowering.source import source
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.terms.build import as_term
from fwp.terms.sizes import axis_sizes
from fwp.terms.syntax import Node, Variable, is_name, variables

__all__ = ["Lowered", "lower", "lower_rule"]


@dataclass(frozen=True)
class Lowered:
    """A torch function and the terms it came from.

    Calling it checks the arguments' axes, at the first call for each combination of shapes, dtypes and devices, and then
    runs `function`, the bare closure, which is what a compiler, a solver or `torch.func` should be given.
    """

    terms: tuple[Node, ...]
    arguments: tuple[Variable, ...]
    sizes: tuple[tuple[str, int], ...]
    source: str
    function: Callable[..., Any] = field(compare=False)
    _seen: set[object] = field(default_factory=set, compare=False, repr=False)

    def __call__(self, /, *args: Tensor, **kwargs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The value of each term; arguments are `(*batch, *axes)`, by position or by name.

        Raises:
            SizeError: an argument is missing or one too many, or its axes do not fit those of the others.
        """
        names = [a.name for a in self.arguments]
        values = dict(zip(names, args, strict=False)) | kwargs
        if len(args) + len(kwargs) > len(values) or not values.keys() <= set(names):
            given = ", ".join(["a tensor"] * len(args) + [f"{n}=…" for n in kwargs])
            help = "give each argument once, by position or by name"
            raise SizeError(
                "these are not the arguments of the function",
                ("arguments", ", ".join(names)),
                ("given", given),
                help=help,
            )
        key = tuple((name, x.shape, x.dtype, x.device) for name, x in values.items())
        if key not in self._seen:
            self._check(values)
            self._seen.add(key)
        return self.function(**values)

    def __reduce__(self) -> tuple[object, ...]:
        # A compiled function stands in no module where a pickle could find it: it is made anew from its terms.
        return _lowered_again, (self.terms, self.arguments, self.function.__name__, self.sizes)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Lowered":
        return self  # nothing in it changes but which shapes were checked

    def _check(self, values: Mapping[str, Tensor]) -> None:
        own = {a.name: len(a.declared) for a in self.arguments}
        shapes = {n: x.shape[max(x.ndim - own[n], 0) :] for n, x in values.items()}
        used = {x.name for x in variables(*self.terms)}  # there an axis may bear another name than declared
        axis_sizes([*self.terms, *(a for a in self.arguments if a.name not in used)], shapes, dict(self.sizes))
        try:
            _checker(self.arguments)(**values)
        except TypeError as error:  # jaxtyping's complaint is a TypeError
            facts = [
                (a.name, f"({' '.join(('*batch', *a.declared))}), got {_shown(values[a.name])}") for a in self.arguments
            ]
            help = "give every argument the same batch axes (or 1, or none), then its own axes, in floating point"
            raise SizeError("the arguments do not fit the signature of the rule", *facts, help=help) from error


def _shown(value: Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


@lru_cache
def _checker(arguments: tuple[Variable, ...]) -> Callable[..., None]:
    """A function that does nothing but carry the arguments' axes as jaxtyping annotations."""
    namespace: dict[str, Callable[..., None]] = {}
    exec(f"def check({', '.join(a.name for a in arguments)}): ...", {}, namespace)
    namespace["check"].__annotations__ = {a.name: Float[Tensor, " ".join(("*#batch", *a.declared))] for a in arguments}
    return jaxtyped(typechecker=beartype)(namespace["check"])


@explained
def lower(
    *terms: Node,
    arguments: Sequence[Variable] | None = None,
    name: str = "term",
    sizes: Mapping[str, int] | None = None,
) -> Lowered:
    """One torch function for the terms: it returns a tensor `(*batch, *axes)` for one term, a tuple for several.

    Args:
        arguments: the function's parameters in order; by default the terms' variables in order of appearance.
        name: the function's name in its source.
        sizes: of axes that no argument has, such as those of a lone `ones("value")`.

    Raises:
        AxisError: they are no terms, or have no variables, or one that cannot be an argument; or this is no name for a function.
        SizeError: an axis that only constants have is not in `sizes`.
    """
    for term in terms:
        if isinstance(term, Rule | System):
            raise AxisError(
                "a rule is lowered by a function of its own",
                ("given", repr(term)),
                help="lower_rule(rule), or lower(rule.rate)",
            )
    if not _names_a_function(name):
        raise AxisError(
            "a function cannot have this name", ("name", repr(name)), help="use an identifier, no keyword and not torch"
        )
    terms = tuple(map(as_term, terms))
    chosen, given = tuple(arguments or variables(*terms)), dict(sizes or {})
    if not chosen:
        help = "give the function an argument: lower(term, arguments=[k])"
        raise AxisError(
            "a term without variables has no tensor to take its type and device from", *map(repr, terms), help=help
        )
    if any(a.name == "torch" for a in chosen):
        raise AxisError(
            "a variable that is lowered cannot be named `torch`", *map(repr, terms), help="give it another name"
        )
    text = source(terms, chosen, name, given)
    namespace: dict[str, Any] = {"torch": torch}
    exec(compile(text, f"<lowered {name}>", "exec"), namespace)
    return Lowered(terms, chosen, tuple(given.items()), text, namespace[name])


def _lowered_again(
    terms: tuple[Node, ...], arguments: tuple[Variable, ...], name: str, sizes: tuple[tuple[str, int], ...]
) -> Lowered:
    """What `Lowered.__reduce__` took apart."""
    return lower(*terms, arguments=arguments, name=name, sizes=dict(sizes))


def lower_rule(rule: Rule | System) -> Lowered:
    """The rates of all states, in the order of their rules, as one function of the states and then of everything else."""
    rates = tuple(r.rate for r in rule.rules)
    arguments = variables(*(r.of for r in rule.rules), *rates)
    name = rule.name or ""
    return lower(*rates, arguments=arguments, name=name if _names_a_function(name) else "rate")


def _names_a_function(name: str) -> bool:
    return is_name(name) and name != "torch"  # which its source speaks of
