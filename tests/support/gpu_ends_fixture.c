/* See gpu_ends_fixture.h. */
#include "gpu_ends_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

static size_t or_one(size_t n)
{
    return n > 0 ? n : 1;
}

static void lay_out(struct ends_bench *b)
{
    struct sc_gpu_session *s = &b->session;
    struct sc_gpu_arenas arenas = {0};
    char why[SC_GPU_WHY] = "";
    sc_gpu_ends_layout(s, &arenas); /* measures; the session has no part yet */
    assert_int_equal(sc_gpu_ends_open(s, NULL), SC_OK);
    s->card_memory = gpu_room(&b->gpu, arenas.card.used);
    assert_int_equal(b->gpu.module->take_host(b->gpu.gpu, arenas.host.used, &s->host_memory, why),
                     SC_OK);
    memset(s->host_memory, 0xff, arenas.host.used);
    const struct sc_gpu_arenas measured = arenas;
    arenas = (struct sc_gpu_arenas){.card.base = s->card_memory, .host.base = s->host_memory};
    sc_gpu_ends_layout(s, &arenas);
    assert_int_equal(arenas.card.used, measured.card.used);
    assert_int_equal(arenas.host.used, measured.host.used);
}

struct ends_bench *ends_open(const struct ends_shape *shape, const char *options)
{
    struct ends_bench *b = calloc(1, sizeof *b);
    const size_t n = shape->n_vocab, k = shape->confidence_top_k, n_rows = or_one(shape->n_rows);
    b->gpu = gpu_begin(options);
    b->weights = (struct sc_gpu_weights){.module = b->gpu.module,
                                         .gpu = b->gpu.gpu,
                                         .n_vocab = n,
                                         .confidence_top_k = k < n ? k : n};
    b->session = (struct sc_gpu_session){
        .weights = &b->weights,
        .queue = {b->gpu.module, b->gpu.queue},
        .sizes = {.max_logit_rows = n_rows,
                  .max_draws = or_one(shape->max_draws),
                  .n_positions = or_one(shape->n_positions)},
        .max_logit_rows = n_rows,
    };
    b->session.logits = gpu_room(&b->gpu, n_rows * sc_gpu_stride(n) * sizeof(float));
    b->z = calloc(n_rows * n, sizeof *b->z);
    sc_logit_scratch_layout(&b->scratch, n, or_one(shape->max_draws), &b->arena);
    b->arena = (struct sc_arena){.base = aligned_alloc(64, (b->arena.used + 63) / 64 * 64)};
    sc_logit_scratch_layout(&b->scratch, n, or_one(shape->max_draws), &b->arena);
    b->n_context = 40;
    for (size_t i = 0; i < b->n_context; i++)
        b->context[i] = (int32_t)(i < 5 ? (double)i : ends_random(b) * (double)n * 1.2);
    lay_out(b);
    return b;
}

void ends_close(struct ends_bench *b)
{
    sc_gpu_ends_close(&b->session);
    b->gpu.module->release_host(b->gpu.gpu, b->session.host_memory);
    gpu_end(&b->gpu);
    free(b->arena.base);
    free(b->z);
    free(b);
}

const float *ends_row(const struct ends_bench *b, size_t row)
{
    return b->z + row * b->weights.n_vocab;
}

void ends_put(struct ends_bench *b, size_t row, const float *z)
{
    const size_t n = b->weights.n_vocab;
    char why[SC_GPU_WHY] = "";
    memmove(b->z + row * n, z, n * sizeof *z);
    assert_int_equal(b->gpu.module->store(b->gpu.gpu, sc_gpu_logits(&b->session, row),
                                          ends_row(b, row), n * sizeof *z, why),
                     SC_OK);
}

void ends_fill(struct ends_bench *b, size_t row, double width, double step, bool peaked)
{
    const size_t n = b->weights.n_vocab;
    float *z = b->z + row * n;
    for (size_t i = 0; i < n; i++) {
        const double x = width * (ends_random(b) + ends_random(b) + ends_random(b) - 1.5);
        z[i] = (float)(step > 0 ? step * floor(x / step) : x);
        if (width == 0)
            z[i] = i % 2 ? 0.0F : -0.0F;
    }
    if (peaked)
        z[n / 2] = 60;
    ends_put(b, row, z);
}

double ends_random(struct ends_bench *b)
{
    return sc_random_uniform(SC_STREAM_SAMPLING, 1, 2, 3, b->n_random++);
}

void assert_close_at(double x, double expected, double tolerance, const char *file, int line)
{
    if (x == expected || fabs(x - expected) <= tolerance * fabs(expected) + 1e-14)
        return;
    print_error("%.17g is not %.17g\n", x, expected);
    _fail(file, line);
}

static void cpu_draw(struct ends_bench *b, const struct sc_draw *d, double u, int32_t *id,
                     struct sc_token_stats *stats)
{
    const struct sc_logit_row row = {sc_kernels_find("portable"), ends_row(b, d->logits),
                                     b->weights.n_vocab, b->weights.confidence_top_k, &d->context};
    assert_true(
        sc_draw_tokens(&row, d->sampling, &(struct sc_drawn){&u, 1, id, stats}, &b->scratch));
}

size_t ends_compare_draw(struct ends_bench *b, const struct sc_draw *d)
{
    const struct sc_logit_row row = {sc_kernels_find("portable"), ends_row(b, d->logits),
                                     b->weights.n_vocab, b->weights.confidence_top_k, &d->context};
    int32_t *ids = calloc(d->n, sizeof *ids);
    struct sc_token_stats *stats = calloc(d->n, sizeof *stats);
    size_t n_other = 0;
    assert_true(d->ok);
    assert_true(
        sc_draw_tokens(&row, d->sampling, &(struct sc_drawn){d->u, d->n, ids, stats}, &b->scratch));
    for (size_t i = 0; i < d->n; i++) {
        assert_close(d->stats[i].confidence, (double)stats[i].confidence, 1e-6);
        assert_close(d->stats[i].entropy, (double)stats[i].entropy, 1e-6);
        if (d->ids[i] == ids[i]) {
            assert_close(d->stats[i].logprob, (double)stats[i].logprob, 1e-6);
            assert_close(d->stats[i].sampled_logprob, (double)stats[i].sampled_logprob, 1e-6);
            continue;
        }
        struct sc_token_stats unused;
        int32_t low, high;
        cpu_draw(b, d, d->u[i] > 2e-6 ? d->u[i] - 2e-6 : 1e-12, &low, &unused);
        cpu_draw(b, d, d->u[i] < 1 - 2e-6 ? d->u[i] + 2e-6 : 1 - 1e-12, &high, &unused);
        assert_in_range(d->ids[i], low, high);
        n_other++;
    }
    free(ids);
    free(stats);
    return n_other;
}
