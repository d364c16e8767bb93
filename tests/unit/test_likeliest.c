/* What follows from the likeliest tokens alone: confidence, and bounds of the entropy. */
#include <math.h>
#include <safeconf/vocabulary.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "vocabulary/likeliest.h"

static void the_largest_are_kept_in_order(void **state)
{
    static const float given[] = {-3, -1, -2, -5, -1, -4};
    float kept[3];
    size_t n = 0;
    (void)state;

    for (size_t i = 0; i < 6; i++)
        n = sc_likeliest_put(kept, n, 3, given[i]);
    assert_int_equal(n, 3);
    assert_true(kept[0] == -1 && kept[1] == -1 && kept[2] == -2);
    assert_true(sc_likeliest_confidence(kept, 3) == (float)(4.0 / 3.0));
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Whatever the rest of a distribution is, its entropy lies between the bounds. */
static void entropy_lies_between_its_bounds(void **state)
{
    enum { N = 60, TRIES = 400 };
    (void)state;

    for (uint32_t t = 0; t < TRIES; t++) {
        struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 5, .key = t};
        double p[N], sum = 0, entropy = 0, sharpness = 1 + 12 * sc_random_next(&random);
        for (size_t i = 0; i < N; i++)
            sum += p[i] = pow(sc_random_next(&random), sharpness);
        qsort(p, N, sizeof *p, descending);
        float likeliest[N];
        for (size_t i = 0; i < N; i++) {
            entropy += -p[i] / sum * log(p[i] / sum);
            likeliest[i] = (float)log(p[i] / sum);
        }
        for (size_t k = 1; k <= N; k++) {
            const struct sc_entropy_bounds bounds = sc_likeliest_entropy(likeliest, k, N);
            assert_true((double)bounds.low <= entropy + 1e-5);
            assert_true((double)bounds.high >= entropy - 1e-5);
        }
        const struct sc_entropy_bounds all = sc_likeliest_entropy(likeliest, N, N);
        assert_true(fabs((double)all.low - entropy) < 1e-4);
        assert_true(fabs((double)all.high - entropy) < 1e-4);
    }
}

/* The bounds are reached by the distributions that they are those of. */
static void bounds_are_tight(void **state)
{
    (void)state;

    /* 0.4, 0.25 known; 0.35 left: 0.25 and 0.1 at least, 0.07 five times at most */
    const float likeliest[] = {(float)log(0.4), (float)log(0.25)};
    const struct sc_entropy_bounds bounds = sc_likeliest_entropy(likeliest, 2, 7);
    double known = -0.4 * log(0.4) - 0.25 * log(0.25);
    assert_true(fabs((double)bounds.low - (known - 0.25 * log(0.25) - 0.1 * log(0.1))) < 1e-6);
    assert_true(fabs((double)bounds.high - (known - 0.35 * log(0.07))) < 1e-6);
}

static void without_a_vocabulary_there_is_no_upper_bound(void **state)
{
    const float likeliest[] = {-0.5f, -1.5f};
    const struct sc_entropy_bounds bounds = sc_likeliest_entropy(likeliest, 2, 0);
    (void)state;

    assert_true(isfinite(bounds.low) && isnan(bounds.high));
}

/* Servers round: the sum may pass 1 by a little, and a certain token leaves nothing. */
static void rounded_numbers_leave_nothing_below_zero(void **state)
{
    const float over[] = {(float)log(0.7), (float)log(0.3000001)}, sure[] = {0, -50};
    (void)state;

    const struct sc_entropy_bounds a = sc_likeliest_entropy(over, 2, 100);
    const struct sc_entropy_bounds b = sc_likeliest_entropy(sure, 2, 100);
    assert_true(fabs((double)(a.high - a.low)) < 1e-6 && a.low > 0.6f);
    assert_true(b.low >= 0 && b.high < 1e-6f);
}

/* A whole trace: what is not a number is not known, and fewer than k give nothing. */
static void traces_are_measured_place_by_place(void **state)
{
    const float logprobs[] = {-2, -1, NAN, -1, NAN, NAN, -3, -1, -2};
    float confidence[3], low[3];
    const struct sc_listed_logprobs listed = {logprobs, 3, 3, 2, 0};
    const struct sc_listed_figures out = {.confidence = confidence, .entropy_low = low};
    (void)state;

    sc_listed_measure(&listed, &out);
    assert_true(confidence[0] == 1.5f && isnan(confidence[1]) && confidence[2] == 1.5f);
    assert_true(isfinite(low[0]) && isnan(low[1]) && low[0] == low[2]);
    const struct sc_listed_logprobs none = {logprobs, 3, 3, 0, 0};
    sc_listed_measure(&none, &out);
    assert_true(isnan(confidence[0]) && isnan(confidence[2]));
    sc_listed_measure(NULL, &out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_are_kept_in_order),
        cmocka_unit_test(entropy_lies_between_its_bounds),
        cmocka_unit_test(bounds_are_tight),
        cmocka_unit_test(without_a_vocabulary_there_is_no_upper_bound),
        cmocka_unit_test(rounded_numbers_leave_nothing_below_zero),
        cmocka_unit_test(traces_are_measured_place_by_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
