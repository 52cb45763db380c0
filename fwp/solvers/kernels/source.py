"""The C source of one kernel: pieces for its kind of step inside one scan, forwards and backwards.

Lanes of a vector are rows of states, of several heads side by side, so that one step's long chain of operations hides behind
those of the other heads. All elementary functions are written out, without branches, so that the compiler inlines and
vectorises them and the same source gives the same numbers under every mathematics library.

A scan goes chunk by chunk. Inputs of a chunk are copied to padded arrays; what depends on inputs only, and what only the
gradient needs, is computed for all steps of a chunk at once; the recurrences in between do the least they can. The backward
scan begins at the last chunk: it walks it again from the state at its border and keeps the states, turned, so that no
recurrence ever sums across lanes.
"""

from functools import cache
from math import asinh, cos, factorial, pi, sinh, sqrt

from fwp.solvers.flows import NEAR, tanh_series
from fwp.solvers.kernels.spec import KernelSpec, Step, shapes

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
    piece = {Step.AFFINE: _AFFINE, Step.TANH: _TANH, Step.SOFTMAX: _SOFTMAX}[spec.step]
    parts = [_header(spec), *_functions(spec), _chunk(spec), piece, _SCAN]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


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


def _polynomial(coefficients: list[float], x: str) -> str:
    """Horner's scheme as one expression, from the constant term on."""
    text = f"CONSTANT({coefficients[-1]!r})"
    for c in reversed(coefficients[:-1]):
        text = f"({text} * {x} + CONSTANT({c!r}))"
    return text


def _functions(spec: KernelSpec) -> list[str]:
    """The elementary functions that the kind of step needs, to the precision of its dtype."""
    if spec.step is Step.AFFINE:
        return []
    single = _single(spec)
    # Of Taylor's series of exp on |r| ≤ log(2) / 2 and of 2 artanh(f) on f² ≤ 0.03, what the precision can see.
    exp = _polynomial([1 / factorial(n + 2) for n in range(6 if single else 12)], "r")
    log = _polynomial([2 / (2 * n + 3) for n in range(4 if single else 9)], "s")
    high, low = ("0x1.62ep-1", "0x1.0bfbe8e7bcd5ep-15") if single else ("0x1.62e42fefap-1", "0x1.cf79abc9e3b3ap-40")
    text = f"""
/* 2^n, and exp(x) / 2^n - 1 for the n that makes it small; NaN stays NaN, and x beyond the exponents is their bound. */
INLINE real reduced(real x, real *power) {{
  const real magic = CONSTANT({1.5 * 2 ** (23 if single else 52)!r}), bound = CONSTANT({87.0 if single else 708.0});
  x = x < -bound ? -bound : x;
  x = x > bound ? bound : x;
  const real shifted = x * CONSTANT(1.4426950408889634) + magic, n = shifted - magic;
  const real r = (x - n * CONSTANT({high})) - n * CONSTANT({low});
  bits b;
  memcpy(&b, &shifted, sizeof b);
  b = (bits)((u_bits)b << MANTISSA) + ((bits)BIAS << MANTISSA);
  memcpy(power, &b, sizeof b);
  return r + r * r * {exp};
}}

INLINE real exponential(real x) {{
  real power;
  const real p = reduced(x, &power);
  return power * p + power;
}}

INLINE real exponential_less_1(real x) {{
  real power;
  const real p = reduced(x, &power);
  return power * p + (power - 1);
}}

/* For normal x > 0; NaN stays NaN. */
INLINE real logarithm(real x) {{
  const real magic = CONSTANT({1.5 * 2 ** (23 if single else 52)!r});
  const bits root = {"0x3f3504f3" if single else "0x3fe6a09e667f3bcdLL"};
  bits b, magic_b;
  memcpy(&b, &x, sizeof b);
  memcpy(&magic_b, &magic, sizeof b);
  const bits exponent = (b - root) >> MANTISSA;
  b -= (bits)((u_bits)exponent << MANTISSA);
  magic_b += exponent;
  real m, n;
  memcpy(&m, &b, sizeof b);
  memcpy(&n, &magic_b, sizeof b);
  n -= magic;
  const real f = (m - 1) / (m + 1), s = f * f;
  return (n * CONSTANT({high}) + (2 * f + (f * s * {log} + n * CONSTANT({low})))) + (x - x);
}}

INLINE real logarithm_of_1_and(real x) {{
  const real u = 1 + x;
  return logarithm(u) + (x - (u - 1)) / u;
}}

INLINE real absolute(real x) {{ return x < 0 ? -x : x; }}
"""
    unsigned = f"typedef {'u' + ('int32_t' if single else 'int64_t')} u_bits;"
    return [
        unsigned,
        text,
        *([_arsinh(single), _tanh_near(single)] if spec.step is Step.TANH else [_softmax_lost(single)]),
    ]


