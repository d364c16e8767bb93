/* Confidence of a trace, against a plain implementation in long double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "confidence/confidence.h"

#define MOST 2000

/* Relative difference of at most 1e-12. */
static void assert_close(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-12 * fabs(expected)))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

static int compare(const void *a, const void *b)
{
    long double x = *(const long double *)a, y = *(const long double *)b;
    return (x > y) - (x < y);
}

static long double plain_mean(const float *x, size_t n)
{
    long double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (long double)x[i];
    return sum / (long double)n;
}

static void plain_metrics(const float *confidence, const float *logprob, size_t n, size_t window,
                          double *out)
{
    static long double means[MOST];
    size_t w = n < window ? n : window, n_windows = n - w + 1;
    for (size_t i = 0; i < n_windows; i++)
        means[i] = plain_mean(confidence + i, w);
    qsort(means, n_windows, sizeof *means, compare);
    size_t n_lowest = (size_t)(0.1 * (double)n_windows);
    n_lowest = n_lowest == 0 ? 1 : n_lowest;
    long double sum = 0;
    for (size_t i = 0; i < n_lowest; i++)
        sum += means[i];
    out[SC_METRIC_MEAN] = (double)plain_mean(confidence, n);
    out[SC_METRIC_LOWEST] = (double)means[0];
    out[SC_METRIC_BOTTOM10] = (double)(sum / (long double)n_lowest);
    out[SC_METRIC_TAIL] = (double)plain_mean(confidence + n - w, w);
    out[SC_METRIC_HEAD] = (double)plain_mean(confidence, w);
    out[SC_METRIC_PROB] = (double)expl(plain_mean(logprob, n));
    out[SC_METRIC_NLL] = (double)-plain_mean(logprob, n);
}

static void check(const float *confidence, const float *logprob, size_t n, size_t window)
{
    double found[SC_N_METRICS], expected[SC_N_METRICS];
    sc_trace_metrics(confidence, logprob, n, window, found);
    plain_metrics(confidence, logprob, n, window, expected);
    for (int i = 0; i < SC_N_METRICS; i++)
        assert_close(found[i], expected[i]);
}

static void random_trace(float *confidence, float *logprob, size_t n, int kind, uint64_t seed)
{
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = seed};
    for (size_t i = 0; i < n; i++) {
        double u = sc_random_next(&random), v = sc_random_next(&random);
        confidence[i] = kind == 0   ? (float)(3 + 20 * u)
                        : kind == 1 ? (float)(3 + (double)(int)(3 * u))    /* many ties */
                        : kind == 2 ? (float)exp(60 * (u - 0.5))           /* 13 orders apart */
                                    : (float)(v < 0.01 ? 1e20 : 1e-3 * u); /* giants among dwarfs */
        logprob[i] = (float)(log(v) * 2);
    }
}

static void metrics_are_those_of_a_plain_implementation(void **state)
{
    static float confidence[MOST], logprob[MOST];
    static const size_t sizes[] = {1,  2,  3,   9,   31,  32,  33,  41,  50,
                                   51, 52, 100, 131, 256, 331, 332, 999, MOST};
    static const size_t windows[] = {1, 2, 7, 32, 100, 2048};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++)
            for (int kind = 0; kind < 3; kind++) {
                random_trace(confidence, logprob, sizes[s], kind, s * 10 + w);
                check(confidence, logprob, sizes[s], windows[w]);
            }
}

/* A running sum in one double would lose the small values when a large one passes through. */
static void giant_figures_keep_their_sums(void **state)
{
    (void)state;
    static float confidence[MOST], logprob[MOST];
    random_trace(confidence, logprob, MOST, 3, 5);
    check(confidence, logprob, MOST, 32);
}

static void metrics_are_those_counted_by_hand(void **state)
{
    const float confidence[] = {4, 2, 6, 8}, logprob[] = {-1, 0, -0.5f, -0.5f};
    double m[SC_N_METRICS];
    (void)state;
    sc_trace_metrics(confidence, logprob, 4, 2, m);
    assert_true(m[SC_METRIC_MEAN] == 5 && m[SC_METRIC_LOWEST] == 3 && m[SC_METRIC_BOTTOM10] == 3);
    assert_true(m[SC_METRIC_TAIL] == 7 && m[SC_METRIC_HEAD] == 3 && m[SC_METRIC_NLL] == 0.5);
    assert_close(m[SC_METRIC_PROB], exp(-0.5));
    sc_trace_metrics(confidence, logprob, 4, 32, m); /* shorter than a window: one window */
    for (int i = SC_METRIC_MEAN; i <= SC_METRIC_HEAD; i++)
        assert_true(m[i] == 5);
    sc_trace_metrics(confidence, logprob, 4, 0, m); /* read as 1 */
    assert_true(m[SC_METRIC_LOWEST] == 2 && m[SC_METRIC_TAIL] == 8);
}

