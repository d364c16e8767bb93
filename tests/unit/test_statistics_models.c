/* src/statistics/models.h against tests/golden/statistics_models.json (scikit-learn, statsmodels,
 * SciPy; see make_statistics_models_golden.py there), identities and simulation. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/cluster.h"
#include "base/memory.h"
#include "base/random.h"
#include "golden.h"
#include "statistics/internal.h"
#include "statistics/models.h"

#define MOST 4000

static json_t *golden;
static double values[MOST];
static bool flags[MOST];
static size_t sizes[MOST], others[MOST];

static int load(void **state)
{
    (void)state;
    golden = golden_load(TEST_GOLDEN "/statistics_models.json");
    return golden == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static size_t read_numbers(const json_t *object, const char *key, double *out)
{
    size_t n = json_array_size(json_object_get(object, key));
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++)
        out[i] = golden_element(object, key, i);
    return n;
}

static size_t read_flags(const json_t *object, const char *key)
{
    size_t n = json_array_size(json_object_get(object, key));
    for (size_t i = 0; i < n; i++)
        flags[i] = json_is_true(json_array_get(json_object_get(object, key), i));
    return n;
}

static void near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * fmax(1e-3, fabs(expected))))
        fail_msg("expected %.15g, found %.15g", expected, found);
}

/* ---- areas ----------------------------------------------------------------------------------- */

static void average_precision_is_that_of_the_reference(void **state)
{
    (void)state;
    size_t index;
    json_t *c;
    json_array_foreach(golden_cases(golden, "average_precision"), index, c)
    {
        size_t n = read_numbers(c, "score", values);
        read_flags(c, "outcome");
        for (size_t i = 0; i < n; i++)
            sizes[i] = i;
        struct sc_estimate e = sc_cluster_rank_area(SC_AVERAGE_PRECISION,
                                                    &(struct sc_scores){values, flags, sizes, n, n},
                                                    (struct sc_draws){200, 1}, NULL);
        near(e.value, golden_number(c, "value"), 1e-9);
        assert_true(n < 5 ? isnan(e.low) && e.reason : e.low <= e.value && e.value <= e.high);
    }
    flags[0] = flags[1] = false;
    const struct sc_scores two = {values, flags, sizes, 2, 2}, none = {values, flags, sizes, 0, 0};
    const struct sc_draws draws = {9, 1};
    assert_non_null(sc_cluster_rank_area(SC_AVERAGE_PRECISION, &two, draws, NULL).reason);
    assert_non_null(sc_cluster_rank_area(SC_AVERAGE_PRECISION, &none, draws, NULL).reason);
    values[1] = NAN;
    for (int area = SC_AVERAGE_PRECISION; area <= SC_RISK_COVERAGE; area++)
        assert_true(isnan(sc_cluster_rank_area((enum sc_rank_area)area, &two, draws, NULL).value));
}

static void curves_are_those_of_the_reference(void **state)
{
    (void)state;
    static const char *const keys[] = {[SC_ROC_CURVE] = "roc", [SC_RISK_CURVE] = "risk"};
    struct sc_estimate points[11];
    size_t index;
    json_t *c;
    json_array_foreach(golden_cases(golden, "curves"), index, c)
    {
        size_t n = read_numbers(c, "score", values);
        read_flags(c, "outcome");
        for (size_t i = 0; i < n; i++)
            sizes[i] = i;
        const struct sc_scores scores = {values, flags, sizes, n, n};
        for (int kind = SC_ROC_CURVE; kind <= SC_RISK_CURVE; kind++) {
            assert_int_equal(sc_cluster_rank_curve((enum sc_rank_curve)kind, &scores,
                                                   (struct sc_draws){200, 1}, 11, points, NULL),
                             SC_OK);
            for (size_t i = 0; i < 11; i++) {
                near(points[i].value,
                     json_number_value(json_array_get(json_object_get(c, keys[kind]), i)), 1e-9);
                bool at_one = kind == SC_RISK_CURVE && i == 0;
                assert_true(points[i].reason != NULL ? isnan(points[i].low) && (at_one || n < 9)
                                                     : points[i].low <= points[i].value &&
                                                           points[i].value <= points[i].high);
            }
        }
    }
}

