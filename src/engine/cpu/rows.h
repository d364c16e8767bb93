/* Loops over a step's rows, and products of them: what the stages of the network are made of. */
#ifndef SC_ENGINE_CPU_ROWS_H
#define SC_ENGINE_CPU_ROWS_H

#include "engine/cpu/forward.h"
#include "engine/cpu/products.h"

/* Runs a task over slices of n_rows; row_size: numbers of a row that it works on. */
void sc_rows_run(struct sc_forward *forward, size_t n_rows, size_t row_size, sc_pool_task *task);

/* The rows [begin, end) of n that are a task's. */
struct sc_slice {
    size_t begin, end;
};
struct sc_slice sc_rows_slice(const struct sc_forward *forward, size_t n, size_t task);

/* Rounds x [n] to what products read, as prepared row `row`. */
void sc_rows_prepare(const struct sc_forward *forward, size_t row, const float *x, size_t n);
/* gate[i] = activation(gate[i]) * up[i], with the activation of the network. */
void sc_rows_gate(const struct sc_forward *forward, float *gate, const float *up, size_t n);
/* Multiplies the first n_rows prepared rows. */
void sc_rows_multiply(struct sc_forward *forward, size_t n_rows, struct sc_stage stage,
                      struct sc_stage next);

#endif
