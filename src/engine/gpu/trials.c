/* See trials.h. */
#include "engine/gpu/trials.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "engine/gpu/own_products.h"
#include "kernels/kernels.h"

enum { MOST_WAYS = 16, MOST_REFERENCES = 3, N_PATTERNS = 8, N_LINES = 8 };

const uint16_t sc_gpu_counts[SC_GPU_N_COUNTS] = {8, 16, 32, 64, 128, 192, 256, 384, 512, 768, 1024};

/* What the sums of each pattern's rows come to (kernels/product.h). */
struct digests {
    uint32_t words[N_PATTERNS][2];
};

/* Ways for one number of rows, tried only when they are asked for. */
struct candidates {
    void *ways[MOST_WAYS];
    size_t n;
    bool is_found, is_tried[MOST_WAYS], is_good[MOST_WAYS];
    struct digests digests[MOST_WAYS];
};

struct trial {
    struct sc_gpu_product *product;
    const struct sc_gpu_weights *weights;
    const struct sc_gpu_queue *queue;
    const struct sc_gpu_matrix *matrix;
    void *x_host; /* [rows][x_stride] */
    void *x, *y, *digests, *host;
    struct candidates candidates[SC_GPU_N_COUNTS];
};

static enum sc_status failed(const struct trial *t, enum sc_status status, const char *why,
                             struct sc_error *error)
{
    return status == SC_OK ? SC_OK : sc_gpu_failed(t->weights->module, status, why, error);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Each pattern stands in every place of eight rows. */
static size_t pattern_of(size_t row)
{
    return (row * 5 + row / N_PATTERNS) % N_PATTERNS;
}

static size_t number_bytes(const struct trial *t)
{
    return t->product->shape.bf16 ? 2 : 4;
}

static size_t most_rows(const struct trial *t)
{
    return sc_gpu_counts[t->product->n_counts - 1];
}

/* Sign, exponent and mantissa by chance; what bf16 keeps of them where that is asked. */
static float number_of(size_t pattern, size_t k, bool bf16)
{
    uint64_t x = (pattern * 1048576 + k + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 32;
    const uint32_t mantissa = (uint32_t)x & (bf16 ? 0x7f0000u : 0x7fffffu);
    const uint32_t exponent = 127 - 6 + (uint32_t)(x >> 24 & 0xff) % 13;
    const uint32_t bits = (uint32_t)(x >> 63) << 31 | exponent << 23 | mantissa;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static void fill_rows(const struct trial *t)
{
    const struct sc_gpu_product_shape *s = &t->product->shape;
    const size_t row_bytes = s->x_stride * number_bytes(t);
    unsigned char *rows = t->x_host, *first_of[N_PATTERNS];
    static_assert(N_PATTERNS == 8, "the first rows are one of each pattern");
    memset(rows, 0, N_PATTERNS * row_bytes);
    for (size_t r = 0; r < N_PATTERNS; r++) {
        unsigned char *row = first_of[pattern_of(r)] = rows + r * row_bytes;
        for (size_t k = 0; k < s->n_in; k++) {
            const float x = number_of(pattern_of(r), k, s->bf16);
            const uint16_t half = sc_bf16_from_f32(x);
            memcpy(row + k * number_bytes(t), s->bf16 ? (const void *)&half : (const void *)&x,
                   number_bytes(t));
        }
    }
    for (size_t r = N_PATTERNS; r < most_rows(t); r++)
        memcpy(rows + r * row_bytes, first_of[pattern_of(r)], row_bytes);
}

/* ---- one product ----------------------------------------------------------------------------- */

static enum sc_status run_own(const struct trial *t, const struct sc_gpu_own_kernel *kernel,
                              uint32_t n_rows, struct sc_error *error)
{
    const struct sc_gpu_product_shape *s = &t->product->shape;
    struct sc_gpu_product_run run = {.y = t->y, .x = t->x, .n_rows = n_rows};
    sc_gpu_own_prepare(&run, t->matrix);
    run.n_out = s->n_out; /* of one matrix of a mixture */
    run.y_stride = s->y_stride;
    return sc_gpu_own_launch(t->queue, kernel, &run, (n_rows + kernel->rows - 1) / kernel->rows,
                             error);
}

static enum sc_status run_way(const struct trial *t, void *way, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    const struct sc_gpu_operands operands = {t->y, t->x, t->matrix->data};
    return failed(t, t->weights->module->multiply(t->queue->queue, way, &operands, why), why,
                  error);
}

/* Reads the sums of a product; *good: a pattern's are the same in all its places. */
static enum sc_status digest(const struct trial *t, uint32_t n_rows, struct digests *out,
                             bool *good, struct sc_error *error)
{
    const struct sc_gpu_product_shape *s = &t->product->shape;
    const struct sc_gpu_digest a = {t->y, s->n_out, s->y_stride, t->digests};
    const struct sc_gpu_table table = {t->host, t->digests};
    SC_TRY(SC_GPU_LAUNCH(t->queue, digest, n_rows, SC_GPU_DIGEST_THREADS, SC_GPU_DIGEST_BYTES, a,
                         error));
    SC_TRY(sc_gpu_fetch(t->queue, &table, n_rows * sizeof out->words[0], error));
    SC_TRY(sc_gpu_wait(t->queue, error));
    const uint32_t(*words)[2] = t->host;
    *good = true;
    for (size_t r = 0; r < n_rows; r++) {
        if (r < N_PATTERNS)
            memcpy(out->words[pattern_of(r)], words[r], sizeof *words);
        *good = *good && memcmp(out->words[pattern_of(r)], words[r], sizeof *words) == 0;
    }
    return SC_OK;
}

/* Whether the first row's sums in y are near the host's, at some outputs. */
static enum sc_status compare_with_host(const struct trial *t, bool *near, struct sc_error *error)
{
    const struct sc_gpu_product_shape *s = &t->product->shape;
    const size_t bytes = number_bytes(t), line_bytes = s->w_stride * bytes;
    unsigned char *lines = t->host;
    float *y = (float *)(void *)(lines + N_LINES * line_bytes);
    for (size_t i = 0; i < N_LINES; i++) {
        const size_t out = (s->n_out - 1) * i / (N_LINES - 1);
        const struct sc_gpu_table weights = {lines + i * line_bytes,
                                             (char *)t->matrix->data + out * line_bytes};
        const struct sc_gpu_table sum = {y + i, (float *)t->y + out};
        SC_TRY(sc_gpu_fetch(t->queue, &weights, line_bytes, error));
        SC_TRY(sc_gpu_fetch(t->queue, &sum, sizeof *y, error));
    }
    SC_TRY(sc_gpu_wait(t->queue, error));
    *near = true;
    for (size_t i = 0; i < N_LINES; i++) {
        double sum = 0, size = 0;
        for (size_t k = 0; k < s->n_in; k++) {
            const unsigned char *at = lines + i * line_bytes + k * bytes;
            float w;
            uint16_t half;
            if (s->bf16)
                memcpy(&half, at, sizeof half), w = sc_f32_from_bf16(half);
            else
                memcpy(&w, at, sizeof w);
            const double term = (double)w * (double)number_of(pattern_of(0), k, s->bf16);
            sum += term;
            size += fabs(term);
        }
        /* Of f32 twice what roundings add up to, and less than those of a shorter format; cards
         * cut off what they add of bf16. */
        const double most = size * (s->bf16 ? 0x1p-19 : 0x1p-23) * (16 + sqrt((double)s->n_in));
        *near = *near && (fabs((double)y[i] - sum) <= most || !isfinite(size));
    }
    return SC_OK;
}

/* What names sums of such digests (engine/gpu/products.h). */
static void name_sums(struct sc_gpu_product *product, const struct digests *digests)
{
    product->sums = 0;
    for (size_t i = 0; i < N_PATTERNS; i++)
        product->sums = product->sums * 0x9e3779b1u + (digests->words[i][0] ^ digests->words[i][1]);
}

/* ---- own kernels ----------------------------------------------------------------------------- */

static enum sc_status try_own(struct trial *t, struct sc_error *error)
{
    struct digests first, digests;
    const struct sc_gpu_own_kernel *kernel;
    bool good, near;
    t->product->own = true;
    for (size_t i = 0; (kernel = sc_gpu_own_kernel_at(t->product->shape.bf16, i)) != NULL; i++)
        for (size_t few = 0; few < 2; few++) {
            const uint32_t n_rows = few == 1 ? sc_gpu_counts[0] : (uint32_t)most_rows(t);
            SC_TRY(run_own(t, kernel, n_rows, error));
            SC_TRY(compare_with_host(t, &near, error));
            SC_TRY(digest(t, n_rows, &digests, &good, error));
            if (i == 0 && few == 0)
                first = digests;
            if (!near || !good || memcmp(&first, &digests, sizeof first) != 0)
                return sc_fail(error, SC_ERR_INTERNAL,
                               "the device %s computes wrongly: %s of %u outputs and %u terms",
                               t->weights->module->name,
                               near ? "unlike sums for like rows in a product" : "a product",
                               t->product->shape.n_out, t->product->shape.n_in);
        }
    name_sums(t->product, &first);
    return SC_OK;
}

/* ---- the library's ways ---------------------------------------------------------------------- */

static enum sc_status find(struct trial *t, size_t count, struct sc_error *error)
{
    struct candidates *c = &t->candidates[count];
    char why[SC_GPU_WHY] = "";
    if (c->is_found)
        return SC_OK;
    enum sc_status status = t->weights->module->find_ways(
        t->weights->gpu, &t->product->shape, sc_gpu_counts[count], c->ways, MOST_WAYS, &c->n, why);
    c->is_found = true;
    return failed(t, status, why, error);
}

/* Tries a way once; after it c->is_good and c->digests say how it does. */
static enum sc_status try_way(struct trial *t, size_t count, size_t i, struct sc_error *error)
{
    struct candidates *c = &t->candidates[count];
    if (c->is_tried[i])
        return SC_OK;
    c->is_tried[i] = true;
    SC_TRY(run_way(t, c->ways[i], error));
    return digest(t, sc_gpu_counts[count], &c->digests[i], &c->is_good[i], error);
}

/* The first way for so many rows whose sums are those, also a second time; chosen[count] is
 * MOST_WAYS where none is. */
static enum sc_status find_like(struct trial *t, size_t count, const struct digests *like,
                                size_t *chosen, struct sc_error *error)
{
    struct candidates *c = &t->candidates[count];
    SC_TRY(find(t, count, error));
    *chosen = MOST_WAYS;
    for (size_t i = 0; i < c->n && *chosen == MOST_WAYS; i++) {
        struct digests again;
        bool good;
        SC_TRY(try_way(t, count, i, error));
        if (!c->is_good[i] || memcmp(&c->digests[i], like, sizeof *like) != 0)
            continue;
        SC_TRY(run_way(t, c->ways[i], error));
        SC_TRY(digest(t, sc_gpu_counts[count], &again, &good, error));
        if (good && memcmp(&again, like, sizeof again) == 0)
            *chosen = i;
        else
            c->is_good[i] = false;
    }
    return SC_OK;
}

/* Whether way `i` of the most rows can be what the others are held to; takes them if so. */
static enum sc_status try_reference(struct trial *t, size_t i, bool *taken, struct sc_error *error)
{
    struct sc_gpu_product *product = t->product;
    const size_t last = product->n_counts - 1;
    struct candidates *c = &t->candidates[last];
    size_t chosen[SC_GPU_N_COUNTS];
    bool near;
    *taken = false;
    SC_TRY(try_way(t, last, i, error));
    if (!c->is_good[i])
        return SC_OK;
    SC_TRY(run_way(t, c->ways[i], error));
    SC_TRY(compare_with_host(t, &near, error));
    if (!near)
        return SC_OK;
    for (size_t count = product->n_counts; count-- > 0;) {
        SC_TRY(find_like(t, count, &c->digests[i], &chosen[count], error));
        if (chosen[count] == MOST_WAYS)
            return SC_OK;
    }
    for (size_t count = 0; count < product->n_counts; count++) {
        void **way = &t->candidates[count].ways[chosen[count]];
        product->ways[count] = *way;
        *way = NULL;
    }
    name_sums(product, &c->digests[i]);
    *taken = true;
    return SC_OK;
}

static enum sc_status try_library(struct trial *t, struct sc_error *error)
{
    const size_t last = t->product->n_counts - 1;
    bool taken = false;
    SC_TRY(find(t, last, error));
    for (size_t i = 0; i < t->candidates[last].n && i < MOST_REFERENCES && !taken; i++)
        SC_TRY(try_reference(t, i, &taken, error));
    return taken ? SC_OK : try_own(t, error);
}

/* ---- a trial --------------------------------------------------------------------------------- */

static enum sc_status take(struct trial *t, struct sc_error *error)
{
    const struct sc_gpu_module *m = t->weights->module;
    void *gpu = t->weights->gpu;
    const struct sc_gpu_product_shape *s = &t->product->shape;
    const size_t x_bytes = most_rows(t) * s->x_stride * number_bytes(t);
    const size_t digest_bytes = most_rows(t) * sizeof(uint32_t[2]);
    const size_t line_bytes = N_LINES * (s->w_stride * number_bytes(t) + sizeof(float));
    char why[SC_GPU_WHY] = "";
    t->x_host = sc_alloc(x_bytes);
    if (t->x_host == NULL)
        return sc_fail_nomem(error, "rows to try products with");
    fill_rows(t);
    SC_TRY(failed(t, m->take(gpu, x_bytes, &t->x, why), why, error));
    SC_TRY(failed(t, m->take(gpu, most_rows(t) * s->y_stride * sizeof(float), &t->y, why), why,
                  error));
    SC_TRY(failed(t, m->take(gpu, digest_bytes, &t->digests, why), why, error));
    SC_TRY(failed(
        t, m->take_host(gpu, line_bytes > digest_bytes ? line_bytes : digest_bytes, &t->host, why),
        why, error));
    SC_TRY(failed(t, m->store(gpu, t->x, t->x_host, x_bytes, why), why, error));
    struct digests unused;
    bool good;
    return digest(t, (uint32_t)most_rows(t), &unused, &good, error); /* which leaves NaN in y */
}

static void release(struct trial *t)
{
    const struct sc_gpu_module *m = t->weights->module;
    void *gpu = t->weights->gpu;
    for (size_t count = 0; count < SC_GPU_N_COUNTS; count++)
        for (size_t i = 0; i < t->candidates[count].n; i++)
            m->forget_way(gpu, t->candidates[count].ways[i]);
    m->release_host(gpu, t->host);
    m->release(gpu, t->digests);
    m->release(gpu, t->y);
    m->release(gpu, t->x);
    sc_free(t->x_host);
}

static enum sc_status run(struct trial *t, enum sc_status (*try)(struct trial *, struct sc_error *),
                          struct sc_error *error)
{
    SC_TRY(take(t, error));
    return try(t, error);
}

enum sc_status sc_gpu_try_ways(struct sc_gpu_product *product, const struct sc_gpu_weights *weights,
                               const struct sc_gpu_queue *queue, const struct sc_gpu_matrix *matrix,
                               struct sc_error *error)
{
    struct trial t = {.product = product, .weights = weights, .queue = queue, .matrix = matrix};
    enum sc_status status = run(&t, try_library, error);
    release(&t);
    return status;
}

enum sc_status sc_gpu_try_own(struct sc_gpu_product *product, const struct sc_gpu_weights *weights,
                              const struct sc_gpu_queue *queue, const struct sc_gpu_matrix *matrix,
                              struct sc_error *error)
{
    struct trial t = {.product = product, .weights = weights, .queue = queue, .matrix = matrix};
    enum sc_status status = run(&t, try_own, error);
    release(&t);
    return status;
}