/* Areas under the curves, twice the traces, and what has no curve. */
static void curves_agree_with_their_areas_and_say_why_there_is_none(void **state)
{
    (void)state;
    enum { N = 400, POINTS = 2001 };
    static struct sc_estimate points[POINTS], twice[POINTS];
    for (size_t i = 0; i < N; i++) {
        values[i] = values[N + i] = sc_random_uniform(SC_STREAM_STATISTICS, 2, i, 0, 0);
        flags[i] = flags[N + i] = sc_random_uniform(SC_STREAM_STATISTICS, 2, i, 1, 0) < values[i];
        sizes[i] = sizes[N + i] = i;
    }
    const struct sc_scores once = {values, flags, sizes, N, N};
    const struct sc_draws draws = {20, 4};
    for (int kind = SC_ROC_CURVE; kind <= SC_RISK_CURVE; kind++) {
        enum sc_rank_curve curve = (enum sc_rank_curve)kind;
        assert_int_equal(sc_cluster_rank_curve(curve, &once, draws, POINTS, points, NULL), SC_OK);
        assert_int_equal(sc_cluster_rank_curve(curve,
                                               &(struct sc_scores){values, flags, sizes, 2 * N, N},
                                               draws, POINTS, twice, NULL),
                         SC_OK);
        double area = 0;
        for (size_t i = 0; i < POINTS; i++) {
            area += points[i].value / (POINTS - 1) * (i == 0 || i == POINTS - 1 ? 0.5 : 1);
            near(twice[i].value, points[i].value, 1e-9);
            if (points[i].reason == NULL)
                near(twice[i].low, points[i].low, 1e-9);
        }
        near(area,
             kind == SC_ROC_CURVE
                 ? sc_cluster_auroc(&once, NULL).value
                 : sc_cluster_rank_area(SC_RISK_COVERAGE, &once, draws, NULL).value,
             5e-3);
    }
    for (size_t i = 0; i < N; i++)
        flags[i] = false;
    assert_int_equal(sc_cluster_rank_curve(SC_ROC_CURVE, &once, draws, 5, points, NULL), SC_OK);
    assert_true(isnan(points[4].value) && points[4].reason != NULL);
    assert_int_equal(sc_cluster_rank_curve(SC_RISK_CURVE, &once, draws, 5, points, NULL), SC_OK);
    assert_true(points[4].value == 0 && isnan(points[4].low) && points[4].reason != NULL);
    values[3] = NAN;
    assert_int_equal(sc_cluster_rank_curve(SC_RISK_CURVE, &once, draws, 5, points, NULL), SC_OK);
    assert_true(isnan(points[0].value) && points[0].reason != NULL);
}

/* An observation that is there twice counts as two: a cluster drawn twice is that. */
static void a_weight_is_so_many_copies(void **state)
{
    (void)state;
    for (size_t i = 0; i < 60; i++) {
        values[i] = floor(5 * sc_random_uniform(SC_STREAM_STATISTICS, 1, i, 0, 0));
        flags[i] = sc_random_uniform(SC_STREAM_STATISTICS, 1, i, 1, 0) < 0.4;
        values[60 + i] = values[i];
        flags[60 + i] = flags[i];
        sizes[i] = sizes[60 + i] = i;
    }
    struct sc_estimate once = sc_cluster_rank_area(
        SC_AVERAGE_PRECISION, &(struct sc_scores){values, flags, sizes, 60, 60},
        (struct sc_draws){300, 4}, NULL);
    struct sc_estimate twice = sc_cluster_rank_area(
        SC_AVERAGE_PRECISION, &(struct sc_scores){values, flags, sizes, 120, 60},
        (struct sc_draws){300, 4}, NULL);
    near(twice.value, once.value, 1e-12);
    near(twice.low, once.low, 1e-12); /* twice the traces of the same prompts say nothing more */
    near(twice.high, once.high, 1e-12);
    assert_true(once.low < once.value && once.value < once.high);
}

/* One resample walked by itself, as the definitions have it. */
struct walked {
    double score;
    size_t cluster;
    bool positive;
};

static int by_falling_score(const void *a, const void *b)
{
    double x = ((const struct walked *)a)->score, y = ((const struct walked *)b)->score;
    return (x < y) - (x > y);
}

