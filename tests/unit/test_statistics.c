/* Statistics against tests/golden/statistics.json (NumPy, SciPy, scikit-learn, exact fractions; see
 * make_statistics_golden.py there), published examples, and simulation. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/models.h"

#define MOST 1000
#define MOST_BINS 100

static json_t *golden;

static int load(void **state)
{
    json_error_t error;
    (void)state;
    golden = json_load_file(TEST_GOLDEN "/statistics.json", 0, &error);
    if (golden == NULL)
        print_error("statistics.json: line %d: %s\n", error.line, error.text);
    return golden == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static json_t *cases(const char *name)
{
    json_t *list = json_object_get(golden, name);
    assert_true(json_is_array(list) && json_array_size(list) > 0);
    return list;
}

static double number(const json_t *value)
{
    assert_true(json_is_number(value) || json_is_null(value));
    return json_is_null(value) ? NAN : json_number_value(value);
}

static double number_at(const json_t *list, size_t i)
{
    assert_true(i < json_array_size(list));
    return number(json_array_get(list, i));
}

static size_t size_at(const json_t *list, size_t i)
{
    return (size_t)number_at(list, i);
}

static double field(const json_t *object, const char *key)
{
    return number(json_object_get(object, key));
}

static size_t doubles(const json_t *object, const char *key, double *out)
{
    const json_t *list = json_object_get(object, key);
    size_t n = json_array_size(list);
    assert_true(json_is_array(list) && n <= MOST);
    for (size_t i = 0; i < n; i++)
        out[i] = number_at(list, i);
    return n;
}

static size_t bools(const json_t *object, const char *key, bool *out)
{
    const json_t *list = json_object_get(object, key);
    size_t n = json_array_size(list);
    assert_true(json_is_array(list) && n <= MOST);
    for (size_t i = 0; i < n; i++)
        out[i] = json_is_true(json_array_get(list, i));
    return n;
}

/* 1e-9 of the larger of 1e-3 and the value: relative for all but very small ones. */
static void assert_close(double found, double expected)
{
    if (isnan(expected) ? !isnan(found)
                        : !(fabs(found - expected) <= 1e-9 * fmax(1e-3, fabs(expected))))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

static void assert_interval(const struct sc_estimate *e, const json_t *interval)
{
    assert_close(e->low, number_at(interval, 0));
    assert_close(e->high, number_at(interval, 1));
}

static void assert_none(struct sc_estimate e)
{
    assert_true(isnan(e.value) && isnan(e.low) && isnan(e.high) && e.reason != NULL);
}

/* ---- against the golden values --------------------------------------------------------------- */

static void means_percentiles_and_intervals_are_those_of_the_reference(void **state)
{
    (void)state;
    double x[MOST], scratch[MOST];
    size_t i;
    json_t *c;
    assert_true(sc_mean((double[]){1e17, 1, -1e17, 3}, 4) == 1);
    json_array_foreach(cases("summary"), i, c)
    {
        size_t n = doubles(c, "x", x), j;
        json_t *q;
        assert_close(sc_mean(x, n), field(c, "mean"));
        assert_close(sc_variance(x, n), field(c, "variance"));
        json_array_foreach(json_object_get(c, "percentiles"), j, q)
            assert_close(sc_percentile(x, n, number_at(q, 0), scratch), number_at(q, 1));
        struct sc_estimate e = sc_mean_t(x, n);
        assert_close(e.value, field(c, "mean"));
        assert_true((e.reason == NULL) == (n > 0) && e.n == n);
        if (json_object_get(c, "t") != NULL)
            assert_interval(&e, json_object_get(c, "t"));
        else if (n > 1)
            assert_true(e.low == e.value && e.high == e.value);
        else
            assert_true(isnan(e.low) && isnan(e.high));
    }
}

static void intervals_of_proportions_are_those_of_the_reference(void **state)
{
    size_t i;
    json_t *c;
    (void)state;
    json_array_foreach(cases("wilson"), i, c)
    {
        struct sc_estimate e = sc_wilson((size_t)field(c, "s"), (size_t)field(c, "n"));
        assert_close(e.value, field(c, "value"));
        assert_interval(&e, json_object_get(c, "ci"));
        assert_true(e.low <= e.value && e.value <= e.high);
    }
    json_array_foreach(cases("newcombe"), i, c)
    {
        const json_t *t = json_object_get(c, "table");
        struct sc_estimate e =
            sc_newcombe(size_at(t, 0), size_at(t, 1), size_at(t, 2), size_at(t, 3));
        assert_close(e.value, field(c, "value"));
        assert_interval(&e, json_object_get(c, "ci"));
    }
    json_array_foreach(cases("risk_ratio"), i, c)
    {
        const json_t *t = json_object_get(c, "table");
        struct sc_estimate e =
            sc_risk_ratio(size_at(t, 0), size_at(t, 1), size_at(t, 2), size_at(t, 3));
        assert_close(e.value, field(c, "value"));
        assert_interval(&e, json_object_get(c, "ci"));
        assert_true((e.reason != NULL) == isnan(e.value));
    }
}

static void fisher_s_test_is_that_of_the_reference(void **state)
{
    size_t i;
    json_t *c;
    (void)state;
    json_array_foreach(cases("fisher"), i, c)
    {
        const json_t *t = json_object_get(c, "table");
        size_t k[4] = {size_at(t, 0), size_at(t, 1), size_at(t, 2), size_at(t, 3)};
        double p = field(c, "p"), tolerance = 1e-9 * fmax(p, 1e-12);
        double found[] = {sc_fisher_exact(k[0], k[1], k[2], k[3]),
                          sc_fisher_exact(k[2], k[3], k[0], k[1]),  /* rows exchanged */
                          sc_fisher_exact(k[1], k[0], k[3], k[2]),  /* columns exchanged */
                          sc_fisher_exact(k[0], k[2], k[1], k[3])}; /* transposed */
        for (int j = 0; j < 4; j++)
            if (!(fabs(found[j] - p) <= tolerance))
                fail_msg("%zu %zu %zu %zu: expected %.17g, found %.17g", k[0], k[1], k[2], k[3], p,
                         found[j]);
    }
}

static void success_in_k_tries_is_exact(void **state)
{
    size_t i;
    json_t *c;
    (void)state;
    json_array_foreach(cases("at_k"), i, c)
        assert_close(sc_at_k(size_at(c, 0), size_at(c, 1), size_at(c, 2)), number_at(c, 3));
}

static void risk_coverage_areas_are_those_of_the_reference(void **state)
{
    (void)state;
    size_t i;
    json_t *c;
    json_array_foreach(cases("aurc"), i, c)
    {
        double score[MOST];
        bool harmful[MOST];
        size_t own[MOST], n = doubles(c, "score", score);
        bools(c, "harmful", harmful);
        for (size_t j = 0; j < n; j++)
            own[j] = j;
        struct sc_estimate e =
            sc_cluster_rank_area(SC_RISK_COVERAGE, &(struct sc_scores){score, harmful, own, n, n},
                                 (struct sc_draws){1, 1}, NULL);
        assert_close(e.value, field(c, "value"));
    }
}

static void calibration_is_that_of_the_reference(void **state)
{
    size_t i;
    json_t *c;
    double x[MOST];
    bool y[MOST];
    struct sc_calibration_bin bins[MOST_BINS];
    (void)state;
    json_array_foreach(cases("calibration"), i, c)
    {
        size_t n = doubles(c, "predicted", x);
        const json_t *expected = json_object_get(c, "bins");
        size_t n_bins = json_array_size(expected);
        bools(c, "observed", y);
        assert_close(sc_calibration(x, y, n, n_bins, bins), field(c, "value"));
        for (size_t b = 0; b < n_bins; b++) {
            const json_t *bin = json_array_get(expected, b);
            assert_int_equal(bins[b].n, size_at(bin, 0));
            assert_close(bins[b].mean_predicted, number_at(bin, 1));
            assert_close(bins[b].mean_observed, number_at(bin, 2));
        }
    }
    /* the edges are those of the bins, not where a product rounds to (1.0 / 49 * 49 < 1) */
    for (size_t n_bins = 1; n_bins <= MOST_BINS; n_bins++)
        for (size_t b = 0; b < n_bins; b++) {
            x[0] = (double)b / (double)n_bins;
            sc_calibration(x, y, 1, n_bins, bins);
            assert_true(bins[b].n == 1 && bins[b].low == x[0]);
            x[0] = nextafter((double)(b + 1) / (double)n_bins, 0);
            sc_calibration(x, y, 1, n_bins, bins);
            assert_int_equal(bins[b].n, 1);
        }
    x[0] = 1;
    sc_calibration(x, y, 1, 10, bins);
    assert_true(bins[9].n == 1 && bins[9].high == 1);
}

static void adjusted_p_values_and_entropy_are_those_of_the_reference(void **state)
{
    size_t i, counts[MOST];
    json_t *c;
    double p[MOST], found[MOST], expected[MOST];
    (void)state;
    json_array_foreach(cases("holm"), i, c)
    {
        size_t n = doubles(c, "p", p);
        doubles(c, "adjusted", expected);
        sc_holm(p, n, found);
        for (size_t j = 0; j < n; j++)
            assert_close(found[j], expected[j]);
    }
    json_array_foreach(cases("entropy"), i, c)
    {
        size_t n = doubles(c, "counts", p);
        for (size_t j = 0; j < n; j++)
            counts[j] = (size_t)p[j];
        assert_close(sc_entropy_of_counts(counts, n), field(c, "value"));
    }
}

/* p of a sample of permutations lies within 5 standard errors of the exact one. */
static void permutation_p_values_are_near_the_exact_ones(void **state)
{
    size_t i, n_permutations = 20000, stratum[MOST];
    json_t *c;
    double outcome[MOST], s[MOST], difference;
    bool group[MOST];
    (void)state;
    json_array_foreach(cases("permutation"), i, c)
    {
        size_t n = doubles(c, "outcome", outcome);
        bools(c, "group", group);
        doubles(c, "stratum", s);
        for (size_t j = 0; j < n; j++)
            stratum[j] = (size_t)s[j] * 1000;
        double exact = field(c, "p");
        double p = sc_permutation_test(&(struct sc_grouped){outcome, group, stratum, n},
                                       (struct sc_draws){n_permutations, 3}, &difference, NULL);
        assert_close(difference, field(c, "difference"));
        assert_true(fabs(p - exact) <
                    5 * sqrt(exact * (1 - exact) / (double)n_permutations) + 1e-4);
        assert_true(p == sc_permutation_test(&(struct sc_grouped){outcome, group, stratum, n},
                                             (struct sc_draws){n_permutations, 3}, NULL, NULL));
        for (size_t j = 0; j < n / 2; j++) { /* in another order: the same */
            double o = outcome[j];
            size_t t = stratum[j];
            bool g = group[j];
            outcome[j] = outcome[n - 1 - j], outcome[n - 1 - j] = o;
            stratum[j] = stratum[n - 1 - j], stratum[n - 1 - j] = t;
            group[j] = group[n - 1 - j], group[n - 1 - j] = g;
        }
        assert_true(p == sc_permutation_test(&(struct sc_grouped){outcome, group, stratum, n},
                                             (struct sc_draws){n_permutations, 3}, NULL, NULL));
    }
}

/* Equal sums are equal however their terms round: the same outcomes on another scale. */
static void equal_sums_count_as_equal_in_a_permutation_test(void **state)
{
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 8, .key = 97};
    (void)state;
    for (int round = 0; round < 200; round++) {
        double whole[30], scaled[30];
        bool group[30];
        for (size_t i = 0; i < 30; i++) {
            whole[i] = (double)sc_random_below(&random, 4);
            scaled[i] = 0.1 * whole[i] + 0.7;
            group[i] = i < 12;
        }
        assert_true(sc_permutation_test(&(struct sc_grouped){whole, group, NULL, 30},
                                        (struct sc_draws){99, 5}, NULL, NULL) ==
                    sc_permutation_test(&(struct sc_grouped){scaled, group, NULL, 30},
                                        (struct sc_draws){99, 5}, NULL, NULL));
    }
}

