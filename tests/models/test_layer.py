"""A sequence layer: a stream is one series, the future is not known, and torch may do with it what it does with a module."""

import copy
import pickle
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

import fwp
from fwp.controls import Control, Kind, hermite, linear, log_signature, natural_cubic, rectilinear
from fwp.errors import CompositionError, DataError, FwpError, SizeError, SolveError
from fwp.fields import Projection, direct, external, first_write, increments_only, keys_from_increments, start, static
from fwp.fields import linear as linear_map
from fwp.models import FastWeights, State
from fwp.rules import ALL, delta, dx, hebb, momentum_delta, tanh_delta, x
from tests.fields.nets import close

CONTROLS = [Control(kind, time) for kind in Kind for time in (True, False) if kind is not Kind.NATURAL_CUBIC]
WIRINGS = {
    "x": direct(),
    "v2": keys_from_increments(),
    "dx": increments_only(),
    "read dx": Projection(q=linear_map("channel -> head key", dx), initial=first_write()),
}


def layer(rule=delta, layers: int = 2, channels: int = 3, width: int = 8, **options) -> FastWeights:
    """Two heads, float64."""
    return FastWeights(rule, channels, width, layers, **{"heads": 2, "dtype": torch.float64} | options)


def drawn(batch: int = 4, time: int = 17, channels: int = 3, missing: float = 0.3) -> tuple[Tensor, Tensor]:
    """Values of which some are missing, at irregular times."""
    values = torch.randn(batch, time, channels, dtype=torch.float64)
    values[torch.rand(values.shape) < missing] = torch.nan
    return values, (torch.rand(batch, time, dtype=torch.float64) + 0.2).cumsum(1)


def streamed(own: nn.Module, values: Tensor, cuts: Sequence[int], times: Tensor | None = None) -> tuple[Tensor, State]:
    """The outputs of one call after the other, cut before the given time points, and the last state."""
    found, state = [], None
    for first, last in pairwise((0, *cuts, values.shape[1])):
        clock = None if times is None else times[:, first:last]
        outputs, state = own(values[:, first:last], state, times=clock)
        found.append(outputs)
    assert state is not None
    return torch.cat(found, 1), state


def numbers(state: State) -> Iterator[Tensor]:
    """All tensors of a state."""
    yield from (weights[name] for weights in state.weights for name in sorted(weights))
    yield from (*state.knots, state.times)


def same(ours: State, theirs: State, bar: float) -> bool:
    return all(close(a, b, bar) for a, b in zip(numbers(ours), numbers(theirs), strict=True))


@pytest.mark.parametrize("cuts", [(1,), (8,), (16,), (1, 2, 3, 9), tuple(range(1, 17))], ids=str)
@pytest.mark.parametrize("wiring", ["x", "v2", "dx"])
@pytest.mark.parametrize("control", CONTROLS, ids=repr)
def test_a_stream_is_one_series(control: Control, wiring: str, cuts: tuple[int, ...]) -> None:
    """Through two layers, whose values are missing here and there and whose times are irregular."""
    own = layer(control=control, projection=WIRINGS[wiring])
    values, times = drawn()
    whole, left = own(values, times=times)
    outputs, state = streamed(own, values, cuts, times)
    assert whole.shape == (4, 17, 8) and whole.abs().max() > 0.05
    assert close(outputs, whole, 1e-12) and same(state, left, 1e-12)


@pytest.mark.parametrize(
    "rule", [hebb, tanh_delta, ALL["gated_delta"], ALL["oja_subspace"], momentum_delta], ids=lambda r: r.name
)
def test_a_stream_of_every_structure(rule) -> None:  # fmt: skip
    own = layer(rule, layers=1)
    values, times = drawn(time=9)
    whole, left = own(values, times=times)
    outputs, state = streamed(own, values, (1, 5), times)
    assert whole.abs().max() > 1e-3
    assert close(outputs, whole, 1e-12) and same(state, left, 1e-12)


@pytest.mark.users
def test_a_long_stream_in_single_precision() -> None:
    """Chunked scans and kernels in one call, single steps in the other: to 1e-6."""
    own = layer(width=32, heads=4, dtype=torch.float32)
    values = torch.randn(2, 300, 3)
    with torch.no_grad():
        whole, left = own(values)
        outputs, state = streamed(own, values, (100, *range(101, 131), 200))
    assert whole.abs().max() > 0.1
    assert close(outputs, whole, 1e-6) and same(state, left, 1e-6)