static double walk_alone(enum sc_rank_area area, const struct walked *sorted, size_t n,
                         const size_t *weight)
{
    struct sc_sum sum = {0};
    double n_positive = 0, n_all = 0;
    for (size_t at = 0, end; at < n; at = end) {
        double positive = 0, all = 0;
        for (end = at; end < n && sorted[end].score == sorted[at].score; end++) {
            all += (double)weight[sorted[end].cluster];
            positive += sorted[end].positive ? (double)weight[sorted[end].cluster] : 0;
        }
        for (double i = 1; area == SC_RISK_COVERAGE && i <= all; i++)
            sc_sum_add(&sum, (n_positive + positive * (i / all)) / (n_all + i));
        n_positive += positive;
        n_all += all;
        if (area == SC_AVERAGE_PRECISION && positive > 0)
            sc_sum_add(&sum, positive * (n_positive / n_all));
    }
    return sc_sum_value(&sum) / (area == SC_AVERAGE_PRECISION ? n_positive : n_all);
}

/* The interval of resamples that are drawn and walked one after another. */
static void resample_alone(enum sc_rank_area area, const struct sc_scores *data, bool lowest_first,
                           struct sc_draws draws, struct sc_estimate *out)
{
    static struct walked sorted[MOST];
    static size_t weight[MOST];
    static double kept[MOST];
    size_t n_kept = 0;
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, 0xa2ea, 0};
    for (size_t i = 0; i < data->n; i++)
        sorted[i] = (struct walked){lowest_first ? -data->score[i] : data->score[i],
                                    data->cluster[i], data->outcome[i]};
    qsort(sorted, data->n, sizeof *sorted, by_falling_score);
    for (size_t c = 0; c < data->n_clusters; c++)
        weight[c] = 1;
    out->value = walk_alone(area, sorted, data->n, weight);
    for (size_t b = 0; b < draws.n; b++) {
        memset(weight, 0, sizeof weight);
        for (size_t c = 0; c < data->n_clusters; c++)
            weight[sc_random_below(&random, data->n_clusters)]++;
        double draw = walk_alone(area, sorted, data->n, weight);
        if (!isnan(draw))
            kept[n_kept++] = draw;
    }
    sc_sort_doubles(kept, n_kept);
    out->low = fmin(out->value, sc_sorted_percentile(kept, n_kept, 2.5));
    out->high = fmax(out->value, sc_sorted_percentile(kept, n_kept, 97.5));
}

/* What is walked together, in lanes, is to the bit what each is by itself: with ties and without,
 * numbers of draws that fill no lanes, clusters of several members and of none. */
static void areas_drawn_together_are_those_drawn_alone(void **state)
{
    (void)state;
    enum { N = 330, CLUSTERS = 50, WISHES = 6 };
    static double scores[WISHES / 2][N];
    for (size_t i = 0; i < N; i++) {
        double u = sc_random_uniform(SC_STREAM_STATISTICS, 5, i, 0, 0);
        scores[0][i] = u;
        scores[1][i] = floor(6 * u);
        scores[2][i] = i % 40 ? u : 0.5;
        flags[i] = sc_random_uniform(SC_STREAM_STATISTICS, 5, i, 1, 0) < 0.3 + 0.2 * u;
        sizes[i] = i * i % (CLUSTERS - 3);
    }
    const struct sc_scores data = {NULL, flags, sizes, N, CLUSTERS};
    for (size_t n_draws = 97; n_draws <= 104; n_draws++) {
        struct sc_rank_wish wishes[WISHES];
        struct sc_estimate together[WISHES], alone;
        const struct sc_draws draws = {n_draws, n_draws};
        for (size_t k = 0; k < WISHES; k++)
            wishes[k] = (struct sc_rank_wish){k % 2 ? SC_AVERAGE_PRECISION : SC_RISK_COVERAGE,
                                              k % 2 || k > 3, scores[k / 2], &together[k]};
        sc_cluster_rank_areas(&data, wishes, WISHES, draws, NULL);
        for (size_t k = 0; k < WISHES; k++) {
            struct sc_scores one = data;
            one.score = scores[k / 2];
            resample_alone(wishes[k].area, &one, wishes[k].lowest_first, draws, &alone);
            assert_true(together[k].value == alone.value && together[k].low == alone.low &&
                        together[k].high == alone.high && together[k].reason == NULL);
        }
    }
}

/* ---- logistic -------------------------------------------------------------------------------- */

