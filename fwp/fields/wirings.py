"""The projections of the paper and of its published code, as values: which of key, value, rate and query come from x or x'.

Each is a function because some have options; `suited` makes of one what another rule needs.
"""

from __future__ import annotations

from fwp.errors import CompositionError, did_you_mean
from fwp.fields.beginning import begun
from fwp.fields.compose import Projection
from fwp.fields.initial import Initial, first, first_write, start, unsaid
from fwp.fields.maps import (
    Shared,
    SlowMap,
    feed_forward,
    layer_norm,
    linear,
    parameter,
    shared,
    sigmoid,
    softmax,
    tanh,
)
from fwp.kinds import explained
from fwp.rules.rule import Rule
from fwp.rules.system import System
from fwp.rules.vocabulary import dx, x
from fwp.terms.syntax import Variable

__all__ = [
    "above",
    "big_map_wiring",
    "direct",
    "encoder",
    "gru_ode_wiring",
    "increments_only",
    "keys_from_increments",
    "keys_from_signal",
    "ncde_wiring",
    "nrde_wiring",
    "plain",
    "suited",
    "wiring",
]


def encoder(name: str, source: Variable) -> Shared:
    """LN(W_in x + b): the input map that key, rate and query share in the published models."""
    return shared(name, layer_norm(linear("channel -> width", source)))


def plain(keys: Variable = x, values: Variable = x) -> Projection:
    """One linear map a slot, without bias: the paper's W_slow (its eq. 21 and 24), and σ on the rate.

    For eq. 24 Hebb and Oja take `values=dx`, Delta takes `keys=dx`. The query comes from where the keys come from.
    """
    return Projection(
        k=linear("channel -> head key", keys, bias=False),
        v=linear("channel -> head value", values, bias=False),
        beta=sigmoid(linear("channel -> head", x, bias=False)),
        q=linear("channel -> head key", keys, bias=False),
    )


@explained
def direct(squash: bool = True, initial: Initial | None = None) -> Projection:
    """The published direct NODE: everything from LN(W_in x); softmax keys and queries, tanh values (`squash`).

    models: FastWeightODE of IDSIA/neuraldiffeq-fwp; `initial` is the first write unless given.
    """
    e = encoder("encoder", x)
    return _published(e, linear("width -> head value", e), squash, initial)


@explained
def keys_from_signal(
    squash: bool = True, value_norm: bool = False, transposed: bool = False, initial: Initial | None = None
) -> Projection:
    """The published CDE "v1" of Hebb and Oja: keys, rate and query from x, values from x'.

    `transposed` is for rules that are read on their value side, as the published code reads these two.
    """
    e = encoder("encoder", x)
    return _published(e, _values(dx, value_norm), squash, initial, transposed)


@explained
def keys_from_increments(
    squash: bool = True, value_norm: bool = False, transposed: bool = False, initial: Initial | None = None
) -> Projection:
    """The published CDE "v2" of Delta (and, `transposed`, "v3" of Hebb): keys, rate and query from x', values from x."""
    e = encoder("encoder", dx)
    return _published(e, _values(x, value_norm), squash, initial, transposed)


@explained
def increments_only(squash: bool = True, value_norm: bool = False, initial: Initial | None = None) -> Projection:
    """The published "dx-only" CDE: everything from x'."""
    e = encoder("encoder", dx)
    return _published(e, _values(dx, value_norm), squash, initial)


@explained
def above(squash: bool = True) -> Projection:
    """A layer on top of another, as in the published two-layer model but for its defect; `inner` is the block's width.

    What the layer below reads of its state passes a feed-forward block and a layer norm, from which keys, values, rate and
    query are drawn; the state begins at 0, unless it would stay there. In the published field the lower layer's *rate* stands
    in the place of its state, though not in the read-out; here both read the state.

    models: MultiLayerFastWeightODE of IDSIA/neuraldiffeq-fwp, without its option `residual`. The layer below is `direct()`:
    `stack(tanh_delta @ direct(squash=False), tanh_delta @ above(squash=False)) @ log_signature(1, 4)`.
    """
    e = shared("encoder", layer_norm(feed_forward(x)))
    return _published(e, linear("channel -> head value", e), squash, unsaid)


