/* Shares from strata against tests/golden/stratified.json (SciPy;
 * make_stratified_golden.py there). */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "statistics/stratified.h"

static double number(const json_t *array, size_t i)
{
    return json_number_value(json_array_get(array, i));
}

static void near(double found, double expected, double within)
{
    if (!(fabs(found - expected) <= within))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

static void all_are_those_of_scipy(void **state)
{
    (void)state;
    json_t *golden = json_load_file(TEST_GOLDEN "/stratified.json", 0, NULL), *one, *row;
    assert_non_null(golden);
    size_t i, k;
    json_array_foreach(json_object_get(golden, "limits"), i, one)
    {
        double low, high;
        sc_jeffreys_limits(number(one, 0), number(one, 1), &low, &high);
        near(low, number(one, 2), 1e-9);
        near(high, number(one, 3), 1e-9);
    }
    assert_true(i > 20);
    json_array_foreach(json_object_get(golden, "strata"), i, one)
    {
        struct sc_stratum_trials strata[8];
        json_array_foreach(json_object_get(one, "strata"), k, row) strata[k] =
            (struct sc_stratum_trials){number(row, 0), number(row, 1), number(row, 2)};
        struct sc_stratified found = sc_stratified_share(strata, k);
        const json_t *expected = json_object_get(one, "found");
        near(found.value, number(expected, 0), 1e-12);
        near(found.low, number(expected, 1), 1e-9);
        near(found.high, number(expected, 2), 1e-9);
    }
    assert_int_equal(i, 24);
    json_array_foreach(json_object_get(golden, "widths"), i, one)
        near(sc_wilson_expected_width(number(one, 0), number(one, 1)), number(one, 2),
             2e-4 * number(one, 2));
    assert_int_equal(i, 35);
    json_decref(golden);
}

static void trials_are_the_least_that_are_as_narrow(void **state)
{
    (void)state;
    const double rates[] = {0, 0.0003, 0.02, 0.4, 1}, widths[] = {0.5, 0.05, 0.004, 1e-5};
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 4; k++) {
            double n = sc_wilson_trials_for_width(rates[i], widths[k]);
            assert_true(sc_wilson_expected_width(rates[i], n) <= widths[k]);
            assert_true(sc_wilson_expected_width(rates[i], floor(n * 0.9998) - 1) > widths[k]);
        }
    double dust = sc_wilson_trials_for_width(1 - 1e-16, 0.01),
           none = sc_wilson_trials_for_width(0, 0.01);
    assert_true(fabs(dust - none) <= 1);
    assert_true(isnan(sc_wilson_trials_for_width(0.5, 0)));
    assert_true(isnan(sc_wilson_trials_for_width(0.5, 1)));
    assert_true(isnan(sc_wilson_trials_for_width(NAN, 0.1)));
    assert_true(isnan(sc_wilson_trials_for_width(-0.1, 0.1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_those_of_scipy),
        cmocka_unit_test(trials_are_the_least_that_are_as_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