/* Also where resamples meet groups without a member, which are drawn again for that one alone. */
static void ratios_together_are_what_they_are_alone(void **state)
{
    (void)state;
    enum { N = 9, KINDS = 5 };
    const double shares[N] = {1, 0, 1, 0, 1, 1, 0, 0, 1}, ones[N] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const double sparse[N] = {0, 0, 1, 0, 0, 0, 1, 0, 0}, first[N] = {0, 0, 1, 0, 0, 0, 0, 0, 0};
    const double amounts[N] = {3, 1, 4, 1, 5, 9, 2, 6, 5};
    const struct sc_ratio ratios[KINDS] = {{shares, ones, N, true},
                                           {first, sparse, N, true},
                                           {amounts, ones, N, false},
                                           {amounts, ones, N - 2, false},
                                           {first, sparse, N, false}};
    struct sc_estimate together[KINDS];
    sc_cluster_ratios(ratios, KINDS, (struct sc_draws){500, 3}, together, NULL);
    for (size_t k = 0; k < KINDS; k++) {
        const struct sc_ratio *r = &ratios[k];
        struct sc_estimate alone = (r->is_proportion ? sc_cluster_proportion : sc_cluster_ratio)(
            r->numerator, r->denominator, r->n, 500, 3, NULL);
        assert_memory_equal(&together[k], &alone, sizeof alone);
        assert_true(alone.low <= alone.value && alone.value <= alone.high);
    }
}

