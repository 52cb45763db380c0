"""The softmax step as C text: the mean of softmax along the flow of a step, by Newton's method, and its derivatives."""

from math import factorial

from fwp.solvers.kernels.functions import polynomial

__all__ = ["SOFTMAX", "SOFTMAX_FIELDS", "softmax_functions"]

SOFTMAX_FIELDS = """
  real z[CHUNK][G], along[CHUNK][G];
  real mean[CHUNK][L] ALIGNED, weight[CHUNK][L] ALIGNED, by_z[CHUNK][L] ALIGNED, total[CHUNK][G];
"""

SOFTMAX = """
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


def softmax_functions(single: bool) -> str:
    """What softmax needs beyond the elementary functions: two differences without cancellation, and when Newton stops."""
    series = polynomial([(-1) ** n / factorial(n + 2) for n in range(11 if single else 19)], "x")
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
