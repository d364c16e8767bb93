/* See products.h.  Next: trials.c, which finds the ways; own_products.c, our own kernels. */
#include "engine/gpu/products.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "engine/gpu/own_products.h"
#include "engine/gpu/trials.h"

struct sc_gpu_products {
    struct sc_gpu_product **items; /* [n]: matrices point at them */
    size_t n, room;
};

/* A way is for at most so many rows for each processor of the card, and for so many bytes of sums:
 * more rows give it no more to do at once. */
enum { ROWS_PER_PROCESSOR = 8 };
#define MOST_SUM_BYTES ((size_t)192 << 20)

/* ---- numbers of rows ------------------------------------------------------------------------- */

/* The first of sc_gpu_counts that is at least n. */
static size_t count_for(size_t n)
{
    size_t i = 0;
    while (sc_gpu_counts[i] < n)
        i++;
    return i;
}

size_t sc_gpu_round_rows(size_t n)
{
    const size_t most = sc_gpu_counts[SC_GPU_N_COUNTS - 1], rest = n % most;
    return n - rest + (rest > 0 ? sc_gpu_counts[count_for(rest)] : 0);
}

static size_t counts_of(const struct sc_gpu_product *product)
{
    const size_t by_card = (size_t)product->n_processors * ROWS_PER_PROCESSOR;
    const size_t by_bytes = MOST_SUM_BYTES / (product->shape.y_stride * sizeof(float));
    size_t n = 1;
    while (n < SC_GPU_N_COUNTS && sc_gpu_counts[n] <= by_card && sc_gpu_counts[n] <= by_bytes)
        n++;
    return n;
}

/* ---- all matrices ---------------------------------------------------------------------------- */

enum { LAYER_MATRICES = 7 };

/* Matrix number i of the network, or NULL past the last; *n_joined: matrices that stand one behind
 * the other in it. */
static struct sc_gpu_matrix *matrix_at(struct sc_gpu_weights *weights, size_t i, size_t *n_joined)
{
    const size_t n = weights->config.n_layers * LAYER_MATRICES;
    *n_joined = 1;
    if (i >= n)
        return i == n ? &weights->output : NULL;
    struct sc_gpu_layer *layer = &weights->layers[i / LAYER_MATRICES];
    struct sc_gpu_matrix *const all[LAYER_MATRICES] = {&layer->qkv,         &layer->o,
                                                       &layer->gate_up,     &layer->down,
                                                       &layer->router,      &layer->experts_gate_up,
                                                       &layer->experts_down};
    struct sc_gpu_matrix *matrix = all[i % LAYER_MATRICES];
    if (matrix == &layer->experts_gate_up || matrix == &layer->experts_down)
        *n_joined = weights->config.layer.n_experts;
    return matrix;
}

static const struct sc_gpu_product *product_of(const struct sc_gpu_products *products,
                                               const struct sc_gpu_matrix *matrix, uint32_t n_out,
                                               bool is_joined)
{
    for (size_t i = 0; i < products->n; i++) {
        const struct sc_gpu_product *p = products->items[i];
        if (p->shape.n_out == n_out && p->shape.n_in == matrix->n_in &&
            p->shape.bf16 == matrix->bf16 && p->is_joined == is_joined)
            return p;
    }
    return NULL;
}

static enum sc_status add(struct sc_gpu_weights *weights, const struct sc_gpu_queue *queue,
                          struct sc_gpu_matrix *matrix, size_t n_joined, struct sc_error *error)
{
    struct sc_gpu_products *products = weights->products;
    const uint32_t n_out = matrix->n_out / (uint32_t)n_joined;
    matrix->product = product_of(products, matrix, n_out, n_joined > 1);
    if (matrix->product != NULL)
        return SC_OK;
    struct sc_gpu_product *product = sc_alloc_zero(1, sizeof *product);
    if (product == NULL || sc_grow((void **)&products->items, products->n, &products->room,
                                   sizeof *products->items) != 0) {
        sc_free(product);
        return sc_fail_nomem(error, "ways of products");
    }
    products->items[products->n++] = product;
    product->shape = (struct sc_gpu_product_shape){
        n_out, matrix->n_in, matrix->stride, matrix->stride, sc_gpu_stride(n_out), matrix->bf16};
    product->n_processors = weights->card.n_processors;
    product->is_joined = n_joined > 1;
    product->n_counts = counts_of(product);
    matrix->product = product;
    return n_joined > 1 || sc_gpu_own_is_wanted(matrix->bf16, n_out, product->n_processors)
               ? sc_gpu_try_own(product, weights, queue, matrix, error)
               : sc_gpu_try_ways(product, weights, queue, matrix, error);
}

