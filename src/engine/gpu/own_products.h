/*
 * Products by our own kernels (kernels/product.h), which give a row the same bits in whatever
 * company and by whichever of them; so which one is launched is a matter of speed alone.
 */
#ifndef SC_ENGINE_GPU_OWN_PRODUCTS_H
#define SC_ENGINE_GPU_OWN_PRODUCTS_H

#include "engine/gpu/queue.h"

/* A kernel, with what a block of it does: outputs and rows. */
struct sc_gpu_own_kernel {
    enum sc_gpu_kernel kernel;
    uint32_t outs, rows, shared_bytes;
};

/* Whether our own kernels are to be taken before any way of the library: where a product has so few
 * outputs that only a sum in slices gives the whole card something to do for few rows, which ways
 * that split no sums cannot.  Follows from the shape and the card alone. */
bool sc_gpu_own_is_wanted(bool bf16, uint32_t n_out, uint32_t n_processors);

/* The one for n_rows rows, which are all or, in a mixture, those of one matrix; n_processors: of
 * the card. */
const struct sc_gpu_own_kernel *sc_gpu_own_kernel(bool bf16, uint32_t n_out, uint32_t n_rows,
                                                  uint32_t n_processors);
/* All of them, for tests and trials: NULL past the last. */
const struct sc_gpu_own_kernel *sc_gpu_own_kernel_at(bool bf16, size_t i);

/* Sets what of a product follows from its matrix: x as wide as w. */
void sc_gpu_own_prepare(struct sc_gpu_product_run *run, const struct sc_gpu_matrix *matrix);

/* n_tiles: of rows, at most; run->tiles says which, or else run->n_rows. */
enum sc_status sc_gpu_own_launch(const struct sc_gpu_queue *queue,
                                 const struct sc_gpu_own_kernel *kernel,
                                 const struct sc_gpu_product_run *run, uint32_t n_tiles,
                                 struct sc_error *error);

#endif