def test_times_go_on_by_themselves() -> None:
    own, (values, _) = layer(), drawn()
    counted = torch.arange(17.0)
    assert close(streamed(own, values, (4, 5))[0], own(values, times=counted)[0], 1e-12)
    _, state = own(values[:, :4], times=10 + 2 * counted[:4])
    assert torch.equal(state.times, torch.tensor([[14.0, 16.0]], dtype=torch.float64).expand(4, -1))
    theirs = own(values[:, 4:], state, times=torch.arange(17.0, 30.0))
    assert torch.equal(own(values[:, 4:], state)[0], theirs[0])


@pytest.mark.parametrize("control", [linear, rectilinear, hermite], ids=repr)
@pytest.mark.parametrize("wiring", ["x", "v2"])
def test_samples_of_a_stream_end_at_different_times(wiring: str, control: Control) -> None:
    """Each sample of each call has points of its own number, none included: nothing is lost and nothing happens twice."""
    own = layer(control=control, projection=WIRINGS[wiring])
    values, times = drawn(batch=3)
    lengths = torch.tensor([[5, 2, 1], [0, 6, 4], [3, 0, 1]])
    found, state, begin = [[], [], []], None, torch.zeros(3, dtype=torch.int64)
    for own_lengths in lengths:
        most = int(own_lengths.max())
        place = (begin[:, None] + torch.arange(most)).clamp(max=16)
        piece, clock = values.take_along_dim(place[..., None], 1), times.gather(1, place)
        piece = piece.where(
            (torch.arange(most) < own_lengths[:, None])[..., None], 1e300
        )  # what is not the sample's own
        outputs, after = own(piece, state, times=clock, lengths=own_lengths)
        for sample, length in enumerate(own_lengths.tolist()):
            found[sample].append(outputs[sample, :length])
            last = outputs[sample, length - 1] if length else found[sample][-2][-1]
            assert close(outputs[sample, max(length, 1) - 1 :], last.expand(most - max(length, 1) + 1, -1), 1e-12)
            if length == 0:
                assert state is not None
                for before, later in zip(numbers(state), numbers(after), strict=True):
                    assert torch.equal(before[sample], later[sample])
        state, begin = after, begin + own_lengths
    assert state is not None
    for sample, length in enumerate(lengths.sum(0).tolist()):
        rows = slice(sample, sample + 1)
        whole, left = own(values[rows, :length], times=times[rows, :length])
        assert close(torch.cat(found[sample])[None], whole, 1e-12)
        assert all(close(a[rows], b, 1e-12) for a, b in zip(numbers(state), numbers(left), strict=True))


def test_each_sample_has_its_own_end() -> None:
    own, (values, times) = layer(), drawn()
    lengths = [17, 1, 9, 2]
    outputs, state = own(values, times=times, lengths=lengths)
    last, again = own(values, times=times, lengths=lengths, last=True)
    assert torch.equal(last, outputs[:, -1]) and same(state, again, 0.0)
    for sample, length in enumerate(lengths):
        rows = slice(sample, sample + 1)
        alone, _ = own(values[rows, :length], times=times[rows, :length])
        assert close(outputs[rows, :length], alone, 1e-12)
        assert close(outputs[rows, length - 1 :], alone[:, -1:].expand(-1, 18 - length, -1), 1e-12)


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("control", CONTROLS, ids=repr)
@pytest.mark.parametrize("knot", [0, 1, 7])
def test_what_comes_later_is_not_known(control: Control, wiring: str, knot: int) -> None:
    """Not even at the first point, where a read-out or a first write from x' would have to guess."""
    own = layer(control=control, projection=WIRINGS[wiring])
    values, times = drawn(missing=0.1)
    other, later = values.clone(), times.clone()
    other[:, knot + 1 :] = torch.randn_like(other[:, knot + 1 :])
    later[:, knot + 1 :] += 0.37
    before, after = own(values, times=times)[0], own(other, times=later)[0]
    assert torch.equal(before[:, : knot + 1], after[:, : knot + 1])
    assert not torch.equal(before[:, knot + 1], after[:, knot + 1])


