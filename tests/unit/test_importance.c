/* Estimates by importance sampling: figures against tests/golden/importance.json (NumPy and SciPy;
 * see make_importance_golden.py there), and on models whose answers can all be counted, with
 * vocabularies of 5 and answers of at most 5 tokens: no bias, coverage, refusal, gaps. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "exploration/importance.h"

enum { MOST = 4000, VOCABULARY = 5, LONGEST = 5, MOST_ANSWERS = 3000, REPEATS = 1000 };

static struct sc_importance estimate(const struct sc_importance_traces *traces)
{
    struct sc_importance out;
    struct sc_error error = {0};
    if (sc_importance_estimate(traces, &out, &error) != SC_OK)
        fail_msg("%s", error.text);
    return out;
}

/* ---- figures --------------------------------------------------------------------------------- */

static double number_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value)
                                 : (json_is_string(value) ? -INFINITY : NAN);
}

static void near(double found, const json_t *object, const char *key)
{
    double expected = number_of(json_object_get(object, key));
    if (!(fabs(found - expected) <= 1e-9 * (1 + fabs(expected))) &&
        !(isnan(found) && isnan(expected)))
        fail_msg("%s: expected %.17g, found %.17g", key, expected, found);
}

static void figures_are_those_of_scipy(void **state)
{
    (void)state;
    static double log_model[MOST], log_proposal[MOST];
    static bool event[MOST];
    json_t *golden = json_load_file(TEST_GOLDEN "/importance.json", 0, NULL), *one;
    size_t i;
    assert_true(json_array_size(golden) > 10);
    json_array_foreach(golden, i, one)
    {
        const json_t *expected = json_object_get(one, "expected");
        size_t n = json_array_size(json_object_get(one, "event"));
        for (size_t t = 0; t < n; t++) {
            log_model[t] = number_of(json_array_get(json_object_get(one, "log_model"), t));
            log_proposal[t] = number_of(json_array_get(json_object_get(one, "log_proposal"), t));
            event[t] = json_integer_value(json_array_get(json_object_get(one, "event"), t)) != 0;
        }
        const struct sc_importance_traces traces = {
            log_model, log_proposal, event, n,
            (size_t)json_integer_value(json_object_get(one, "n_model"))};
        struct sc_importance found = estimate(&traces);
        near(found.estimate.value, expected, "value");
        near(found.estimate.low, expected, "low");
        near(found.estimate.high, expected, "high");
        near(found.effective, expected, "effective");
        near(found.largest_weight_share, expected, "largest");
        near(found.covered, expected, "covered");
        assert_int_equal(found.gap, json_is_true(json_object_get(expected, "gap")));
        assert_int_equal(found.estimate.n, n);
        near(found.normalised, expected, "normalised");
        if (!isnan(found.estimate.value))
            near(found.effective_events, expected, "effective_events");
        if (isnan(found.estimate.high))
            assert_non_null(found.estimate.reason);
    }
    json_decref(golden);
}

/* ---- models that can be counted -------------------------------------------------------------- */

/* All answers of a model of VOCABULARY tokens, of which 0 ends an answer. */
struct model {
    double p[MOST_ANSWERS], q[MOST_ANSWERS]; /* [n] */
    double sum_p[MOST_ANSWERS], sum_q[MOST_ANSWERS];
    bool event[MOST_ANSWERS];
    size_t n;
    double probability; /* of the event */
};

struct shape {
    uint64_t seed;
    double rarity;   /* by how much token 1 is rarer than others: what holds it is the event */
    double lift;     /* by how much the proposal says it more often */
    double distance; /* of the proposal from the model otherwise */
    double filter;   /* the proposal never takes a token that it gives less than this */
};

static void normalise(double *x, double least)
{
    double sum = 0;
    for (size_t i = 0; i < VOCABULARY; i++)
        sum += x[i];
    double kept = 0;
    for (size_t i = 0; i < VOCABULARY; i++)
        kept += x[i] / sum < least ? 0 : x[i] / sum;
    for (size_t i = 0; i < VOCABULARY; i++)
        x[i] = x[i] / sum < least ? 0 : x[i] / sum / kept;
}

