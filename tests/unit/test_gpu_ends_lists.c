/* Descriptions, branches, watched tokens and lists on the emulated GPU against the CPU's; what is
 * not finite, more than there is room for, other company, other orders of threads, failures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gpu_ends_fixture.h"

static const struct sc_sampling options[] = {
    {.temperature = 1, .top_p = 1},
    {.temperature = 0, .top_p = 1},
    {.temperature = 0.7, .top_p = 0.8, .top_k = 20},
    {.temperature = 0.9, .top_p = 0.99},
    {.temperature = 1.5, .top_p = 1, .min_p = 1e-3},
    {.temperature = 1, .top_p = 0.999, .top_k = 300},
    {.temperature = 1e-300, .top_p = 1},
    {.temperature = 0.8, .top_p = 1, .repetition_penalty = 1.3},
    {.temperature = 0.8, .top_p = 0.95, .top_k = 30, .repetition_penalty = 0.7},
};
enum { N_OPTIONS = sizeof options / sizeof *options };

static struct sc_context context_of(const struct ends_bench *b)
{
    return (struct sc_context){b->context, b->context + 3, 3, b->n_context - 3};
}

static struct sc_logit_row cpu_row(const struct ends_bench *b, size_t row,
                                   const struct sc_context *context)
{
    return (struct sc_logit_row){sc_kernels_find("portable"), ends_row(b, row), b->weights.n_vocab,
                                 b->weights.confidence_top_k, context};
}

/* ---- descriptions ---------------------------------------------------------------------------- */

static void check_top(struct ends_bench *b, size_t row, const struct sc_top *top)
{
    const struct sc_kernels *kernels = sc_kernels_find("portable");
    const float *z = ends_row(b, row);
    struct sc_logit_summary summary;
    assert_true(sc_logits_summarise(kernels, z, b->weights.n_vocab, &summary));
    if (top->n > 0)
        sc_logits_top(kernels, z, b->weights.n_vocab, top->n, &b->scratch);
    for (size_t i = 0; i < top->n; i++) {
        const int32_t id = sc_key_id(b->scratch.keys[i]);
        assert_int_equal(top->ids[i], id);
        assert_close(top->logprobs[i], sc_logits_logprob(z, &summary, id), 1e-6);
    }
}

static void check_description(struct ends_bench *b, size_t row, int32_t next,
                              const struct sc_sampling *s, size_t n_top)
{
    const size_t n = b->weights.n_vocab;
    const struct sc_context context = context_of(b);
    const struct sc_logit_row of_cpu = cpu_row(b, row, &context);
    float logprob, confidence, entropy;
    double processed, expected;
    struct sc_description d = {.logits = row,
                               .next = next,
                               .logprob = &logprob,
                               .confidence = &confidence,
                               .entropy = &entropy,
                               .top = {n_top, calloc(n_top + 1, 4), calloc(n_top + 1, 4)},
                               .sampling = s,
                               .context = context,
                               .processed = &processed};
    struct sc_logit_summary summary;
    assert_int_equal(sc_gpu_describe(&b->session, &d, 1, NULL), SC_OK);
    assert_true(d.ok);
    assert_true(sc_logits_summarise(of_cpu.kernels, of_cpu.z, n, &summary));
    sc_logits_top(of_cpu.kernels, of_cpu.z, n, of_cpu.confidence_top_k, &b->scratch);
    assert_close(confidence,
                 sc_logits_confidence(of_cpu.z, &summary, b->scratch.keys, of_cpu.confidence_top_k),
                 1e-6);
    assert_close(entropy, summary.entropy, 1e-6);
    const bool is_token = next >= 0 && (size_t)next < n;
    assert_close(logprob,
                 is_token ? sc_logits_logprob(of_cpu.z, &summary, next) : -(double)INFINITY, 1e-6);
    check_top(b, row, &d.top);
    assert_true(sc_processed_logprob(&of_cpu, s, next, &b->scratch, &expected));
    assert_close(processed, expected, 1e-9);
    free(d.top.ids);
    free(d.top.logprobs);
}

static void test_descriptions(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 3, 70, 1000, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t n = sizes[i];
        struct ends_bench *b =
            ends_open(&(struct ends_shape){.n_vocab = n, .confidence_top_k = 20, .n_rows = 2}, "");
        ends_fill(b, 0, 10, 0, false);
        ends_fill(b, 1, 4, 0.5, false);
        const int32_t nexts[] = {0, (int32_t)n - 1, (int32_t)n, -1, b->context[10]};
        for (size_t o = 0; o < N_OPTIONS; o++)
            for (size_t j = 0; j < 5; j++)
                check_description(b, (o + j) % 2, nexts[j], &options[o],
                                  j == 0   ? 0
                                  : j == 1 ? n
                                           : (n + j) / j / 2);
        ends_close(b);
    }
}