static void bootstrap_intervals_are_near_the_reference_s(void **state)
{
    size_t i;
    json_t *c;
    double a[MOST], b[MOST], ones[MOST], zeros[MOST] = {0};
    (void)state;
    for (i = 0; i < MOST; i++)
        ones[i] = 1;
    json_array_foreach(cases("bootstrap"), i, c)
    {
        size_t n = doubles(c, "numerator", a), n_resamples = (size_t)field(c, "resamples");
        const json_t *ci = json_object_get(c, "ci"), *spread = json_object_get(c, "spread");
        doubles(c, "denominator", b);
        struct sc_estimate e = sc_cluster_ratio(a, b, n, n_resamples, 9, NULL);
        struct sc_estimate p = sc_cluster_proportion(a, b, n, n_resamples, 9, NULL);
        assert_close(e.value, field(c, "value"));
        assert_true(fabs(e.low - number_at(ci, 0)) < 6 * number_at(spread, 0));
        assert_true(fabs(e.high - number_at(ci, 1)) < 6 * number_at(spread, 1));
        assert_memory_equal(&e, &p, sizeof e);
        p = sc_cluster_ratio(a, b, n, n_resamples, 10, NULL);
        assert_true(p.value == e.value);
        assert_true(p.low != e.low || p.high != e.high); /* the seed counts */
        /* a mean of differences is a ratio with denominators of 1 */
        e = sc_paired_difference(a, zeros, n, 4000, 1, NULL);
        p = sc_cluster_ratio(a, ones, n, 4000, 1, NULL);
        assert_close(e.value, p.value);
        assert_true(fabs(e.low - p.low) + fabs(e.high - p.high) < 0.15 * (p.high - p.low));
    }
}

