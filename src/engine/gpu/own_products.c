/* See own_products.h. */
#include "engine/gpu/own_products.h"

#include <assert.h>

static const struct sc_gpu_own_kernel kernels[] = {
#define OWN(name, outs, rows, shared) {SC_GPU_##name, (outs), (rows), (shared)},
    SC_GPU_PRODUCTS(OWN)
#undef OWN
};
/* As SC_GPU_PRODUCTS has them. */
enum { NARROW, FEW, SOME, MANY, F32_FEW, F32, N_KERNELS };
static_assert(sizeof kernels / sizeof *kernels == N_KERNELS, "a kernel more or less");

static uint32_t tiles(uint32_t n, uint32_t of)
{
    return (n + of - 1) / of;
}

/* Blocks that leave few processors of the card idle. */
static uint32_t enough(uint32_t n_processors)
{
    return n_processors * 3 / 4;
}

bool sc_gpu_own_is_wanted(bool bf16, uint32_t n_out, uint32_t n_processors)
{
    return bf16 && tiles(n_out, kernels[FEW].outs) < enough(n_processors);
}

const struct sc_gpu_own_kernel *sc_gpu_own_kernel(bool bf16, uint32_t n_out, uint32_t n_rows,
                                                  uint32_t n_processors)
{
    const struct sc_gpu_own_kernel *few = &kernels[FEW], *many = &kernels[MANY];
    if (!bf16)
        return &kernels[n_rows <= kernels[F32_FEW].rows ? F32_FEW : F32];
    if (n_rows <= few->rows)
        return sc_gpu_own_is_wanted(bf16, n_out, n_processors) ? &kernels[NARROW] : few;
    /* A block of `many` takes as long as some six of `some` one after the other, which read each
     * number from the second cache four times as often: so a fifth of the processors is enough. */
    const uint32_t n_tiles = tiles(n_out, many->outs) * tiles(n_rows, many->rows);
    return n_rows >= many->rows && n_tiles >= n_processors / 5 ? many : &kernels[SOME];
}

const struct sc_gpu_own_kernel *sc_gpu_own_kernel_at(bool bf16, size_t i)
{
    const size_t n = bf16 ? F32_FEW : N_KERNELS - F32_FEW;
    return i < n ? &kernels[bf16 ? i : F32_FEW + i] : NULL;
}

void sc_gpu_own_prepare(struct sc_gpu_product_run *run, const struct sc_gpu_matrix *matrix)
{
    run->w = matrix->data;
    run->n_out = matrix->n_out;
    run->stride = matrix->stride;
    run->y_stride = sc_gpu_stride(matrix->n_out);
    run->slice = tiles(matrix->stride, SC_GPU_SLICES * SC_GPU_ROUND) * SC_GPU_ROUND;
}

enum sc_status sc_gpu_own_launch(const struct sc_gpu_queue *queue,
                                 const struct sc_gpu_own_kernel *kernel,
                                 const struct sc_gpu_product_run *run, uint32_t n_tiles,
                                 struct sc_error *error)
{
    assert(run->stride % SC_GPU_ROUND == 0 && run->slice % SC_GPU_ROUND == 0 && n_tiles > 0);
    const struct sc_gpu_launch launch = {kernel->kernel,
                                         {n_tiles, tiles(run->n_out, kernel->outs), 1},
                                         SC_GPU_PRODUCT_THREADS,
                                         kernel->shared_bytes,
                                         run,
                                         sizeof *run};
    return sc_gpu_launch(queue, &launch, error);
}
