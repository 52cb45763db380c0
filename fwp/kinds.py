"""What a public function takes, said where it was given something else: an array for a series, a name for a rule, None.

Nothing is checked ahead, so that whatever works goes on to work, at no cost. Only where a call fails with an error of Python's
own are its arguments held against the annotations; the first that is of another kind is named, and the error stays its cause.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from beartype import BeartypeConf
from beartype.door import is_bearable

from fwp.errors import FwpError

__all__ = ["explained"]

F = TypeVar("F", bound=Callable[..., Any])

_TOWER = BeartypeConf(is_pep484_tower=True)  # an int will do for a float


def explained(function: F) -> F:
    """The function, or the class with its constructor; what fails for the kind of an argument fails with an FwpError instead.

    Errors of the library, and those of calls whose arguments are all of the kinds that they should be, pass as they are.
    """
    own: Any = function
    if not isinstance(function, type):
        return cast(F, _explained(own, own.__name__))
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
            if argument in hints and not is_bearable(own, hints[argument], conf=_TOWER):
                return FwpError(
                    f"`{name}` takes something else for `{argument}`",
                    (argument, _shown(own)),
                    ("it takes", _spelled(hints[argument])),
                    help=f"help({function.__module__}.{name}) says more",
                )
    return None


def _shown(value: object) -> str:
    """A value and its kind: large ones by their kind alone."""
    if value is None:
        return "None"
    kind = f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
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