static void regression_and_its_errors_are_those_of_the_reference(void **state)
{
    (void)state;
    size_t index;
    json_t *c;
    json_array_foreach(golden_cases(golden, "logistic"), index, c)
    {
        struct sc_logistic fit;
        size_t k = (size_t)golden_number(c, "k"),
               n_clusters = (size_t)golden_number(c, "n_clusters");
        read_numbers(c, "x", values);
        size_t n = golden_sizes(c, "cluster", MOST, sizes);
        read_flags(c, "outcome");
        assert_int_equal(
            sc_logistic_fit(&(struct sc_logistic_data){values, flags, sizes, n, k, n_clusters},
                            &fit, NULL),
            SC_OK);
        assert_null(fit.reason);
        assert_int_equal(fit.n_clusters, n_clusters);
        near(fit.log_likelihood, golden_number(c, "log_likelihood"), 1e-9);
        for (size_t j = 0; j < k; j++) {
            double p;
            struct sc_estimate odds = sc_logistic_odds_ratio(&fit, j, &p);
            near(fit.coefficient[j], golden_element(c, "coefficient", j), 1e-6);
            near(fit.error[j], golden_element(c, "error", j), 1e-6);
            near(odds.low, golden_element(c, "low", j), 1e-6);
            near(odds.high, golden_element(c, "high", j), 1e-6);
            near(p, golden_element(c, "p", j), 1e-5);
        }
    }
}

static void a_regression_that_cannot_be_fitted_gives_a_reason(void **state)
{
    (void)state;
    struct sc_logistic fit;
    for (size_t i = 0; i < 40; i++) {
        values[2 * i] = 1;
        values[2 * i + 1] = (double)i;
        flags[i] = i >= 20; /* separated */
        sizes[i] = i / 2;
    }
    assert_int_equal(
        sc_logistic_fit(&(struct sc_logistic_data){values, flags, sizes, 40, 2, 20}, &fit, NULL),
        SC_OK);
    assert_non_null(strstr(fit.reason, "separated"));
    assert_true(isnan(sc_logistic_odds_ratio(&fit, 1, NULL).value));
    flags[3] = true;
    flags[30] = false;
    assert_int_equal(
        sc_logistic_fit(&(struct sc_logistic_data){values, flags, sizes, 40, 2, 20}, &fit, NULL),
        SC_OK);
    assert_null(fit.reason);
    for (size_t i = 0; i < 40; i++)
        values[2 * i + 1] = 7; /* does not vary */
    assert_int_equal(
        sc_logistic_fit(&(struct sc_logistic_data){values, flags, sizes, 40, 2, 20}, &fit, NULL),
        SC_OK);
    assert_non_null(strstr(fit.reason, "vary"));
    values[5] = NAN;
    assert_int_equal(
        sc_logistic_fit(&(struct sc_logistic_data){values, flags, sizes, 40, 2, 20}, &fit, NULL),
        SC_OK);
    assert_non_null(fit.reason);
    memset(flags, 0, sizeof flags);
    values[5] = 1;
    assert_int_equal(
        sc_logistic_fit(&(struct sc_logistic_data){values, flags, sizes, 40, 2, 20}, &fit, NULL),
        SC_OK);
    assert_non_null(strstr(fit.reason, "the same"));
    assert_int_equal(
        sc_logistic_fit(&(struct sc_logistic_data){values, flags, sizes, 0, 2, 0}, &fit, NULL),
        SC_OK);
    assert_int_equal(
        sc_logistic_fit(&(struct sc_logistic_data){values, flags, sizes, 40, 7, 20}, &fit, NULL),
        SC_ERR_ARGUMENT);
}

/* ---- beta-binomial --------------------------------------------------------------------------- */

