"""What a public function takes, said where it was given something else: an array for a series, a name for a rule, None.

Nothing is checked ahead, so that whatever works goes on to work, at no cost. Only where a call fails with an error of Python's
own are its arguments held against the annotations; the first that is of another kind is named, and the error stays its cause.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from beartype import BeartypeConf
from beartype.door import is_bearable

from fwp.errors import CompositionError, FwpError

__all__ = ["Composable", "explained", "wrong_order"]

F = TypeVar("F", bound=Callable[..., Any])

_TOWER = BeartypeConf(is_pep484_tower=True)  # an int will do for a float


def explained(function: F) -> F:
    """The function, or the class with its constructor; what fails for the kind of an argument fails with an FwpError instead.

    Errors of the library, and those of calls whose arguments are all of the kinds that they should be, pass as they are.
    """
    own: Any = function
    if not isinstance(function, type):
        return cast(F, _explained(own, own.__qualname__))
    own.__init__ = _explained(own.__init__, own.__name__)
    return own


def _explained(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except FwpError:
            raise
        except Exception as error:
            complaint = _misfit(function, name, args, options)
            if complaint is None:
                raise
            raise complaint from error

    return call


def _misfit(function: Callable[..., Any], name: str, args: tuple[Any, ...], options: dict[str, Any]) -> FwpError | None:
    """The complaint of the first argument that is of another kind than is asked for; None if there is none such."""
    try:
        signature, hints = inspect.signature(function), get_type_hints(function)
        given = signature.bind(*args, **options).arguments
    except (TypeError, NameError, ValueError):  # other arguments than it has, or annotations for type checkers alone
        return None
    for argument, value in given.items():
        each = {
            inspect.Parameter.VAR_POSITIONAL: lambda own: own,
            inspect.Parameter.VAR_KEYWORD: lambda own: own.values(),
        }.get(signature.parameters[argument].kind, lambda own: (own,))
        for own in each(value):
            if argument in hints and not _fits(own, hints[argument]):
                return FwpError(
                    f"`{name}` takes something else for `{argument}`",
                    (argument, _shown(own)),
                    ("it takes", _spelled(hints[argument])),
                    help=f"help({function.__module__}.{name}) says more",
                )
    return None


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of the kind; of a sequence each of its members, of which beartype looks at one alone."""
    if get_origin(hint) in (Union, types.UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if get_origin(hint) in (Sequence, Iterable, list) and isinstance(value, list | tuple):
        return all(_fits(each, get_args(hint)[0]) for each in value)
    return is_bearable(value, hint, conf=_TOWER)


def _shown(value: object) -> str:
    """A value and its kind: large ones by their kind alone."""
    if value is None:
        return "None"
    own = type(value).__name__
    kind = f"the class {value.__name__}" if isinstance(value, type) else f"{'an' if own[0] in 'aeiou' else 'a'} {own}"
    return f"{kind}, {value!r}" if isinstance(value, str | int | float | bool) and len(repr(value)) <= 80 else kind


def _spelled(hint: Any) -> str:
    """An annotation as people say it: without modules, alternatives joined by `or`."""
    if get_origin(hint) is Annotated:
        return _spelled(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_spelled, get_args(hint))))
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if hint is type(None):
        return "None"
    if get_origin(hint) is None and isinstance(hint, type):
        return hint.__name__
    return str(hint).replace("typing.", "").replace("collections.abc.", "")[:200]


class Composable:
    """What `@` composes with others of ours: with all else, and in another order, it is refused in the same words."""

    __slots__ = ()
    __array_ufunc__ = None  # numpy leaves `array @ rule` to the rule, which refuses it

    if not TYPE_CHECKING:  # a type checker knows of no such product, and so complains at the operator

        def __matmul__(self, right: object) -> object:
            """For what stands on the right to say, if it is composable; of two of one kind it is not asked."""
            if isinstance(right, Composable) and type(right) is not type(self):
                return NotImplemented
            raise wrong_order(self, right)

        def __rmatmul__(self, left: object) -> object:
            raise wrong_order(left, self)


def wrong_order(left: object, right: object) -> CompositionError:
    """What to raise where `@` joins two values that do not follow each other."""
    named = isinstance(left, str) or isinstance(right, str)
    return CompositionError(
        f"a {type(left).__name__} cannot stand left of a {type(right).__name__}",
        ("left", repr(left)),
        ("right", repr(right)),
        help="compose from the rule: rule @ projection @ control"
        + "; names are looked up by by_name of fwp.rules and of fwp.controls, and by fwp.fields.wiring" * named,
    )
