/* Kernels that work on one row at a time; arguments in row_arguments.h. */
#ifndef SC_ENGINE_GPU_KERNELS_ROWS_H
#define SC_ENGINE_GPU_KERNELS_ROWS_H

#include "engine/gpu/kernels/row_arguments.h"
#include "engine/gpu/kernels/threads.h"

GPU_DEVICE float gpu_number(const struct sc_gpu_numbers *from, size_t at)
{
    return from->bf16 ? gpu_f32_from_bf16(((const uint16_t *)from->data)[at])
                      : ((const float *)from->data)[at];
}

GPU_KERNEL(embed, struct sc_gpu_embed, 256)
{
    const uint32_t r = gpu_block_x();
    if (r >= *a.n_rows)
        return;
    const size_t from = (size_t)a.tokens[r] * a.embedding.stride;
    for (uint32_t i = gpu_thread(); i < a.hidden; i += gpu_threads())
        a.x[(size_t)r * a.x_stride + i] = gpu_number(&a.embedding, from + i) * a.scale;
}

#endif