def _arsinh(single: bool) -> str:
    """arsinh(x) / x for |x| ≤ sinh 1, a polynomial in x²: Chebyshev's interpolation, whose error falls 4.6-fold a term."""
    count, top = (13, 28)[not single], sinh(1) ** 2
    nodes = [cos(pi * (k + 0.5) / count) for k in range(count)]
    values = [asinh(sqrt(top * (u + 1) / 2)) / sqrt(top * (u + 1) / 2) for u in nodes]
    scaled = [sum(v * cos(pi * n * (k + 0.5) / count) for k, v in enumerate(values)) * 2 / count for n in range(count)]
    scaled[0] /= 2
    monomials, before, now = [0.0] * count, [0.0] * count, [1.0, *[0.0] * (count - 1)]
    for n, c in enumerate(scaled):
        monomials = [m + c * t for m, t in zip(monomials, now, strict=True)]
        twice = [0.0, *((1 if n == 0 else 2) * t for t in now[:-1])]
        before, now = now, [a - b for a, b in zip(twice, before if n else [0.0] * count, strict=True)]
    return f"""
/* arsinh(x) / x, of x * x, for |x| <= sinh 1 */
INLINE real arsinh_ratio(real square) {{
  const real u = square * CONSTANT({2 / top!r}) - 1;
  return {_polynomial(monomials, "u")};
}}
"""


def _tanh_near(single: bool) -> str:
    """Coefficients of the powers of x² for small z, see `tanh_series`; there are as many as the precision can see."""
    count = 7 if single else 14
    lines = [
        f"  powers[{i}] = {_polynomial(list(row[i:]), 'z')}{' * z' * i};" for i, row in enumerate(tanh_series(count))
    ]
    return "\n".join(
        [
            f"enum {{ SERIES = {count} }};",
            f"#define NEAR CONSTANT({NEAR})",
            "/* The coefficients of (d mean / dz) / (x (1 - x x)), x = tanh e, by powers of x x. */",
            "INLINE void near_powers(real z, real powers[SERIES]) {",
            *lines,
            "}",
        ]
    )


def _softmax_lost(single: bool) -> str:
    series = _polynomial([(-1) ** n / factorial(n + 2) for n in range(11 if single else 19)], "x")
    return f"""
#define CLOSE CONSTANT({"1e-4" if single else "1e-9"})
/* (1 - exp(-x)) / x and (x - 1 + exp(-x)) / (x x) for x >= 0. */
INLINE real lost(real x) {{
  x = x < CONSTANT(1e-30) ? CONSTANT(1e-30) : x;
  return -exponential_less_1(-x) / x;
}}
INLINE real bend(real x) {{
  const real near = {series};
  const real far = (x + exponential_less_1(-x)) / (x * x);
  return x < 1 ? near : far;
}}
"""


def _chunk(spec: KernelSpec) -> str:
    """The padded copy of a chunk's inputs, what is derived from them, and how both are loaded."""
    fields, loads = [], []
    for name, own in shapes(spec).items():
        place = f"inputs[IN_{name.upper()}]"
        if not own:
            fields.append(f"  real {name}[CHUNK][G];")
            loads.append(f"      c->{name}[t][g] = {place}[at];")
        elif spec.step is Step.AFFINE and name in ("gain", "erase"):
            fields.append(f"  real {name}[CHUNK][R * R][G];")
            loads.append(f"      for (int k = 0; k < R * R; k++) c->{name}[t][k][g] = {place}[at * (R * R) + k];")
        else:
            size, pad, lanes = ("M", "MP", "L") if name in ("offset", "value") else ("D", "DP", "Q")
            fields.append(f"  real {name}[CHUNK][R][{lanes}] ALIGNED;")
            loads.append(
                f"      for (int r = 0; r < R; r++)\n"
                f"        for (int i = 0; i < {size}; i++)\n"
                f"          c->{name}[t][r][g * {pad} + i] = {place}[(at * R + r) * {size} + i];"
            )
    return "\n".join(
        [
            "typedef struct {",
            *fields,
            _FIELDS[spec.step].strip("\n"),
            "  real add[CHUNK][R][L] ALIGNED;      /* what each step adds along `write` */",
            "  real d_add[CHUNK][R][L] ALIGNED;    /* gradients: of that, */",
            "  real d_seen[CHUNK][R][L] ALIGNED;   /* of what was read, */",
            "  real d_write[CHUNK][R][Q] ALIGNED;  /* and of the vectors; `d_write` of both where they are one. */",
            "  real d_read[CHUNK][R][Q] ALIGNED;",
            "  real d_decay[CHUNK][Q] ALIGNED;",
            "} Chunk;",
            "#define READ write" if spec.shared or not spec.reading else "#define READ read",
            "",
            "INLINE void load(Chunk *c, const real *const *inputs, const long *base, long first, long count, long H) {",
            "  for (long t = 0; t < count; t++)",
            "    for (int g = 0; g < G; g++) {",
            "      const long at = base[g] + (first + t) * H;",
            *loads,
            "    }",
            "}",
        ]
    )


