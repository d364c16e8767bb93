/* Two runs on the same prompts, as arrays: against tests/golden/paired.json (SciPy, statsmodels;
 * see make_paired_golden.py there), exact fractions that can be counted by hand, and simulation. */
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
#include "statistics/statistics.h"

enum { MOST = 400 };
static json_t *golden;

static int load(void **state)
{
    json_error_t error;
    (void)state;
    golden = json_load_file(TEST_GOLDEN "/paired.json", 0, &error);
    if (golden == NULL)
        print_error("paired.json: line %d: %s\n", error.line, error.text);
    return golden == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static size_t read_list(const json_t *list, double *out)
{
    size_t n = json_array_size(list);
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++)
        out[i] = json_number_value(json_array_get(list, i));
    return n;
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

static void mcnemar_is_that_of_statsmodels(void **state)
{
    (void)state;
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(golden, "turned"), i, one)
    {
        size_t b = (size_t)json_integer_value(json_object_get(one, "b"));
        size_t c = (size_t)json_integer_value(json_object_get(one, "c"));
        double p = json_number_value(json_object_get(one, "p"));
        near(sc_mcnemar_exact(b, c), p);
        near(sc_mcnemar_exact(c, b), p);
    }
    assert_true(i > 10);
}

static void mcnemar_takes_any_number_of_prompts(void **state)
{
    (void)state;
    assert_true(sc_mcnemar_exact(0, 0) >= 1);
    near(sc_mcnemar_exact(0, 5), 0.0625); /* 2 / 2^5 */
    near(sc_mcnemar_exact(3, 3), 1);
    double p = sc_mcnemar_exact(0, 1000); /* 2^-999, far below the smallest step of 1e-9 */
    assert_true(p > 1.8e-301 && p < 1.9e-301);
    assert_true(sc_mcnemar_exact(0, 100000) <= 0);
    near(sc_mcnemar_exact((size_t)1 << 30, (size_t)1 << 30), 1);
    assert_true(isnan(sc_mcnemar_exact((size_t)1 << 31, 1)));
}

static void permutation_by_signs_is_that_of_scipy(void **state)
{
    (void)state;
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(golden, "signs"), i, one)
    {
        double a[MOST], b[MOST], d[MOST];
        size_t n = read_list(json_object_get(one, "a"), a);
        assert_int_equal(read_list(json_object_get(one, "b"), b), n);
        for (size_t k = 0; k < n; k++)
            d[k] = b[k] - a[k];
        bool exact = false;
        near(sc_sign_flip_test(d, n, (struct sc_draws){10000, 0}, &exact, NULL),
             json_number_value(json_object_get(one, "p")));
        assert_true(exact);
        struct sc_estimate e = sc_paired_share_difference(a, b, n, (struct sc_draws){200, 0}, NULL);
        near(e.value, json_number_value(json_object_get(one, "difference")));
    }
    assert_true(i >= 5);
}

static void holm_is_that_of_statsmodels(void **state)
{
    (void)state;
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(golden, "holm"), i, one)
    {
        double p[MOST], expected[MOST], adjusted[MOST];
        size_t n = read_list(json_object_get(one, "p"), p);
        read_list(json_object_get(one, "adjusted"), expected);
        sc_holm(p, n, adjusted);
        for (size_t k = 0; k < n; k++)
            near(adjusted[k], expected[k]);
    }
}

static void differences_of_nothing_have_no_sign(void **state)
{
    (void)state;
    double zeros[40] = {0}, with_zeros[6] = {0, 0.2, 0, 0.4, 0, 0}, two[2] = {0.2, 0.4};
    struct sc_draws draws = {500, 1};
    bool exact = false;
    assert_true(sc_sign_flip_test(zeros, 40, draws, &exact, NULL) >= 1);
    assert_true(exact);
    near(sc_sign_flip_test(with_zeros, 6, draws, NULL, NULL),
         sc_sign_flip_test(two, 2, draws, NULL, NULL));
    assert_true(isnan(sc_sign_flip_test(zeros, 0, draws, NULL, NULL)));
    with_zeros[3] = NAN;
    assert_true(isnan(sc_sign_flip_test(with_zeros, 6, draws, NULL, NULL)));
    with_zeros[3] = INFINITY;
    assert_true(isnan(sc_sign_flip_test(with_zeros, 6, draws, NULL, NULL)));
}