/* ---- published examples ---------------------------------------------------------------------- */

static void assert_printed(double found, double printed)
{
    if (!(fabs(found - printed) <= 0.5001e-4))
        fail_msg("expected %.4f, found %.6f", printed, found);
}

static void published_examples_are_reproduced(void **state)
{
    (void)state;
    /* Newcombe 1998 (Statistics in Medicine 17:857-890): Wilson limits of 81/263, and table II's
     * examples of method 10. */
    struct sc_estimate e = sc_wilson(81, 263);
    assert_printed(e.low, 0.2553);
    assert_printed(e.high, 0.3662);
    static const struct {
        size_t table[4];
        double low, high;
    } rows[] = {
        {{56, 70, 48, 80}, 0.0524, 0.3339}, {{9, 10, 3, 10}, 0.1705, 0.8090},
        {{6, 7, 2, 7}, 0.0582, 0.8062},     {{5, 56, 0, 29}, -0.0381, 0.1926},
        {{0, 10, 0, 20}, -0.1611, 0.2775},  {{0, 10, 0, 10}, -0.2775, 0.2775},
        {{10, 10, 0, 20}, 0.6791, 1.0000},  {{10, 10, 0, 10}, 0.6075, 1.0000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t *t = rows[i].table;
        e = sc_newcombe(t[0], t[1], t[2], t[3]);
        assert_printed(e.low, rows[i].low);
        assert_printed(e.high, rows[i].high);
    }
    /* Fisher's tea: 2 (1 + 16) / 70 */
    assert_close(sc_fisher_exact(3, 1, 1, 3), 34.0 / 70);
}

/* ---- what must not look like a result -------------------------------------------------------- */

static void nothing_to_compute_from_gives_a_reason(void **state)
{
    double x[] = {1, 2, NAN}, d = 0, scratch[3];
    bool yes[] = {true, true, true}, mixed[] = {true, false, true};
    struct sc_calibration_bin bins[2];
    (void)state;
    assert_true(isnan(sc_mean(NULL, 0)) && isnan(sc_variance(x, 1)));
    assert_true(isnan(sc_percentile(NULL, 0, 50, NULL)) && isnan(sc_percentile(x, 3, 50, scratch)));
    assert_true(isnan(sc_percentile(x, 2, -1, scratch)));
    assert_true(isnan(sc_percentile(x, 2, NAN, scratch)));
    assert_none(sc_mean_t(NULL, 0));
    assert_none(sc_mean_t(x, 3));
    assert_none(sc_wilson(0, 0));
    assert_none(sc_wilson(3, 2));
    assert_none(sc_newcombe(0, 0, 1, 2));
    assert_none(sc_newcombe(1, 2, 3, 2));
    assert_none(sc_risk_ratio(1, 2, 0, 2));
    assert_none(sc_risk_ratio(1, 0, 1, 2));
    assert_true(isnan(sc_fisher_exact(SIZE_MAX, 1, 1, SIZE_MAX)));
    assert_true(isnan(sc_at_k(3, 1, 4)) && isnan(sc_at_k(3, 4, 1)));
    assert_true(isnan(sc_permutation_test(&(struct sc_grouped){x, yes, NULL, 2},
                                          (struct sc_draws){10, 0}, &d, NULL)) &&
                isnan(d));
    assert_true(isnan(sc_permutation_test(&(struct sc_grouped){x, mixed, NULL, 3},
                                          (struct sc_draws){10, 0}, &d, NULL)));
    assert_true(isnan(sc_calibration(NULL, NULL, 0, 2, bins)) && bins[1].n == 0);
    assert_true(isnan(sc_calibration(x, yes, 2, 2, bins)) && bins[0].n == 0); /* 2 is not a share */
    assert_none(sc_cluster_ratio(NULL, NULL, 0, 10, 0, NULL));
    assert_none(sc_cluster_ratio(x, (double[]){0, 0}, 2, 10, 0, NULL));
    assert_none(sc_cluster_ratio(x, (double[]){1, -1}, 2, 10, 0, NULL));
    assert_none(sc_cluster_ratio(x, (double[]){1, 1, 1}, 3, 10, 0, NULL));
    assert_none(sc_cluster_proportion(x, (double[]){1, 1}, 2, 10, 0, NULL)); /* 2 of 1 */
    assert_none(sc_paired_difference(x, x, 0, 10, 0, NULL));
    assert_none(sc_paired_difference(x, x, 3, 10, 0, NULL));
    struct sc_estimate e = sc_paired_difference(x, (double[]){3}, 1, 10, 0, NULL);
    assert_true(e.value == -2 && isnan(e.low) && isnan(e.high) && e.reason == NULL);
    e = sc_cluster_ratio(x, (double[]){2, 0}, 1, 10, 0, NULL);
    assert_true(e.value == 0.5 && isnan(e.low) && isnan(e.high));
}

/* Where no prompt varies, the interval is not a point. */
static void no_variation_is_not_certainty(void **state)
{
    double zero[200] = {0}, five[200], some[200];
    (void)state;
    for (int i = 0; i < 200; i++) {
        five[i] = i % 4 == 0 ? 0 : 5; /* a quarter of the prompts have nothing to count */
        some[i] = five[i] > 0 ? i % 3 : 0;
    }
    struct sc_estimate e = sc_cluster_proportion(zero, five, 200, 500, 1, NULL);
    struct sc_estimate w = sc_wilson(0, 150);
    assert_true(e.value == 0 && e.low == 0 && e.n == 750);
    assert_close(e.high, w.high);
    e = sc_cluster_proportion(five, five, 200, 500, 1, NULL);
    assert_true(e.value == 1 && e.high == 1 && e.low < 1);
    e = sc_cluster_ratio(five, five, 200, 500, 1, NULL); /* no proportion: 1 is 1 */
    assert_true(e.value == 1 && e.low == 1 && e.high == 1);
    e = sc_cluster_proportion(five, five, 1, 500, 1, NULL);
    assert_none(e); /* its one prompt has nothing */
    /* differences: neither varies; one varies */
    e = sc_cluster_proportion_difference((struct sc_proportions){zero, five},
                                         (struct sc_proportions){zero, five}, 200,
                                         (struct sc_draws){500, 1}, NULL);
    w = sc_newcombe(0, 150, 0, 150);
    assert_true(e.value == 0);
    assert_close(e.low, w.low);
    assert_close(e.high, w.high);
    e = sc_cluster_proportion_difference((struct sc_proportions){some, five},
                                         (struct sc_proportions){zero, five}, 200,
                                         (struct sc_draws){500, 1}, NULL);
    struct sc_estimate s = sc_cluster_proportion(some, five, 200, 500, 1, NULL);
    assert_close(e.value, s.value);
    assert_close(e.high, s.high);
    assert_true(e.low < s.low);
    /* the same group twice: pairing leaves no doubt */
    e = sc_cluster_proportion_difference((struct sc_proportions){some, five},
                                         (struct sc_proportions){some, five}, 200,
                                         (struct sc_draws){500, 1}, NULL);
    assert_true(e.value == 0 && e.low == 0 && e.high == 0);
    /* groups in different prompts, often all of one kind: empty resamples are drawn again */
    double a[] = {1, 2, 0, 0}, na[] = {3, 3, 0, 0}, b[] = {0, 0, 1, 3}, nb[] = {0, 0, 3, 3};
    e = sc_cluster_proportion_difference((struct sc_proportions){a, na},
                                         (struct sc_proportions){b, nb}, 4,
                                         (struct sc_draws){2000, 1}, NULL);
    assert_true(e.value == 0.5 - 4.0 / 6 && e.low >= -1 && e.low < e.value && e.high > e.value);
    assert_int_equal(e.n, 12);
}

/* ---- coverage by simulation ------------------------------------------------------------------ */

/* Of how many experiments the interval holds the truth: Wilson's at least 0.92 for these (its known
 * range), the bootstrap over 60 prompts near 0.95. */
static void intervals_cover_as_often_as_they_say(void **state)
{
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 6, .key = 99};
    const double truths[] = {0.05, 0.3, 0.5};
    (void)state;
    for (int t = 0; t < 3; t++) {
        int n_rounds = 5000, n_held = 0;
        for (int round = 0; round < n_rounds; round++) {
            size_t successes = 0;
            for (int i = 0; i < 40; i++)
                successes += sc_random_next(&random) < truths[t];
            struct sc_estimate e = sc_wilson(successes, 40);
            n_held += e.low <= truths[t] && truths[t] <= e.high;
        }
        print_message("Wilson, n 40, p %.2f: %.3f\n", truths[t], (double)n_held / n_rounds);
        assert_true(n_held > 0.92 * n_rounds && n_held < 0.985 * n_rounds);
    }
    /* Prompts of 5 traces whose rate is uniform on [0, 0.6]: the traces of a prompt resemble one
     * another, and an interval that took them as independent would hold the truth too seldom. */
    int n_rounds = 300, n_held = 0, n_naive = 0;
    for (int round = 0; round < n_rounds; round++) {
        double refused[60], n_traces[60];
        size_t total = 0;
        for (int i = 0; i < 60; i++) {
            double rate = 0.6 * sc_random_next(&random);
            refused[i] = 0;
            n_traces[i] = 5;
            for (int j = 0; j < 5; j++)
                refused[i] += sc_random_next(&random) < rate;
            total += (size_t)refused[i];
        }
        struct sc_estimate e =
            sc_cluster_proportion(refused, n_traces, 60, 300, (uint64_t)round, NULL);
        struct sc_estimate naive = sc_wilson(total, 300);
        n_held += e.low <= 0.3 && 0.3 <= e.high;
        n_naive += naive.low <= 0.3 && 0.3 <= naive.high;
    }
    print_message("bootstrap over 60 prompts: %.3f (Wilson over traces: %.3f)\n",
                  (double)n_held / n_rounds, (double)n_naive / n_rounds);
    assert_true(n_held > 0.90 * n_rounds && n_held < 0.985 * n_rounds);
    assert_true(n_naive < n_held);
}

