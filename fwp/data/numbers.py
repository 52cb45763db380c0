"""Numbers as people have them, as tensors: nothing that was said in them is lost, or it is said why they cannot be taken.

Arrays of numpy in whatever byte order and stride, masked ones, frames and columns, nested lists, tensors.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from numbers import Number
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from fwp.data.dates import dated
from fwp.data.frame import is_frame, library, unframed
from fwp.data.resolution import is_visible
from fwp.errors import DataError

__all__ = ["Numbers", "array_of", "flags_of", "numbers_of", "whole_of"]

FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
EXACT = 2**53
"""Whole numbers up to here are exact in float64."""
UNEQUAL = "series of unequal lengths make a batch with `collate`"
FLOATING = "give an array or a tensor of floats"
DATING = 'give numbers, or dates: np.array(…, "datetime64[ns]")'


class Numbers(NamedTuple):
    """Real numbers, NaN where one was masked, and whether their type was chosen: that of lists and of whole numbers was not."""

    tensor: Tensor
    typed: bool


def numbers_of(name: str, data: Any) -> Numbers:
    """What was given as real numbers; what has no type of floats of its own as float64.

    Raises:
        DataError: no numbers, rows of unequal length, complex ones, or whole ones that float64 cannot hold.
    """
    if isinstance(data, Tensor):
        return _of_tensor(name, data)
    if isinstance(data, list | tuple) and isinstance(_first_leaf(data), Tensor):
        return _stacked(name, [numbers_of(name, own) for own in data])
    found = array_of(name, data)
    listed = isinstance(data, list | tuple) and not isinstance(_first_leaf(data), np.generic | np.ndarray)
    typed = found.dtype.kind == "f" and found.dtype.itemsize <= 8 and not listed
    array = _real(name, found)
    if array.dtype.kind in "iub":
        array = _exact(name, array)
    if array.dtype.itemsize > 8:  # numpy's long double
        array = array.astype(np.float64)
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(array.shape)
    return Numbers(torch.from_numpy(native if native.flags.writeable else native.copy()), typed)


def _of_tensor(name: str, data: Tensor) -> Numbers:
    if data.dtype in FLOATS and data.layout is torch.strided and type(data) is Tensor and not data.is_nested:
        return Numbers(data, True)
    if isinstance(data, torch.masked.MaskedTensor):
        own = numbers_of(name, data.get_data())
        hidden = ~data.get_mask()
        return Numbers(own.tensor.masked_fill(hidden, torch.nan), own.typed)
    if data.is_nested:
        raise _refusal(name, "a nested tensor, of series of unequal lengths", "collate(tensor.unbind()) makes a batch")
    if data.is_quantized:
        raise _refusal(name, f"a quantized tensor, {data.dtype}", "give tensor.dequantize()")
    if data.layout is not torch.strided:
        raise _refusal(name, f"a tensor of layout {data.layout}", "give tensor.to_dense()")
    if data.is_complex():
        raise _complex(name, str(data.dtype))
    if data.dtype in FLOATS:
        return Numbers(data, True)
    if data.is_floating_point():  # float8 of several kinds, of which torch computes nothing
        raise _refusal(name, f"a tensor of {data.dtype}", "give tensor.float()")
    exact = data.to(torch.float64)
    if data.dtype in (torch.int64, torch.uint64) and is_visible(exact) and bool((exact.abs() >= EXACT).any()):
        raise _too_many_digits(name, str(int(exact.abs().max())))
    return Numbers(exact, False)


def _stacked(name: str, parts: list[Numbers]) -> Numbers:
    shapes = {tuple(part.tensor.shape) for part in parts}
    if len(shapes) > 1:
        raise DataError(
            "these are not numbers in rows of equal length",
            (name, f"tensors of shapes {', '.join(map(str, sorted(shapes)))}"[:120]),
            help=UNEQUAL,
        )
    return Numbers(torch.stack([part.tensor for part in parts]), all(part.typed for part in parts))


def array_of(name: str, data: Any) -> np.ndarray:
    """What was given as an array of numbers, or of numpy's dates; masked numbers are NaN.

    Raises:
        DataError: it is neither.
    """
    match data:
        case np.ma.MaskedArray():
            return _unmasked(name, data)
        case np.ndarray():
            return dated(name, data)
        case Tensor():
            found = _of_tensor(name, data).tensor.detach().cpu()
            return (found.float() if found.dtype is torch.bfloat16 else found).numpy()
        case list() | tuple() if isinstance(_first_leaf(data), np.ndarray | Tensor) or is_frame(_first_leaf(data)):
            return _rows(name, [array_of(name, own) for own in data])
        case _ if library(data) in ("pandas", "polars", "pyarrow"):
            return dated(name, unframed(name, data))
        case _ if library(data) == "scipy" and "sparse" in type(data).__module__:
            raise _refusal(name, f"a sparse array, {type(data).__name__}", "give array.toarray()")
        case _ if library(data) == "xarray" and len(data.coords):
            held = ", ".join(map(str, data.coords))
            raise _refusal(name, f"labelled by {held}, which would be lost", "give array.values, and the times apart")
        case _:
            return _converted(name, data)


def _rows(name: str, arrays: list[np.ndarray]) -> np.ndarray:
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise DataError(
            "these are not numbers in rows of equal length",
            (name, f"arrays of shapes {', '.join(map(str, sorted(shapes)))}"[:120]),
            help=UNEQUAL,
        )
    return np.stack(arrays)


def _converted(name: str, data: Any) -> np.ndarray:
    """By numpy, of nested lists and of all that says how it becomes an array."""
    try:
        array = np.asarray(data)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise DataError(
            "these are not numbers in rows of equal length", (name, _why(data, error)), help=UNEQUAL
        ) from error
    if array.ndim == 0 and array.dtype.kind == "O" and not isinstance(data, Number):
        raise _refusal(name, "None" if data is None else f"a {type(data).__name__}", FLOATING)
    return dated(name, array)


def _why(data: Any, error: Exception) -> str:
    """In torch's words, which say which rows differ."""
    try:
        torch.as_tensor(data)
    except (TypeError, ValueError, RuntimeError) as better:
        return str(better)
    return str(error)


