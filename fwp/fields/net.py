"""A net: a model with sizes and parameters. What it computes at one instant is here; how time passes is the solvers' matter.

States, slots and rates are `(*batch, head, *axes)`, in dictionaries by name; with several layers a state is `layer2.W`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

import fwp.fields.compose
from fwp.controls import Path
from fwp.data import Series
from fwp.data.copies import Copied
from fwp.data.precision import HALF, under_autocast, undisturbed, working
from fwp.errors import CompositionError, FwpError, SizeError
from fwp.fields.functional import as_called
from fwp.fields.initial import FirstWrite, StatesFrom, Zero, maps_of, reads_first
from fwp.fields.maps import SlowMap, reads_signal
from fwp.fields.modules import WithoutBackwardHooks
from fwp.fields.sizes import check_given, layer_sizes
from fwp.fields.slow_net import SlowNet
from fwp.fields.substitute import substitute
from fwp.fields.vector_field import VectorField
from fwp.kinds import explained
from fwp.lowering import lower, lower_rule
from fwp.rules.rule import Rule
from fwp.terms.structure import structure
from fwp.terms.syntax import Axes, Role, Variable, variables
from fwp.terms.whole import whole

__all__ = ["LayerNet", "Net", "Tensors", "own_states"]

Tensors = Mapping[str, Tensor]


@explained
class Net(Copied, WithoutBackwardHooks):
    """`net(series)` or `net @ path` is the vector field of the model along that path.

    Either way the net is called, and so are its layers and what is in them: forward hooks fire at all of these. A layer is
    called for the slots of one instant or of a segment of them, several times in a solve, and again in backward where a long
    series is walked once more.
    """

    def __init__(
        self,
        model: "fwp.fields.compose.Model",
        sizes: Mapping[str, int],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        sizes = {axis: size if (number := whole(size)) is None else number for axis, size in sizes.items()}
        check_given(model.spec.layers, sizes)
        self.sizes = dict(sizes)
        self.prepared = False
        """Whether `fwp.prepare` was called: its solves may compile a kernel, however short they are."""
        channels, points = model.control.channels(sizes["channel"]), model.control.points(sizes["channel"])
        self.layers = nn.ModuleList()
        for layer in model.spec.layers:
            point = {"point": points} if reads_first(layer.projection.initial) else {}
            own = layer_sizes(layer, dict(sizes) | {"channel": channels} | point)
            above = LayerNet(layer, own)
            self.layers.append(above)
            channels = above.outputs
        keys = [[r.of.name for r in layer.rule.rules] for layer in model.spec.layers]
        self.state_names = tuple(
            tuple(n if len(keys) == 1 else f"layer{i}.{n}" for n in own) for i, own in enumerate(keys, 1)
        )
        self.to(device=device, dtype=dtype)

    def forward(self, series: Series | Path) -> VectorField:
        """The field along a path, or along the one that the model's control lays through the series.

        Raises:
            CompositionError: neither.
            SizeError: other channels or static features than the net was built for.
            FwpError: numbers of another type than the parameters'.
        """
        if isinstance(series, Path):
            return self._along(series, series.coefficients.dtype)
        if not isinstance(series, Series):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
            raise CompositionError(
                f"a net follows series, and this is a {type(series).__name__}",
                ("given", f"a {type(series).__name__}"),
                help="make one of them: net(fwp.series(values))",
            )
        return self._along(self.model.control(series), series.values.dtype)

    def __matmul__(self, path: Path) -> VectorField:
        if not isinstance(path, Path):  # pyright: ignore[reportUnnecessaryIsInstance]  # users run without pyright
            raise CompositionError(
                f"a net cannot be bound to a {type(path).__name__}",
                ("right", f"a {type(path).__name__}"),
                help="bind it to a path, net @ control(series), or call it with the series, net(series)",
            )
        return self(path)

    def _along(self, path: Path, given: torch.dtype) -> VectorField:
        """The field along a path laid through series of the given type."""
        expected = self.model.control.channels(self.sizes["channel"])
        if path.channels != expected:
            raise SizeError(
                "the path does not have the channels that the net was built for",
                ("net", f"channels={self.sizes['channel']}, with the control's own {expected}"),
                ("path", str(path.channels)),
                help=f"build(channels={path.channels - expected + self.sizes['channel']}), or pass other data",
            )
        points = self.model.control.points(self.sizes["channel"])
        if path.start.shape[1] != points and any(
            reads_first(layer.projection.initial) for layer in self.model.spec.layers
        ):
            raise SizeError(
                "the path does not begin at a point of the size that the net was built for",
                ("net", f"channels={self.sizes['channel']}, with the control's own {points}"),
                ("path", f"{path.start.shape[1]}, by its control"),
                help="lay the path by the model's own control",
            )
        features = 0 if path.static is None else path.static.shape[1]
        if "feature" in self.sizes and features != self.sizes["feature"]:
            raise SizeError(
                "the path does not have the static features that the net was built for",
                ("net", f"feature={self.sizes['feature']}"),
                ("path", "none" if path.static is None else f"{features} static features"),
                help="give them with the series: series(values, times, static=…)",
            )
        parameter = next(self.parameters(), None)
        own = given if parameter is None else parameter.dtype
        # A path that was fitted ahead has the type that is computed in.
        if given not in (own, working(own)) and not under_autocast(path.coefficients):
            raise FwpError(
                "the series are of another type of number than the net's parameters",
                ("series", str(given)),
                ("net", str(own)),
                help=f"series.to(dtype={own}), or build the net with dtype={given}; numpy's own numbers are float64",
            )
        answers = given if given in HALF else own
        return VectorField(as_called(self), path.to(dtype=working(own)), None if answers is working(own) else answers)

    def in_full(self) -> "Net":
        """The net in the type that is computed in; modules of the user's own compute in the type that they have.

        Each parameter is cast once: what a long series adds up to its gradient is added up in that type, too.
        """
        if next(self.parameters(), torch.empty(0)).dtype not in HALF:
            return self
        slow = [own for own in self.modules() if isinstance(own, SlowNet)]
        return substitute(self, lambda own: own.to(working(own.dtype)), [step for own in slow for step in own.external])

    @property
    def outputs(self) -> int:
        """How many numbers the read-out has, all heads together."""
        top = self.layers[-1]
        assert isinstance(top, LayerNet)
        return top.outputs

    @undisturbed
    def slots(self, inputs: Tensors) -> Tensors:
        """The slots that the first layer's rates read: all of a rate that does not depend on the states."""
        first = self.layers[0]
        assert isinstance(first, LayerNet)
        return first.slots(first.rate_arguments, inputs)

    @undisturbed
    def rates(self, states: Tensors, inputs: Tensors, slots: Tensors | None = None) -> dict[str, Tensor]:
        """d(state)/dt of every state; `slots` are those of the first layer, if they are at hand."""
        found: dict[str, Tensor] = {}
        for i, (layer, names, own, signals) in enumerate(
            self._climb(inputs, lambda _, names, __: own_states(states, names))
        ):
            filled = slots if slots is not None and i == 0 else layer.slots(layer.rate_arguments, signals)
            found |= zip(names, layer.rates(own, filled), strict=True)
        return found

    @undisturbed
    def read(self, states: Tensors, inputs: Tensors) -> Float[Tensor, "..."]:
        """The read-out of the last layer, `(*batch, head, *axes)`."""
        *_, (layer, _, own, signals) = self._climb(inputs, lambda _, names, __: own_states(states, names))
        return layer.read(own, signals)

    @undisturbed
    def initial(self, inputs: Tensors) -> dict[str, Tensor]:
        """The states at the first instant, where the signals are `inputs`."""
        climb = self._climb(inputs, lambda layer, _, signals: layer.initial(signals))
        return {name: value for _, names, own, _ in climb for name, value in zip(names, own.values(), strict=True)}

    def _climb(
        self, inputs: Tensors, states_of: Callable[["LayerNet", tuple[str, ...], Tensors], Tensors]
    ) -> Iterator[tuple["LayerNet", tuple[str, ...], Tensors, Tensors]]:
        """From below, each layer with its state names, its states and its signals: the read-out of the layer below it."""
        for i, (layer, names) in enumerate(zip(self.layers, self.state_names, strict=True)):
            assert isinstance(layer, LayerNet)
            own = states_of(layer, names, inputs)
            yield layer, names, own, inputs
            if i + 1 < len(self.layers):
                inputs = {**inputs, "x": rearrange(layer.read(own, inputs), layer.side_by_side)}