static void many_differences_are_drawn_and_p_is_never_0(void **state)
{
    (void)state;
    double d[150], mixed[150];
    bool exact = true;
    for (size_t i = 0; i < 150; i++) {
        d[i] = 0.2;
        mixed[i] = i % 2 ? 0.2 : -0.2;
    }
    near(sc_sign_flip_test(d, 150, (struct sc_draws){999, 0}, &exact, NULL), 0.001);
    assert_false(exact);
    /* The sum is 0: every assignment is as far from it. */
    near(sc_sign_flip_test(mixed, 150, (struct sc_draws){999, 0}, NULL, NULL), 1);
    /* Drawn and counted agree: 17 differences against their 2^17 assignments. */
    double some[17], sum = 0, beyond = 0;
    for (size_t i = 0; i < 17; i++) {
        some[i] = (double)(i % 5) * 0.2 + 0.1;
        some[i] = i % 3 ? some[i] : -some[i];
        sum += some[i];
    }
    for (size_t signs = 0; signs < (size_t)1 << 17; signs++) {
        double other = 0;
        for (size_t i = 0; i < 17; i++)
            other += signs >> i & 1 ? -some[i] : some[i];
        beyond += fabs(other) >= fabs(sum) - 1e-9;
    }
    double p = beyond / (1 << 17);
    double drawn = sc_sign_flip_test(some, 17, (struct sc_draws){20000, 3}, &exact, NULL);
    assert_false(exact);
    assert_true(fabs(drawn - p) < 5 * sqrt(p * (1 - p) / 20000));
}

static void equal_differences_are_not_certain(void **state)
{
    (void)state;
    double a[30], b[30];
    struct sc_draws draws = {500, 2};
    for (size_t i = 0; i < 30; i++)
        a[i] = b[i] = (double)(i % 4) / 3;
    struct sc_estimate e = sc_paired_share_difference(a, b, 30, draws, NULL);
    struct sc_estimate w = sc_wilson(0, 30);
    near(e.value, 0);
    near(e.high, w.high);
    near(e.low, -w.high);
    for (size_t i = 0; i < 30; i++) {
        a[i] = 0;
        b[i] = 1;
    }
    e = sc_paired_share_difference(a, b, 30, draws, NULL);
    near(e.value, 1);
    near(e.high, 1);
    near(e.low, 1 - 2 * w.high);
    e = sc_paired_share_difference(a, b, 1, draws, NULL);
    assert_true(isnan(e.low) && isnan(e.high));
    e = sc_paired_share_difference(a, b, 0, draws, NULL);
    assert_true(isnan(e.value) && e.reason != NULL);
    b[3] = NAN;
    e = sc_paired_share_difference(a, b, 30, draws, NULL);
    assert_true(isnan(e.value) && e.reason != NULL);
}

/* Differences of two runs of 5 traces on n prompts; `lift` is added to the chance of the second. */
static void draw_pairs(struct sc_random *random, size_t n, double lift, double *a, double *b)
{
    for (size_t i = 0; i < n; i++) {
        double rate = sc_random_next(random), other = rate + lift > 1 ? 1 : rate + lift;
        a[i] = b[i] = 0;
        for (int t = 0; t < 5; t++) {
            a[i] += sc_random_next(random) < rate ? 0.2 : 0;
            b[i] += sc_random_next(random) < other ? 0.2 : 0;
        }
    }
}

static void intervals_hold_their_level(void **state)
{
    (void)state;
    struct sc_random random = {SC_STREAM_WEIGHTS, 5, 11, 0};
    double a[60], b[60];
    int covered = 0, runs = 300;
    for (int r = 0; r < runs; r++) {
        draw_pairs(&random, 60, 0, a, b);
        struct sc_estimate e =
            sc_paired_share_difference(a, b, 60, (struct sc_draws){400, (uint64_t)r}, NULL);
        covered += e.low <= 0 && 0 <= e.high;
    }
    assert_in_range(covered, runs * 90 / 100, runs * 985 / 1000);
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    double a[4] = {0, 0.5, 1, 1}, b[4] = {1, 0.5, 1, 0};
    struct sc_error error = {0};
    sc_memory_fail_at(0);
    assert_true(isnan(sc_sign_flip_test(a, 4, (struct sc_draws){10, 0}, NULL, &error)));
    sc_memory_fail_at(SIZE_MAX);
    assert_int_equal(error.status, SC_ERR_NOMEM);
    error = (struct sc_error){0};
    sc_memory_fail_at(0);
    struct sc_estimate e = sc_paired_share_difference(a, b, 4, (struct sc_draws){10, 0}, &error);
    sc_memory_fail_at(SIZE_MAX);
    assert_true(isnan(e.value) && error.status == SC_ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mcnemar_is_that_of_statsmodels),
        cmocka_unit_test(mcnemar_takes_any_number_of_prompts),
        cmocka_unit_test(permutation_by_signs_is_that_of_scipy),
        cmocka_unit_test(holm_is_that_of_statsmodels),
        cmocka_unit_test(differences_of_nothing_have_no_sign),
        cmocka_unit_test(many_differences_are_drawn_and_p_is_never_0),
        cmocka_unit_test(equal_differences_are_not_certain),
        cmocka_unit_test(intervals_hold_their_level),
        cmocka_unit_test(memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
