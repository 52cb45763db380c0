"""What a sequence layer is made from, as people write it: names for values, habits of `nn.GRU`, numbers of any library."""

from collections.abc import Mapping

from fwp.controls import Control
from fwp.controls import by_name as control_by_name
from fwp.data.plain import plain
from fwp.errors import CompositionError, SizeError
from fwp.fields import Projection, direct, suited, wiring
from fwp.rules import Rule, System
from fwp.rules import by_name as rule_by_name
from fwp.terms.whole import real_number, whole

__all__ = ["check_sizes", "parts_of", "share_of"]

_ELSEWHERE: Mapping[str, str] = {
    "batch_first": "leave it out: values are always (batch time channel)",
    "num_layers": "write layers=…",
    "n_layers": "write layers=…",
    "bidirectional": "leave it out: outputs know nothing of what comes after them; for both directions build a second layer, and "
    "give it values.flip(1)",
    "bias": "leave it out, or give a projection whose maps are linear(…, bias=False)",
    "proj_size": "leave it out: add nn.Linear(layer.output_size, …) behind the layer",
    "nonlinearity": "leave it out: the rule says what is nonlinear, as fwp.rules.tanh_delta does",
    "num_heads": "write heads=…",
    "n_heads": "write heads=…",
    "nhead": "write heads=…",
    "head_dim": "write key=… and value=…, the sizes of one head",
    "d_model": "write hidden_size, the third argument",
    "hidden_dim": "write hidden_size, the third argument",
    "embed_dim": "write hidden_size, the third argument",
    "width": "write hidden_size, the third argument",
    "channels": "write input_size, the second argument",
    "head": "write heads=…",
    "channel": "write input_size, the second argument",
    "max_steps": "leave it out: solve(net(series), max_steps=…) has it",
}
"""Keywords of other layers, and of `build`, by what is written here."""


def parts_of(rule: object, projection: object, control: object) -> tuple[Rule | System, Projection, Control]:
    """A layer's rule, projection and control, those that are given by name looked up.

    Raises:
        FwpError: no rule, wiring or control has this name.
        CompositionError: one of them is none.
    """
    rule = rule_by_name(rule) if isinstance(rule, str) else rule
    if not isinstance(rule, Rule | System):
        raise _no("rule", rule, "give one of fwp.rules, such as delta or its name 'delta', or one of your own, Rule(…)")
    if isinstance(projection, str):
        projection = suited(wiring(projection), rule)
    elif projection is None:
        projection = suited(direct(), rule)
    elif not isinstance(projection, Projection):
        raise _no("projection", projection, "give a Projection(…), the name of a wiring, or leave it out")
    control = control_by_name(control) if isinstance(control, str) else control
    if not isinstance(control, Control):
        raise _no(
            "control", control, "give one of fwp.controls, such as hermite or its name 'hermite', or leave it out"
        )
    return rule, projection, control


def check_sizes(sizes: Mapping[str, object], **counts: object) -> tuple[int, ...]:
    """The layer's own sizes as Python's whole numbers, in order; `sizes` are all other keywords that it was given.

    Raises:
        SizeError: one is no whole number; a keyword is that of another layer.
    """
    for name, given in sizes.items():
        if name in _ELSEWHERE:
            facts = (name, repr(given)[:80])
            raise SizeError(f"`{name}` is no argument of fast weights", facts, help=_ELSEWHERE[name])
    found: list[int] = []
    for name, given in counts.items():
        if (number := whole(given)) is None:
            facts = (name, f"{given!r}, a {type(given).__name__}")
            raise SizeError(f"`{name}` is no whole number", facts, help=f"give an int, such as {name}=8")
        found.append(number)
    return tuple(found)


def share_of(dropout: object) -> float:
    """A share as a plain number. Raises: SizeError, where it is no number."""
    if (found := real_number(plain(dropout))) is None:
        facts = ("dropout", f"{dropout!r}, a {type(dropout).__name__}")
        raise SizeError("`dropout` is no number", facts, help="give a share from 0 to less than 1")
    return found


def _no(what: str, given: object, help: str) -> CompositionError:
    return CompositionError(f"this is no {what}", (what, f"{given!r}"[:80]), ("type", type(given).__name__), help=help)
