"""The slow net: the parameters of all maps of one layer, and the thin interpreter that evaluates them.

Tensors are `(*batch, *axes)`; nothing is reshaped, every product is an einsum over named axes. Maps become a list of steps,
each a module applied to an earlier result, so that a shared encoder is computed once.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import prod, sqrt
from typing import Any, assert_never

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from fwp.data.precision import HALF
from fwp.errors import CompositionError, SizeError
from fwp.fields.maps import Activation, External, FeedForward, LayerNorm, Linear, Parameter, Shared, SlowMap
from fwp.fields.modules import WithoutBackwardHooks, copy_of
from fwp.fields.norm import Norm
from fwp.fields.show import show_map
from fwp.lowering import lower
from fwp.terms.build import apply
from fwp.terms.declare import Slot
from fwp.terms.primitive import Primitive
from fwp.terms.syntax import Axes, Role, Variable

__all__ = ["SlowNet"]


class SlowNet(WithoutBackwardHooks):
    """The named maps. Parameters are called after their slot or shared name and their kind: `k_linear.weight`."""

    def __init__(self, maps: Mapping[str, SlowMap], sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.steps = nn.ModuleDict()
        self._sizes = dict(sizes)
        self._sources: dict[str, str | None] = {}
        self._shared: dict[str, tuple[SlowMap, str]] = {}
        self._declared: dict[str, tuple[int, Axes]] = {}
        copies: dict[int, Any] = {}
        self._results = {name: self._add(own, name, copies) for name, own in maps.items()}

    def forward(
        self, names: Iterable[str], inputs: Mapping[str, Float[Tensor, "*batch channel"]]
    ) -> dict[str, Float[Tensor, "..."]]:
        """The named maps, over their own axes, at the given signals: `x`, `dx` and `static`."""
        values = dict(inputs)
        return {name: self._value(self._results[name], values) for name in names}

    @property
    def foreign(self) -> bool:
        """Whether a module of the user's own is among the maps: it alone may be random."""
        return any(True for _ in self.external)

    @property
    def external(self) -> Iterator[nn.Module]:
        """The modules of the user's own."""
        return (self.steps[name] for name in self._declared)

    def parameters_from(self, signal: str) -> Iterator[nn.Parameter]:
        """The parameters of maps that begin at this signal."""
        for name, step in self.steps.items():
            begin: str | None = name
            while begin is not None and begin in self.steps:
                begin = self._sources[begin]
            if begin == signal:
                yield from step.parameters()

    def _value(self, result: str, values: dict[str, Tensor]) -> Tensor:
        if result not in values:
            source = self._sources[result]
            step = self.steps[result]
            if source is None:
                values[result] = step()
            else:
                given = self._value(source, values)
                values[result] = self._theirs(result, given) if result in self._declared else step(given)
        return values[result]

    def _theirs(self, result: str, source: Tensor) -> Tensor:
        """What a module of the user's own gives; one of half precision computes in its own type."""
        step = self.steps[result]
        dtype = next(step.parameters(), source).dtype
        value = step(source.to(dtype) if dtype in HALF else source)
        self._refuse_other_axes(result, source, value)
        return value.to(source.dtype) if dtype in HALF else value

    def _refuse_other_axes(self, result: str, source: Tensor, value: object) -> None:
        """What a module of the user's own gives has the axes that were declared of it."""
        summed, axes = self._declared[result]
        sizes, batch = tuple(self._sizes[a] for a in axes), source.ndim - summed
        own = value.shape[value.ndim - len(sizes) :] if isinstance(value, Tensor) else None
        if isinstance(value, Tensor) and own == sizes and value.ndim - len(sizes) in (0, batch):  # 0: as a constant
            return
        raise SizeError(
            "a module of your own does not give the axes that it was declared with",
            ("module", f"{type(self.steps[result]).__name__}, as {result}"),
            (
                "declared",
                f"batch axes, then {', '.join(f'{a} = {n}' for a, n in zip(axes, sizes, strict=True)) or 'none'}",
            ),
            ("it was given", str(tuple(source.shape))),
            ("it gave", str(tuple(value.shape)) if isinstance(value, Tensor) else f"a {type(value).__name__}"),
            help=f"let it end in them: torch.nn.Unflatten(-1, {sizes})" if len(sizes) > 1 else "let it end in them",
        )

    def _add(self, node: SlowMap, owner: str, copies: dict[int, Any]) -> str:
        """Make the modules of a map under its owner's name; the name of its result. `copies` are of the user's own modules."""
        match node:
            case Variable(name):
                return "dx" if node.role is Role.INCREMENT else name
            case Shared(name, of):
                if name not in self._shared:
                    self._shared[name] = (of, self._add(of, name, copies))
                if self._shared[name][0] != of:
                    raise CompositionError(
                        f"two different maps are shared under the name `{name}`",
                        ("first", show_map(self._shared[name][0])),
                        ("second", show_map(of)),
                        help="give one of them another name",
                    )
                return self._shared[name][1]
            case Parameter(axes, fan):
                return self._name(f"{owner}_constant", _Constant(axes, fan, self._sizes), None)
            case Linear(of, outputs, bias):
                source = self._add(of, owner, copies)
                return self._name(f"{owner}_linear", _Linear(of.axes, outputs, bias, self._sizes), source)
            case LayerNorm(of):
                source = self._add(of, owner, copies)
                return self._name(f"{owner}_norm", Norm([self._sizes[a] for a in of.axes]), source)
            case FeedForward(of, hidden):
                source = self._add(of, owner, copies)
                return self._name(f"{owner}_block", _FeedForward(of.axes, hidden, self._sizes), source)
            case Activation(primitive, _, of):
                source = self._add(of, owner, copies)
                return self._name(f"{owner}_{primitive.name.lower()}", _Activation(node, self._sizes), source)
            case External(module, of, _, one):
                source = self._add(of, owner, copies)
                name = self._name(f"{owner}_external", module if one else copy_of(module, copies), source)
                self._declared[name] = len(of.axes), node.axes
                return name
            case _:
                assert_never(node)

    def _name(self, name: str, module: nn.Module, source: str | None) -> str:
        unique = (
            name
            if name not in self.steps
            else next(n for i in range(2, 10**6) if (n := f"{name}{i}") not in self.steps)
        )
        self.steps[unique] = module
        self._sources[unique] = source
        return unique