static void the_beta_binomial_fit_is_that_of_the_reference(void **state)
{
    (void)state;
    size_t index;
    json_t *c;
    json_array_foreach(golden_cases(golden, "beta_binomial"), index, c)
    {
        struct sc_beta_binomial fit;
        size_t n = golden_sizes(c, "trials", MOST, sizes);
        golden_sizes(c, "successes", MOST, others);
        assert_int_equal(sc_beta_binomial_fit(&(struct sc_trials){sizes, others, n}, &fit, NULL),
                         SC_OK);
        assert_null(fit.reason);
        near(fit.log_likelihood, golden_number(c, "log_likelihood"), 1e-9);
        near(fit.alpha, golden_number(c, "alpha"), 1e-5);
        near(fit.beta, golden_number(c, "beta"), 1e-5);
        for (size_t k = 0; k < 6; k++)
            near(sc_beta_binomial_at_k(&fit, golden_element(c, "k", k)),
                 golden_element(c, "at_k", k), 1e-6);
        double deviance, p = sc_beta_binomial_check(&(struct sc_trials){sizes, others, n}, &fit,
                                                    (struct sc_draws){99, 3}, &deviance, NULL);
        near(deviance, golden_number(c, "deviance"), 1e-5);
        assert_true(p > 0.01); /* drawn from the model */
        struct sc_estimate at[3];
        static const size_t ks[] = {1, 10, 100};
        assert_int_equal(sc_beta_binomial_extrapolate(&(struct sc_trials){sizes, others, n}, ks, 3,
                                                      (struct sc_draws){200, 5}, at, NULL),
                         SC_OK);
        for (size_t k = 0; k < 3; k++) {
            near(at[k].value, sc_beta_binomial_at_k(&fit, (double)ks[k]), 1e-12);
            assert_true(at[k].low <= at[k].value && at[k].value <= at[k].high);
            assert_true(at[k].high <= 1);
        }
        assert_true(at[0].high - at[0].low > 0.01);
    }
}

static void rates_that_are_all_alike_or_all_apart_are_fitted(void **state)
{
    (void)state;
    struct sc_beta_binomial fit;
    for (size_t i = 0; i < 30; i++) {
        sizes[i] = 10;
        others[i] = 5; /* less spread than any binomial */
    }
    assert_int_equal(sc_beta_binomial_fit(&(struct sc_trials){sizes, others, 30}, &fit, NULL),
                     SC_OK);
    near(fit.mean, 0.5, 1e-9);
    assert_true(fit.correlation < 1e-5);
    near(sc_beta_binomial_at_k(&fit, 3), 0.875, 1e-4);
    assert_true(sc_beta_binomial_check(&(struct sc_trials){sizes, others, 30}, &fit,
                                       (struct sc_draws){99, 1}, NULL, NULL) < 0.05);
    for (size_t i = 0; i < 30; i++)
        others[i] = i % 3 ? 0 : 10; /* all or nothing */
    assert_int_equal(sc_beta_binomial_fit(&(struct sc_trials){sizes, others, 30}, &fit, NULL),
                     SC_OK);
    near(fit.mean, 1.0 / 3, 1e-3);
    assert_true(fit.correlation > 0.99);
    near(sc_beta_binomial_at_k(&fit, 100), 1.0 / 3, 2e-3);
    for (size_t i = 0; i < 30; i++)
        others[i] = 0;
    assert_int_equal(sc_beta_binomial_fit(&(struct sc_trials){sizes, others, 30}, &fit, NULL),
                     SC_OK);
    assert_non_null(strstr(fit.reason, "no trial"));
    assert_true(isnan(sc_beta_binomial_at_k(&fit, 2)));
    for (size_t i = 0; i < 30; i++)
        sizes[i] = 1;
    others[2] = 1;
    assert_int_equal(sc_beta_binomial_fit(&(struct sc_trials){sizes, others, 30}, &fit, NULL),
                     SC_OK);
    assert_non_null(strstr(fit.reason, "two traces"));
    assert_int_equal(sc_beta_binomial_fit(&(struct sc_trials){sizes, others, 0}, &fit, NULL),
                     SC_OK);
    assert_non_null(fit.reason);
    others[0] = 2;
    assert_int_equal(sc_beta_binomial_fit(&(struct sc_trials){sizes, others, 30}, &fit, NULL),
                     SC_ERR_ARGUMENT);
}

/* ---- detector and power ---------------------------------------------------------------------- */

static void corrected_shares_are_those_of_the_reference(void **state)
{
    (void)state;
    size_t index;
    json_t *c;
    json_array_foreach(golden_cases(golden, "rogan_gladen"), index, c)
    {
        struct sc_estimate e = sc_rogan_gladen(
            golden_number(c, "found"), golden_number(c, "n"),
            (size_t)golden_element(c, "counts", 0), (size_t)golden_element(c, "counts", 1),
            (size_t)golden_element(c, "counts", 2), (size_t)golden_element(c, "counts", 3));
        near(e.value, golden_number(c, "value"), 1e-9);
        near(e.low, golden_number(c, "low"), 1e-9);
        near(e.high, golden_number(c, "high"), 1e-9);
    }
    near(sc_rogan_gladen(0.4, 200, 500, 500, 500, 500).value, 0.4, 1e-12); /* never wrong */
    assert_non_null(sc_rogan_gladen(0.4, 200, 50, 100, 50, 100).reason);
    assert_non_null(sc_rogan_gladen(0.4, 200, 0, 0, 50, 100).reason);
    assert_non_null(sc_rogan_gladen(0.4, 0, 99, 100, 50, 100).reason);
    assert_non_null(sc_rogan_gladen(NAN, 10, 99, 100, 50, 100).reason);
}

