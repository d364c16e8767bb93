/* Intervals that hold at every look: against tests/golden/always_valid.json (SciPy; see
 * make_always_valid_golden.py there), by what is known of them, and how often they hold the rate.
 *
 * The coverage is no simulation: all sequences of so many trials are walked at once, by their
 * counts.  SAFECONF_SIMULATIONS=1000 walks as many rates and 1,000 looks. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "statistics/statistics.h"

static json_t *golden;

static int load(void **state)
{
    json_error_t error;
    (void)state;
    golden = json_load_file(TEST_GOLDEN "/always_valid.json", 0, &error);
    if (golden == NULL)
        print_error("always_valid.json: line %d: %s\n", error.line, error.text);
    return golden == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static double number(const json_t *list, size_t i)
{
    return json_number_value(json_array_get(list, i));
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9 * fabs(expected)))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

static void ends_are_those_of_scipy(void **state)
{
    (void)state;
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(golden, "ends"), i, one)
    {
        struct sc_estimate e = sc_always_valid((size_t)number(one, 0), (size_t)number(one, 1));
        near(e.low, number(one, 2));
        near(1 - e.high, 1 - number(one, 3));
        assert_null(e.reason);
    }
    assert_true(i > 100);
}

static void without_a_success_the_ends_have_a_formula(void **state)
{
    (void)state;
    struct sc_estimate nothing = sc_always_valid(0, 0);
    assert_true(isnan(nothing.value) && nothing.low == 0 && nothing.high == 1);
    for (size_t n = 1; n <= 3000; n++) {
        struct sc_estimate none = sc_always_valid(0, n), all = sc_always_valid(n, n);
        double end = pow(0.05 / (double)(n + 1), 1 / (double)n);
        assert_true(none.low == 0 && all.high == 1 && none.value == 0 && all.value == 1);
        near(none.high, 1 - end);
        near(all.low, end);
    }
    assert_non_null(sc_always_valid(3, 2).reason);
}

/* One more success moves both ends up, one more failure both down; twice as many of each narrows
 * it; turned around it is its mirror image. */
static void ends_move_with_the_counts(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 60; n++)
        for (size_t s = 0; s <= n; s++) {
            struct sc_estimate e = sc_always_valid(s, n), up = sc_always_valid(s + 1, n + 1);
            struct sc_estimate mirror = sc_always_valid(n - s, n);
            struct sc_estimate twice = sc_always_valid(2 * s, 2 * n);
            assert_true(e.low <= e.value && e.value <= e.high && e.low < e.high);
            assert_true(s == n || sc_always_valid(s + 1, n).low > e.low);
            assert_true(up.low > e.low && (up.high > e.high || e.high == 1));
            assert_true(e.low == 1 - mirror.high || fabs(e.low + mirror.high - 1) < 1e-15);
            assert_true(twice.high - twice.low < e.high - e.low);
        }
}

/* The rates inside are those at which the martingale is below 20, whatever made the ends. */
static void the_martingale_is_twenty_at_the_ends(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 300; n += 7)
        for (size_t s = 1; s < n; s++) {
            struct sc_estimate e = sc_always_valid(s, n);
            double a = (double)s, b = (double)(n - s);
            double beta = lgamma(1 + a) + lgamma(1 + b) - lgamma(2 + a + b);
            double at_low = beta - a * log(e.low) - b * log1p(-e.low);
            assert_true(fabs(at_low - log(20)) < 1e-9);
            if (1 - e.high > 1e-6)
                assert_true(fabs(beta - a * log(e.high) - b * log1p(-e.high) - log(20)) < 1e-6);
        }
}

/* P(every interval after 1 .. n_looks trials holds the rate); intervals [n][s] in a triangle. */
static double coverage(double rate, const struct sc_estimate *intervals, size_t n_looks,
                       double *alive)
{
    memset(alive, 0, (n_looks + 1) * sizeof *alive);
    alive[0] = 1;
    for (size_t n = 1; n <= n_looks; n++) {
        const struct sc_estimate *of = intervals + n * (n + 1) / 2;
        for (size_t s = n + 1; s-- > 0;) {
            double here = (s < n ? alive[s] * (1 - rate) : 0) + (s > 0 ? alive[s - 1] * rate : 0);
            alive[s] = rate >= of[s].low && rate <= of[s].high ? here : 0;
        }
    }
    double sum = 0;
    for (size_t s = 0; s <= n_looks; s++)
        sum += alive[s];
    return sum;
}

static void it_holds_the_rate_at_every_look(void **state)
{
    (void)state;
    const char *wish = getenv("SAFECONF_SIMULATIONS");
    size_t n_rates = wish != NULL ? (size_t)atoi(wish) : 100, n_looks = wish != NULL ? 1000 : 200;
    struct sc_estimate *intervals =
        sc_alloc_array((n_looks + 1) * (n_looks + 2) / 2, sizeof *intervals);
    double *alive = sc_alloc_array(n_looks + 1, sizeof *alive), worst = 1, worst_rate = 0;
    assert_true(intervals != NULL && alive != NULL);
    for (size_t n = 0; n <= n_looks; n++)
        for (size_t s = 0; s <= n; s++)
            intervals[n * (n + 1) / 2 + s] = sc_always_valid(s, n);
    for (size_t r = 0; r <= n_rates; r++) {
        double rate = (double)r / (double)n_rates, held = coverage(rate, intervals, n_looks, alive);
        worst_rate = held < worst ? rate : worst_rate;
        worst = held < worst ? held : worst;
    }
    if (wish != NULL)
        print_message("of %zu rates, at each of %zu looks: at least %.4f (rate %g)\n", n_rates + 1,
                      n_looks, worst, worst_rate);
    assert_true(worst >= 0.95 && worst < 0.99);
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(golden, "coverage"), i, one)
        assert_true(fabs(coverage(number(one, 0), intervals, 200, alive) - number(one, 1)) < 1e-9);
    assert_true(i > 10);
    sc_free(intervals);
    sc_free(alive);
}

/* Ends that were found are kept in a table, in which these three share a place. */
static void counts_of_one_place_are_kept_apart(void **state)
{
    (void)state;
    struct sc_estimate first = sc_always_valid(3, 8);
    struct sc_estimate same_successes = sc_always_valid(3, 8 + 256);
    struct sc_estimate others = sc_always_valid(2, 74);
    struct sc_estimate again = sc_always_valid(3, 8);
    assert_true(same_successes.low < first.low / 10 && others.low < first.low / 5);
    assert_true(again.low == first.low && again.high == first.high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_those_of_scipy),
        cmocka_unit_test(without_a_success_the_ends_have_a_formula),
        cmocka_unit_test(ends_move_with_the_counts),
        cmocka_unit_test(the_martingale_is_twenty_at_the_ends),
        cmocka_unit_test(it_holds_the_rate_at_every_look),
        cmocka_unit_test(counts_of_one_place_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