static void grow(struct model *m, const struct shape *shape, struct sc_random *random, size_t depth,
                 double p, double q, bool event)
{
    double next_p[VOCABULARY], next_q[VOCABULARY];
    for (size_t i = 0; i < VOCABULARY; i++) {
        next_p[i] = exp(3 * sc_random_next(random)) * (i == 1 ? shape->rarity : 1);
        next_q[i] = next_p[i] * (i == 1 ? shape->lift : 1) *
                    exp(shape->distance * (2 * sc_random_next(random) - 1));
    }
    normalise(next_p, 0);
    normalise(next_q, shape->filter);
    for (size_t i = 0; i < VOCABULARY; i++) {
        if (i > 0 && depth + 1 < LONGEST) {
            grow(m, shape, random, depth + 1, p * next_p[i], q * next_q[i], event || i == 1);
            continue;
        }
        assert_true(m->n < MOST_ANSWERS);
        m->p[m->n] = p * next_p[i];
        m->q[m->n] = q * next_q[i];
        m->event[m->n++] = event || i == 1;
    }
}

static struct model *model_new(const struct shape *shape)
{
    struct model *m = sc_alloc_zero(1, sizeof *m);
    struct sc_random random = {SC_STREAM_WEIGHTS, shape->seed, 0, 0};
    grow(m, shape, &random, 0, 1, 1, false);
    double sum_p = 0, sum_q = 0;
    for (size_t i = 0; i < m->n; i++) {
        m->sum_p[i] = sum_p += m->p[i];
        m->sum_q[i] = sum_q += m->q[i];
        m->probability += m->event[i] ? m->p[i] : 0;
    }
    assert_true(fabs(sum_p - 1) < 1e-12 && fabs(sum_q - 1) < 1e-12);
    return m;
}

static size_t draw(const double *sums, size_t n, double u)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sums[middle] > u * sums[n - 1])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* n traces, of which n_model are the model's. */
static struct sc_importance sample(const struct model *m, size_t n, size_t n_model,
                                   struct sc_random *random)
{
    static double log_model[MOST], log_proposal[MOST];
    static bool event[MOST];
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++) {
        size_t at = draw(i < n_model ? m->sum_p : m->sum_q, m->n, sc_random_next(random));
        log_model[i] = log(m->p[at]);
        log_proposal[i] = log(m->q[at]);
        event[i] = m->event[at];
    }
    const struct sc_importance_traces traces = {log_model, log_proposal, event, n, n_model};
    return estimate(&traces);
}

static const struct shape shapes[] = {
    {1, 0.3, 3, 0.5, 0}, {2, 0.01, 50, 0.5, 0}, {3, 0.001, 300, 0.7, 0}, {4, 1e-4, 3000, 0.3, 0}};

static void estimates_have_no_bias_and_intervals_cover(void **state)
{
    (void)state;
    size_t n_models = sizeof shapes / sizeof *shapes, n_cases = 0, n_covered = 0;
    for (size_t s = 0; s < n_models; s++) {
        struct model *m = model_new(&shapes[s]);
        for (size_t n_model = 0; n_model <= 100; n_model += 100) {
            struct sc_random random = {SC_STREAM_STATISTICS, s, n_model, 0};
            double sum = 0, squares = 0;
            size_t covered = 0;
            for (size_t r = 0; r < REPEATS; r++) {
                struct sc_importance found = sample(m, 500, n_model, &random);
                double value = found.estimate.value / m->probability - 1;
                sum += value;
                squares += value * value;
                covered +=
                    found.estimate.low <= m->probability && m->probability <= found.estimate.high;
                assert_true(n_model > 0 ? found.covered >= 1 && !found.gap : found.covered > 0.7);
                assert_true(found.effective > 25 && found.effective_events > 9);
            }
            double mean = sum / REPEATS, error = sqrt(squares / REPEATS / REPEATS);
            if (fabs(mean) > 3.5 * error)
                fail_msg("model %zu with %zu: relative bias %g, error %g", s, n_model, mean, error);
            n_covered += covered;
            n_cases += REPEATS;
            /* Of each model within what chance explains of 93.5 to 96.5 % in 1,000. */
            if (covered < REPEATS * 92 / 100 || covered > REPEATS * 98 / 100)
                fail_msg("model %zu with %zu: covered %zu of %d", s, n_model, covered, REPEATS);
        }
        sc_free(m);
    }
    double coverage = (double)n_covered / (double)n_cases;
    if (coverage < 0.935 || coverage > 0.965)
        fail_msg("coverage: expected 0.935 to 0.965, found %g", coverage);
}

