"""What people write by habit with a tensor in mind, and what they are told: a term knows its axes, and no number yet.

Python asks some of these questions itself, of any object: whether there is an attribute, and whether two arrays multiply by
numpy's operator. It gets its usual answers.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import TYPE_CHECKING, Any, NoReturn

from fwp.errors import AxisError, did_you_mean
from fwp.terms.suggest import pretty_axes

__all__ = ["MissingAttribute", "Slips", "refuse_numbers"]


class MissingAttribute(AxisError, AttributeError):
    """A term was asked for what tensors have, and terms have not."""


_TRANSPOSED = "leave the .T out: `@` sums the axis that both sides share, so W @ k is W k, and W @ v is Wᵀ v"
_APPLIED = "use operators, and functions of fwp.terms, such as tanh; tensors come in when the rule is lowered"
_SUMMED = 'to sum over an axis write ein("value key -> value", W), or W @ ones("key")'
_MULTIPLIED = "write `@`, which sums the axes that both sides share"
_SIZED = "a term has .axes, names without sizes: these are given to build(…)"
_PICKED = "no entry has a number: multiply by a slot over the same axis, and sum with `@`"
_DECIDED = "a rule is one equation at all times: multiply by what is 0 or 1, such as sigmoid(…), or use relu"
_KNOWN = {
    **dict.fromkeys(("T", "mT", "H", "mH", "t", "transpose", "swapaxes", "permute"), _TRANSPOSED),
    **dict.fromkeys(("sum", "mean", "trace", "cumsum", "prod"), _SUMMED),
    **dict.fromkeys(("dot", "matmul", "mm", "mv", "bmm", "outer", "inner"), _MULTIPLIED),
    **dict.fromkeys(("shape", "size", "ndim", "dim", "numel", "dtype", "device"), _SIZED),
    "norm": "the square of a norm is k @ k, and normalize(k, 'key') divides by the norm",
    **dict.fromkeys(("item", "numpy", "tolist", "detach", "to", "float", "double", "cpu", "cuda"), _APPLIED),
}
_OPERATORS = {
    "add": ("__add__", "__radd__"),
    "subtract": ("__sub__", "__rsub__"),
    "multiply": ("__mul__", "__rmul__"),
    "divide": ("__truediv__", "__rtruediv__"),
    "true_divide": ("__truediv__", "__rtruediv__"),
    "matmul": ("__matmul__", "__rmatmul__"),
    "power": ("__pow__", "__rpow__"),
    "equal": ("__eq__", "__eq__"),
    "not_equal": ("__ne__", "__ne__"),
}
"""numpy's functions behind operators: it calls them where the left side is its own."""


class Slips:
    """The complaints, as methods of every term. A type checker knows of none, and so underlines the slip itself."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_") or "axes" not in self.__dict__:
                raise AttributeError(
                    name
                )  # the usual answer to Python's own questions, and to those of other libraries
            own = _KNOWN.get(name) or did_you_mean(name, (a for a in dir(self) if a[0] != "_"), _APPLIED)
            raise MissingAttribute(
                "a term has no transpose, since its axes are named"
                if own is _TRANSPOSED
                else f"a term has no `{name}`: it is part of an equation, and no tensor",
                (repr(self), pretty_axes(self.axes)),
                help=own,
            )

        def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
            name = function.__name__
            if method == "__call__" and name in _OPERATORS and len(inputs) == 2 and not options:
                left, right = inputs
                straight, reflected = _OPERATORS[name]
                if isinstance(left, Slips):
                    return getattr(left, straight)(right)
                return getattr(right, reflected)(left)
            raise _foreign("numpy", f"np.{name}", self)

        def __array_function__(self, function: Callable[..., Any], *_: Any) -> NoReturn:
            raise _foreign("numpy", f"np.{function.__name__}", self)

        def __array__(self, *_: Any, **__: Any) -> NoReturn:
            raise _foreign("numpy", "np.asarray", self)

        @classmethod
        def __torch_function__(cls, function: Callable[..., Any], *_: Any) -> NoReturn:
            """What torch calls in place of its own function, when that is given a term. Raises: AxisError."""
            name = getattr(function, "__name__", "")
            raise _foreign("torch", f"torch.{name}", cls)

        def __bool__(self) -> NoReturn:
            raise _slip(
                self, "a term is neither true nor false: its numbers are not known when the rule is written", _DECIDED
            )

        def _ordered(self, other: object) -> NoReturn:
            raise _slip(self, "terms have no order: their numbers are not known when the rule is written", _DECIDED)

        __lt__ = __le__ = __gt__ = __ge__ = _ordered

        def __iter__(self) -> NoReturn:
            raise _slip(self, "a term cannot be walked through: how many entries it has is not known yet", _PICKED)

        def __len__(self) -> NoReturn:
            raise _slip(self, "a term has no length: its sizes are not known yet", _SIZED)

        def __getitem__(self, index: object) -> NoReturn:
            raise _slip(self, "a term has no entries to choose: its axes have names, and no sizes yet", _PICKED)

        def __float__(self) -> NoReturn:
            raise _slip(self, "a term is no number yet", _APPLIED)

        __int__ = __complex__ = __index__ = __round__ = __trunc__ = __float__

        def __abs__(self) -> NoReturn:
            raise _slip(
                self, "the language has no absolute value", "write relu(…) + relu(-(…)), whose slope at 0 is a number"
            )

        def _power_of(self, base: object) -> NoReturn:
            raise _slip(
                self, "the language has no powers of numbers", "write exp(c * term), with c the logarithm of the number"
            )

        __rpow__ = _power_of

        def _caret(self, other: object) -> NoReturn:
            raise _slip(self, "`^` is no power in Python", "write `**` with a whole number, such as k ** 2")

        __xor__ = __rxor__ = _caret

        def _bits(self, other: object = None) -> NoReturn:
            raise _slip(self, "terms are real numbers: they have no remainders, no bits, and no truth values", _DECIDED)

        __and__ = __rand__ = __or__ = __ror__ = __invert__ = _bits
        __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __lshift__ = __rshift__ = _bits


def refuse_numbers(term: Any, other: object) -> None:
    """What `term == 0` meets: that a term is written like another can be asked, but no number is one.

    Raises:
        AxisError: the other is a number.
    """
    if isinstance(other, Number):
        raise _slip(
            term, "a term is not compared with a number: its own are not known when the rule is written", _DECIDED
        )


def _slip(term: Any, what: str, help: str) -> AxisError:
    return AxisError(what, (repr(term), pretty_axes(term.axes)), help=help)


def _foreign(library: str, function: str, term: Any) -> AxisError:
    kind = term.__name__ if isinstance(term, type) else type(term).__name__
    return AxisError(
        f"{library}'s functions take {'arrays' if library == 'numpy' else 'tensors'}, and this is a term",
        ("function", function),
        ("given", f"a {kind}"),
        help=_APPLIED,
    )