def _unmasked(name: str, data: np.ma.MaskedArray) -> np.ndarray:
    hidden = np.ma.getmaskarray(data)
    own = np.asarray(data.data)
    if not hidden.any():
        return dated(name, own)
    if own.dtype.kind in "mM":
        return np.where(hidden, np.array("NaT", own.dtype), own)
    real = _real(name, np.where(hidden, np.zeros((), own.dtype), own))
    whole = real.dtype.kind in "iub"
    return np.where(hidden, np.nan, _exact(name, real) if whole else real).astype(np.float64 if whole else real.dtype)


def _real(name: str, array: np.ndarray) -> np.ndarray:
    """An array of floats, whole numbers or truth values."""
    match array.dtype.kind:
        case "f" | "i" | "u" | "b":
            return array
        case "O":
            return _of_objects(name, array)
        case "c":
            raise _complex(name, str(array.dtype))
        case "M" | "m":
            raise _refusal(name, f"dates, such as {array.flat[0]}", "dates are `times`; give numbers here")
        case "U" | "S" | "T":
            raise _refusal(
                name, f"text, such as {str(array.flat[0])!r}", "give array.astype(float), if it spells numbers"
            )
        case _:
            raise _refusal(name, f"an array of {array.dtype}"[:120], FLOATING)


def _of_objects(name: str, array: np.ndarray) -> np.ndarray:
    """Python's own numbers, of whatever kinds, as float64."""
    for place, entry in enumerate(array.flat):
        where = ", ".join(str(int(i)) for i in np.unravel_index(place, array.shape))
        if isinstance(entry, complex | np.complexfloating):
            raise _complex(name, f"{entry} at ({where})")
        if entry is None or type(entry).__name__ in ("NAType", "NaTType"):
            raise _refusal(name, f"{entry} at ({where})", "write NaN where a number is missing")
        if not isinstance(entry, int | float | np.number | np.bool_ | Decimal | Fraction):
            raise _refusal(
                name,
                f"{str(entry)[:40]!r} at ({where}), a {type(entry).__name__}",
                DATING if name == "times" else FLOATING,
            )
        if isinstance(entry, int | np.integer) and abs(int(entry)) >= EXACT:
            raise _too_many_digits(name, str(entry)[:40])
    try:
        return np.array([float(entry) for entry in array.flat], np.float64).reshape(array.shape)
    except OverflowError as error:
        raise _refusal(name, "a number too large for float64", "scale the numbers") from error


def _exact(name: str, array: np.ndarray) -> np.ndarray:
    """Whole numbers and truth values as float64."""
    exact = array.astype(np.float64)
    if array.dtype.itemsize == 8 and (np.abs(exact) >= EXACT).any():
        raise _too_many_digits(name, str(array.flat[int(np.abs(exact).argmax())]))
    return exact


def _first_leaf(data: Any) -> Any:
    """What nested lists begin with."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return data


def flags_of(name: str, data: Any) -> Tensor:
    """Truth values, or numbers 0 and 1 for them. Raises: DataError: other numbers, or none."""
    if isinstance(data, Tensor) and data.dtype is torch.bool:
        return data
    given = numbers_of(name, data).tensor
    bad = (given != 0) & (given != 1)
    if is_visible(bad) and bool(bad.any()):
        first = given[bad][0].item()
        raise DataError(
            f"the {name} says neither yes nor no",
            (name, "something that is missing or masked" if first != first else f"{first:g}"),
            help="give True or 1 where a value counts, False or 0 where it is missing",
        )
    return given != 0


def whole_of(name: str, data: Any, refuse: Callable[[Tensor, Tensor], None]) -> Tensor:
    """Whole numbers as int64; `refuse` is given those that are none, and what was given. Raises: DataError: no numbers."""
    if isinstance(data, Tensor) and data.dtype is torch.int64:
        return data
    given, typed = numbers_of(name, data)
    if typed and not given.is_meta and not is_visible(given):
        raise _refusal(name, f"floats, {given.dtype}, which nobody can look at here", f"give {name}.long()")
    whole = given.nan_to_num(0.0).to(torch.int64)
    refuse(whole != given, given)
    return whole


def _refusal(name: str, found: str, help: str) -> DataError:
    return DataError("these are not numbers", (name, found), help=help)


def _complex(name: str, found: str) -> DataError:
    return DataError(
        "these numbers are complex, and a series is real",
        (name, found),
        help="give real and imaginary part as channels: np.stack([z.real, z.imag], -1)",
    )


def _too_many_digits(name: str, number: str) -> DataError:
    if name == "times":
        help = (
            'count from the beginning: times - times[0]; nanoseconds since 1970 are np.asarray(times, "datetime64[ns]")'
        )
    else:
        help = "subtract what they have in common, or say .astype(float) if the last digits do not matter"
    return DataError(
        "whole numbers from 2^53 on lose their last digits, since a series computes with floats",
        (name, number),
        help=help,
    )
