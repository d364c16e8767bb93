/*
 * Products of the emulated library, by plain loops.  Some ways sum in one order, some in another,
 * as real ones do; with ways=other the order also follows from the number of rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/gpu/emulated/emulated.h"
#include "engine/gpu/kernels/threads.h"

struct way {
    struct sc_gpu_product_shape shape;
    uint32_t n_rows;
    uint32_t n_parts; /* of the sum, each summed by itself */
};

enum sc_status sc_emulated_find_ways(const struct sc_emulated_options *options,
                                     const struct sc_gpu_product_shape *shape, uint32_t n_rows,
                                     void **ways, size_t most, size_t *n, char *why)
{
    *n = 0;
    while (options->ways != SC_WAYS_NONE && *n < most && *n < 3) {
        struct way *way = calloc(1, sizeof *way);
        if (way == NULL) {
            snprintf(why, SC_GPU_WHY, "emulated: out of memory");
            return SC_ERR_NOMEM;
        }
        /* For few rows the first that is offered sums in parts, which others do not. */
        const uint32_t parts = *n == 0 && n_rows < 32 ? 2 : 1;
        *way = (struct way){*shape, n_rows,
                            options->ways == SC_WAYS_OTHER ? 1 + n_rows % 5 + (uint32_t)*n * 7
                                                           : parts};
        ways[(*n)++] = way;
    }
    return SC_OK;
}

static float number(const void *data, bool bf16, size_t at)
{
    return bf16 ? gpu_f32_from_bf16(((const uint16_t *)data)[at]) : ((const float *)data)[at];
}

enum { TOGETHER = 8 }; /* rows that pass the weights together, each with sums of its own */

/* Rows side by side, [n_in][TOGETHER]; zeros where there is no row. */
static void gather(const struct sc_gpu_product_shape *s, const void *x, size_t first, size_t n,
                   float *out)
{
    memset(out, 0, (size_t)s->n_in * TOGETHER * sizeof *out);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < s->n_in; i++)
            out[i * TOGETHER + k] = number(x, s->bf16, (first + k) * s->x_stride + i);
}

/* The sums of one output, each in n_parts. */
static void sums_of(const struct way *way, const float *x, const void *w, size_t o,
                    float sums[TOGETHER])
{
    const struct sc_gpu_product_shape *s = &way->shape;
    memset(sums, 0, TOGETHER * sizeof *sums);
    for (size_t part = 0; part < way->n_parts; part++) {
        float of_part[TOGETHER] = {0};
        const size_t end = s->n_in * (part + 1) / way->n_parts;
        for (size_t i = s->n_in * part / way->n_parts; i < end; i++) {
            const float weight = number(w, s->bf16, o * s->w_stride + i);
            for (size_t k = 0; k < TOGETHER; k++)
                of_part[k] += x[i * TOGETHER + k] * weight;
        }
        for (size_t k = 0; k < TOGETHER; k++)
            sums[k] += of_part[k];
    }
}

enum sc_status sc_emulated_multiply(const void *way_at, const struct sc_gpu_operands *operands,
                                    char *why)
{
    const struct way *way = way_at;
    const struct sc_gpu_product_shape *s = &way->shape;
    float *x = malloc((size_t)s->n_in * TOGETHER * sizeof *x);
    if (x == NULL) {
        snprintf(why, SC_GPU_WHY, "emulated: out of memory");
        return SC_ERR_NOMEM;
    }
    for (size_t r = 0; r < way->n_rows; r += TOGETHER) {
        const size_t n = way->n_rows - r < TOGETHER ? way->n_rows - r : TOGETHER;
        gather(s, operands->x, r, n, x);
        for (size_t o = 0; o < s->n_out; o++) {
            float sums[TOGETHER];
            sums_of(way, x, operands->w, o, sums);
            for (size_t k = 0; k < n; k++)
                operands->y[(r + k) * s->y_stride + o] = sums[k];
        }
    }
    free(x);
    return SC_OK;
}
