/* Arguments of the kernels of mixtures of experts (experts.h).  Pointers are the card's.  A pair is
 * a row and one of the experts that it takes; pairs stand by expert, then by row. */
#ifndef SC_ENGINE_GPU_KERNELS_EXPERT_ARGUMENTS_H
#define SC_ENGINE_GPU_KERNELS_EXPERT_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/gpu/kernels/product_arguments.h"

#define SC_GPU_MOST_EXPERTS 1024

/* The experts that each row takes, with their shares, as sc_experts_choose has them
 * (engine/cpu/experts.h); a warp a row. */
struct sc_gpu_choose {
    const float *scores; /* [rows][stride] */
    uint32_t *chosen;    /* [rows][n_used], ascending */
    float *shares;       /* [rows][n_used] */
    const uint32_t *n_rows;
    uint32_t stride, n_experts, n_used;
    bool among_used;
};

/* Gives each pair its place; a block an expert. */
struct sc_gpu_place {
    const uint32_t *chosen;
    uint32_t *pair_of;         /* [rows][n_used] */
    uint32_t *sources;         /* [pairs] the row of each */
    struct sc_gpu_tile *tiles; /* of neighbouring pairs of an expert, tile_rows at most */
    uint32_t *n_pairs, *n_tiles;
    const uint32_t *n_rows;
    uint32_t n_experts, n_used, tile_rows;
};
#define SC_GPU_PLACE_THREADS 256
#define SC_GPU_PLACE_SHARED(n_experts)                                                             \
    ((uint32_t)(4 * ((n_experts) + 2 + SC_GPU_PLACE_THREADS / 32)))

/* branch[r] = sum of shares[r][i] * given[pair_of[r][i]] in the order of i, which is that of the
 * experts.  Blocks: rows, by as many as there are pieces of 4 * threads numbers. */
struct sc_gpu_sum_pairs {
    float *branch;      /* [rows][stride] */
    const float *given; /* [pairs][stride] */
    const float *shares;
    const uint32_t *pair_of, *n_rows;
    uint32_t stride, hidden, n_used;
};

/* X(name, struct of its arguments) */
#define SC_GPU_EXPERT_KERNELS(X)                                                                   \
    X(choose, struct sc_gpu_choose)                                                                \
    X(place, struct sc_gpu_place)                                                                  \
    X(sum_pairs, struct sc_gpu_sum_pairs)

#endif