/* Without options, and what is not asked for. */
static void test_plain_descriptions(void **state)
{
    (void)state;
    struct ends_bench *b =
        ends_open(&(struct ends_shape){.n_vocab = 100, .confidence_top_k = 100, .n_rows = 1}, "");
    float logprob = NAN;
    ends_fill(b, 0, 10, 0, false);
    struct sc_description rows[] = {{.next = 5, .logprob = &logprob}, {.next = 7}};
    assert_int_equal(sc_gpu_describe(&b->session, rows, 2, NULL), SC_OK);
    assert_true(rows[0].ok && rows[1].ok);
    assert_true(logprob < 0);
    assert_int_equal(sc_gpu_describe(&b->session, rows, 0, NULL), SC_OK);
    ends_close(b);
}

/* ---- branches -------------------------------------------------------------------------------- */

enum { MOST = 9000, N_DRAWN = 30 };

struct branches {
    struct sc_branches b;
    int32_t ids[MOST], drawn[N_DRAWN];
    double logprobs[MOST], u[N_DRAWN], drawn_logprobs[N_DRAWN];
};

static struct branches *new_branches(size_t max, const double *u)
{
    struct branches *b = calloc(1, sizeof *b);
    memcpy(b->u, u, sizeof b->u);
    b->b = (struct sc_branches){.max = max,
                                .ids = b->ids,
                                .logprobs = b->logprobs,
                                .u = b->u,
                                .n_drawn = N_DRAWN,
                                .drawn = b->drawn,
                                .drawn_logprobs = b->drawn_logprobs};
    return b;
}

static void check_branches(struct ends_bench *b, size_t row, const struct sc_sampling *s,
                           size_t max)
{
    const struct sc_context context = context_of(b);
    const struct sc_logit_row of_cpu = cpu_row(b, row, &context);
    double u[N_DRAWN];
    for (size_t i = 0; i < N_DRAWN; i++)
        u[i] = ends_random(b);
    struct branches *got = new_branches(max, u), *expected = new_branches(max, u);
    struct sc_branching branching = {
        .logits = row, .sampling = s, .context = context, .branches = &got->b};
    assert_int_equal(sc_gpu_branch(&b->session, &branching, 1, NULL), SC_OK);
    assert_true(branching.ok);
    assert_true(sc_list_branches(&of_cpu, s, &expected->b, &b->scratch));
    assert_int_equal(got->b.n, expected->b.n);
    assert_memory_equal(got->ids, expected->ids, got->b.n * sizeof *got->ids);
    assert_close(got->b.confidence, (double)expected->b.confidence, 1e-6);
    assert_close(got->b.entropy, (double)expected->b.entropy, 1e-6);
    assert_close(got->b.rest, expected->b.rest, 1e-12);
    for (size_t i = 0; i < got->b.n; i++)
        assert_close(got->logprobs[i], expected->logprobs[i], 1e-12);
    for (size_t i = 0; got->b.rest > 0 && i < N_DRAWN; i++) {
        assert_int_equal(got->drawn[i], expected->drawn[i]);
        assert_close(got->drawn_logprobs[i], expected->drawn_logprobs[i], 1e-12);
    }
    free(got);
    free(expected);
}

static void test_branches(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4, 65, 1000, 9000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct ends_shape shape = {.n_vocab = sizes[i],
                                         .confidence_top_k = 20,
                                         .n_rows = 2,
                                         .max_draws = 7}; /* so draws come in parts */
        struct ends_bench *b = ends_open(&shape, i % 2 ? "order=shuffled" : "order=descending");
        ends_fill(b, 0, 10, 0, false);
        ends_fill(b, 1, 6, 0.5, false);
        for (size_t o = 0; o < N_OPTIONS; o++) {
            check_branches(b, o % 2, &options[o], 10);
            check_branches(b, (o + 1) % 2, &options[o], o % 2 ? MOST : 90);
        }
        ends_close(b);
    }
}

/* ---- watched tokens, lists, rounds ----------------------------------------------------------- */

struct request {
    double u[4];
    int32_t ids[4], top_ids[200], watch[300];
    struct sc_token_stats stats[4];
    float top_logprobs[200], watched[300];
};