static enum sc_status add_all(struct sc_gpu_weights *weights, const struct sc_gpu_queue *queue,
                              struct sc_error *error)
{
    struct sc_gpu_matrix *matrix;
    size_t n_joined;
    for (size_t i = 0; (matrix = matrix_at(weights, i, &n_joined)) != NULL; i++)
        if (matrix->data != NULL)
            SC_TRY(add(weights, queue, matrix, n_joined, error));
    return SC_OK;
}

enum sc_status sc_gpu_products_open(struct sc_gpu_weights *weights, struct sc_error *error)
{
    struct sc_gpu_queue queue = {.module = weights->module};
    char why[SC_GPU_WHY] = "";
    weights->products = sc_alloc_zero(1, sizeof *weights->products);
    if (weights->products == NULL)
        return sc_fail_nomem(error, "ways of products");
    enum sc_status status = weights->module->queue_open(weights->gpu, &queue.queue, why);
    if (status != SC_OK)
        status = sc_gpu_failed(weights->module, status, why, error);
    else
        status = add_all(weights, &queue, error);
    weights->module->queue_close(queue.queue);
    if (status != SC_OK)
        sc_gpu_products_close(weights);
    return status;
}

void sc_gpu_products_close(struct sc_gpu_weights *weights)
{
    struct sc_gpu_products *products = weights->products;
    weights->products = NULL;
    if (products == NULL)
        return;
    for (size_t i = 0; i < products->n; i++) {
        for (size_t k = 0; k < SC_GPU_N_COUNTS; k++)
            weights->module->forget_way(weights->gpu, products->items[i]->ways[k]);
        sc_free(products->items[i]);
    }
    sc_free(products->items);
    sc_free(products);
}

void sc_gpu_products_name(const struct sc_gpu_weights *weights, char *arithmetic, size_t n)
{
    const struct sc_gpu_products *products = weights->products;
    const size_t length = strlen(arithmetic);
    uint32_t sums = 0;
    for (size_t i = 0; i < products->n; i++)
        sums = sums * 0x85ebca6bu + products->items[i]->sums;
    snprintf(arithmetic + length, n - length, "+sums-%08x", sums);
}

void sc_gpu_products_describe(const struct sc_gpu_weights *weights, char *out, size_t n)
{
    const struct sc_gpu_products *products = weights->products;
    size_t n_own = 0;
    for (size_t i = 0; i < products->n; i++)
        n_own += products->items[i]->own;
    if (n_own == products->n)
        snprintf(out, n, "own kernels");
    else if (n_own == 0)
        snprintf(out, n, "%s", weights->card.library);
    else
        snprintf(out, n, "%s, own kernels for %zu of %zu shapes", weights->card.library, n_own,
                 products->n);
}

/* ---- multiplying ----------------------------------------------------------------------------- */

static enum sc_status multiply_own(const struct sc_gpu_queue *queue,
                                   const struct sc_gpu_matrix *matrix, const void *x, float *y,
                                   size_t n_rows, struct sc_error *error)
{
    const struct sc_gpu_own_kernel *kernel = sc_gpu_own_kernel(
        matrix->bf16, matrix->n_out, (uint32_t)n_rows, matrix->product->n_processors);
    struct sc_gpu_product_run run = {.y = y, .x = x, .n_rows = (uint32_t)n_rows};
    sc_gpu_own_prepare(&run, matrix);
    return sc_gpu_own_launch(queue, kernel, &run,
                             (uint32_t)((n_rows + kernel->rows - 1) / kernel->rows), error);
}

enum sc_status sc_gpu_multiply(const struct sc_gpu_queue *queue, const struct sc_gpu_matrix *matrix,
                               const void *x, float *y, size_t n_rows, struct sc_error *error)
{
    const struct sc_gpu_product *product = matrix->product;
    assert(n_rows > 0 && product != NULL && !product->is_joined);
    const size_t rounded = sc_gpu_round_rows(n_rows), most = sc_gpu_counts[product->n_counts - 1];
    const size_t row_bytes = product->shape.x_stride * (size_t)(matrix->bf16 ? 2 : 4);
    if (product->own)
        return multiply_own(queue, matrix, x, y, rounded, error);
    for (size_t done = 0, n; done < rounded; done += n) {
        n = rounded - done < most ? rounded - done : most;
        const size_t count = count_for(n);
        assert(sc_gpu_counts[count] == n); /* the list leaves no other rest */
        char why[SC_GPU_WHY] = "";
        const struct sc_gpu_operands operands = {y + done * product->shape.y_stride,
                                                 (const char *)x + done * row_bytes, matrix->data};
        enum sc_status status =
            queue->module->multiply(queue->queue, product->ways[count], &operands, why);
        if (status != SC_OK)
            return sc_gpu_failed(queue->module, status, why, error);
    }
    return SC_OK;
}