_FIELDS = {
    Step.AFFINE: """
  real seen[CHUNK][R][L] ALIGNED;
""",
    Step.TANH: """
  real z[CHUNK][G], along[CHUNK][G], end[CHUNK][G], moved[CHUNK][G], slope[CHUNK][G];
  int far[CHUNK];
  real error[CHUNK][L] ALIGNED, mean[CHUNK][L] ALIGNED, by_error[CHUNK][L] ALIGNED, by_z[CHUNK][L] ALIGNED;
""",
    Step.SOFTMAX: """
  real z[CHUNK][G], along[CHUNK][G];
  real mean[CHUNK][L] ALIGNED, weight[CHUNK][L] ALIGNED, by_z[CHUNK][L] ALIGNED, total[CHUNK][G];
""",
}

_AFFINE = """
INLINE void prepare(Chunk *c, long count) {}

INLINE void change(Chunk *c, long t, const real seen[R][L], real add[R][L]) {
  for (int s = 0; s < R; s++)
    for (int g = 0; g < G; g++)
      for (int k = 0; k < KM; k++) {
        rows total = {0};
        for (int r = 0; r < R; r++) {
          total += c->gain[t][r * R + s][g] * ROWS(&c->value[t][r][g * MP + k * VM]);
#if IS_READING
          total -= c->erase[t][r * R + s][g] * ROWS(&seen[r][g * MP + k * VM]);
#endif
        }
        ROWS(&add[s][g * MP + k * VM]) = total;
      }
#if IS_READING
  memcpy(c->seen[t], seen, sizeof c->seen[t]);
#endif
}

INLINE void slopes(Chunk *c, long count) {}

INLINE void pull(Chunk *c, long t) {
#if IS_READING
  for (int r = 0; r < R; r++)
    for (int g = 0; g < G; g++)
      for (int k = 0; k < KM; k++) {
        rows total = {0};
        for (int s = 0; s < R; s++) total -= c->erase[t][r * R + s][g] * ROWS(&c->d_add[t][s][g * MP + k * VM]);
        ROWS(&c->d_seen[t][r][g * MP + k * VM]) = total;
      }
#endif
}

INLINE real dot(const real *a, const real *b) {
  real total = 0;
#pragma omp simd reduction(+ : total)
  for (int i = 0; i < M; i++) total += a[i] * b[i];
  return total;
}

INLINE void store(Chunk *c, real *const *d_inputs, const long *base, long first, long count, long H) {
  for (long t = 0; t < count; t++)
    for (int g = 0; g < G; g++) {
      const long at = base[g] + (first + t) * H;
      for (int r = 0; r < R; r++) {
        real total[M] = {0};
        for (int s = 0; s < R; s++) {
          const real gain = c->gain[t][r * R + s][g];
          d_inputs[IN_GAIN][(at * R + r) * R + s] = dot(&c->value[t][r][g * MP], &c->d_add[t][s][g * MP]);
#if IS_READING
          d_inputs[IN_ERASE][(at * R + r) * R + s] = -dot(&c->seen[t][r][g * MP], &c->d_add[t][s][g * MP]);
#endif
          for (int i = 0; i < M; i++) total[i] += gain * c->d_add[t][s][g * MP + i];
        }
        for (int i = 0; i < M; i++) d_inputs[IN_VALUE][(at * R + r) * M + i] = total[i];
        for (int j = 0; j < D; j++) {
          d_inputs[IN_WRITE][(at * R + r) * D + j] = c->d_write[t][r][g * DP + j];
#if IS_READING && !IS_SHARED
          d_inputs[IN_READ][(at * R + r) * D + j] = c->d_read[t][r][g * DP + j];
#endif
        }
      }
#if IS_DECAYING
      real total = 0;
      for (int j = 0; j < D; j++) total += c->d_decay[t][g * DP + j];
      d_inputs[IN_DECAY][at] = total;
#endif
    }
}
"""

