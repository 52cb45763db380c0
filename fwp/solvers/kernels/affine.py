"""The affine step as C text: what it adds, what flows back to what was read, and the gradients of its inputs."""

__all__ = ["AFFINE", "AFFINE_FIELDS"]

AFFINE_FIELDS = """
  real seen[CHUNK][R][L] ALIGNED;
"""

AFFINE = """
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
