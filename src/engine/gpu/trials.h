/*
 * Which way multiplies rows with matrices of a shape, found by trying on the card: rows of known
 * numbers in several places of batches of every size, whose sums must be the same bits everywhere
 * and twice, and close to what the host sums.  The numbers have full mantissas and exponents apart,
 * so that sums in another order are other bits.
 */
#ifndef SC_ENGINE_GPU_TRIALS_H
#define SC_ENGINE_GPU_TRIALS_H

#include "engine/gpu/queue.h"

/* Numbers of rows that there are ways for, ascending. */
enum { SC_GPU_N_COUNTS = 11 };
extern const uint16_t sc_gpu_counts[SC_GPU_N_COUNTS];

struct sc_gpu_product {
    struct sc_gpu_product_shape shape;
    uint32_t n_processors; /* of the card */
    size_t n_counts;       /* of sc_gpu_counts that are multiplied at once; more in pieces */
    bool own;              /* by our own kernels: no ways */
    bool is_joined;        /* of several matrices one behind the other: experts, always own */
    void *ways[SC_GPU_N_COUNTS];
    uint32_t sums; /* a number that is another one where sums are other bits */
};

/* Sets product's ways, or `own`; given its shape, n_processors and n_counts, and any matrix of the
 * shape.  Where the library has no such ways, own kernels; where these are wrong too,
 * SC_ERR_INTERNAL. */
enum sc_status sc_gpu_try_ways(struct sc_gpu_product *product, const struct sc_gpu_weights *weights,
                               const struct sc_gpu_queue *queue, const struct sc_gpu_matrix *matrix,
                               struct sc_error *error);
/* Tries own kernels alone. */
enum sc_status sc_gpu_try_own(struct sc_gpu_product *product, const struct sc_gpu_weights *weights,
                              const struct sc_gpu_queue *queue, const struct sc_gpu_matrix *matrix,
                              struct sc_error *error);

#endif
