/* See rows.h. */
#include "engine/cpu/rows.h"

/* A number of a row takes about a nanosecond here, another thread's help about two microseconds. */
enum { SMALL_ROWS = 6000 };

void sc_rows_run(struct sc_forward *f, size_t n_rows, size_t row_size, sc_pool_task *task)
{
    f->n_slices = n_rows * row_size < SMALL_ROWS ? 1 : 4 * f->cpu->n_threads;
    if (f->n_slices > n_rows)
        f->n_slices = n_rows;
    sc_pool_run(f->pool, f->n_slices, task, f);
}

struct sc_slice sc_rows_slice(const struct sc_forward *f, size_t n, size_t task)
{
    return (struct sc_slice){n * task / f->n_slices, n * (task + 1) / f->n_slices};
}

void sc_rows_prepare(const struct sc_forward *f, size_t row, const float *x, size_t n)
{
    const struct sc_matmul *matmul = f->cpu->matmul;
    matmul->prepare(f->prepared + row * matmul->row_bytes(n), x, n);
}

void sc_rows_gate(const struct sc_forward *f, float *gate, const float *up, size_t n)
{
    const struct sc_cpu *e = f->cpu;
    if (e->config.layer.activation == SC_ACTIVATION_SILU)
        e->kernels->silu_mul(gate, gate, up, n);
    else
        e->kernels->gelu_mul(gate, gate, up, n);
}

void sc_rows_multiply(struct sc_forward *f, size_t n_rows, struct sc_stage stage,
                      struct sc_stage next)
{
    sc_stage_run(f->pool, f->cpu->matmul, &stage, f->prepared, n_rows, &next);
}
