/*
 * Rows by matrices.  A row's sums are the same bits in whatever company it is multiplied: for each
 * shape and each number of rows that is used, the ways of the maker's library are tried on the card
 * when the weights are opened, and the first whose sums are bit for bit those of the reference way
 * is taken; where there is none, a kernel of our own multiplies (kernels/product.h).
 */
#ifndef SC_ENGINE_GPU_PRODUCTS_H
#define SC_ENGINE_GPU_PRODUCTS_H

#include "engine/gpu/queue.h"

/* Rows that are multiplied for n: the next number of a short list, so that there are few ways. */
size_t sc_gpu_round_rows(size_t n);

/* Finds ways for all matrices of the weights and gives each matrix its product. */
enum sc_status sc_gpu_products_open(struct sc_gpu_weights *weights, struct sc_error *error);
void sc_gpu_products_close(struct sc_gpu_weights *weights);

/* y [rounded n_rows][sc_gpu_stride(n_out)] = x [rounded n_rows][sc_gpu_stride(n_in)] W'; x as W,
 * bf16 or f32.  Rows past n_rows are read, whatever they hold, and give nothing that is used. */
enum sc_status sc_gpu_multiply(const struct sc_gpu_queue *queue, const struct sc_gpu_matrix *matrix,
                               const void *x, float *y, size_t n_rows, struct sc_error *error);

/* Adds to the name of what figures follow from the bits of the sums that were tried: which ways the
 * library offers may follow from more than the card's family and the library's version. */
void sc_gpu_products_name(const struct sc_gpu_weights *weights, char *arithmetic, size_t n);

/* For people: "cublasLt, own kernel for 2 of 14 shapes". */
void sc_gpu_products_describe(const struct sc_gpu_weights *weights, char *out, size_t n);

#endif
