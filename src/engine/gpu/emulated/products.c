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

void sc_emulated_multiply(const void *way_at, const struct sc_gpu_operands *operands)
{
    const struct way *way = way_at;
    const struct sc_gpu_product_shape *s = &way->shape;
    for (size_t r = 0; r < way->n_rows; r++)
        for (size_t o = 0; o < s->n_out; o++) {
            float sum = 0;
            for (size_t part = 0; part < way->n_parts; part++) {
                float of_part = 0;
                const size_t end = s->n_in * (part + 1) / way->n_parts;
                for (size_t i = s->n_in * part / way->n_parts; i < end; i++)
                    of_part += number(operands->x, s->bf16, r * s->x_stride + i) *
                               number(operands->w, s->bf16, o * s->w_stride + i);
                sum += of_part;
            }
            operands->y[r * s->y_stride + o] = sum;
        }
}