_STORE = """
/* The gradients of a chunk's inputs; that of a.c reaches both vectors and the rate. */
INLINE void store(Chunk *c, real *const *d_inputs, const long *base, long first, long count, long H) {
  for (long t = 0; t < count; t++)
    for (int g = 0; g < G; g++) {
      const long at = base[g] + (first + t) * H;
      const real rate = c->rate[t][g];
      const real *d_add = &c->d_add[t][0][g * MP], *of_rate = &c->OF_RATE[t][g * MP], *by_z = &c->by_z[t][g * MP];
      real d_rate = 0, d_z = 0;
#pragma omp simd reduction(+ : d_rate, d_z)
      for (int i = 0; i < M; i++) {
        d_rate += d_add[i] * of_rate[i];
        d_z += d_add[i] * by_z[i];
      }
      const real d_along = d_z * rate * rate;
      d_inputs[IN_RATE][at] = D_RATE;
      for (int i = 0; i < M; i++) d_inputs[IN_OFFSET][at * M + i] = -c->d_seen[t][0][g * MP + i];
      const real *write = &c->write[t][0][g * DP];
      for (int j = 0; j < D; j++) {
#if IS_SHARED
        d_inputs[IN_WRITE][at * D + j] = c->d_write[t][0][g * DP + j] + 2 * d_along * write[j];
#else
        d_inputs[IN_WRITE][at * D + j] = c->d_write[t][0][g * DP + j] + d_along * c->read[t][0][g * DP + j];
        d_inputs[IN_READ][at * D + j] = c->d_read[t][0][g * DP + j] + d_along * write[j];
#endif
      }
    }
}
"""

