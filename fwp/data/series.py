"""A batch of time series: what was observed, when, and where each sample ends.

Irregular times, unequal lengths, missing values and channels that nobody ever observed are normal here; whatever cannot
be a series is refused at the door, `series`, and nowhere later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import pad

from fwp.data.clock import clock_of
from fwp.data.copies import Copied
from fwp.data.frame import is_frame, row_labels
from fwp.data.numbers import flags_of, numbers_of, whole_of
from fwp.data.resolution import is_visible, narrowed
from fwp.data.transforms import first_true
from fwp.errors import DataError, warn
from fwp.kinds import explained

__all__ = ["Array", "Series", "collate", "refuse_parts", "require_holdable", "series"]

MOST_NUMBERS = 2 * 10**9
"""In a batch: 8 GB of float32, and as many marks of what was observed."""


@runtime_checkable
class HasArray(Protocol):
    """Whatever numpy makes an array of: frames and columns of pandas and polars, arrays of other libraries."""

    def __array__(self, *args: Any, **more: Any) -> np.ndarray: ...


Array = Tensor | np.ndarray[Any, np.dtype[Any]] | Sequence[Any] | HasArray
"""Whatever holds numbers, in nested lists or in arrays."""


@dataclass(frozen=True, eq=False)
class Series(Copied):
    """A batch of series, padded at the end to one number of time points; made by `series` and `collate`.

    `values` are 0 where `mask` is False, `times` increase strictly up to each length and repeat the last time after it.
    """

    values: Float[Tensor, "batch time channel"]
    times: Float64[Tensor, "batch time"]
    mask: Bool[Tensor, "batch time channel"]
    lengths: Int64[Tensor, "batch"]
    static: Float[Tensor, "batch feature"] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        shape = f"batch={self.batch}, time={self.values.shape[1]}, channel={self.channels}"
        if self.static is not None:
            shape += f", feature={self.static.shape[1]}"
        return f"Series({shape}, {str(self.values.dtype).removeprefix('torch.')} on {self.values.device})"

    @property
    def batch(self) -> int:
        """How many samples."""
        return self.values.shape[0]

    @property
    def channels(self) -> int:
        """How many channels; the time is not one of them."""
        return self.values.shape[2]

    def __getitem__(self, index: int | slice | Tensor) -> "Series":
        """The chosen samples; one sample is still a batch, of one. Raises: DataError: an index of another kind."""
        if not isinstance(
            index, int | np.integer | slice | Tensor | np.ndarray | list
        ):  # torch recurses in a Series for ever
            raise DataError(
                "samples are chosen by their numbers",
                ("index", f"a {type(index).__name__}"),
                help="give a number, a slice, a list, or a tensor of numbers or of truth values",
            )
        rows = [int(index)] if isinstance(index, int | np.integer) else index
        static = None if self.static is None else self.static[rows]
        return Series(self.values[rows], self.times[rows], self.mask[rows], self.lengths[rows], static)

    @explained
    def shortened(self, time: int) -> "Series":
        """Without the time points after these, where all samples end sooner; what a sample observed later is lost."""
        lengths = self.lengths.clamp(max=time)
        return Series(self.values[:, :time], self.times[:, :time], self.mask[:, :time], lengths, self.static)

    def lengthened(self) -> "Series":
        """All samples as long as the longest, nothing being observed after their own ends: as the published code pads them."""
        times = self.times
        longest = times[self.lengths.argmax()]
        after = torch.arange(times.shape[1], device=times.device) >= self.lengths[:, None]
        step = longest - longest[self.lengths - 1][:, None]
        times = torch.where(after, times[:, -1:] + step, times)
        return Series(self.values, times, self.mask, torch.full_like(self.lengths, times.shape[1]), self.static)

    @explained
    def to(self, device: torch.device | str | int | None = None, dtype: torch.dtype | None = None) -> "Series":
        """The same series elsewhere; `dtype` is that of values and static features, times stay float64.

        A type that cannot tell numbers apart, which were told apart before, brings a warning.

        Raises:
            DataError: a number is too large for the type; a type that is none of floats.
        """
        values, static = self.values, self.static
        if dtype is not None and dtype is not values.dtype:
            if not dtype.is_floating_point:
                raise DataError(
                    "a series holds floats",
                    ("dtype", str(dtype)),
                    help="take torch.float32 or torch.float64",
                )
            values = narrowed("values", values, self.mask, dtype)
            static = None if static is None else narrowed("static", static, torch.ones_like(static).bool(), dtype)
        return Series(
            values.to(device),
            self.times.to(device),
            self.mask.to(device),
            self.lengths.to(device),
            None if static is None else static.to(device),
        )


def series(
    values: Array,
    times: Array | None = None,
    mask: Array | None = None,
    lengths: Array | int | None = None,
    static: Array | None = None,
) -> Series:
    """Check data and make a `Series` of them.

    Numbers may come as tensors, arrays of numpy, nested lists, or frames and columns of pandas or polars. Floats keep their
    type; lists and whole numbers get torch's default. What is masked (in an array of `numpy.ma`, or a `MaskedTensor`) is missing.

    Args:
        values: (batch time channel), or (time channel) for one sample; NaN means missing.
        times: (batch time), or (time) for all samples alike; default 0, 1, 2, …, or the dates that are the index of a frame.
            Dates (datetime64, `pandas.Timestamp`, `datetime`) become seconds since the first of their sample, durations seconds.
        mask: like `values`, False where a value is to count as missing although there is a number.
        lengths: (batch), how many time points each sample has, or one number for one sample; what lies after them is
            ignored. Default: all.
        static: (batch feature), what does not change with time.

    Raises:
        DataError: no numbers, or some that cannot be kept (complex, whole from 2^53 on); shapes that disagree, nothing in it,
            times that are not finite or do not increase, infinite values.
    """
    data, typed = numbers_of("values", values)
    dtype = data.dtype if typed else torch.get_default_dtype()
    clock = row_labels("values", values) if times is None else times
    seen = None if mask is None else flags_of("mask", mask).to(data.device)
    ends = None if lengths is None else whole_of("lengths", lengths, refuse_parts).to(data.device)
    features = None if static is None else numbers_of("static", static).tensor.to(data.device)
    if data.ndim == 2:
        data = data[None]
        seen, features = (None if part is None else part[None] for part in (seen, features))
        ends = None if ends is None else torch.atleast_1d(ends)
    if data.ndim != 3:
        raise DataError(
            "the values of a series have axes (batch time channel), or (time channel) for one sample",
            ("values", f"{data.ndim} axes, {tuple(data.shape)}"),
            help="one channel alone is `values[..., None]`",
        )
    if 0 in data.shape:
        raise DataError(
            "a series has at least one sample, one time point and one channel",
            ("values", "{} samples, {} time points, {} channels".format(*data.shape)),
            help="leave empty series out",
        )
    batch, time, _ = data.shape
    length = _lengths(ends, batch, time, data.device)
    given = _times(clock, length, batch, time, data.device)
    inside = torch.arange(time, device=data.device) < length[:, None]
    observed = ~data.isnan() & inside[..., None]
    if seen is not None:
        observed &= _shaped("mask", seen, *data.shape)
    if (at := first_true(data.isinf() & observed)) is not None:
        raise DataError(
            "an observed value is infinite",
            (f"sample {at[0]}, position {at[1]}, channel {at[2]}", str(data[tuple(at)].item())),
            help="write NaN where a value is missing",
        )
    data = data if data.dtype is dtype else narrowed("values", data, observed, dtype)
    features = None if features is None else _static(features, batch, dtype)
    return Series(torch.where(observed, data, 0), given, observed, length, features)


Item = Series | Tensor | np.ndarray[Any, np.dtype[Any]] | HasArray | tuple[Array, Array | None]


@explained
def collate(items: Iterable[Item]) -> Series:
    """One batch of many series: `Series`, arrays or frames of values, or pairs (values, times) as `series` reads them, of any
    lengths.

    Raises:
        DataError: no items, or items of different channels, features, devices or kinds of number.
    """
    parts = [_item(place, item) for place, item in enumerate(items)]
    if not parts:
        raise DataError("there is nothing to collate", help="give at least one series")
    kinds = [_kind(part) for part in parts]
    for place, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise DataError(
                "series of different kinds do not make one batch",
                ("item 0", kinds[0]),
                (f"item {place}", kind),
                help="every item needs the same channels and static features",
            )
    time = max(int(part.lengths.max()) for part in parts)
    require_holdable(sum(map(len, parts)), time, parts[0].channels, f"{len(parts)} items to be collated")
    parts = [_stretched(part, time) for part in parts]
    return Series(
        torch.cat([part.values for part in parts]),
        torch.cat([part.times for part in parts]),
        torch.cat([part.mask for part in parts]),
        torch.cat([part.lengths for part in parts]),
        torch.cat(statics) if (statics := [part.static for part in parts if part.static is not None]) else None,
    )


def require_holdable(batch: int, time: int, channels: int, whose: str) -> None:
    """Refuse a batch that padding makes larger than memory: every series is as long as the longest.

    Raises:
        DataError: it would have more numbers.
    """
    if (numbers := batch * time * channels) > MOST_NUMBERS:
        raise DataError(
            "series of these lengths would make a batch larger than memory",
            ("from", whose),
            ("batch", f"{batch:,} series of {time:,} time points and {channels:,} channels"),
            ("numbers", f"{numbers:,}, of at most {MOST_NUMBERS:,}"),
            help="every series is padded to the longest: make several batches, or cut long series",
        )


def _item(place: int, item: Item) -> Series:
    try:
        match item:
            case Series():
                return item
            case Tensor() | np.ndarray():
                return series(item)
            case tuple() if len(item) == 2:
                return series(*item)
            case _ if is_frame(item):
                return series(item)  # pyright: ignore[reportArgumentType]
            case _:
                raise DataError(
                    "this is neither a series nor a pair of values and times",
                    ("given", f"a {type(item).__name__}"),
                    help="give fwp.series(…) of it",
                )
    except DataError as error:
        raise DataError(error.what, ("item", str(place)), *error.facts, help=error.help) from None


def _kind(part: Series) -> str:
    features = 0 if part.static is None else part.static.shape[1]
    return f"{part.channels} channels, {features} static features, {part.values.dtype} on {part.values.device}"


def _stretched(part: Series, time: int) -> Series:
    """The series with `time` time points, padded or cut; no sample may be longer."""
    missing = time - part.times.shape[1]
    repeat = torch.arange(time, device=part.times.device).clamp(max=part.times.shape[1] - 1)
    edges = (0, 0, 0, missing)
    return Series(pad(part.values, edges), part.times[:, repeat], pad(part.mask, edges), part.lengths, part.static)


def refuse_parts(parts: Tensor, given: Tensor) -> None:
    """Refuse lengths that are no whole numbers, where `parts` is True. Raises: DataError."""
    if (at := first_true(torch.atleast_1d(parts))) is not None:
        raise DataError(
            "a length is no whole number",
            (f"sample {at[0]}", f"length {torch.atleast_1d(given)[tuple(at)].item():g}"),
            help="a length counts time points",
        )


def _lengths(lengths: Tensor | None, batch: int, time: int, device: torch.device) -> Tensor:
    if lengths is None:
        return torch.full((batch,), time, device=device)
    length = _shaped("lengths", lengths, batch)
    if (at := first_true((length < 1) | (length > time))) is not None:
        raise DataError(
            "a length is not between 1 and the number of time points",
            (f"sample {at[0]}", f"length {length[tuple(at)].item()}"),
            ("values", f"{time} time points"),
            help="leave empty series out",
        )
    return length


def _times(times: Array | None, lengths: Tensor, batch: int, time: int, device: torch.device) -> Tensor:
    """Times as float64, checked up to each length and constant after it."""
    if times is None:
        given, coarse = torch.arange(time, dtype=torch.float64, device=device), 0.0
    else:
        given, coarse = clock_of("times", times)
        given = given.to(device)
    given = given.expand(batch, -1) if given.ndim == 1 else given
    given = _shaped("times", given, batch, time)
    last = lengths[:, None] - 1
    given = given.gather(1, torch.arange(time, device=device).expand(batch, -1).minimum(last))
    if (at := first_true(~given.isfinite())) is not None:
        raise DataError(
            "a time is not a finite number",
            (f"sample {at[0]}, position {at[1]}", str(given[tuple(at)].item())),
            help="drop that row, or end the sample before it with `lengths`",
        )
    steps, own = given.diff(dim=1), torch.arange(1, time, device=device) <= last
    grain = coarse * given[:, 1:].abs()
    if (at := first_true((steps <= 0) & own)) is not None:
        sample, position = at.tolist()
        lost = bool(
            coarse and given[sample, position + 1] == given[sample, position] and grain[sample, position] > 1e-3
        )
        raise DataError(
            "the times of a sample must increase",
            (f"sample {sample}, position {position}", str(given[sample, position].item())),
            (f"sample {sample}, position {position + 1}", str(given[sample, position + 1].item())),
            help=f"their type cannot tell times closer than {grain[sample, position]:g} apart here: give them as float64"
            if lost
            else "sort the rows by time and merge those of equal time",
        )
    if coarse and is_visible(given) and bool(4 * (own & (steps < 4 * grain)).sum() > own.sum()):
        at = (own & (steps < 4 * grain)).nonzero()[0]
        warn(
            "these times were rounded before they came here, by as much as there is between them",
            (
                f"sample {at[0]}, position {at[1]}",
                f"{given[tuple(at)].item()!r}, then {steps[tuple(at)].item():g} later",
            ),
            ("steps of their type", f"{grain[tuple(at)].item():g}"),
            help="count them from the beginning while their digits are there: whole numbers, or datetime64, have them all",
        )
    return given


def _static(features: Tensor, batch: int, dtype: torch.dtype) -> Tensor:
    if (at := first_true(~_shaped("static", features, batch, None).isfinite())) is not None:
        raise DataError(
            "a static feature is not finite",
            (f"sample {at[0]}, feature {at[1]}", str(features[tuple(at)].item())),
            help="fill it before, and add a feature that says so",
        )
    return narrowed("static", features, torch.ones_like(features).bool(), dtype)


def _shaped(name: str, tensor: Tensor, *shape: int | None) -> Tensor:
    if tensor.ndim != len(shape) or any(b not in (None, a) for a, b in zip(tensor.shape, shape, strict=True)):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise DataError(
            f"the shape of the {name} does not fit the values",
            (name, str(tuple(tensor.shape))),
            ("values ask for", f"({wanted})"),
            help="values are (batch time channel); batch and time come from them",
        )
    return tensor