/* Draws of all kinds, many more than there is room for at once, in this order of rows. */
static void draw_mixed(struct ends_bench *b, struct request *requests, const size_t *rows, size_t n)
{
    struct sc_draw *draws = calloc(n, sizeof *draws);
    for (size_t i = 0; i < n; i++) {
        const size_t r = rows[i];
        struct request *q = &requests[r];
        memset(q, 0, sizeof *q);
        for (size_t j = 0; j < 4; j++)
            q->u[j] = (double)(r * 7 + j * 3 + 1) / 1000;
        for (size_t j = 0; j < 300; j++)
            q->watch[j] = (int32_t)((r + j * 17) % b->weights.n_vocab);
        draws[i] = (struct sc_draw){.logits = r % b->session.sizes.max_logit_rows,
                                    .sampling = &options[r % N_OPTIONS],
                                    .context = context_of(b),
                                    .u = q->u,
                                    .n = 1 + r % 4,
                                    .ids = q->ids,
                                    .stats = q->stats,
                                    .watch = q->watch,
                                    .n_watch = r % 3 == 0 ? 300 : r % 5,
                                    .watched = q->watched,
                                    .top = {r % 4 == 1 ? 200 : r % 7, q->top_ids, q->top_logprobs}};
    }
    assert_int_equal(sc_gpu_draw(&b->session, draws, n, NULL), SC_OK);
    for (size_t i = 0; i < n; i++)
        assert_true(draws[i].ok);
    for (size_t i = 0; i < n; i++) {
        struct sc_logit_summary summary;
        const float *z = ends_row(b, draws[i].logits);
        ends_compare_draw(b, &draws[i]);
        check_top(b, draws[i].logits, &draws[i].top);
        sc_logits_summarise(sc_kernels_find("portable"), z, b->weights.n_vocab, &summary);
        for (size_t j = 0; j < draws[i].n_watch; j++)
            assert_close(draws[i].watched[j], sc_logits_logprob(z, &summary, draws[i].watch[j]),
                         1e-6);
    }
    free(draws);
}

/* Alone, in company, in another order, with threads in another order: the same bits. */
static void test_company(void **state)
{
    (void)state;
    enum { N = 40, ROWS = 7 };
    static const char *const orders[] = {"order=ascending", "order=descending", "order=shuffled"};
    struct request *first = calloc(N, sizeof *first), *other = calloc(N, sizeof *other);
    for (size_t o = 0; o < 3; o++) {
        const struct ends_shape shape = {.n_vocab = 4500,
                                         .confidence_top_k = 20,
                                         .n_rows = ROWS,
                                         .max_draws = 4,
                                         .n_positions = 16};
        struct ends_bench *b = ends_open(&shape, orders[o]);
        size_t rows[N];
        for (size_t r = 0; r < ROWS; r++)
            ends_fill(b, r, 8, r % 2 ? 0.125 : 0, false);
        for (size_t i = 0; i < N; i++)
            rows[i] = i;
        draw_mixed(b, o == 0 ? first : other, rows, N);
        if (o > 0)
            assert_memory_equal(first, other, N * sizeof *first);
        for (size_t i = 0; i < N; i++)
            rows[i] = (i * 11 + 3) % N;
        draw_mixed(b, other, rows, N);
        assert_memory_equal(first, other, N * sizeof *first);
        for (size_t i = 0; i < N; i += 5)
            draw_mixed(b, other, &i, 1);
        assert_memory_equal(first, other, N * sizeof *first);
        ends_close(b);
    }
    free(first);
    free(other);
}

/* A list of all tokens, and a confidence over more than short lists have. */
static void test_confidence_over_many(void **state)
{
    (void)state;
    struct ends_bench *b =
        ends_open(&(struct ends_shape){.n_vocab = 700, .confidence_top_k = 500, .n_rows = 3}, "");
    struct request *requests = calloc(12, sizeof *requests);
    size_t rows[12];
    for (size_t i = 0; i < 12; i++)
        rows[i] = i;
    for (size_t r = 0; r < 3; r++)
        ends_fill(b, r, 8, r == 1 ? 1 : 0, false);
    draw_mixed(b, requests, rows, 12);
    for (size_t o = 0; o < N_OPTIONS; o++) {
        check_description(b, o % 3, 3, &options[o], 600);
        check_branches(b, o % 3, &options[o], 400);
    }
    free(requests);
    ends_close(b);
}

/* ---- what is not finite ---------------------------------------------------------------------- */