_TANH = (
    """
#define OF_RATE mean
#define D_RATE (d_rate + d_z * rate * c->along[t][g])

INLINE void prepare(Chunk *c, long count) {
  for (long t = 0; t < count; t++)
    for (int g = 0; g < G; g++) {
      real along = 0;
#pragma omp simd reduction(+ : along)
      for (int j = 0; j < D; j++) along += c->READ[t][0][g * DP + j] * c->write[t][0][g * DP + j];
      c->along[t][g] = along;
    }
  real *z = &c->z[0][0], *end = &c->end[0][0], *moved = &c->moved[0][0], *slope = &c->slope[0][0];
  const real *rate = &c->rate[0][0], *along = &c->along[0][0];
#pragma omp simd
  for (long k = 0; k < count * G; k++) {
    z[k] = rate[k] * along[k];
    const real least = CONSTANT(1e-18), safe = absolute(z[k]) < least ? least : z[k];
    end[k] = exponential(-z[k]);
    moved[k] = -exponential_less_1(-2 * z[k]);
    slope[k] = -exponential_less_1(-2 * safe) / safe;
  }
  for (long t = 0; t < count; t++) {
    c->far[t] = 0;
    for (int g = 0; g < G; g++) c->far[t] |= !(absolute(c->z[t][g]) < 1);
  }
}

/* The mean for |z| >= 1, in logarithms of sinh. */
INLINE real far_mean(real e, real z) {
  const real size = absolute(e), half = exponential_less_1(-2 * size) / -2;
  const int near = (size < z) | ((z < 0) & (size - z < 40));
  const real ratio = exponential(near ? size - z : z - size), sinh_end = ratio * half;
  const real moved_near = size - logarithm_of_1_and(sinh_end + sinh_end * sinh_end / (1 + SQRT(1 + sinh_end * sinh_end)));
  const real moved_far = z - logarithm(half + SQRT(ratio * ratio + half * half));
  const real moved = near ? moved_near : moved_far;
  return (e < 0 ? -moved : moved) / z;
}

INLINE void change(Chunk *c, long t, const real seen[R][L], real add[R][L]) {
  real *error = c->error[t], *mean = c->mean[t];
  for (int g = 0; g < G; g++) {
    const real end = c->end[t][g], moved = c->moved[t][g], slope = c->slope[t][g], rate = c->rate[t][g];
    const real *offset = &c->offset[t][0][g * MP];
#pragma omp simd
    for (int i = 0; i < MP; i++) {
      const real e = offset[i] - seen[0][g * MP + i];
      const real m = exponential_less_1(-2 * absolute(e)), size = -m / (2 + m), x = e < 0 ? -size : size;
      const real w = x / (SQRT(1 - moved * x * x) + end), s = w * moved;
      const real found = w * slope * arsinh_ratio(s * s);
      error[g * MP + i] = e;
      mean[g * MP + i] = found;
      add[0][g * MP + i] = rate * found;
    }
  }
  if (__builtin_expect(c->far[t], 0))
    for (int g = 0; g < G; g++) {
      const real z = c->z[t][g], rate = c->rate[t][g];
      if (!(absolute(z) < 1))
#pragma omp simd
        for (int i = 0; i < MP; i++) {
          const real found = far_mean(error[g * MP + i], z);
          mean[g * MP + i] = found;
          add[0][g * MP + i] = rate * found;
        }
    }
}

/* The derivatives of the mean; P = sqrt((sech e / exp(-z))^2 + x^2), tanh e+ = x / P, de+ / de = 1 / P. */
INLINE void slopes(Chunk *c, long count) {
  for (long t = 0; t < count; t++)
    for (int g = 0; g < G; g++) {
      const real z = c->z[t][g], most = CONSTANT(1e17);
      const real size = absolute(z), away = size < CONSTANT(1e-18) ? CONSTANT(1e-18) : size;
      const real lost = -exponential_less_1(-2 * away) / away;
      const int is_near = size < NEAR;
      real powers[SERIES];
      near_powers(is_near ? z : 0, powers);
#pragma omp simd
      for (int i = 0; i < MP; i++) {
        const real e = c->error[t][g * MP + i], mean = c->mean[t][g * MP + i];
        const real m = exponential_less_1(-2 * absolute(e)), share = 1 / (2 + m);
        const real x = (e < 0 ? m : -m) * share, sech = 2 * share * SQRT(exponential(-2 * absolute(e)));
        real ratio = 2 * share * exponential(z - absolute(e));
        ratio = ratio > most ? most : ratio; /* beyond, 1 / P is 0 */
        const real p = SQRT(ratio * ratio + x * x), top = z > 0 ? ratio : sech;
        real series = powers[SERIES - 1];
        for (int n = SERIES - 2; n >= 0; n--) series = series * (x * x) + powers[n];
        c->by_error[t][g * MP + i] = top / p * (top / (p + 1)) * lost;
        c->by_z[t][g * MP + i] = is_near ? series * x * sech * sech : (x / p - mean) / z;
      }
    }
}

INLINE void pull(Chunk *c, long t) {
  for (int g = 0; g < G; g++)
    for (int k = 0; k < KM; k++) {
      const int at = g * MP + k * VM;
      ROWS(&c->d_seen[t][0][at]) = -c->rate[t][g] * ROWS(&c->d_add[t][0][at]) * ROWS(&c->by_error[t][at]);
    }
}
"""
    + _STORE
)