def test_a_control_that_is_not_causal_shows() -> None:
    """The check above can fail."""
    own, (values, times) = layer(control=natural_cubic), drawn()
    other = values.clone()
    other[:, 9:] += 1.0
    assert not torch.equal(own(values, times=times)[0][:, :9], own(other, times=times)[0][:, :9])


@pytest.mark.parametrize("control", [linear, rectilinear, hermite, natural_cubic], ids=repr)
def test_a_layer_is_what_the_solver_reads(control: Control) -> None:
    own = layer(layers=1, control=control)
    values, times = drawn()
    read = fwp.read_along(own.nets[0](fwp.series(values, times))).flatten(2)
    assert close(own(values, times=times)[0], read[:, :: 2 if control == rectilinear else 1], 1e-12)


def test_layers_stand_above_one_another() -> None:
    """What the first gives is what the second gets, at the same times and for the same lengths."""
    own, (values, times) = layer(), drawn()
    lengths = [17, 3, 9, 2]
    first, second = layer(layers=1), layer(layers=1, channels=8)
    first.nets[0].load_state_dict(own.nets[0].state_dict())
    second.nets[0].load_state_dict(own.nets[1].state_dict())
    between, _ = first(values, times=times, lengths=lengths)
    outputs, _ = second(between, times=times, lengths=lengths)
    assert close(outputs, own(values, times=times, lengths=lengths)[0], 1e-12)


def test_a_mask_is_a_missing_value() -> None:
    own, (values, times) = layer(), drawn(missing=0.0)
    mask = torch.rand(values.shape) > 0.3
    ours, _ = own(values, times=times, mask=mask)
    assert torch.equal(ours, own(values.where(mask, torch.nan), times=times)[0])
    assert not torch.equal(ours, own(values, times=times)[0])


def test_static_features_reach_every_layer() -> None:
    projection = Projection(initial=start(W=linear_map("feature -> head value key", static)))
    own, (values, times) = layer(projection=projection, feature=5), drawn()
    features = torch.randn(4, 5, dtype=torch.float64)
    whole, _ = own(values, times=times, static=features)
    outputs, state = own(values[:, :6], times=times[:, :6], static=features)
    more, _ = own(values[:, 6:], state, times=times[:, 6:], static=features)
    assert close(torch.cat([outputs, more], 1), whole, 1e-12)
    assert not close(own(values, times=times, static=2 * features)[0], whole, 1e-3)


def test_gradients_flow_through_the_state() -> None:
    """To all parameters and to what was given in calls before; not where the state was detached."""
    own, (values, times) = layer(control=hermite), drawn(missing=0.0)
    values.requires_grad_()
    wanted = [values, *own.parameters()]
    whole = torch.autograd.grad(own(values, times=times)[0][:, 9:].square().sum(), wanted)
    ours = torch.autograd.grad(streamed(own, values, (1, 4, 9), times)[0][:, 9:].square().sum(), wanted)
    assert all(close(a, b, 1e-11) for a, b in zip(ours, whole, strict=True))
    assert whole[0][:, :9].abs().max() > 1e-6
    _, state = own(values[:, :9], times=times[:, :9])
    cut, _ = own(values[:, 9:], state.detach(), times=times[:, 9:])
    (found,) = torch.autograd.grad(cut.square().sum(), [values])
    assert not found[:, :9].any() and found[:, 9:].any()


def test_dropout_stands_between_layers_and_in_training_alone() -> None:
    own, (values, _) = layer(dropout=0.5), drawn()
    assert not torch.equal(own(values)[0], own(values)[0])
    own.eval()
    assert torch.equal(own(values)[0], own(values)[0])
    alone = layer(layers=1, dropout=0.5)
    assert torch.equal(alone(values)[0], alone(values)[0])


def kept(own: FastWeights) -> FastWeights:
    return pickle.loads(pickle.dumps(own))


