"""A sequence layer: fast weights along each series, read at every time point; what one call leaves, the next goes on from.

Outputs at a time point know what was observed up to it and nothing else, where the control is causal. A layer above another
lays a control of its own through that one's outputs, so that each layer is solved as its rule's structure allows.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fwp.controls import Causality, Control, Kind, LogSignature
from fwp.controls.clock import refuse_far
from fwp.data import Series, series
from fwp.data.clock import clock_of
from fwp.data.copies import Copied
from fwp.data.dates import EPOCH
from fwp.data.numbers import numbers_of, whole_of
from fwp.data.precision import under_autocast, undisturbed, working
from fwp.data.series import Array, refuse_parts
from fwp.data.transforms import first_true
from fwp.errors import CompositionError, FwpError, SizeError
from fwp.fields import Net, Projection
from fwp.models.arguments import check_sizes, parts_of, share_of
from fwp.models.stream import State, inside, traced
from fwp.models.stretch import Description, Passed, described, pass_through, traced_through
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.solvers.choices import choices_of, refuse_onnx
from fwp.solvers.plan import ORDER

__all__ = ["FastWeights"]

STRAIGHT = Control(Kind.LINEAR, time=False)
"""Without a channel for the time, which grows for ever in a stream; the time still says how long a rate lasts."""


class FastWeights(Copied, nn.Module):
    """`nn.GRU(…, batch_first=True)` of fast weights: `outputs, state = layer(values)`, and `layer(more, state)` goes on.

    Series in pieces of any lengths give the outputs of one call on the whole (by an adaptive method: within its tolerance).
    Gradients flow through the state.

    Args:
        rule: how the fast weights change; or its name, "delta".
        input_size: channels of the values.
        hidden_size: all heads together; `key` and `value` of a head are hidden_size / heads unless given.
        layers: one above the other, each with weights of its own.
        heads: copies of the rule in each layer, each with slots of its own.
        projection: from the signal of each layer to the rule's slots; `suited(direct(), rule)` unless given, whose fast
            weights begin at the first write. What reads x' finds 0 at a series' first point, where nothing moved yet.
            A wiring may be given by its name, "plain".
        control: straight lines between time points, without a channel for the time, unless given. A name is that of a control
            of `fwp.controls`, "hermite", all of which have one.
        dropout: share of outputs dropped between layers.
        method, steps: as of `fwp.solve`.
        sizes: of any other axis, by name: `key=4`.

    Raises:
        FwpError: no rule, wiring or control has the name.
        CompositionError: the control is a log-signature, or a layer above the first cannot take a read-out for its signal.
        SizeError: an axis has no size, or two, or is none of the model's; there is no layer; a dropout not in [0, 1).
        SolveError: no method has the name, or this one has no such steps.
    """

    def __init__(
        self,
        rule: Rule | System | str,
        input_size: int,
        hidden_size: int,
        layers: int = 1,
        *,
        heads: int = 1,
        projection: Projection | str | None = None,
        control: Control | str = STRAIGHT,
        dropout: float = 0.0,
        method: str = "auto",
        steps: int = 1,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        **sizes: int,
    ) -> None:
        super().__init__()
        rule, projection, control = parts_of(rule, projection, control)
        own = check_sizes(sizes, input_size=input_size, hidden_size=hidden_size, layers=layers, heads=heads)
        input_size, hidden_size, layers, heads = own
        dropout, asked = share_of(dropout), choices_of(method, steps)
        if isinstance(control.kind, LogSignature):
            raise CompositionError(
                "a layer has outputs at all time points, and a log-signature stands for many of them",
                ("control", repr(control)),
                help="take linear, rectilinear or hermite; or solve(net(series)) with the log-signature",
            )
        if not isinstance(layers, int) or layers < 1 or not 0 <= dropout < 1:
            raise SizeError(
                "fast weights cannot have these sizes",
                ("layers", str(layers)),
                ("dropout", str(dropout)),
                help="at least 1 layer, a dropout from 0 to less than 1",
            )
        self.model = rule @ projection @ control
        self.method, self.steps = asked.method, asked.steps
        self.structured = isinstance(rule, Rule) and method in ("auto", *ORDER)
        """Whether it is solved by the rule's own steps, not by torchdiffeq: these alone can be traced."""
        given = {"heads": heads, "width": hidden_size} | sizes
        self.nets = nn.ModuleList()
        for _ in range(layers):
            net = self.model.build(input_size, dtype=dtype, device=device, **given)
            self.nets.append(net)
            input_size = net.outputs
        self.described = tuple(described(_net(net), self.method, self.steps) for net in self.nets)
        """Each net as a compiler can be told of it; None where a module of the user's own is in it."""
        self.dropout = nn.Dropout(dropout)

    @property
    def input_size(self) -> int:
        """Channels of the values."""
        return _net(self.nets[0]).sizes["channel"]

    @property
    def output_size(self) -> int:
        """Numbers of an output: the read-outs of all heads, side by side; of a read-out over values the hidden size."""
        return _net(self.nets[-1]).outputs

    def forward(
        self,
        values: Float[Tensor, "..."],
        state: State | None = None,
        *,
        times: Array | None = None,
        mask: Array | None = None,
        lengths: Array | None = None,
        static: Array | None = None,
        last: bool = False,
    ) -> tuple[Float[Tensor, "batch *time output"], State]:
        """The outputs at every time point, and the state at each sample's own end.

        After a sample's end its last output is repeated: `outputs[:, -1]` is each one's last. Outputs are of the type of the
        values. With parameters of half precision, and under autocast, a layer computes in float32, and its state is
        float32, since errors of fast weights add up over a series.

        For `torch.compile(fullgraph=True)` and `torch.export` a layer is one operator, for any batch and length, whatever the
        rule: it is neither unrolled nor fused with what is around it, and its backward runs forward once more. Sizes and
        types are checked there, but no numbers. With a module of the user's own, or weights that somebody parametrised,
        a rule of one state is unrolled, for each length anew; other rules break the graph. There is no ONNX of it.

        Args:
            values: (batch time channel), what was observed; NaN means missing.
            state: what the call before returned for the same samples; a new series unless given.
            times: (batch time), or (time) for all samples alike; 0, 1, 2, … unless given, counted on from the state's last.
                Dates become seconds since 1970, so that calls go on from each other.
            mask: like `values`, False where a value is to count as missing.
            lengths: (batch), how many time points of each sample are its own. A sample may have none in a call that goes on.
            static: (batch feature), what does not change with time; the same in every call.
            last: the output at each sample's own end alone, (batch output).

        Raises:
            DataError: what was given is no series.
            SizeError: other channels or features, or a state of other samples or of another layer.
            FwpError: numbers of another type than the parameters'; times that do not go on from the state's; a state goes
                into a layer whose control is not causal.
        """
        if not isinstance(values, Tensor) or not (
            state is None or isinstance(state, State)
        ):  # users run without pyright
            given = {"values": type(values).__name__, "state": type(state).__name__}
            raise CompositionError(
                "a layer takes a tensor of values, and for its state what a call before returned",
                *given.items(),
                help="layer(values), layer(values, state); times, mask and lengths go by name",
            )
        refuse_onnx()
        self._check(values, state)
        given = {"times": times, "mask": mask, "lengths": lengths, "static": static}
        if torch.compiler.is_dynamo_compiling() and not self._described():
            from fwp.models.traced import apart, whole  # takes seconds to import, as the compiler itself does

            own = {name: torch.as_tensor(part) for name, part in given.items() if part is not None}
            call = whole if self.structured else apart
            own = own if state is None else own | {"state": tuple(state)}
            outputs, left = call(self, values, own)  # pyright: ignore[reportCallIssue]
            left = State(*left)
        else:
            outputs, left = self.along(values, state, **given)
        return (outputs[:, -1] if last else outputs), left

    @undisturbed
    def along(
        self,
        values: Float[Tensor, "batch time channel"],
        state: State | None,
        times: Array | None = None,
        mask: Array | None = None,
        lengths: Array | None = None,
        static: Array | None = None,
    ) -> tuple[Float[Tensor, "batch time output"], State]:
        """`forward` for values whose axes and type fit, at every time point."""
        asked, values = values.dtype, values.to(working(self._dtype(values)))
        new = self._series(values, state, times, mask, lengths, static)
        weights: list[dict[str, Tensor]] = []
        knots: list[Tensor] = []
        outputs, ends = values, new.times
        for i, (own, description) in enumerate(zip(self.nets, self.described, strict=True)):
            if i:
                outputs = self.dropout(outputs)
                new = replace(new, values=outputs, mask=inside(new).expand(outputs.shape))
            before = None if state is None else (state.knots[i], state.times)
            passed = self._passed(_net(own), description, new, before, None if state is None else state.weights[i])
            outputs, ends = passed.outputs, passed.times
            weights.append(passed.weights)
            knots.append(passed.knots)
        return outputs.to(asked), State(tuple(weights), tuple(knots), ends)

    def _described(self) -> bool:
        """Whether a compiler can be told of all nets, and so need not look into them."""
        pairs = zip(self.nets, self.described, strict=True)
        return all(description is not None and description.fits(_net(net)) for net, description in pairs)

    def _passed(
        self,
        net: Net,
        described: Description | None,
        new: Series,
        before: tuple[Tensor, Tensor] | None,
        begin: dict[str, Tensor] | None,
    ) -> Passed:
        """A stretch through one of the layers: an operator, where a compiler looks on and can be told what the layer is."""
        if torch.compiler.is_compiling() and described is not None and described.fits(net):
            return traced_through(net, described.text, new, before, begin)
        return pass_through(net, new, before, begin, self.method, self.steps)

    def _dtype(self, values: Tensor) -> torch.dtype:
        """Of the parameters; of the values, where there are none."""
        return next(self.parameters(), values).dtype

    def _check(self, values: Tensor, state: State | None) -> None:
        if values.ndim != 3 or values.shape[-1] != self.input_size:
            raise SizeError(
                "the values do not have the axes or channels that the layer was built for",
                ("layer", f"(batch time channel), {self.input_size} channels"),
                ("values", str(tuple(values.shape))),
                help=f"build a FastWeights(…, {values.shape[-1]}, …), or pass other values"
                if values.ndim == 3
                else "one sample alone is values[None]; one channel alone values[..., None]",
            )
        wanted = self._dtype(values)
        if values.dtype != wanted and not under_autocast(values):
            numbers_of("values", values)  # refuses what no type would make real numbers of
            raise FwpError(
                "the values are of another type than the layer's parameters",
                ("values", str(values.dtype)),
                ("layer", str(wanted)),
                help=f"values.to({wanted})"
                + (f", or convert the layer with layer.to({values.dtype})" if values.is_floating_point() else ""),
            )
        if state is None:
            return
        if self.model.control.causality is Causality.NONE:
            raise CompositionError(
                "what a natural cubic spline was depends on what comes after it: there is nothing to go on from",
                ("control", repr(self.model.control)),
                help="pass whole series without a state, or build the layer with linear, rectilinear or hermite",
            )
        sizes = [(values.shape[0], 2, _net(net).sizes["channel"]) for net in self.nets]
        if (found := [tuple(knot.shape) for knot in state.knots]) != sizes:
            raise SizeError(
                "the state is of other samples, or of another layer",
                ("layer", f"batch and channels {', '.join(f'{n} × {c}' for n, _, c in sizes)}"),
                ("state", f"batch and channels {', '.join(f'{n} × {c}' for n, _, c in found)}"),
                help="pass the state that this layer returned for these samples; None begins anew",
            )

    def _series(
        self,
        values: Tensor,
        state: State | None,
        times: Array | None,
        mask: Array | None,
        lengths: Array | None,
        static: Array | None,
    ) -> Series:
        """The new time points as they were given, checked where numbers can be seen; samples without any have length 0."""
        batch, time = values.shape[:2]
        tracing = torch.compiler.is_compiling()  # numbers cannot be seen there
        if times is None:
            times = torch.arange(time, dtype=torch.float64, device=values.device).expand(batch, -1)
            times = times if state is None else state.times[:, 1:] + 1 + times
        elif not tracing:
            times = clock_of("times", times, since=EPOCH).times
        if lengths is None:
            length = torch.full((batch,), time, dtype=torch.int64, device=values.device)
        else:
            whole = torch.as_tensor(lengths) if tracing else whole_of("lengths", lengths, refuse_parts)
            length = whole.to(values.device, torch.int64)
            length = length.expand(batch) if length.ndim == 0 else length
        if tracing or (time and not batch):  # a batch of none has no numbers to check
            return traced(values, times, mask, length, static)
        checked = series(values, times, mask, length if state is None else torch.where(length == 0, 1, length), static)
        if state is None:
            if self.model.control.time:
                refuse_far(checked.times)
            return checked
        early = (checked.times[:, 0] <= state.times[:, 1]) & (length > 0)
        if (at := first_true(early)) is not None:
            sample = int(at)
            raise FwpError(
                "a call begins before the one that it goes on from has ended",
                (f"sample {sample}, the state's last time", str(state.times[sample, 1].item())),
                (f"sample {sample}, first time", str(checked.times[sample, 0].item())),
                help="times go on from call to call; leave `state` out to begin anew",
            )
        return replace(checked, lengths=length.minimum(checked.lengths))


def _net(module: nn.Module) -> Net:
    assert isinstance(module, Net)
    return module