/* 20 windows: the lowest two; 19: the lowest one. */
static void bottom10_takes_a_tenth_of_the_windows_and_at_least_one(void **state)
{
    float confidence[20], logprob[20] = {0};
    double m[SC_N_METRICS];
    (void)state;
    for (int i = 0; i < 20; i++)
        confidence[i] = (float)((i * 7) % 20 + 1);
    sc_trace_metrics(confidence, logprob, 20, 1, m);
    assert_true(m[SC_METRIC_BOTTOM10] == 1.5 && m[SC_METRIC_LOWEST] == 1);
    sc_trace_metrics(confidence, logprob, 19, 1, m);
    assert_true(m[SC_METRIC_BOTTOM10] == m[SC_METRIC_LOWEST]);
}

static void a_trace_of_no_tokens_has_no_metrics(void **state)
{
    double m[SC_N_METRICS] = {0};
    (void)state;
    sc_trace_metrics(NULL, NULL, 0, 32, m);
    for (int i = 0; i < SC_N_METRICS; i++)
        assert_true(isnan(m[i]));
}

/* A figure that is not a number must not hide in a minimum. */
static void what_is_not_finite_shows_in_its_metrics(void **state)
{
    float confidence[100], logprob[100];
    const float bad[] = {NAN, INFINITY, -INFINITY};
    double m[SC_N_METRICS];
    (void)state;
    for (int b = 0; b < 3; b++) {
        random_trace(confidence, logprob, 100, 0, 3);
        confidence[60] = bad[b];
        sc_trace_metrics(confidence, logprob, 100, 8, m);
        for (int i = SC_METRIC_MEAN; i <= SC_METRIC_HEAD; i++)
            assert_true(isnan(m[i]));
        assert_true(isfinite(m[SC_METRIC_PROB]) && isfinite(m[SC_METRIC_NLL]));
        confidence[60] = 5;
        logprob[99] = bad[b];
        sc_trace_metrics(confidence, logprob, 100, 8, m);
        assert_true(isfinite(m[SC_METRIC_LOWEST]));
        assert_true(isnan(m[SC_METRIC_PROB]) && isnan(m[SC_METRIC_NLL]));
    }
}

static void a_certain_trace_has_finite_metrics(void **state)
{
    const float confidence[] = {20, 20}, logprob[] = {1e-8f, 0}; /* rounded above 0 */
    double m[SC_N_METRICS];
    (void)state;
    sc_trace_metrics(confidence, logprob, 2, 32, m);
    assert_true(m[SC_METRIC_PROB] == 1);
    sc_trace_metrics(confidence, logprob + 1, 1, 32, m);
    assert_true(m[SC_METRIC_NLL] == 0 && !signbit(m[SC_METRIC_NLL]));
}

static void a_signed_metric_rises_with_confidence(void **state)
{
    (void)state;
    assert_true(sc_metric_as_confidence(SC_METRIC_NLL, 2) == -2);
    for (int i = 0; i < SC_METRIC_NLL; i++)
        assert_true(sc_metric_as_confidence((enum sc_metric)i, 2) == 2);
    assert_true(isnan(sc_metric_as_confidence(SC_METRIC_NLL, NAN)));
}

/* The longest trace: the same twice, and its parts agree with one another. */
static void a_long_trace_costs_its_length_alone(void **state)
{
    size_t n = 32768;
    float *confidence = malloc(n * sizeof *confidence), *logprob = malloc(n * sizeof *logprob);
    double once[SC_N_METRICS], twice[SC_N_METRICS];
    (void)state;
    assert_non_null(confidence);
    assert_non_null(logprob);
    random_trace(confidence, logprob, n, 0, 8);
    sc_trace_metrics(confidence, logprob, n, 2048, once);
    sc_trace_metrics(confidence, logprob, n, 2048, twice);
    for (int i = 0; i < SC_N_METRICS; i++)
        assert_true(once[i] == twice[i]);
    assert_close(once[SC_METRIC_TAIL], (double)plain_mean(confidence + n - 2048, 2048));
    assert_true(once[SC_METRIC_LOWEST] <= once[SC_METRIC_BOTTOM10]);
    assert_true(once[SC_METRIC_BOTTOM10] <= once[SC_METRIC_MEAN]);
    free(confidence);
    free(logprob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_those_of_a_plain_implementation),
        cmocka_unit_test(giant_figures_keep_their_sums),
        cmocka_unit_test(metrics_are_those_counted_by_hand),
        cmocka_unit_test(bottom10_takes_a_tenth_of_the_windows_and_at_least_one),
        cmocka_unit_test(a_trace_of_no_tokens_has_no_metrics),
        cmocka_unit_test(what_is_not_finite_shows_in_its_metrics),
        cmocka_unit_test(a_certain_trace_has_finite_metrics),
        cmocka_unit_test(a_signed_metric_rises_with_confidence),
        cmocka_unit_test(a_long_trace_costs_its_length_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