_SOFTMAX = (
    """
#define OF_RATE weight
#define D_RATE (d_rate / c->total[t][g]) /* as mean + z dmean / dz = weight / total */

INLINE void prepare(Chunk *c, long count) {
  for (long t = 0; t < count; t++)
    for (int g = 0; g < G; g++) {
      real along = 0;
#pragma omp simd reduction(+ : along)
      for (int j = 0; j < D; j++) along += c->READ[t][0][g * DP + j] * c->write[t][0][g * DP + j];
      c->along[t][g] = along;
      c->z[t][g] = c->rate[t][g] * along;
    }
}

INLINE real inverse_softplus(real y) { return y + logarithm(-exponential_less_1(-y)); }

/* All heads at once: the lanes are heads, so that the sums over rows are not across lanes. */
INLINE void change(Chunk *c, long t, const real seen[R][L], real add[R][L]) {
  real e[M][G] ALIGNED, top[G], z[G], s[G], total[G];
  for (int g = 0; g < G; g++)
    for (int i = 0; i < M; i++) e[i][g] = c->offset[t][0][g * MP + i] - seen[0][g * MP + i];
#pragma omp simd
  for (int g = 0; g < G; g++) {
    z[g] = c->z[t][g] < CONSTANT(1e-20) ? CONSTANT(1e-20) : c->z[t][g];
    top[g] = e[0][g];
  }
  for (int i = 1; i < M; i++)
    for (int g = 0; g < G; g++) top[g] = e[i][g] > top[g] ? e[i][g] : top[g];
  real all[G] = {0}, middle[G] = {0};
  for (int i = 0; i < M; i++)
#pragma omp simd
    for (int g = 0; g < G; g++) {
      e[i][g] -= top[g];
      all[g] += exponential(e[i][g]);
      middle[g] += e[i][g];
    }
  /* Two bounds from above, from where Newton's steps on a convex function descend to the root. */
#pragma omp simd
  for (int g = 0; g < G; g++) {
    const real by_sum = inverse_softplus(z[g]) - logarithm(all[g]);
    const real by_mean = inverse_softplus(z[g] / M) - middle[g] / M;
    s[g] = by_sum < by_mean ? by_sum : by_mean;
  }
  for (int turn = 0; turn < 20; turn++) {
    real moved[G] = {0}, weight[G] = {0};
    for (int i = 0; i < M; i++)
#pragma omp simd
      for (int g = 0; g < G; g++) {
        const real x = s[g] + e[i][g], small = exponential(-absolute(x)), share = 1 / (1 + small);
        moved[g] += (x > 0 ? x : 0) + logarithm_of_1_and(small);
        weight[g] += x > 0 ? share : small * share;
      }
    int open = 0;
    for (int g = 0; g < G; g++) {
      const real step = (moved[g] - z[g]) / weight[g];
      s[g] -= step;
      open |= step > CLOSE; /* the next error is half the square of this one */
    }
    if (!open) break;
  }
  for (int g = 0; g < G; g++) total[g] = 0;
  for (int i = 0; i < M; i++)
#pragma omp simd
    for (int g = 0; g < G; g++) {
      const real x = s[g] + e[i][g];
      e[i][g] = (x > 0 ? x : 0) + logarithm_of_1_and(exponential(-absolute(x)));
      total[g] += e[i][g];
    }
  for (int g = 0; g < G; g++)
    for (int i = 0; i < MP; i++) {
      const real found = i < M ? e[i < M ? i : 0][g] / total[g] : 0;
      c->mean[t][g * MP + i] = found;
      add[0][g * MP + i] = found * c->rate[t][g];
    }
}

INLINE void slopes(Chunk *c, long count) {
  for (long t = 0; t < count; t++)
    for (int g = 0; g < G; g++) {
      const real z = c->z[t][g], *mean = &c->mean[t][g * MP];
      real *weight = &c->weight[t][g * MP], *by_z = &c->by_z[t][g * MP], total = 0, bent = 0;
#pragma omp simd reduction(+ : total, bent)
      for (int i = 0; i < M; i++) {
        weight[i] = mean[i] * lost(mean[i] * z);
        by_z[i] = mean[i] * mean[i] * bend(mean[i] * z);
        total += weight[i];
        bent += by_z[i];
      }
      c->total[t][g] = total;
      for (int i = 0; i < M; i++) by_z[i] = (mean[i] * bent - by_z[i]) / total;
      for (int i = M; i < MP; i++) weight[i] = 0;
    }
}

INLINE void pull(Chunk *c, long t) {
  for (int g = 0; g < G; g++) {
    const real *weight = &c->weight[t][g * MP], *d_add = &c->d_add[t][0][g * MP];
    real middle = 0;
#pragma omp simd reduction(+ : middle)
    for (int i = 0; i < M; i++) middle += d_add[i] * weight[i];
    middle /= c->total[t][g];
    for (int i = 0; i < MP; i++) c->d_seen[t][0][g * MP + i] = -c->rate[t][g] * weight[i] * (d_add[i] - middle);
  }
}
"""
    + _STORE
)

