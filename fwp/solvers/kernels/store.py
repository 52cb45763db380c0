"""The gradients of the inputs as C text, the same for both kinds of step that follow a flow, tanh and softmax."""

__all__ = ["STORE"]

STORE = """
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