class _Linear(nn.Module):
    """Σ over the input axes that the output lacks; uniform in ±1/√fan-in at the start, as torch.nn.Linear."""

    def __init__(self, inputs: Axes, outputs: Axes, bias: bool, sizes: Mapping[str, int]) -> None:
        super().__init__()
        summed = tuple(a for a in inputs if a not in outputs)
        bound = 1 / sqrt(prod(sizes[a] for a in summed))
        self.weight = nn.Parameter(torch.empty([sizes[a] for a in outputs + summed]).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty([sizes[a] for a in outputs]).uniform_(-bound, bound)) if bias else None
        letter = {a: chr(ord("a") + i) for i, a in enumerate(dict.fromkeys(inputs + outputs))}
        side = ["".join(letter[a] for a in axes) for axes in (inputs, outputs + summed, outputs)]
        self.pattern = f"...{side[0]},{side[1]}->...{side[2]}"
        self.plain, self.outputs = len(inputs) == 1 and inputs == summed, tuple(sizes[a] for a in outputs)

    def forward(self, source: Tensor) -> Tensor:
        weight, bias = self.weight, self.bias
        if self.plain:
            # One call, the bias inside, takes two thirds of the time of an einsum at the sizes of one instant.
            value = linear(source, weight.reshape(-1, weight.shape[-1]), None if bias is None else bias.reshape(-1))
            return value.view(*value.shape[:-1], *self.outputs)
        value = torch.einsum(self.pattern, source, weight)
        return value if bias is None else value + bias


class _FeedForward(nn.Module):
    """A pre-norm residual block."""

    def __init__(self, axes: Axes, hidden: str, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.norm = Norm([sizes[a] for a in axes])
        self.widen = _Linear(axes, (hidden,), True, sizes)
        self.narrow = _Linear((hidden,), axes, True, sizes)

    def forward(self, source: Tensor) -> Tensor:
        return source + self.narrow(self.widen(self.norm(source)).relu())


class _Constant(nn.Module):
    """A learned constant, without batch axes."""

    def __init__(self, axes: Axes, fan: Axes, sizes: Mapping[str, int]) -> None:
        super().__init__()
        bound = 1 / sqrt(prod(sizes[a] for a in fan)) if fan else 0.0
        self.value = nn.Parameter(torch.empty([sizes[a] for a in axes]).uniform_(-bound, bound))

    def forward(self) -> Tensor:
        return self.value


class _Activation(nn.Module):
    """A primitive, lowered as it is in rules."""

    def __init__(self, node: Activation, sizes: Mapping[str, int]) -> None:
        super().__init__()
        argument = Slot("a", " ".join(node.of.axes))
        self.lowered = lower(apply(node.primitive, argument, node.over))
        last = node.over is not None and len(node.axes) > 1 and node.axes.index(node.over) == len(node.axes) - 1
        self.turned = node.primitive is Primitive.SOFTMAX and last and sizes[str(node.over)] < _SHORT

    def forward(self, source: Tensor) -> Tensor:
        if self.turned:
            return source.transpose(-1, -2).softmax(-2).transpose(-1, -2)
        return self.lowered.function(source)


_SHORT = 16
"""A softmax over a last axis shorter than this is not vectorised by torch; over the axis before, it is, 4 to 8 times as fast."""
