"""A batch of time series: what was observed, when, and where each sample ends.

Irregular times, unequal lengths, missing values and channels that nobody ever observed are normal here; whatever cannot
be a series is refused at the door, `series`, and nowhere later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import pad

from fwp.errors import DataError
from fwp.kinds import explained

__all__ = ["Array", "Series", "collate", "require_holdable", "series"]

MOST_NUMBERS = 2 * 10**9
"""In a batch: 8 GB of float32, and as many marks of what was observed."""

Array = Tensor | np.ndarray[Any, np.dtype[Any]] | Sequence[Any]
"""Whatever `torch.as_tensor` reads."""


@dataclass(frozen=True, eq=False)
class Series:
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
        """The same series elsewhere; `dtype` is that of values and static features, times stay float64."""
        return Series(
            self.values.to(device, dtype),
            self.times.to(device),
            self.mask.to(device),
            self.lengths.to(device),
            None if self.static is None else self.static.to(device, dtype),
        )


def series(
    values: Array,
    times: Array | None = None,
    mask: Array | None = None,
    lengths: Array | int | None = None,
    static: Array | None = None,
) -> Series:
    """Check data and make a `Series` of them.

    Args:
        values: (batch time channel), or (time channel) for one sample; NaN means missing.
        times: (batch time), or (time) for all samples alike; default 0, 1, 2, …
        mask: like `values`, False where a value is to count as missing although there is a number.
        lengths: (batch), how many time points each sample has, or one number for one sample; what lies after them is
            ignored. Default: all.
        static: (batch feature), what does not change with time.

    Raises:
        DataError: no numbers, shapes that disagree, nothing in it, times that are not finite or do not increase, infinite values.
    """
    data = _tensor("values", values)
    data = data if data.is_floating_point() else data.to(torch.get_default_dtype())
    seen = None if mask is None else _tensor("mask", mask, dtype=torch.bool, device=data.device)
    ends = None if lengths is None else _tensor("lengths", lengths, device=data.device)
    features = None if static is None else _tensor("static", static, dtype=data.dtype, device=data.device)
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
    clock = _times(times, length, batch, time, data.device)
    inside = torch.arange(time, device=data.device) < length[:, None]
    observed = ~data.isnan() & inside[..., None]
    if seen is not None:
        observed &= _shaped("mask", seen, *data.shape)
    if (at := _first(data.isinf() & observed)) is not None:
        raise DataError(
            "an observed value is infinite",
            (f"sample {at[0]}, position {at[1]}, channel {at[2]}", str(data[tuple(at)].item())),
            help="write NaN where a value is missing",
        )
    features = None if features is None else _static(features, batch)
    return Series(torch.where(observed, data, 0), clock, observed, length, features)


Item = Series | Tensor | np.ndarray[Any, np.dtype[Any]] | tuple[Array, Array | None]


@explained
def collate(items: Iterable[Item]) -> Series:
    """One batch of many series: `Series`, arrays of values, or pairs (values, times) as `series` reads them, of any lengths.

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


def _tensor(name: str, data: Array | int, **kind: Any) -> Tensor:
    try:
        return torch.as_tensor(data, **kind)
    except (TypeError, ValueError, RuntimeError) as error:  # the last of None and other objects
        help = "series of unequal lengths make a batch with `collate`"
        raise DataError("these are not numbers in rows of equal length", (name, str(error)), help=help) from error


def _lengths(lengths: Tensor | None, batch: int, time: int, device: torch.device) -> Tensor:
    if lengths is None:
        return torch.full((batch,), time, device=device)
    given = _shaped("lengths", lengths, batch)
    length = given.to(torch.int64)
    if (at := _first(length != given)) is not None:
        raise DataError(
            "a length is no whole number",
            (f"sample {at[0]}", f"length {given[tuple(at)].item():g}"),
            help="a length counts time points",
        )
    if (at := _first((length < 1) | (length > time))) is not None:
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
        times = torch.arange(time, device=device)
    given = _tensor("times", times, dtype=torch.float64, device=device)
    given = given.expand(batch, -1) if given.ndim == 1 else given
    given = _shaped("times", given, batch, time)
    last = lengths[:, None] - 1
    given = given.gather(1, torch.arange(time, device=device).expand(batch, -1).minimum(last))
    if (at := _first(~given.isfinite())) is not None:
        raise DataError(
            "a time is not a finite number",
            (f"sample {at[0]}, position {at[1]}", str(given[tuple(at)].item())),
            help="drop that row, or end the sample before it with `lengths`",
        )
    stuck = (given.diff(dim=1) <= 0) & (torch.arange(1, time, device=device) <= last)
    if (at := _first(stuck)) is not None:
        sample, position = at.tolist()
        raise DataError(
            "the times of a sample must increase",
            (f"sample {sample}, position {position}", str(given[sample, position].item())),
            (f"sample {sample}, position {position + 1}", str(given[sample, position + 1].item())),
            help="sort the rows by time and merge those of equal time",
        )
    return given


def _static(features: Tensor, batch: int) -> Tensor:
    if (at := _first(~_shaped("static", features, batch, None).isfinite())) is not None:
        raise DataError(
            "a static feature is not finite",
            (f"sample {at[0]}, feature {at[1]}", str(features[tuple(at)].item())),
            help="fill it before, and add a feature that says so",
        )
    return features


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


def _first(bad: Tensor) -> Tensor | None:
    """Where the first True stands; on the meta device there is nothing to see."""
    if bad.is_meta or not bool(bad.any()):
        return None
    return bad.nonzero()[0]
