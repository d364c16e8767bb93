/* Student's t: what the room asks of GSL, GSL answers without its error handler. */
#include <gsl/gsl_errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "statistics/internal.h"

static size_t n_errors;

static void count_error(const char *reason, const char *file, int line, int number)
{
    (void)reason, (void)file, (void)line, (void)number;
    n_errors++;
}

static void no_number_of_degrees_of_freedom_is_an_error_in_gsl(void **state)
{
    (void)state;
    gsl_error_handler_t *before = gsl_set_error_handler(count_error);
    double last = INFINITY;
    for (double freedom = 1; freedom < 0x1p53;
         freedom = freedom < 3000 ? freedom + 1 : freedom * 1.01) {
        double quantile = sc_t_quantile(freedom);
        assert_true(quantile >= 1.959963 && quantile <= last + 1e-9);
        last = quantile;
        static const double values[] = {0,   5e-324, 1e-300, 1e-9, 0.1,   1,       2.5,
                                        7.9, 40,     1e3,    1e10, 1e154, 1.7e308, INFINITY};
        double more = 1;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            double p = sc_t_two_sided(i % 2 ? values[i] : -values[i], freedom);
            assert_true(p >= 0 && p <= more + 1e-12);
            more = p;
        }
        assert_true(isnan(sc_t_two_sided(NAN, freedom)));
    }
    gsl_set_error_handler(before);
    assert_int_equal(n_errors, 0);
}

static void quantile_and_tail_agree(void **state)
{
    (void)state;
    for (double freedom = 1; freedom < 500; freedom += 0.5)
        assert_true(fabs(sc_t_two_sided(sc_t_quantile(freedom), freedom) - 0.05) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_number_of_degrees_of_freedom_is_an_error_in_gsl),
        cmocka_unit_test(quantile_and_tail_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