@pytest.mark.parametrize("copied", [copy.deepcopy, kept])
def test_copies_give_the_same_and_share_nothing(copied) -> None:
    own, (values, _) = layer(dropout=0.1).eval(), drawn()
    next(own.parameters()).requires_grad_(False)
    drawn_before = torch.get_rng_state()
    other = copied(own)
    assert torch.equal(torch.get_rng_state(), drawn_before)
    expected = own(values)[0]
    assert torch.equal(other(values)[0], expected) and not other.nets.training
    assert [(n, p.dtype, p.requires_grad) for n, p in other.named_parameters()] == [(n, p.dtype, p.requires_grad) for n, p in own.named_parameters()]  # fmt: skip
    with torch.no_grad():
        for p in own.parameters():
            p.mul_(2.0)
    assert torch.equal(other(values)[0], expected) and not torch.equal(own(values)[0], expected)


def test_a_module_of_the_users_own_is_kept_with_the_layer() -> None:
    module = nn.Linear(3, 8).double()
    projection = Projection(v=linear_map("width -> head value", external(module, x, "width")))
    own = layer(layers=1, projection=projection)
    values, _ = drawn()
    other = kept(own)
    assert torch.equal(other(values)[0], own(values)[0])
    assert torch.equal(other.get_parameter("nets.0.layers.0.slow.steps.v_external.weight"), module.weight)


def test_a_state_dict_is_all_that_a_layer_knows() -> None:
    own, other = layer(), layer()
    values, _ = drawn()
    assert not torch.equal(own(values)[0], other(values)[0])
    other.load_state_dict(own.state_dict())
    assert torch.equal(own(values)[0], other(values)[0])


def test_a_state_is_copied_like_any_nested_tuple() -> None:
    own, (values, _) = layer(), drawn()
    _, state = own(values[:, :8])
    assert same(pickle.loads(pickle.dumps(state.detach())), state, 0.0)
    moved = torch.utils._pytree.tree_map(lambda part: part[:2], state)
    assert isinstance(moved, State)
    assert close(own(values[:2, 8:], moved)[0], own(values[:, 8:], state)[0][:2], 1e-12)


class Tagger(nn.Module):
    """A label for every time point, by whatever follows a sequence."""

    def __init__(self, core: nn.Module, width: int) -> None:
        super().__init__()
        self.core, self.label = core, nn.Linear(width, 1)

    def forward(self, values: Tensor) -> Tensor:
        outputs, _ = self.core(values)
        return self.label(outputs)