/* Under the null every p is equally likely: at 0.05 a test cries wolf in 5 % of experiments. */
static void tests_raise_no_more_false_alarms_than_they_say(void **state)
{
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 7, .key = 98};
    int n_rounds = 600, n_permutation = 0, n_fisher = 0;
    (void)state;
    for (int round = 0; round < n_rounds; round++) {
        double outcome[40];
        size_t stratum[40], counts[2][2] = {{0}};
        bool group[40];
        for (int i = 0; i < 40; i++) {
            stratum[i] = (size_t)i % 2; /* strata differ in outcome and in the share of the group */
            outcome[i] = sc_random_next(&random) + 3 * (double)stratum[i];
            group[i] = i < 2 ? i == 0 : sc_random_next(&random) < (stratum[i] ? 0.8 : 0.3);
            double value = sc_random_next(&random);
            counts[group[i]][value < 0.3]++;
        }
        n_permutation +=
            sc_permutation_test(&(struct sc_grouped){outcome, group, stratum, 40},
                                (struct sc_draws){199, (uint64_t)round}, NULL, NULL) <= 0.05;
        n_fisher += sc_fisher_exact(counts[0][0], counts[0][1], counts[1][0], counts[1][1]) <= 0.05;
    }
    double rounds = n_rounds;
    print_message("false alarms at 0.05: permutation %.3f, Fisher %.3f\n", n_permutation / rounds,
                  n_fisher / rounds);
    /* 4 standard deviations */
    assert_true(n_permutation > 0.02 * rounds && n_permutation < 0.085 * rounds);
    assert_true(n_fisher < 0.065 * rounds); /* conservative */
}