def _values(source: Variable, norm: bool) -> SlowMap:
    """Values by one linear map, or by one into the width, layer norm, and another ("value norm")."""
    if not norm:
        return linear("channel -> head value", source)
    return linear("width -> head value", layer_norm(linear("channel -> width", source)))


def _published(e: Shared, v: SlowMap, squash: bool, initial: Initial | None, transposed: bool = False) -> Projection:
    query = {"q_value": "value"} if transposed else {"q": "key"}
    (encoded,) = e.axes
    return Projection(
        k=softmax(linear(f"{encoded} -> head key", e), "key"),
        v=tanh(v) if squash else v,
        beta=sigmoid(linear(f"{encoded} -> head", e)),
        **{name: softmax(linear(f"{encoded} -> head {axis}", e), axis) for name, axis in query.items()},
        default=e,
        initial=first_write() if initial is None else initial,
    )


@explained
def ncde_wiring(layers: int = 1) -> Projection:
    """The neural CDE's field as learned constants, its state begun at a linear map of the series' first point.

    Args:
        layers: hidden ones, as in `neural_cde(layers)`.
    """
    more = {
        name: parameter(own)
        for i in range(2, layers + 1)
        for name, own in ((f"A_{i}", "inner2 -> inner"), (f"b_{i}", "inner"))
    }
    return Projection(
        A_in=parameter("hidden -> inner"),
        b_in=parameter("inner"),
        A_out=parameter("inner -> hidden channel"),
        b_out=parameter("hidden channel"),
        initial=start(z=linear("point -> hidden", first)),
        **more,
    )


def nrde_wiring() -> Projection:
    """The neural RDE's field as learned constants, its state begun at a linear map of the series' first point."""
    return Projection(
        A_in=parameter("hidden -> inner"),
        b_in=parameter("inner"),
        A_h=parameter("inner2 -> inner"),
        b_h=parameter("inner"),
        A_out=parameter("inner -> hidden channel"),
        b_out=parameter("hidden channel"),
        initial=start(z=linear("point -> hidden", first)),
    )


def big_map_wiring() -> Projection:
    """The naive CDE's two-layer field as learned constants, its matrix begun at a linear map of the first point."""
    return Projection(
        M_in=parameter("hidden channel -> inner"),
        m_in=parameter("inner"),
        M_out=parameter("inner -> hidden channel channel2"),
        m_out=parameter("hidden channel channel2"),
        initial=start(B=linear("point -> hidden channel", first)),
    )


def gru_ode_wiring() -> Projection:
    """GRU-ODE: gates from x, recurrent weights as learned constants, the state begun at a linear map of x(t₀)."""
    return Projection(
        r_x=linear("channel -> hidden", x),
        u_x=linear("channel -> hidden", x),
        g_x=linear("channel -> hidden", x),
        U_r=parameter("hidden2 -> hidden"),
        U_u=parameter("hidden2 -> hidden"),
        U_g=parameter("hidden2 -> hidden"),
        initial=start(z=linear("channel -> hidden", x)),
    )


@explained
def suited(projection: Projection, rule: Rule | System) -> Projection:
    """The projection without what the rule has no use for, and with a learned start where empty states would stay empty.

    A rule all of whose terms have a state for a factor, such as the classic ones with y = W k, rests at zero, and a first write
    leaves it there. Where only some states of a system rest, these begin at learned values and the others at zero.
    """
    own = projection.restricted(rule)
    return Projection(default=own.default, initial=begun(own.initial, rule), **own.slots)


@explained
def wiring(name: str) -> Projection:
    """A projection by its name on the command line.

    Raises:
        CompositionError: there is none of that name.
    """
    known = {
        "direct": direct,
        "keys-from-signal": keys_from_signal,
        "keys-from-increments": keys_from_increments,
        "increments-only": increments_only,
        "plain": plain,
        "ncde": ncde_wiring,
        "nrde": nrde_wiring,
        "big-map": big_map_wiring,
        "gru-ode": gru_ode_wiring,
    }
    if name not in known:
        raise CompositionError(
            "no projection has this name",
            ("name", repr(name)),
            ("projections", ", ".join(known)),
            help=did_you_mean(name, known, "a projection of your own is a value, Projection(…), in Python"),
        )
    return known[name]()
