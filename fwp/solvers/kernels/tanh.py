"""The tanh step as C text: the mean of tanh along the flow of a step, in closed form, and its derivatives."""

from math import asinh, cos, pi, sinh, sqrt

from fwp.solvers.flows import NEAR, tanh_series
from fwp.solvers.kernels.functions import polynomial

__all__ = ["TANH", "TANH_FIELDS", "tanh_functions"]

TANH_FIELDS = """
  real z[CHUNK][G], along[CHUNK][G], end[CHUNK][G], moved[CHUNK][G], slope[CHUNK][G];
  int far[CHUNK];
  real error[CHUNK][L] ALIGNED, mean[CHUNK][L] ALIGNED, by_error[CHUNK][L] ALIGNED, by_z[CHUNK][L] ALIGNED;
"""

TANH = """
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


def tanh_functions(single: bool) -> str:
    """What tanh needs beyond the elementary functions: arsinh, and the series of the mean for short steps."""
    return f"{_arsinh(single)}\n{_near(single)}"


def _arsinh(single: bool) -> str:
    """arsinh(x) / x for |x| ≤ sinh 1, a polynomial in x²: Chebyshev's interpolation, whose error falls 4.6-fold a term."""
    count, top = 13 if single else 28, sinh(1) ** 2
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
  return {polynomial(monomials, "u")};
}}
"""


def _near(single: bool) -> str:
    """Coefficients of the powers of x² for small z, see `tanh_series`; there are as many as the precision can see."""
    count = 7 if single else 14
    lines = [
        f"  powers[{i}] = {polynomial(list(row[i:]), 'z')}{' * z' * i};" for i, row in enumerate(tanh_series(count))
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