_SCAN = """
/* What is known between two steps; the gradient of the state is kept twice, by rows and by columns. */
typedef struct {
  real state[D][L] ALIGNED, by_rows[D][L] ALIGNED, by_columns[M][Q] ALIGNED;
  real kept[CHUNK + 1][M][Q] ALIGNED; /* the states of a chunk, turned, beginning with the one before it */
} Place;

/* Zeros, so that what pads a vector stays 0; a stack may be too small for large states. */
INLINE void *room(size_t size) {
  void *found = aligned_alloc(64, (size + 63) / 64 * 64);
  if (found) memset(found, 0, size);
  return found;
}

/* One step: y = W u, the change, W+ = decay W + sum of add_s write_s^T. */
INLINE void step(Chunk *c, long t, real state[D][L]) {
  real seen[R][L] ALIGNED;
#if IS_READING
  for (int r = 0; r < R; r++)
    for (int g = 0; g < G; g++)
      for (int k = 0; k < KM; k++) {
        rows total = {0};
        for (int j = 0; j < D; j++) total += ROWS(&state[j][g * MP + k * VM]) * c->READ[t][r][g * DP + j];
        ROWS(&seen[r][g * MP + k * VM]) = total;
      }
#endif
  change(c, t, seen, c->add[t]);
  for (int g = 0; g < G; g++)
    for (int j = 0; j < D; j++)
      for (int k = 0; k < KM; k++) {
        rows new = ROWS(&state[j][g * MP + k * VM]);
#if IS_DECAYING
        new *= c->decay[t][g];
#endif
        for (int s = 0; s < R; s++) new += ROWS(&c->add[t][s][g * MP + k * VM]) * c->write[t][s][g * DP + j];
        ROWS(&state[j][g * MP + k * VM]) = new;
      }
}

INLINE void state_in(real state[D][L], int g, const real *from) {
  for (int j = 0; j < D; j++)
    for (int i = 0; i < M; i++) state[j][g * MP + i] = from[i * D + j];
}

INLINE void state_out(real state[D][L], int g, real *to) {
  for (int j = 0; j < D; j++)
    for (int i = 0; i < M; i++) to[i * D + j] = state[j][g * MP + i];
}

/* The heads of one group; the last group repeats its last head, which then writes the same numbers twice. */
INLINE void group(long begin, long end, long T, long H, long *where, long *base) {
  for (int g = 0; g < G; g++) {
    where[g] = begin + g < end ? begin + g : end - 1;
    base[g] = where[g] / H * T * H + where[g] % H; /* of its first step among the inputs */
  }
}

INLINE long place(long where, long H, long P, long p) { return ((where / H * P + p) * H + where % H) * (M * D); }

int forward(const real *initial, const real *const *inputs, const long *at, long P, long N, long T, long H,
            real *states, real *borders, long begin, long end) {
  Chunk *c = room(sizeof(Chunk));
  real(*state)[L] = room(sizeof(real[D][L]));
  if (!c || !state) {
    free(c);
    free(state);
    return 1;
  }
  for (long first_head = begin; first_head < end; first_head += G) {
    long where[G], base[G], p = 0;
    group(first_head, end, T, H, where, base);
    memset(state, 0, sizeof(real[D][L])); /* what pads it may have become NaN, if an input was */
    for (int g = 0; g < G; g++) state_in(state, g, initial + where[g] * (M * D));
    for (long first = 0; first < T; first += CHUNK) {
      const long count = T - first < CHUNK ? T - first : CHUNK;
      if (first)
        for (int g = 0; g < G; g++) state_out(state, g, borders + ((first / CHUNK - 1) * N * H + where[g]) * (M * D));
      load(c, inputs, base, first, count, H);
      prepare(c, count);
      for (long t = 0; t < count; t++) {
        step(c, t, state);
        if (p < P && at[p] == first + t + 1) {
          for (int g = 0; g < G; g++) state_out(state, g, states + place(where[g], H, P, p));
          p++;
        }
      }
    }
  }
  free(state);
  free(c);
  return 0;
}

/* The state after a step, turned. */
INLINE void history(Chunk *c, long t, const real old[M][Q], real new[M][Q]) {
  for (int i = 0; i < M; i++)
    for (int g = 0; g < G; g++)
      for (int k = 0; k < KD; k++) {
        columns next = COLUMNS(&old[i][g * DP + k * VD]);
#if IS_DECAYING
        next *= c->decay[t][g];
#endif
        for (int s = 0; s < R; s++) next += c->add[t][s][g * MP + i] * COLUMNS(&c->write[t][s][g * DP + k * VD]);
        COLUMNS(&new[i][g * DP + k * VD]) = next;
      }
}

/* One step back, from the gradient of the state after it to that of the state before it. */
INLINE void back(Chunk *c, long t, real by_rows[D][L], real by_columns[M][Q], const real state[M][Q]) {
  for (int s = 0; s < R; s++)
    for (int g = 0; g < G; g++)
      for (int k = 0; k < KM; k++) {
        rows total = {0};
        for (int j = 0; j < D; j++) total += ROWS(&by_rows[j][g * MP + k * VM]) * c->write[t][s][g * DP + j];
        ROWS(&c->d_add[t][s][g * MP + k * VM]) = total;
      }
  pull(c, t);
  for (int g = 0; g < G; g++)
    for (int k = 0; k < KD; k++) {
#if IS_DECAYING
      columns overlap = {0};
      for (int i = 0; i < M; i++)
        overlap += COLUMNS(&by_columns[i][g * DP + k * VD]) * COLUMNS(&state[i][g * DP + k * VD]);
      COLUMNS(&c->d_decay[t][g * DP + k * VD]) = overlap;
#endif
      for (int s = 0; s < R; s++) {
        columns to_write = {0}, to_read = {0};
        for (int i = 0; i < M; i++) {
          to_write += c->add[t][s][g * MP + i] * COLUMNS(&by_columns[i][g * DP + k * VD]);
#if IS_READING
          to_read += c->d_seen[t][s][g * MP + i] * COLUMNS(&state[i][g * DP + k * VD]);
#endif
        }
#if IS_SHARED && IS_READING
        COLUMNS(&c->d_write[t][s][g * DP + k * VD]) = to_write + to_read;
#else
        COLUMNS(&c->d_write[t][s][g * DP + k * VD]) = to_write;
        COLUMNS(&c->d_read[t][s][g * DP + k * VD]) = to_read;
#endif
      }
    }
#if IS_READING || IS_DECAYING
  for (int g = 0; g < G; g++) {
    for (int j = 0; j < D; j++)
      for (int k = 0; k < KM; k++) {
        rows new = ROWS(&by_rows[j][g * MP + k * VM]);
#if IS_DECAYING
        new *= c->decay[t][g];
#endif
#if IS_READING
        for (int r = 0; r < R; r++) new += ROWS(&c->d_seen[t][r][g * MP + k * VM]) * c->READ[t][r][g * DP + j];
#endif
        ROWS(&by_rows[j][g * MP + k * VM]) = new;
      }
    for (int i = 0; i < M; i++)
      for (int k = 0; k < KD; k++) {
        columns new = COLUMNS(&by_columns[i][g * DP + k * VD]);
#if IS_DECAYING
        new *= c->decay[t][g];
#endif
#if IS_READING
        for (int r = 0; r < R; r++) new += c->d_seen[t][r][g * MP + i] * COLUMNS(&c->READ[t][r][g * DP + k * VD]);
#endif
        COLUMNS(&by_columns[i][g * DP + k * VD]) = new;
      }
  }
#endif
}

int backward(const real *initial, const real *const *inputs, const long *at, long P, long N, long T, long H,
             const real *borders, const real *d_states, real *d_initial, real *const *d_inputs, long begin, long end) {
  Chunk *c = room(sizeof(Chunk));
  Place *w = room(sizeof(Place));
  if (!c || !w) {
    free(c);
    free(w);
    return 1;
  }
  for (long first_head = begin; first_head < end; first_head += G) {
    long where[G], base[G], p = P - 1;
    group(first_head, end, T, H, where, base);
    memset(w->state, 0, sizeof w->state);
    memset(w->by_rows, 0, sizeof w->by_rows);
    memset(w->by_columns, 0, sizeof w->by_columns);
    for (long first = (T - 1) / CHUNK * CHUNK; first >= 0; first -= CHUNK) {
      const long count = T - first < CHUNK ? T - first : CHUNK;
      const real *border = first ? borders + (first / CHUNK - 1) * N * H * (M * D) : initial;
      for (int g = 0; g < G; g++) {
        const real *from = border + where[g] * (M * D);
        state_in(w->state, g, from);
        for (int i = 0; i < M; i++)
          for (int j = 0; j < D; j++) w->kept[0][i][g * DP + j] = from[i * D + j];
      }
      load(c, inputs, base, first, count, H);
      prepare(c, count);
      for (long t = 0; t < count; t++) {
        step(c, t, w->state);
        history(c, t, (const real(*)[Q])w->kept[t], w->kept[t + 1]);
      }
      slopes(c, count);
      for (long t = count - 1; t >= 0; t--) {
        if (p >= 0 && at[p] == first + t + 1) {
          for (int g = 0; g < G; g++) {
            const real *from = d_states + place(where[g], H, P, p);
            for (int i = 0; i < M; i++)
              for (int j = 0; j < D; j++) {
                w->by_rows[j][g * MP + i] += from[i * D + j];
                w->by_columns[i][g * DP + j] += from[i * D + j];
              }
          }
          p--;
        }
        back(c, t, w->by_rows, w->by_columns, (const real(*)[Q])w->kept[t]);
      }
      store(c, d_inputs, base, first, count, H);
    }
    for (int g = 0; g < G; g++) state_out(w->by_rows, g, d_initial + where[g] * (M * D));
  }
  free(w);
  free(c);
  return 0;
}
"""
