/* The end of a step on the emulated GPU against the CPU's sampler, on the same logits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_ends_fixture.h"

/* ---- by hand --------------------------------------------------------------------------------- */

static void test_by_hand(void **state)
{
    (void)state;
    static const float z[] = {0, 3, -1, 3, 2}; /* the first of two equal ones goes first */
    struct ends_bench *b = ends_open(&(struct ends_shape){.n_vocab = 5, .confidence_top_k = 2}, "");
    const double u[] = {1e-9, 0.3, 0.6, 1 - 1e-9};
    int32_t ids[4];
    struct sc_token_stats stats[4];
    const struct sc_sampling s = {.temperature = 1, .top_p = 1, .top_k = 3};
    struct sc_draw d = {.sampling = &s, .u = u, .n = 4, .ids = ids, .stats = stats};
    ends_put(b, 0, z);
    assert_int_equal(sc_gpu_draw(&b->session, &d, 1, NULL), SC_OK);
    assert_true(d.ok);
    /* Weights 1, 1, 1/e of tokens 1, 3, 4: 0.42, 0.42, 0.16. */
    const int32_t expected[] = {1, 1, 3, 4};
    const double total = 2 + exp(-1.0), sum = total + exp(-3.0) + exp(-4.0);
    const double entropy = log(sum) + (exp(-1.0) + 3 * exp(-3.0) + 4 * exp(-4.0)) / sum;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ids[i], expected[i]);
        assert_close(stats[i].logprob, (ids[i] == 4 ? -1 : 0) - log(sum), 1e-6);
        assert_close(stats[i].sampled_logprob, (ids[i] == 4 ? -1 : 0) - log(total), 1e-6);
        assert_close(stats[i].confidence, log(sum), 1e-6);
        assert_close(stats[i].entropy, entropy, 1e-6);
    }
    ends_close(b);
}

/* ---- draws ----------------------------------------------------------------------------------- */

/* Draws from all rows with these options: tokens as the CPU's, unless u is within a hair of where
 * they change; figures within rounding.  Gives how many tokens differ. */
static size_t check_draws(struct ends_bench *b, size_t n_rows, const struct sc_sampling *s,
                          size_t n_draws)
{
    const struct sc_context context = {b->context, b->context + 3, 3, b->n_context - 3};
    struct sc_draw *draws = calloc(n_rows, sizeof *draws);
    double *u = calloc(n_draws, sizeof *u);
    int32_t *ids = calloc(n_rows * n_draws, sizeof *ids);
    struct sc_token_stats *stats = calloc(n_rows * n_draws, sizeof *stats);
    size_t n_other = 0;
    for (size_t i = 0; i < n_draws; i++)
        u[i] = ends_random(b);
    for (size_t r = 0; r < n_rows; r++)
        draws[r] = (struct sc_draw){.logits = r,
                                    .sampling = s,
                                    .context = context,
                                    .u = u,
                                    .n = n_draws,
                                    .ids = ids + r * n_draws,
                                    .stats = stats + r * n_draws};
    assert_int_equal(sc_gpu_draw(&b->session, draws, n_rows, NULL), SC_OK);
    for (size_t r = 0; r < n_rows; r++)
        n_other += ends_compare_draw(b, &draws[r]);
    free(draws);
    free(u);
    free(ids);
    free(stats);
    return n_other;
}

static const struct sc_sampling options[] = {
    {.temperature = 1, .top_p = 1},
    {.temperature = 0, .top_p = 1},
    {.temperature = 0.7, .top_p = 0.8, .top_k = 20},
    {.temperature = 1.3, .top_p = 1, .top_k = 50},
    {.temperature = 0.6, .top_p = 0.95},
    {.temperature = 1, .top_p = 0.99},
    {.temperature = 2, .top_p = 0.999999},
    {.temperature = 1, .top_p = 1, .min_p = 0.05},
    {.temperature = 1.5, .top_p = 1, .min_p = 1e-4},
    {.temperature = 1, .top_p = 0.9, .min_p = 0.01, .top_k = 40},
    {.temperature = 1, .top_p = 0.98, .top_k = 200},
    {.temperature = 1, .top_p = 1, .top_k = 5000},
    {.temperature = 1, .top_p = 1, .top_k = 1},
    {.temperature = 1e-30, .top_p = 1},
    {.temperature = 1e30, .top_p = 1},
    {.temperature = 1e-320, .top_p = 0.9},
    {.temperature = 1e300, .top_p = 0.3},
    {.temperature = 1, .top_p = 1, .repetition_penalty = 1.3},
    {.temperature = 0, .top_p = 1, .repetition_penalty = 100},
    {.temperature = 0.8, .top_p = 0.9, .top_k = 30, .repetition_penalty = 0.5},
    {.temperature = 1, .top_p = 0.9, .repetition_penalty = 1.1},
};
enum { N_OPTIONS = sizeof options / sizeof *options };

static void test_draws(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 5, 20, 31, 64, 65, 300, 1000, 4096, 4097, 9001};
    size_t n = 0, n_other = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct ends_shape shape = {
            .n_vocab = sizes[i], .confidence_top_k = 20, .n_rows = 4, .max_draws = 200};
        struct ends_bench *b = ends_open(&shape, i % 2 ? "order=shuffled" : "order=descending");
        ends_fill(b, 0, 12, 0, false);
        ends_fill(b, 1, 3, 0.25, false); /* many equal ones */
        ends_fill(b, 2, 30, 0, true);    /* one has nearly everything */
        ends_fill(b, 3, 0, 0, false);    /* all are 0 and -0 */
        for (size_t o = 0; o < N_OPTIONS; o++) {
            n_other += check_draws(b, 4, &options[o], o % 3 == 0 ? 200 : 40);
            n += o % 3 == 0 ? 4 * 200 : 4 * 40;
        }
        ends_close(b);
    }
    print_message("%zu of %zu tokens differ from the CPU's\n", n_other, n);
    assert_true((double)n_other <= 1e-4 * (double)n);
}

static void test_large_vocabularies(void **state)
{
    (void)state;
    static const size_t sizes[] = {151936, 200000};
    size_t n = 0, n_other = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct ends_shape shape = {
            .n_vocab = sizes[i], .confidence_top_k = 20, .n_rows = 1, .max_draws = 4000};
        static const size_t used[] = {0, 2, 5, 10};
        struct ends_bench *b = ends_open(&shape, "");
        ends_fill(b, 0, 20, 0, false);
        for (size_t o = 0; o < sizeof used / sizeof *used; o++) {
            const size_t n_draws = used[o] == 0 ? 100 : 4000;
            n_other += check_draws(b, 1, &options[used[o]], n_draws);
            n += n_draws;
        }
        ends_close(b);
    }
    print_message("%zu of %zu tokens differ from the CPU's\n", n_other, n);
    assert_true((double)n_other <= 1e-4 * (double)n);
}

/* So many equal logits that they do not fit where a few are chosen from. */
static void test_large_ties(void **state)
{
    (void)state;
    const struct ends_shape shape = {
        .n_vocab = 70000, .confidence_top_k = 20, .n_rows = 2, .max_draws = 50};
    struct ends_bench *b = ends_open(&shape, "");
    ends_fill(b, 0, 0, 0, false);
    ends_fill(b, 1, 3, 1, false);
    for (size_t o = 2; o < 5; o++)
        assert_int_equal(check_draws(b, 2, &options[o], 50), 0);
    ends_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_large_vocabularies),
        cmocka_unit_test(test_large_ties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