/* ---- size and memory ------------------------------------------------------------------------- */

/* Also that they end: the walk must not run through a billion vanishing terms. */
static void large_tables_take_little_time(void **state)
{
    (void)state;
    assert_true(sc_fisher_exact(500000000, 500000000, 500000000, 500000000) == 1);
    double p = sc_fisher_exact(500010000, 499990000, 500000000, 500000000);
    /* normal approximation with continuity: z = (10000 - 0.5 * 2 / 1) / sqrt(1e9 / 2) */
    double z = (10000 - 1) / sqrt(5e8);
    assert_true(fabs(p - erfc(z / sqrt(2))) < 1e-5);
    assert_true(sc_fisher_exact(1000000, 0, 0, 1000000) == 0); /* below what a double holds */
}

static void exhausted_memory_is_an_error(void **state)
{
    double x[] = {1, 2, 3, 4}, y[] = {4, 4, 4, 5};
    bool mixed[] = {true, false, true, false};
    (void)state;
#define FAILS(expression)                                                                          \
    do {                                                                                           \
        struct sc_error error = {0};                                                               \
        sc_memory_fail_at(0);                                                                      \
        double value = expression;                                                                 \
        sc_memory_fail_at(SIZE_MAX);                                                               \
        assert_true(isnan(value) && error.status == SC_ERR_NOMEM && error.text[0] != '\0');        \
    } while (0)
    FAILS(sc_cluster_ratio(x, y, 4, 10, 0, &error).value);
    FAILS(sc_cluster_proportion(x, y, 4, 10, 0, &error).low);
    FAILS(sc_cluster_proportion_difference((struct sc_proportions){x, y},
                                           (struct sc_proportions){y, y}, 4,
                                           (struct sc_draws){10, 0}, &error)
              .value);
    FAILS(sc_cluster_proportion_difference((struct sc_proportions){x, y},
                                           (struct sc_proportions){(double[]){2, 2, 1, 1}, y}, 4,
                                           (struct sc_draws){10, 0}, &error)
              .low);
    FAILS(sc_paired_difference(x, y, 4, 10, 0, &error).value);
    FAILS(sc_permutation_test(&(struct sc_grouped){x, mixed, NULL, 4}, (struct sc_draws){10, 0},
                              NULL, &error));
    FAILS(sc_paired_difference(x, y, 4, SIZE_MAX / 4, 0, &error).value); /* no such memory */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratios_together_are_what_they_are_alone),
        cmocka_unit_test(means_percentiles_and_intervals_are_those_of_the_reference),
        cmocka_unit_test(intervals_of_proportions_are_those_of_the_reference),
        cmocka_unit_test(fisher_s_test_is_that_of_the_reference),
        cmocka_unit_test(success_in_k_tries_is_exact),
        cmocka_unit_test(risk_coverage_areas_are_those_of_the_reference),
        cmocka_unit_test(calibration_is_that_of_the_reference),
        cmocka_unit_test(adjusted_p_values_and_entropy_are_those_of_the_reference),
        cmocka_unit_test(permutation_p_values_are_near_the_exact_ones),
        cmocka_unit_test(equal_sums_count_as_equal_in_a_permutation_test),
        cmocka_unit_test(bootstrap_intervals_are_near_the_reference_s),
        cmocka_unit_test(published_examples_are_reproduced),
        cmocka_unit_test(nothing_to_compute_from_gives_a_reason),
        cmocka_unit_test(no_variation_is_not_certainty),
        cmocka_unit_test(intervals_cover_as_often_as_they_say),
        cmocka_unit_test(tests_raise_no_more_false_alarms_than_they_say),
        cmocka_unit_test(large_tables_take_little_time),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
