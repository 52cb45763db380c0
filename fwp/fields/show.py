"""Projections and maps as the Python that makes them."""

from __future__ import annotations

import fwp.fields.compose
from fwp.fields.initial import FirstWrite, StatesFrom, Zero
from fwp.fields.maps import Activation, External, FeedForward, LayerNorm, Linear, Parameter, Shared, SlowMap
from fwp.rules.vocabulary import x
from fwp.terms.syntax import Variable

__all__ = ["show_map", "show_projection"]


def show_map(node: SlowMap) -> str:
    """One map: `softmax(linear("channel -> head key", x), "key")`."""
    match node:
        case Variable(name):
            return name
        case Parameter(axes, fan):
            own = " ".join(axes[: len(axes) - len(fan)])
            return f'parameter("{" ".join(fan)} -> {own}")' if fan else f'parameter("{own}")'
        case Linear(of, outputs, bias):
            pattern = " ".join((*of.axes, "->", *outputs))
            return f'linear("{pattern}", {show_map(of)}{"" if bias else ", bias=False"})'
        case LayerNorm(of):
            return f"layer_norm({show_map(of)})"
        case FeedForward(of, hidden):
            return f'feed_forward({show_map(of)}, "{hidden}")'
        case Activation(primitive, over, of):
            return f"{primitive.name.lower()}({show_map(of)}{'' if over is None else f', {chr(34)}{over}{chr(34)}'})"
        case Shared(name, of):
            return f'shared("{name}", {show_map(of)})'
        case External(module, of, axes, one):
            own = f'{type(module).__name__}(…), {show_map(of)}, "{" ".join(axes)}"'
            return f"external({own}{', shared=True' if one else ''})"


def show_projection(projection: fwp.fields.compose.Projection) -> str:
    """A projection, its options only where they are not the defaults."""
    words = [f"{name}={show_map(own)}" for name, own in projection.slots.items()]
    if projection.default != x:
        words.append(f"default={show_map(projection.default)}")
    match projection.initial:
        case Zero(asked):
            words += ["initial=zero"] * asked
        case FirstWrite(pairs, at):
            words.append(f"initial=first_write({_pairs((*((('at', at),) if at is not None else ()), *pairs))})")
        case StatesFrom(pairs):
            words.append(f"initial=start({_pairs(pairs)})")
    return f"Projection({', '.join(words)})"


def _pairs(pairs: tuple[tuple[str, SlowMap], ...]) -> str:
    return ", ".join(f"{name}={show_map(own)}" for name, own in pairs)
