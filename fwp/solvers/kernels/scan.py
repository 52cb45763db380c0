"""The scans `forward` and `backward` as C text, the same for every kind of step.

A scan goes chunk by chunk. Inputs of a chunk are copied to padded arrays; what depends on inputs only, and what only the
gradient needs, is computed for all steps of a chunk at once; the recurrences in between do the least they can. The backward
scan begins at the last chunk: it walks it again from the state at its border and keeps the states, turned, so that no
recurrence ever sums across lanes.
"""

__all__ = ["SCAN"]

SCAN = """
/* What is known between two steps; the gradient of the state is kept twice, by rows and by columns. */
typedef struct {
  real state[D][L] ALIGNED, by_rows[D][L] ALIGNED, by_columns[M][Q] ALIGNED;
  real kept[CHUNK + 1][M][Q] ALIGNED; /* the states of a chunk, turned, beginning with the one before it */
} Place;

/* What contracts for long ends in numbers below the smallest normal one, on which processors take a hundred times as long and
   which rounding keeps from ever becoming 0: inside a kernel, and so in what comes out of it, they are 0. */
#if defined(__SSE2__)
#include <xmmintrin.h>
INLINE unsigned begin_flushing(void) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  return before;
}
INLINE void end_flushing(unsigned before) { _mm_setcsr(before); }
#else
INLINE unsigned begin_flushing(void) { return 0; }
INLINE void end_flushing(unsigned before) { (void)before; }
#endif

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
  const unsigned before = begin_flushing();
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
  end_flushing(before);
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
  const unsigned before = begin_flushing();
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
  end_flushing(before);
  free(w);
  free(c);
  return 0;
}
"""
