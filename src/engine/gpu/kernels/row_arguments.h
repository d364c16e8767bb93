/* Arguments of the kernels that work on one row at a time (rows.h).  Pointers are the card's. */
#ifndef SC_ENGINE_GPU_KERNELS_ROW_ARGUMENTS_H
#define SC_ENGINE_GPU_KERNELS_ROW_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* A matrix of numbers that are f32 or bf16, rows `stride` numbers apart. */
struct sc_gpu_numbers {
    void *data;
    uint32_t stride;
    bool bf16;
};

/* x[r] = embedding[tokens[r]] * scale; a block a row. */
struct sc_gpu_embed {
    float *x; /* [rows][x_stride] */
    struct sc_gpu_numbers embedding;
    const int32_t *tokens;  /* [*n_rows] */
    const uint32_t *n_rows; /* blocks past it do nothing */
    uint32_t x_stride, hidden;
    float scale; /* 1: as they are */
};

/* X(name, struct of its arguments) */
#define SC_GPU_ROW_KERNELS(X) X(embed, struct sc_gpu_embed)

#endif
