/* Arguments of the kernels that multiply rows by matrices (product.h).  Pointers are the card's. */
#ifndef SC_ENGINE_GPU_KERNELS_PRODUCT_ARGUMENTS_H
#define SC_ENGINE_GPU_KERNELS_PRODUCT_ARGUMENTS_H

#include <stdint.h>

/* Neighbouring rows of y that are multiplied with one and the same of several matrices. */
struct sc_gpu_tile {
    uint32_t matrix, first, n; /* n: at most the rows of the kernel's tile */
};

/* The slices of a sum, each summed by itself and then added in their order; a number of slices that
 * is nobody's to choose, since sums follow from it. */
#define SC_GPU_SLICES 8
#define SC_GPU_PRODUCT_THREADS (SC_GPU_SLICES * 32)
#define SC_GPU_DIGEST_THREADS 256
#define SC_GPU_DIGEST_BYTES (2 * 4 * SC_GPU_DIGEST_THREADS) /* shared */

/* The products' kernels: outputs and rows of a block, and bytes that it shares (product.h). */
#define SC_GPU_PRODUCTS(X)                                                                         \
    X(product_narrow, 8, 8, 96 << 10)                                                              \
    X(product_few, 32, 8, 80 << 10)                                                                \
    X(product_some, 16, 32, 96 << 10)                                                              \
    X(product_many, 128, 64, 72 << 10)                                                             \
    X(product_f32_few, 32, 8, 80 << 10)                                                            \
    X(product_f32, 32, 16, 96 << 10)

/* y[r][o] = sum_k x[r][k] w[o][k].  All of the products' kernels take it; block x is a tile of
 * rows, block y a tile of outputs. */
struct sc_gpu_product_run {
    float *y; /* [rows][y_stride] */
    const void *x, *w;
    uint32_t n_rows, n_out, y_stride;
    uint32_t stride; /* of x and w, and how far sums go */
    uint32_t slice;  /* terms of a slice: a multiple of 64, and SC_GPU_SLICES of them are all */
    /* Of mixtures, else NULL: the matrices stand one behind the other in w, n_out outputs each, and
     * there are as many tiles of rows as *n_tiles says; row r of y is of row sources[r] of x, or
     * of row r where sources is NULL.  n_rows is unused then. */
    const struct sc_gpu_tile *tiles;
    const uint32_t *n_tiles, *sources;
};

/* What the sums of a row come to: for each row of y two words that are other ones when a bit of it
 * is, and leaves NaN in y; a block a row. */
struct sc_gpu_digest {
    float *y; /* [rows][y_stride] */
    uint32_t n_out, y_stride;
    uint32_t *digests; /* [rows][2] */
};

/* X(name, struct of its arguments) */
#define SC_GPU_PRODUCT_KERNELS(X)                                                                  \
    X(product_narrow, struct sc_gpu_product_run)                                                   \
    X(product_few, struct sc_gpu_product_run)                                                      \
    X(product_some, struct sc_gpu_product_run)                                                     \
    X(product_many, struct sc_gpu_product_run)                                                     \
    X(product_f32_few, struct sc_gpu_product_run)                                                  \
    X(product_f32, struct sc_gpu_product_run)                                                      \
    X(digest, struct sc_gpu_digest)

#endif