@pytest.mark.users
@pytest.mark.parametrize(
    "core",
    [lambda: nn.GRU(2, 16, 2, batch_first=True), lambda: FastWeights(delta, 2, 16, 2, heads=2)],
    ids=["GRU", "FastWeights"],
)
def test_where_a_gru_stood(core) -> None:
    """The same line of construction but for the rule, the same call, the same training: say what the last marked value was."""
    model = Tagger(core(), 16)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(80):
        values = torch.randn(16, 12, 2)
        values[..., 1] = (torch.rand(16, 12) < 0.3).float()
        values[:, 0, 1] = 1
        last = torch.where(values[..., 1] > 0, torch.arange(12), -1).cummax(1).values
        loss = (model(values)[..., 0] - values[..., 0].gather(1, last)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert sum(losses[-10:]) < 0.75 * sum(losses[:10])


def test_autocast_leaves_fast_weights_in_full() -> None:
    own, before = layer(dtype=torch.float32), nn.Linear(3, 3)
    values = torch.randn(4, 17, 3)
    with torch.autocast("cpu", torch.bfloat16):
        given = before(values)
        outputs, state = own(given)
    assert given.dtype == torch.bfloat16 and outputs.dtype == torch.bfloat16
    expected, left = own(given.float())
    assert torch.equal(outputs, expected.bfloat16()) and same(state, left, 0.0)
    outputs.square().sum().backward()
    assert before.weight.grad is not None and before.weight.grad.any()


@pytest.mark.nohook
def test_export() -> None:
    """One graph, in which numbers are those of other inputs and of parameters as they are."""
    own, (values, times) = layer(dtype=torch.float32), drawn()
    values, other = values.float(), torch.randn(4, 17, 3)
    _, state = own(values[:, :5], times=times[:, :5])
    state = state.detach()
    for given, options in (((other,), {}), ((other, state), {"lengths": torch.tensor([17, 0, 3, 1])})):
        first = (torch.zeros_like(other), *given[1:])
        program = torch.export.export(own, first, options, strict=False)
        outputs, left = program.module()(*given, **options)
        expected, theirs = own(*given, **options)
        assert close(outputs, expected, 1e-6) and same(State(*left), theirs, 1e-6)


@pytest.mark.nohook
def test_compile_in_one_graph() -> None:
    """With gradients, a state that is handed on, and parameters that change after it was compiled."""
    own, values = layer(layers=1, dtype=torch.float32), torch.randn(4, 12, 3)
    compiled = torch.compile(own, fullgraph=True, backend="aot_eager")
    outputs, state = compiled(values)
    expected, theirs = own(values)
    assert isinstance(state, State) and close(outputs, expected, 1e-6) and same(state, theirs, 1e-6)
    parameters = list(own.parameters())
    found, wanted = (torch.autograd.grad(o.square().sum(), parameters) for o in (outputs, expected))
    assert all(close(a, b, 1e-6) for a, b in zip(found, wanted, strict=True))
    with torch.no_grad():
        for p in parameters:
            p.mul_(1.5)
    assert close(compiled(values)[0], own(values)[0], 1e-6) and not close(own(values)[0], expected, 1e-3)
    more = compiled(values, theirs.detach(), lengths=[12, 3, 0, 1])
    assert close(more[0], own(values, theirs.detach(), lengths=[12, 3, 0, 1])[0], 1e-6)


@pytest.mark.nohook
def test_compile_around_a_rule_that_is_not_traced() -> None:
    own, values = layer(momentum_delta, layers=1, dtype=torch.float32), torch.randn(2, 4, 3)
    model = nn.Sequential(nn.Linear(3, 3), own)
    assert close(torch.compile(model, backend="aot_eager")(values)[0], model(values)[0], 1e-6)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (SizeError, "axes or channels", lambda own, x, s: own(x[..., :2])),
        (SizeError, "axes or channels", lambda own, x, s: own(x[0])),
        (FwpError, "another type", lambda own, x, s: own(x.float())),
        (SizeError, "other samples", lambda own, x, s: own(x[:2], s)),
        (SizeError, "other samples", lambda own, x, s: layer(layers=1)(x, s)),
        (SolveError, "begin with", lambda own, x, s: layer(width=4)(x, State(s.weights, layer(width=4)(x)[1].knots, s.times))),
        (DataError, "must increase", lambda own, x, s: own(x, times=[0.0] * 17)),
        (FwpError, "has ended", lambda own, x, s: own(x, s, times=torch.arange(17.0))),
        (DataError, "length", lambda own, x, s: own(x, lengths=[0, 1, 1, 1])),
        (DataError, "length", lambda own, x, s: own(x, s, lengths=[-1, 1, 1, 1])),
        (DataError, "length", lambda own, x, s: own(x, s, lengths=[18, 1, 1, 1])),
        (DataError, "infinite", lambda own, x, s: own(x / 0)),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(error: type[FwpError], message: str, call) -> None:
    own, (values, _) = layer(), drawn(missing=0.0)
    with pytest.raises(error, match=message):
        call(own, values, own(values)[1])


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (CompositionError, "log-signature", {"control": log_signature()}),
        (SizeError, "these sizes", {"layers": 0}),
        (SizeError, "these sizes", {"dropout": 1.0}),
        (SizeError, "not a multiple", {"width": 9}),
        (SizeError, "does not have", {"keys": 4}),
    ],
)
def test_what_cannot_be_built_is_refused(error: type[FwpError], message: str, options) -> None:
    with pytest.raises(error, match=message):
        layer(**options)


def test_a_spline_through_all_of_a_series_has_no_stream() -> None:
    own, (values, _) = layer(control=natural_cubic), drawn()
    _, state = own(values)
    with pytest.raises(CompositionError, match="go on from"):
        own(values, state)


def test_sizes_of_axes_may_be_given() -> None:
    own = layer(key=7, value=3)
    assert own.output_size == 6 and own.input_size == 3
    outputs, state = own(drawn()[0])
    assert outputs.shape == (4, 17, 6) and state.weights[1]["W"].shape == (4, 2, 3, 7)