static void power_and_what_it_needs_agree(void **state)
{
    (void)state;
    size_t index;
    json_t *c;
    json_array_foreach(golden_cases(golden, "power"), index, c)
        near(sc_power(-golden_number(c, "shift"), 1), golden_number(c, "power"), 1e-9);
    json_array_foreach(golden_cases(golden, "needed"), index, c)
        assert_int_equal(sc_trials_needed(golden_number(c, "rate"), golden_number(c, "half")),
                         (size_t)golden_number(c, "n"));
    double detectable = sc_detectable_effect(0.05, 0.8);
    near(sc_power(detectable, 0.05), 0.8, 1e-9);
    assert_int_equal(sc_units_needed(detectable, 0.05, 100, 0.8), 100);
    assert_int_equal(sc_units_needed(detectable / 2, 0.05, 100, 0.8), 400);
    assert_true(sc_units_needed(0, 0.05, 100, 0.8) == SIZE_MAX);
    assert_true(isnan(sc_power(1, 0)) && isnan(sc_detectable_effect(0, 0.8)));
    assert_true(sc_trials_needed(2, 0.1) == SIZE_MAX && sc_trials_needed(0.5, 0) == SIZE_MAX);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void exhausted_memory_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        values[2 * i] = 1;
        values[2 * i + 1] = (double)(i * 7 % 40);
        flags[i] = i % 3 == 0;
        sizes[i] = 4;
        others[i] = i % 5;
    }
    for (int part = 0; part < 4; part++) {
        enum sc_status status = SC_ERR_NOMEM;
        size_t n = 0;
        for (; status != SC_OK && n < 50; n++) {
            struct sc_error error = {0};
            struct sc_logistic logistic;
            struct sc_beta_binomial fit = {.n = 40, .alpha = 1, .beta = 1};
            struct sc_estimate at[1];
            static const size_t k[] = {9};
            sc_memory_fail_at(n);
            if (part == 0)
                sc_cluster_rank_area(SC_AVERAGE_PRECISION,
                                     &(struct sc_scores){values, flags, others, 40, 5},
                                     (struct sc_draws){20, 1}, &error);
            else if (part == 1)
                sc_logistic_fit(&(struct sc_logistic_data){values, flags, others, 40, 2, 5},
                                &logistic, &error);
            else if (part == 2)
                sc_beta_binomial_extrapolate(&(struct sc_trials){sizes, others, 40}, k, 1,
                                             (struct sc_draws){10, 1}, at, &error);
            else
                sc_beta_binomial_check(&(struct sc_trials){sizes, others, 40}, &fit,
                                       (struct sc_draws){5, 1}, NULL, &error);
            assert_false(status == SC_OK && sc_memory_failed());
            sc_memory_fail_at(SIZE_MAX);
            status = error.status;
            assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        }
        assert_int_equal(status, SC_OK);
        assert_true(n > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(average_precision_is_that_of_the_reference),
        cmocka_unit_test(curves_are_those_of_the_reference),
        cmocka_unit_test(curves_agree_with_their_areas_and_say_why_there_is_none),
        cmocka_unit_test(a_weight_is_so_many_copies),
        cmocka_unit_test(areas_drawn_together_are_those_drawn_alone),
        cmocka_unit_test(regression_and_its_errors_are_those_of_the_reference),
        cmocka_unit_test(a_regression_that_cannot_be_fitted_gives_a_reason),
        cmocka_unit_test(the_beta_binomial_fit_is_that_of_the_reference),
        cmocka_unit_test(rates_that_are_all_alike_or_all_apart_are_fitted),
        cmocka_unit_test(corrected_shares_are_those_of_the_reference),
        cmocka_unit_test(power_and_what_it_needs_agree),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
