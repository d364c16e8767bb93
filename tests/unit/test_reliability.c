/* One judge asked several times: Krippendorff's alpha against tests/golden/reliability.json (the
 * packages krippendorff and statsmodels; see make_reliability_golden.py there), and the edges. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "statistics/agreement.h"

enum { MOST = 1024 };

static void near(double found, const json_t *expected)
{
    if (json_is_null(expected)) {
        assert_true(isnan(found));
        return;
    }
    if (!(fabs(found - json_number_value(expected)) <= 1e-9))
        fail_msg("expected %.17g, found %.17g", json_number_value(expected), found);
}

/* Fleiss' kappa takes chance agreement with replacement, alpha without. */
static double alpha_of_fleiss(double kappa, size_t n_ratings)
{
    return kappa + (1 - kappa) / (double)n_ratings;
}

static void alpha_is_that_of_the_package(void **state)
{
    (void)state;
    json_t *golden = json_load_file(TEST_GOLDEN "/reliability.json", 0, NULL), *one, *row, *value;
    size_t i, s, r, n_fleiss = 0;
    assert_non_null(golden);
    json_array_foreach(json_object_get(golden, "cases"), i, one)
    {
        unsigned char ratings[MOST];
        size_t cluster[MOST];
        struct sc_repeated data = {
            .ratings = ratings,
            .cluster = cluster,
            .n_repeats = (size_t)json_integer_value(json_object_get(one, "n_repeats")),
            .n_categories = (size_t)json_integer_value(json_object_get(one, "n_categories"))};
        json_array_foreach(json_object_get(one, "ratings"), s, row)
        {
            cluster[s] =
                (size_t)json_integer_value(json_array_get(json_object_get(one, "clusters"), s));
            json_array_foreach(row, r, value)
            {
                assert_true(s * data.n_repeats + r < MOST);
                ratings[s * data.n_repeats + r] = (unsigned char)json_integer_value(value);
            }
        }
        data.n = s;
        struct sc_reliability found;
        assert_int_equal(sc_reliability(&data, &found, NULL), SC_OK);
        near(found.alpha, json_object_get(one, "alpha"));
        near(found.low, json_object_get(one, "low"));
        near(found.high, json_object_get(one, "high"));
        const json_t *fleiss = json_object_get(one, "fleiss");
        if (fleiss == NULL)
            continue;
        n_fleiss++;
        double by_fleiss = alpha_of_fleiss(json_number_value(fleiss), found.n_ratings);
        assert_true(fabs(found.alpha - by_fleiss) <= 1e-9);
    }
    assert_int_equal(i, 6);
    assert_true(n_fleiss >= 3);
    json_decref(golden);
}

static struct sc_reliability of(const unsigned char *ratings, size_t n, size_t n_repeats)
{
    struct sc_reliability out;
    struct sc_repeated data = {
        .ratings = ratings, .n = n, .n_repeats = n_repeats, .n_categories = 2};
    assert_int_equal(sc_reliability(&data, &out, NULL), SC_OK);
    return out;
}

static void one_value_throughout_has_no_alpha(void **state)
{
    (void)state;
    const unsigned char same[] = {1, 1, 1, 1, 1, 1}, none[] = {0, 9, 9, 1, 9, 9};
    struct sc_reliability found = of(same, 3, 2);
    assert_true(isnan(found.alpha) && isnan(found.low));
    assert_int_equal(found.n, 3);
    found = of(none, 3, 2);
    assert_true(isnan(found.alpha));
    assert_int_equal(found.n, 0);
    assert_true(isnan(of(same, 0, 2).alpha));
}

static void complete_agreement_is_one_and_has_no_interval(void **state)
{
    (void)state;
    const unsigned char ratings[] = {1, 1, 0, 0, 1, 1, 0, 0};
    struct sc_reliability found = of(ratings, 4, 2);
    assert_true(fabs(found.alpha - 1) < 1e-12);
    assert_true(isnan(found.low) && isnan(found.high)); /* leaving out changes nothing */
}

static void pairs_of_a_subject_are_counted(void **state)
{
    (void)state;
    const unsigned char ratings[] = {0, 1, 1, 9, 1, 9, 9, 9, 0, 0, 0, 0};
    const struct sc_repeated data = {.ratings = ratings, .n = 3, .n_repeats = 4, .n_categories = 2};
    struct sc_repeat repeat;
    assert_true(sc_repeat_of(&data, 0, &repeat));
    assert_int_equal(repeat.n_pairs, 3);
    assert_int_equal(repeat.n_differing, 2);
    assert_false(sc_repeat_of(&data, 1, &repeat));
    assert_true(sc_repeat_of(&data, 2, &repeat));
    assert_int_equal(repeat.n_differing, 0);
}

static void too_many_values_are_refused(void **state)
{
    (void)state;
    struct sc_reliability out;
    struct sc_error error = {0};
    const struct sc_repeated data = {.n_categories = SC_MOST_RATINGS + 1};
    assert_int_equal(sc_reliability(&data, &out, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "categories"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha_is_that_of_the_package),
        cmocka_unit_test(one_value_throughout_has_no_alpha),
        cmocka_unit_test(complete_agreement_is_one_and_has_no_interval),
        cmocka_unit_test(pairs_of_a_subject_are_counted),
        cmocka_unit_test(too_many_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