static void test_not_finite(void **state)
{
    (void)state;
    enum { N = 5000 };
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    static float z[N];
    struct ends_bench *b =
        ends_open(&(struct ends_shape){.n_vocab = N, .confidence_top_k = 20, .n_rows = 3}, "");
    for (size_t r = 0; r < 3; r++)
        ends_fill(b, r, 10, 0, false);
    memcpy(z, ends_row(b, 1), sizeof z);
    for (size_t i = 0; i < 3; i++)
        for (size_t at = 0; at < N; at += 1249) {
            const float was = z[at];
            double u = 0.5, processed;
            int32_t ids[3];
            struct sc_token_stats stats[3];
            struct sc_draw draws[3];
            struct branches *branches = calloc(1, sizeof *branches);
            z[at] = bad[i];
            ends_put(b, 1, z);
            for (size_t r = 0; r < 3; r++)
                draws[r] = (struct sc_draw){.logits = r,
                                            .sampling = &options[at % N_OPTIONS],
                                            .context = context_of(b),
                                            .u = &u,
                                            .n = 1,
                                            .ids = &ids[r],
                                            .stats = &stats[r]};
            assert_int_equal(sc_gpu_draw(&b->session, draws, 3, NULL), SC_OK);
            assert_true(draws[0].ok && !draws[1].ok && draws[2].ok);
            struct sc_description d = {
                .logits = 1, .sampling = &options[3], .processed = &processed};
            struct sc_branching branching = {
                .logits = 1, .sampling = &options[3], .branches = &branches->b};
            assert_int_equal(sc_gpu_describe(&b->session, &d, 1, NULL), SC_OK);
            assert_int_equal(sc_gpu_branch(&b->session, &branching, 1, NULL), SC_OK);
            assert_true(!d.ok && !branching.ok);
            free(branches);
            z[at] = was;
        }
    /* A penalty that leaves the range of a float. */
    const struct sc_sampling s = {.temperature = 1, .top_p = 1, .repetition_penalty = 0.01};
    double u = 0.5;
    int32_t id;
    struct sc_token_stats stats;
    struct sc_draw d = {.sampling = &s,
                        .context = context_of(b),
                        .u = &u,
                        .n = 1,
                        .ids = &id,
                        .stats = &stats,
                        .logits = 1};
    z[b->context[1]] = 3e38F;
    ends_put(b, 1, z);
    assert_int_equal(sc_gpu_draw(&b->session, &d, 1, NULL), SC_OK);
    assert_false(d.ok);
    ends_close(b);
}

/* The ends of what a float can be are logits like any others. */
static void test_huge_logits(void **state)
{
    (void)state;
    enum { N = 300 };
    float z[N];
    double u = 0.7;
    int32_t id;
    struct sc_token_stats stats;
    struct ends_bench *b =
        ends_open(&(struct ends_shape){.n_vocab = N, .confidence_top_k = 2, .n_rows = 1}, "");
    for (size_t i = 0; i < N; i++)
        z[i] = i % 2 ? -3e38F : 3e38F;
    ends_put(b, 0, z);
    for (size_t o = 0; o < 7; o++) {
        struct sc_draw d = {.sampling = &options[o], .u = &u, .n = 1, .ids = &id, .stats = &stats};
        assert_int_equal(sc_gpu_draw(&b->session, &d, 1, NULL), SC_OK);
        assert_true(d.ok);
        assert_int_equal(id % 2, 0);
        assert_close(stats.confidence, log(N / 2.0), 1e-6);
        assert_close(stats.entropy, log(N / 2.0), 1e-6);
    }
    ends_close(b);
}

/* ---- failures -------------------------------------------------------------------------------- */

/* Each call of a draw that can fail does in turn. */
static void test_failures(void **state)
{
    (void)state;
    enum { BEFORE = 7 }; /* calls until the rows are on the card */
    unsigned long at = 1;
    for (bool failed = true; failed; at++) {
        char words[32];
        snprintf(words, sizeof words, "fail=%lu", BEFORE + at);
        struct ends_bench *b = ends_open(
            &(struct ends_shape){.n_vocab = 200, .confidence_top_k = 20, .n_rows = 2}, words);
        double u = 0.5;
        int32_t ids[3];
        struct sc_token_stats stats[3];
        struct sc_draw draws[3];
        struct sc_error error = {0};
        ends_fill(b, 0, 5, 0, false);
        ends_fill(b, 1, 5, 0, false);
        for (size_t i = 0; i < 3; i++)
            draws[i] = (struct sc_draw){.logits = i % 2,
                                        .sampling = &options[5 + i],
                                        .context = context_of(b),
                                        .u = &u,
                                        .n = 1,
                                        .ids = &ids[i],
                                        .stats = &stats[i]};
        const enum sc_status status = sc_gpu_draw(&b->session, draws, 3, &error);
        failed = status != SC_OK;
        assert_true(!failed || strstr(error.text, "the device emulated: emulated: ") != NULL);
        ends_close(b);
    }
    assert_true(at > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_plain_descriptions),
        cmocka_unit_test(test_branches),
        cmocka_unit_test(test_company),
        cmocka_unit_test(test_confidence_over_many),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_huge_logits),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
