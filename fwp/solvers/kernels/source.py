"""The C source of one kernel: pieces for its kind of step inside one scan, forwards and backwards.

Lanes of a vector are rows of states, of several heads side by side, so that one step's long chain of operations hides behind
those of the other heads. Here are the sizes that follow from a spec and the order of the pieces; each piece is a file.
"""

from functools import cache
from typing import assert_never

from fwp.solvers.kernels.affine import AFFINE, AFFINE_FIELDS
from fwp.solvers.kernels.chunk import chunk
from fwp.solvers.kernels.functions import functions
from fwp.solvers.kernels.scan import SCAN
from fwp.solvers.kernels.softmax import SOFTMAX, SOFTMAX_FIELDS, softmax_functions
from fwp.solvers.kernels.spec import KernelSpec, Step
from fwp.solvers.kernels.store import STORE
from fwp.solvers.kernels.tanh import TANH, TANH_FIELDS, tanh_functions

__all__ = ["CHUNK", "heads", "source"]

CHUNK = 32
"""Steps between the states that are kept for the gradient. The states inside a chunk are recomputed: 32 of size 8 × 8 in
float32 are 8 KiB for each head of a group, which stay in the second-level cache, and the borders are 3 % of all states."""

_WIDTH = 8
"""Lanes of one vector; narrower states have one as narrow as they are, rounded to a power of two."""

_LANES, _HEADS, _CACHE = 64, 16, 2**15
"""Rows that are walked side by side, of at most so many heads, whose states have at most so many bytes; measured: fewer wait
for each other, more leave the first-level cache."""


def heads(spec: KernelSpec) -> int:
    """How many heads are walked side by side."""
    rows, columns = _padded(spec.outputs), _padded(spec.reads)
    by_rows = _HEADS if spec.step is Step.SOFTMAX else _LANES // rows  # softmax sums over rows, with heads as its lanes
    most = min(_HEADS, by_rows, _CACHE // (rows * columns * (4 if _single(spec) else 8)))
    return 1 << max(most, 1).bit_length() - 1


@cache
def source(spec: KernelSpec) -> str:
    """The text of `forward` and `backward`, which both scan the instances, heads of batch elements, `[begin, end)`."""
    parts = [_header(spec), *_pieces(spec), SCAN]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _pieces(spec: KernelSpec) -> list[str]:
    """What the scan takes from the kind of step, in the order in which one piece needs another."""
    single = _single(spec)
    match spec.step:
        case Step.AFFINE:
            return [chunk(spec, AFFINE_FIELDS), AFFINE]
        case Step.TANH:
            return [functions(single), tanh_functions(single), chunk(spec, TANH_FIELDS), TANH, STORE]
        case Step.SOFTMAX:
            return [functions(single), softmax_functions(single), chunk(spec, SOFTMAX_FIELDS), SOFTMAX, STORE]
        case _:
            assert_never(spec.step)


def _padded(size: int) -> int:
    return 1 << (size - 1).bit_length() if size <= _WIDTH else -(-size // _WIDTH) * _WIDTH


def _header(spec: KernelSpec) -> str:
    rows, columns = _padded(spec.outputs), _padded(spec.reads)
    real, bits, mantissa, bias = ("float", "int32_t", 23, 127) if _single(spec) else ("double", "int64_t", 52, 1023)
    numbers = {
        "M": spec.outputs,
        "D": spec.reads,
        "R": spec.rank,
        "MP": rows,
        "DP": columns,
        "G": heads(spec),
        "VM": min(rows, _WIDTH),
        "VD": min(columns, _WIDTH),
        "CHUNK": CHUNK,
        "MANTISSA": mantissa,
        "BIAS": bias,
    }
    named = ", ".join(f"{name} = {value}" for name, value in numbers.items())
    indices = ", ".join(f"IN_{name.upper()}" for name in spec.inputs)
    return f"""
/* {spec} */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef {real} real;
typedef {bits} bits;
enum {{ {named} }};
enum {{ L = G * MP, Q = G * DP, KM = MP / VM, KD = DP / VD }};
enum {{ {indices}, INPUTS }};
typedef real rows __attribute__((vector_size(VM * sizeof(real)), may_alias));
typedef real columns __attribute__((vector_size(VD * sizeof(real)), may_alias));
#define ROWS(place) (*(rows *)(place))
#define COLUMNS(place) (*(columns *)(place))
#define IS_SHARED {int(spec.shared)}
#define IS_DECAYING {int(spec.decays)}
#define IS_READING {int(spec.reading)}
#define CONSTANT(x) ((real)(x))
#define ALIGNED __attribute__((aligned(64)))
#define INLINE static inline __attribute__((always_inline))
{"#define SQRT __builtin_sqrtf" if _single(spec) else "#define SQRT __builtin_sqrt"}
"""


def _single(spec: KernelSpec) -> bool:
    return spec.dtype == "float32"
