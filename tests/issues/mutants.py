"""What a hostile or a damaged file may hold: bytes changed at random, values of a json replaced one at a time, and the watch over both."""

import copy
import json
import random
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fwp.errors import FwpError

EXTREMES: tuple[Any, ...] = (
    *(10**12, 2**63, 10**400, -1, 0, 1e308, 1e-308, -0.0, True, None, "", "x" * 10_000, [], {}),
    *([[]], [0] * 10_000, {"a": 1}, 2**31, 10**9, 0.5, "\x00", "𝔚 \n", ["a"] * 300),
)
"""What stands in for each value of a json in turn."""

TOKENS = tuple(
    token.encode()
    for token in (
        *("1e999", "-1", "999999999999999999999", "null", '"', "[" * 500, "{" * 50, "\\u0000", "NaN", "9" * 5000),
        *("\x00", ",", "\n", "|", ":", "@data", "\x7f", "0", "1e-400", "a" * 5000, "-", "é", "?"),
    )
)
"""What random changes insert."""


class Overrun(BaseException):
    """It took longer than it may. No Exception, so that nobody mistakes it for damage of a file."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each value of a json stands."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from places(below, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """The json with another value at that place."""
    if not path:
        return by
    changed = copy.deepcopy(value)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = by
    return changed


def scrambled(data: bytes, source: random.Random) -> bytes:
    """The bytes with one to four random changes: a bit, a byte, a stretch doubled, moved or gone, the end cut off."""
    result = bytearray(data)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(result) + 1)
        end = min(len(result), at + source.choice((1, 2, 8, 64, 1000)))
        match source.randrange(8):
            case 0 if at < len(result):
                result[at] ^= 1 << source.randrange(8)
            case 1 if at < len(result):
                result[at] = source.randrange(256)
            case 2:
                del result[at:end]
            case 3:
                result[at:at] = result[at:end] * source.choice((1, 2, 50))
            case 4:
                result[at:at] = source.choice(TOKENS)
            case 5:
                del result[at:]
            case 6:
                result[at:end] = source.choice(TOKENS)
            case _:
                elsewhere = source.randrange(len(result) + 1)
                result[elsewhere:elsewhere] = result[at:end]
    return bytes(result)


@contextmanager
def watched(seconds: float, memory: int) -> Iterator[None]:
    """An end to what takes longer (Overrun), or more memory than the process has now and so many bytes (MemoryError)."""

    def end(*_: object) -> None:
        raise Overrun(f"more than {seconds} s")

    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before, limits = signal.signal(signal.SIGALRM, end), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + memory, limits[1]))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def outcome(call: Callable[[], object], seconds: float = 10.0, memory: int = 2**31) -> str | None:
    """Nothing where the call returns or complains in our words; else what it did instead."""
    try:
        with watched(seconds, memory):
            call()
    except FwpError as error:
        told = str(error)
        return f"a complaint of {len(told)} letters" if len(told) > 20_000 else None
    except Overrun as error:
        return f"{error}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return None


def dumped(value: Any) -> bytes:
    """As json, whatever it is."""
    return json.dumps(value).encode()
