/*
 * Products of rows with weight matrices, split over the threads.  Matrices that read the same rows
 * (queries, keys and values; gate and up) run together as one stage; so do those that have rows of
 * their own each (experts).
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

/* A product with rows of its own: y [n_rows][w->n_out]. */
struct sc_multiplication {
    float *y;
    const struct sc_packed *w;
    const void *rows; /* [n_rows] prepared, row_bytes of w->n_in apart */
    size_t n_rows;
    size_t first_panel; /* panels of those before it; set when it is added */
};

/* A stage of them; begins as zeros but for items, which has room for all that are added. */
struct sc_multiplications {
    struct sc_multiplication *items; /* [n] */
    size_t n, n_panels;
    size_t work; /* multiplications of numbers */
};

void sc_multiplications_add(struct sc_multiplications *list, const struct sc_matmul *matmul,
                            struct sc_multiplication product);
/* Those of a stage, whose products all read the same rows. */
void sc_multiplications_add_stage(struct sc_multiplications *list, const struct sc_matmul *matmul,
                                  const struct sc_stage *stage, const void *prepared,
                                  size_t n_rows);
/* next: as above. */
void sc_multiplications_run(struct sc_pool *pool, const struct sc_matmul *matmul,
                            const struct sc_multiplications *list,
                            const struct sc_multiplications *next);

#endif
