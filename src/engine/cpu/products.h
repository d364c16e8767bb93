/*
 * Products of rows with weight matrices, split over the threads.  Matrices that read the same rows
 * (queries, keys and values; gate and up) run together as one stage.
 *
 * Weights come from memory, and a thread that begins a piece of work waits for the first of them
 * unless somebody asked for them before.  So whoever multiplies the last panel of a piece asks for
 * the first panel of the next piece, also where that belongs to the stage that follows.
 */
#ifndef SC_ENGINE_CPU_PRODUCTS_H
#define SC_ENGINE_CPU_PRODUCTS_H

#include "base/pool.h"
#include "kernels/kernels.h"

enum { SC_STAGE_MATRICES = 3 };

/* y [rows][w->n_out]; all w have the same n_in. */
struct sc_stage {
    struct sc_product {
        float *y;
        const struct sc_packed *w;
    } products[SC_STAGE_MATRICES];
    size_t n;
};

/* Multiplies n_rows prepared rows with the matrices of a stage.  next is the stage that comes after
 * (n 0: none); of it only the places of weights are used. */
void sc_stage_run(struct sc_pool *pool, const struct sc_matmul *matmul,
                  const struct sc_stage *stage, const void *prepared, size_t n_rows,
                  const struct sc_stage *next);

#endif