class LayerNet(WithoutBackwardHooks):
    """One layer: the lowered rule and the slow net that feeds it. Called, it fills the slots of a rate or a read-out."""

    def __init__(self, layer: "fwp.fields.compose.Layer", sizes: Mapping[str, int]) -> None:
        super().__init__()
        rule, projection = layer.rule, layer.projection
        self.states = tuple(r.of for r in rule.rules)
        self.sizes = dict(sizes)
        self.outputs = sizes["head"] * prod(sizes[a] for a in rule.read.axes)
        read = " ".join(("head", *rule.read.axes))
        self.side_by_side = f"... {read} -> ... ({read})"
        self.initially = projection.initial
        self._rate, self._read = lower_rule(rule), lower(rule.read)
        self.rate_arguments = tuple(a for a in self._rate.arguments if a.role is not Role.STATE)
        self.read_arguments = tuple(a for a in self._read.arguments if a.role is not Role.STATE)
        slots = [a for a in variables(*self.rate_arguments, *self.read_arguments) if a.role is Role.SLOT]
        maps: dict[str, SlowMap] = {a.name: projection.slot(a) for a in slots}
        maps |= {f"initial_{name}": own for name, own in maps_of(self.initially)}
        self.axes: dict[str, Axes] = {name: own.axes for name, own in maps.items()}
        if isinstance(self.initially, FirstWrite) and self.initially.at is not None:
            maps["initial_signal"] = self.initially.at
        self.slow = SlowNet(maps, sizes)
        self.reading = rule.read
        self._reads = {s.name for s in self.states} & {a.name for a in self._read.arguments}
        self.structure = structure(rule.rate, rule.of) if isinstance(rule, Rule) else None
        sources = [projection.slot(a) if a.role is Role.SLOT else a for a in self.rate_arguments]
        self.follows_signal = any(reads_signal(source) for source in sources)
        """Whether a rate changes with x itself: where x is a straight line and this is False, slots stand still."""

    def slots(self, arguments: tuple[Variable, ...], inputs: Tensors, prefix: str = "") -> dict[str, Tensor]:
        """What the layer gives when it is called, hooks included."""
        return self(arguments, inputs, prefix)

    def forward(self, arguments: tuple[Variable, ...], inputs: Tensors, prefix: str = "") -> dict[str, Tensor]:
        """What fills the arguments at the given signals, `(*batch, head, *axes)`; `prefix` prefers maps of the first write."""
        wanted = {
            a: name if (name := prefix + a.name) in self.axes else a.name for a in arguments if a.role is Role.SLOT
        }
        values = self.slow(tuple(wanted.values()), inputs)
        filled = {a.name: _layout(values[name], self.axes[name], a.declared) for a, name in wanted.items()}
        for argument in arguments:
            if argument.role is not Role.SLOT:
                filled[argument.name] = rearrange(inputs[argument.name], "... channel -> ... 1 channel")
        return filled

    def rates(self, states: Tensors, slots: Tensors) -> tuple[Tensor, ...]:
        """The rates of the layer's states, in order."""
        found: Tensor | tuple[Tensor, ...] = self._rate.function(**states, **slots)
        return found if isinstance(found, tuple) else (found,)

    def read(self, states: Tensors, inputs: Tensors) -> Tensor:
        """The read-out, `(*batch, head, *axes)`."""
        own = {name: value for name, value in states.items() if name in self._reads}
        return self._read.function(**own, **self.slots(self.read_arguments, inputs))

    def initial(self, inputs: Tensors) -> dict[str, Tensor]:
        """The layer's states at the first instant, in order."""
        batch, like = inputs["x"].shape[:-1], inputs["x"]
        states = {s.name: like.new_zeros((*batch, *(self.sizes[a] for a in ("head", *s.axes)))) for s in self.states}
        match self.initially:
            case Zero():
                return states
            case FirstWrite(_, at):
                if at is not None:
                    point = self.slow(("initial_signal",), inputs)["initial_signal"]
                    inputs = {**inputs, "x": point, "dx": point}
                written = self.rates(states, self.slots(self.rate_arguments, inputs, "initial_"))
                return {name: w + zero for (name, zero), w in zip(states.items(), written, strict=True)}
            case StatesFrom(own):
                given = self.slow(tuple(f"initial_{name}" for name, _ in own), inputs)
                for state in self.states:
                    if (name := f"initial_{state.name}") in given:
                        states[state.name] = states[state.name] + _layout(given[name], self.axes[name], state.declared)
                return states


def own_states(states: Tensors, names: Sequence[str]) -> dict[str, Tensor]:
    """A layer's states under the names that its rule has for them."""
    return {name.rpartition(".")[2]: states[name] for name in names}


def _layout(value: Tensor, axes: Axes, declared: Axes) -> Tensor:
    """Axes of a map in the order head, declared axes; without heads of its own a map is the same for all heads."""
    wanted = ("head", *declared)
    if axes == wanted:
        return value
    target = wanted if "head" in axes else ("1", *declared)
    return rearrange(value, f"... {' '.join(axes)} -> ... {' '.join(target)}")