static void few_events_have_a_bound_where_the_model_was_sampled_too(void **state)
{
    (void)state;
    const struct shape shape = {5, 0.01, 1, 0.5, 0};
    struct model *m = model_new(&shape);
    struct sc_random random = {SC_STREAM_STATISTICS, 5, 0, 0};
    size_t covered = 0, few = 0;
    for (size_t r = 0; r < REPEATS; r++) {
        struct sc_importance found = sample(m, 60, 60, &random);
        few += found.effective_events < SC_IMPORTANCE_LEAST_EFFECTIVE;
        covered += found.estimate.low <= m->probability && m->probability <= found.estimate.high;
    }
    assert_true(few > REPEATS * 90 / 100 && covered >= REPEATS * 94 / 100);
    struct sc_importance alone = sample(m, 60, 0, &random);
    assert_true(isnan(alone.estimate.high) && alone.estimate.reason != NULL);
    sc_free(m);
}

static void a_proposal_that_is_far_away_is_refused(void **state)
{
    (void)state;
    const struct shape shape = {6, 0.001, 1, 9, 0};
    struct model *m = model_new(&shape);
    struct sc_random random = {SC_STREAM_STATISTICS, 6, 0, 0};
    struct sc_importance found = sample(m, 1000, 0, &random);
    assert_true(found.effective < 50);
    assert_true(isnan(found.estimate.value) && isnan(found.estimate.low));
    assert_non_null(found.estimate.reason);
    assert_true(found.largest_weight_share > 0.02);
    /* A share of the model's own holds it. */
    found = sample(m, 1000, 200, &random);
    assert_true(found.effective > 100 && found.estimate.high < 0.1);
    sc_free(m);
}

static void answers_that_the_proposal_filters_out_are_noticed(void **state)
{
    (void)state;
    const struct shape shape = {7, 0.3, 4, 0.3, 0.12};
    struct model *m = model_new(&shape);
    struct sc_random random = {SC_STREAM_STATISTICS, 7, 0, 0};
    double within = 0, event_within = 0;
    for (size_t i = 0; i < m->n; i++) {
        within += m->q[i] > 0 ? m->p[i] : 0;
        event_within += m->q[i] > 0 && m->event[i] ? m->p[i] : 0;
    }
    assert_true(within < 0.9 && event_within > 0);
    struct sc_importance found = sample(m, 4000, 0, &random);
    assert_true(found.gap && fabs(found.covered - within) < 0.05);
    assert_non_null(found.estimate.reason);
    assert_true(fabs(found.estimate.value - event_within) < 0.1 * m->probability + 0.01);
    /* With the model's own traces the whole is estimated, and the gap still told. */
    found = sample(m, 4000, 800, &random);
    assert_true(found.gap && fabs(found.covered - within) < 0.05);
    assert_null(found.estimate.reason);
    assert_true(found.estimate.low <= m->probability && m->probability <= found.estimate.high);
    sc_free(m);
}

static void edges(void **state)
{
    (void)state;
    const struct sc_importance_traces none = {NULL, NULL, NULL, 0, 0};
    struct sc_importance found = estimate(&none);
    assert_true(isnan(found.estimate.value) && found.estimate.reason != NULL);
    /* The model as its own proposal: weights of 1, a plain share. */
    double logs[100];
    bool event[100];
    for (size_t i = 0; i < 100; i++) {
        logs[i] = -3;
        event[i] = i % 4 == 0;
    }
    const struct sc_importance_traces same = {logs, logs, event, 100, 20};
    found = estimate(&same);
    assert_true(fabs(found.estimate.value - 0.25) < 1e-12);
    assert_true(fabs(found.effective - 100) < 1e-9);
    assert_true(found.estimate.low > 0.15 && found.estimate.high < 0.37);
    struct sc_importance out;
    struct sc_error error = {0};
    sc_memory_fail_at(0);
    assert_int_equal(sc_importance_estimate(&same, &out, &error), SC_ERR_NOMEM);
    sc_memory_fail_at(SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_scipy),
        cmocka_unit_test(estimates_have_no_bias_and_intervals_cover),
        cmocka_unit_test(few_events_have_a_bound_where_the_model_was_sampled_too),
        cmocka_unit_test(a_proposal_that_is_far_away_is_refused),
        cmocka_unit_test(answers_that_the_proposal_filters_out_are_noticed),
        cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
