/* The sampler against a slow one written from the definitions. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/cpu/sampler.h"
#include "engine/sampling.h"
#include "inference_fixture.h"

#define WITH(temperature_, top_p_, min_p_, top_k_)                                                 \
    {                                                                                              \
        .temperature = temperature_, .top_p = top_p_, .min_p = min_p_, .top_k = top_k_             \
    }

#define MOST 6000
#define MOST_DRAWS 4000

/* The same logits after the penalty, by the three lines of transformers' processor: of every token
 * of the context, score = score < 0 ? score * penalty : score / penalty. */
static void penalise_reference(const float *z, size_t n, const struct sc_context *context,
                               double penalty, float *out)
{
    for (size_t i = 0; i < n; i++) {
        bool seen = false;
        for (size_t j = 0; j < context->n_prompt; j++)
            seen = seen || (size_t)context->prompt[j] == i;
        for (size_t j = 0; j < context->n_answer; j++)
            seen = seen || (size_t)context->answer[j] == i;
        float by = (float)penalty;
        out[i] = !seen ? z[i] : z[i] < 0 ? z[i] * by : z[i] / by;
    }
}

/* The distribution that the options ask for, by sorting everything: p [n], 0 where filtered. */
static void reference(const float *raw, size_t n, const struct sc_sampling *s,
                      const struct sc_context *context, double *p)
{
    static float z[MOST];
    static size_t order[MOST];
    double total = 0, sum = 0, kept_sum = 0, max = -INFINITY;

    if (context != NULL)
        penalise_reference(raw, n, context, s->repetition_penalty, z);
    else
        memcpy(z, raw, n * sizeof *z);
    for (size_t i = 0; i < n; i++)
        max = (double)z[i] > max ? (double)z[i] : max;
    for (size_t i = 0; i < n; i++) {
        size_t at = i;

        p[i] = exp(((double)z[i] - max) / s->temperature);
        for (; at > 0 && z[order[at - 1]] < z[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    size_t kept = s->top_k > 0 && (size_t)s->top_k < n ? (size_t)s->top_k : n;
    for (size_t i = 0; i < kept; i++)
        total += p[order[i]];
    if (s->top_p < 1) {
        size_t i = 0;

        while (i < kept && sum < s->top_p * total)
            sum += p[order[i++]];
        kept = i;
    }
    while (kept > 1 && p[order[kept - 1]] < s->min_p)
        kept--;
    for (size_t i = kept; i < n; i++)
        p[order[i]] = 0;
    for (size_t i = 0; i < n; i++)
        kept_sum += p[i];
    for (size_t i = 0; i < n; i++)
        p[i] /= kept_sum;
}

struct bench {
    struct sc_logit_scratch scratch;
    struct sc_arena arena;
    float z[MOST], copy[MOST];
};

static struct bench *bench_new(void)
{
    struct bench *b = sc_alloc_zero(1, sizeof *b);

    sc_logit_scratch_layout(&b->scratch, MOST, MOST_DRAWS, &b->arena);
    b->arena.base = sc_alloc_aligned(b->arena.used);
    b->arena.used = 0;
    sc_logit_scratch_layout(&b->scratch, MOST, MOST_DRAWS, &b->arena);
    return b;
}

static void bench_free(struct bench *b)
{
    sc_free(b->arena.base);
    sc_free(b);
}

static void fill(struct bench *b, size_t n, double width, double step, uint64_t seed)
{
    struct sc_random random = {SC_STREAM_WEIGHTS, seed, 0, 0};

    for (size_t i = 0; i < n; i++) {
        double z = width * (sc_random_next(&random) + sc_random_next(&random) - 1);

        b->z[i] = (float)(step > 0 ? step * floor(z / step) : z);
    }
    memcpy(b->copy, b->z, sizeof b->z);
}

static bool draw_one(const struct sc_logit_row *row, const struct sc_sampling *sampling, double u,
                     struct sc_logit_scratch *scratch, int32_t *id, struct sc_token_stats *stats)
{
    return sc_draw_tokens(row, sampling, &(struct sc_drawn){&u, 1, id, stats}, scratch);
}

/* Many draws at once, in any order, are those that each is alone. */
static void check_draws_together(struct bench *b, const struct sc_logit_row *row,
                                 const struct sc_sampling *s, int n_draws)
{
    static double u[MOST_DRAWS];
    static int32_t ids[MOST_DRAWS];
    static struct sc_token_stats stats[MOST_DRAWS];
    for (int d = 0; d < n_draws; d++)
        u[d] = (d * 17 % n_draws + 0.5) / n_draws;
    u[n_draws - 1] = u[0]; /* two alike */
    const struct sc_drawn draws = {u, (size_t)n_draws, ids, stats};
    assert_true(sc_draw_tokens(row, s, &draws, &b->scratch));
    for (int d = 0; d < n_draws; d += 1 + n_draws / 100) {
        struct sc_token_stats alone;
        int32_t id;
        assert_true(draw_one(row, s, u[d], &b->scratch, &id, &alone));
        assert_int_equal(id, ids[d]);
        assert_memory_equal(&alone, &stats[d], sizeof alone);
    }
}

/* The branches listed are the likeliest, with their probabilities; what is drawn from the rest is
 * none of them, each token as often as its share of the rest says. */
static void check_branches(struct bench *b, const struct sc_logit_row *row,
                           const struct sc_sampling *s, const double *p, size_t max)
{
    enum { N_DRAWN = 40 };
    static int32_t ids[MOST];
    static double logprobs[MOST];
    double u[N_DRAWN], drawn_logprobs[N_DRAWN], sum = 0;
    int32_t drawn[N_DRAWN];
    bool is_listed[MOST] = {0};
    /* Without top-k, top-p cuts by a sum whose terms are floats: a token at its edge may fall on
     * the other side than in the reference. */
    bool is_cut_by_floats = s->top_p < 1 && (s->top_k == 0 || (size_t)s->top_k >= row->n);
    const double tolerance = is_cut_by_floats ? 2e-6 : 1e-9;
    for (int d = 0; d < N_DRAWN; d++)
        u[d] = (d + 0.5) / N_DRAWN;
    struct sc_branches branches = {.max = max,
                                   .ids = ids,
                                   .logprobs = logprobs,
                                   .u = u,
                                   .n_drawn = N_DRAWN,
                                   .drawn = drawn,
                                   .drawn_logprobs = drawn_logprobs};
    assert_true(sc_list_branches(row, s, &branches, &b->scratch));
    assert_in_range(branches.n, 1, max);
    for (size_t i = 0; i < branches.n; i++) {
        double processed;
        assert_true(i == 0 || p[ids[i]] <= p[ids[i - 1]] * (1 + 1e-9));
        double expected = p[ids[i]] > 0 || !is_cut_by_floats ? log(p[ids[i]]) : logprobs[i];
        assert_true(fabs(logprobs[i] - expected) < tolerance * (1 + fabs(expected)));
        assert_true(sc_processed_logprob(row, s, ids[i], &b->scratch, &processed));
        assert_true(fabs(processed - logprobs[i]) < 1e-9 * (1 + fabs(processed)));
        assert_false(is_listed[ids[i]]);
        is_listed[ids[i]] = true;
        sum += exp(logprobs[i]);
        if (i == 8)
            i = branches.n > 16 ? branches.n - 8 : i; /* both ends of a long list */
    }
    if (branches.n <= 16)
        assert_true(fabs(sum + branches.rest - 1) < 1e-12);
    if (branches.rest == 0)
        return;
    for (int d = 0; d < N_DRAWN; d++) {
        assert_false(is_listed[drawn[d]]);
        if (p[drawn[d]] > 0 || !is_cut_by_floats)
            assert_true(fabs(drawn_logprobs[d] - log(p[drawn[d]])) <
                        tolerance * (1 + fabs(drawn_logprobs[d])));
    }
}

/* One draw per u on an even grid: an inverse CDF in the order of ids must hit each token within one
 * of n_draws * p times, with a logprob that says so. */
static void check_draws(struct bench *b, const struct sc_kernels *kernels, size_t n,
                        const struct sc_sampling *s, const struct sc_context *context, int n_draws)
{
    const struct sc_logit_row row = {kernels, b->z, n, n < 20 ? n : 20, context};
    static double p[MOST];
    static int count[MOST];
    int32_t last = 0;

    reference(b->z, n, s, context, p);
    memset(count, 0, sizeof count);
    for (int d = 0; d < n_draws; d++) {
        struct sc_token_stats stats;
        int32_t id;

        assert_true(draw_one(&row, s, (d + 0.5) / n_draws, &b->scratch, &id, &stats));
        assert_in_range(id, last, n - 1); /* grows with u */
        last = id;
        assert_true(p[id] > 0);
        assert_true(fabs((double)stats.sampled_logprob - log(p[id])) <
                    2e-6 * (1 + fabs(log(p[id]))));
        count[id]++;
    }
    for (size_t i = 0; i < n; i++)
        assert_true(fabs(count[i] - n_draws * p[i]) <= 1 + 1e-6 * n_draws);
    check_draws_together(b, &row, s, n_draws);
    check_branches(b, &row, s, p, 3);
    check_branches(b, &row, s, p, n);
    double left_out;
    for (size_t i = 0; i < n; i += 1 + n / 7)
        if (p[i] == 0 && s->temperature > 1e-3) {
            assert_true(sc_processed_logprob(&row, s, (int32_t)i, &b->scratch, &left_out));
            assert_true(left_out == -INFINITY || left_out < -700);
        }
    assert_memory_equal(b->z, b->copy, sizeof b->z);
}

static void draws_follow_the_definition(void **state)
{
    const struct sc_sampling options[] = {
        WITH(1, 1, 0, 0),         WITH(0.6, 0.95, 0, 20),  WITH(0.6, 1, 0, 0),
        WITH(1.5, 0.9, 0, 0),     WITH(1, 1, 0.1, 0),      WITH(1, 0.99, 0.01, 500),
        WITH(2, 1, 0.02, 50),     WITH(0.3, 0.5, 0.3, 3),  WITH(1, 1e-9, 0, 0),
        WITH(1, 1e-9, 0, 7),      WITH(1, 1, 0.999999, 0), WITH(0.7, 0.8, 0, 100000),
        WITH(1, 0.9999999, 0, 0), WITH(8, 0.97, 0, 0),     WITH(8, 1, 1e-5, 0),
        WITH(1, 1, 0, 1),         WITH(1e-30, 1, 0, 0),    WITH(1e-30, 0.9, 0.5, 9),
        WITH(1e6, 1, 0, 0),       WITH(1e6, 0.999, 0, 5),
    };
    const size_t sizes[] = {1, 2, 19, 300, 4096, 5999};
    struct bench *b = bench_new();
    (void)state;
    for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int shape = 0; shape < 3; shape++) {
                fill(b, sizes[s], shape == 0 ? 3 : 12, shape == 2 ? 1.5 : 0, 7 + s);
                for (size_t o = 0; o < sizeof options / sizeof *options; o++)
                    check_draws(b, *k, sizes[s], &options[o], NULL, 41);
            }
    fill(b, 5999, 5, 0, 3);
    check_draws(b, sc_kernels_find(NULL), 5999, &options[0], NULL, 4000);
    check_draws(b, sc_kernels_find(NULL), 5999, &options[1], NULL, 4000);
    bench_free(b);
}

static void greedy_takes_the_lowest_of_equals(void **state)
{
    struct sc_sampling greedy = {.top_p = -3, .top_k = -1}; /* ignored */
    struct bench *b = bench_new();
    struct sc_token_stats stats;
    int32_t id;
    (void)state;
    fill(b, 5000, 3, 0, 1);
    b->z[4999] = b->z[77] = b->z[4500] = 100;
    memcpy(b->copy, b->z, sizeof b->z);
    assert_null(sc_sampling_refused(&greedy));
    for (int d = 0; d < 5; d++) {
        assert_true(draw_one(&(struct sc_logit_row){sc_kernels_find(NULL), b->z, 5000, 20, NULL},
                             &greedy, 0.1 + 0.2 * d, &b->scratch, &id, &stats));
        assert_int_equal(id, 77);
        assert_true(stats.sampled_logprob == 0);
        assert_true(fabs((double)stats.logprob + log(3)) < 1e-6);
    }
    b->z[3] = -0.0f;
    for (size_t i = 4; i < 5000; i++)
        b->z[i] = 0;
    b->z[0] = b->z[1] = b->z[2] = -1;
    assert_true(draw_one(&(struct sc_logit_row){sc_kernels_find(NULL), b->z, 5000, 20, NULL},
                         &greedy, 0.5, &b->scratch, &id, &stats));
    assert_int_equal(id, 3);
    bench_free(b);
}

static void ties_at_the_edge_of_top_k_go_to_the_lower_id(void **state)
{
    struct sc_sampling s = WITH(1, 1, 0, 2);
    struct bench *b = bench_new();
    (void)state;
    for (size_t i = 0; i < 100; i++)
        b->z[i] = i == 50 ? 1 : 0;
    memcpy(b->copy, b->z, sizeof b->z);
    for (int d = 0; d < 20; d++) {
        struct sc_token_stats stats;
        int32_t id;

        draw_one(&(struct sc_logit_row){sc_kernels_find(NULL), b->z, 100, 20, NULL}, &s,
                 (d + 0.5) / 20, &b->scratch, &id, &stats);
        assert_true(id == 50 || id == 0);
    }
    bench_free(b);
}

/* Ids of a context: some of the vocabulary, some of them twice, some that are no tokens. */
static struct sc_context context_of(size_t n, int32_t *ids)
{
    static const int32_t apart[] = {0, 3, 3, 17, 298, 4095, 4096, 4500, 5998, 6000, 70000};
    const size_t n_ids = sizeof apart / sizeof *apart;
    memcpy(ids, apart, sizeof apart);
    ids[n_ids] = (int32_t)n - 1;
    return (struct sc_context){ids, ids + 5, 5, n_ids + 1 - 5};
}

static void repetitions_are_penalised_as_the_definition_says(void **state)
{
    const double penalties[] = {1.05, 1.3, 100, 0.5, 0.01};
    struct sc_sampling options[] = {
        WITH(1, 1, 0, 0),   WITH(0.6, 0.95, 0, 20), WITH(1.5, 0.9, 0, 0),
        WITH(1, 1, 0.1, 0), WITH(2, 1, 0.02, 50),   WITH(1, 1, 0, 1),
    };
    const size_t sizes[] = {1, 19, 300, 5999};
    int32_t ids[16];
    struct bench *b = bench_new();
    (void)state;
    for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            const struct sc_context context = context_of(sizes[s], ids);
            fill(b, sizes[s], 3, 0, 11 + s);
            for (size_t o = 0; o < sizeof options / sizeof *options; o++) {
                options[o].repetition_penalty = penalties[(o + s) % 5];
                check_draws(b, *k, sizes[s], &options[o], &context, 41);
            }
        }
    bench_free(b);
}

/* What is measured of the token looks at the model's own logits, with a penalty as without. */
static void a_penalty_leaves_what_is_measured_as_it_is(void **state)
{
    struct sc_sampling greedy = WITH(0, 1, 0, 0);
    const int32_t seen[] = {40, 40};
    const struct sc_context context = {seen, seen, 2, 1};
    struct bench *b = bench_new();
    const struct sc_logit_row row = {sc_kernels_find(NULL), b->z, 100, 20, &context};
    struct sc_token_stats plain, penalised;
    int32_t first, second;
    (void)state;
    for (size_t i = 0; i < 100; i++)
        b->z[i] = i == 40 ? 3 : i == 50 ? 2 : -1;
    assert_true(draw_one(&row, &greedy, 0.5, &b->scratch, &first, &plain));
    greedy.repetition_penalty = 1.4; /* 3 / 1.4 is still the largest; penalised twice it is not */
    assert_true(draw_one(&row, &greedy, 0.5, &b->scratch, &second, &penalised));
    assert_int_equal(first, 40);
    assert_int_equal(second, 40);
    assert_memory_equal(&plain, &penalised, sizeof plain);
    greedy.repetition_penalty = 1.6;
    assert_true(draw_one(&row, &greedy, 0.5, &b->scratch, &second, &penalised));
    assert_int_equal(second, 50);
    assert_true(penalised.confidence == plain.confidence && penalised.entropy == plain.entropy);
    assert_true(fabs((double)(penalised.logprob - plain.logprob) + 1) < 1e-6);
    assert_true(penalised.sampled_logprob == 0);
    /* Where penalised logits leave the range of a float there is nothing to draw from. */
    greedy.repetition_penalty = 0.01;
    b->z[40] = 3e38f;
    assert_false(draw_one(&row, &greedy, 0.5, &b->scratch, &second, &penalised));
    bench_free(b);
}

static void bad_options_are_refused(void **state)
{
    const struct sc_sampling bad[] = {
        WITH(-1, 1, 0, 0),   WITH(NAN, 1, 0, 0), WITH(INFINITY, 1, 0, 0), WITH(1, 0, 0, 0),
        WITH(1, 1.01, 0, 0), WITH(1, NAN, 0, 0), WITH(1, 1, -0.1, 0),     WITH(1, 1, 1, 0),
        WITH(1, 1, NAN, 0),  WITH(1, 1, 0, -1),
    };
    const struct sc_sampling good = WITH(1, 1, 0, 0);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(sc_sampling_refused(&bad[i]));
    assert_null(sc_sampling_refused(&good));
    const double penalties[] = {-1, 0.009, 100.1, NAN, INFINITY};
    for (size_t i = 0; i < sizeof penalties / sizeof *penalties; i++) {
        struct sc_sampling greedy = {.repetition_penalty = penalties[i]};
        assert_non_null(sc_sampling_refused(&greedy));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_follow_the_definition),
        cmocka_unit_test(greedy_takes_the_lowest_of_equals),
        cmocka_unit_test(ties_at_the_edge_of_top_k_go_to_the_lower_id),
        cmocka_unit_test(repetitions_are_penalised_as_the_definition_says),
        cmocka_unit_test(a_penalty_leaves_what_is_measured_as_it_is),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
